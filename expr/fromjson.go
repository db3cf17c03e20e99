package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/json"
)

// decoder is the decoder of one from_json in one context: it learns the order
// of the writer's keys, so it is not shared.
type decoder struct {
	d      *json.Decoder
	zone   *time.Location
	column batch.Bitmap
}

// jsonPlan is a bound from_json.
type jsonPlan struct {
	t       batch.Type
	options map[string]string
	base    json.Options
	report  bool // a malformed record is an error of its row
	evolve  evolution
}

func (p *jsonPlan) open(zone *time.Location) (*json.Decoder, error) {
	o := p.base
	o.Zone = zone
	o, err := json.ParseOptions(p.options, o, patternReader)
	if err != nil {
		return nil, err
	}
	if o.Mode == json.DropMalformed {
		return nil, errors.New("from_json has the modes PERMISSIVE and FAILFAST; to drop malformed rows filter the null ones")
	}
	return json.NewDecoder(p.t, o)
}

// patternReader makes a reader of a Java pattern for the decoder.
func patternReader(kind batch.Kind, pattern string, zone *time.Location) (func([]byte) (int64, bool), error) {
	p, err := datetime.NewPattern(pattern)
	if err != nil {
		return nil, err
	}
	return func(text []byte) (int64, bool) {
		switch kind {
		case batch.Date:
			days, ok := p.ParseDate(text)
			return int64(days), ok
		case batch.TimestampNTZ:
			return p.ParseTimestamp(text, time.UTC)
		}
		return p.ParseTimestamp(text, zone)
	}, nil
}

// fromJSON binds from_json(value, schema[, options]).
func (b *binder) fromJSON(c *parse.Call, args []*node) (*node, error) {
	value, err := b.jsonInput(args[0], c.Args[0])
	if err != nil {
		return nil, err
	}
	ddl, ok := stringConstant(args[1])
	if !ok {
		return nil, b.fail(c.Args[1], "INVALID_SCHEMA.NON_STRING_LITERAL", "the schema of from_json is a string constant, such as 'a INT, b STRING'")
	}
	plan, err := b.jsonPlan(ddl, c)
	if err != nil {
		return nil, err
	}
	if plan.options, err = b.options(c, args, 2); err != nil {
		return nil, err
	}
	if err := b.planEvolution(c, plan); err != nil {
		return nil, err
	}
	plan.settle(b.o)
	if plan.t.Kind == batch.Variant {
		call := *c // reads the same text, and what is malformed is an error where it is one
		if call.Name, call.Args = "try_parse_json", c.Args[:1]; plan.report {
			call.Name = "parse_json"
		}
		return b.bind(&call)
	}
	if _, err := plan.open(b.o.zone()); err != nil {
		return nil, b.fail(c, "DATATYPE_MISMATCH", "from_json: %v", err)
	}
	n := &node{name: "from_json", t: plan.t, nullable: true, args: []*node{value}, fails: plan.report, lazy: plan.eval}
	return b.intern(n, fmt.Sprintf("%q %v %+v", ddl, plan.options, plan.evolve)), nil
}

// planEvolution takes the options of evolution out of the plan's, and adds to its type what they ask for.
func (b *binder) planEvolution(c *parse.Call, plan *jsonPlan) (err error) {
	if plan.evolve, err = b.readEvolution(c, plan.options); err != nil {
		return err
	}
	if plan.t.Kind != batch.Struct {
		if plan.evolve.mode != evolveNone || plan.evolve.rescued != "" {
			return b.fail(c, "INVALID_OPTIONS", "from_json: a %s has no columns that could be added or rescued", strings.ToLower(plan.t.Kind.String()))
		}
		return nil
	}
	if plan.t, err = plan.evolve.evolved(plan.t); err != nil {
		return b.fail(c, "INVALID_SCHEMA", "from_json: %v", err)
	}
	plan.base.Rescued = plan.evolve.rescued
	return nil
}

// jsonInput returns where the bytes come from: a cast of binary to string
// changes none, so it is left out.
func (b *binder) jsonInput(x *node, at parse.Node) (*node, error) {
	if x.name == opCast && x.t.Kind == batch.String && x.args[0].t.Kind == batch.Binary {
		return x.args[0], nil
	}
	if x.t.Kind == batch.String || x.t.Kind == batch.Binary {
		return x, nil
	}
	if x.t.Kind == batch.Void {
		return b.implicit(x, batch.StringType, at)
	}
	return nil, b.mismatch(at, "from_json reads strings, this is of type %s", clip(x.t.String()))
}

func (b *binder) jsonPlan(ddl string, c *parse.Call) (*jsonPlan, error) {
	t, err := parse.Schema(ddl)
	if err != nil {
		return nil, b.fail(c.Args[1], "INVALID_SCHEMA.PARSE_ERROR", "the schema of from_json: %v", err)
	}
	if !t.Nested() {
		return nil, b.fail(c.Args[1], "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA", "from_json gives a struct, a list, a map or a variant, not %s", clip(t.String()))
	}
	return &jsonPlan{t: allNullable(t)}, nil
}

// allNullable drops NOT NULL: data keeps no promise of a schema.
func allNullable(t batch.Type) batch.Type {
	fields := append([]batch.Field(nil), t.Fields...)
	for i := range fields {
		fields[i].Type = allNullable(fields[i].Type)
		fields[i].Nullable = !(t.Kind == batch.Map && i == 0)
	}
	t.Fields = fields
	return t
}

// settle decides whether malformed records are errors of their rows.
func (p *jsonPlan) settle(o Options) {
	mode, corrupt := "", json.DefaultCorruptRecord
	for name, value := range p.options {
		switch strings.ToLower(name) {
		case "mode":
			mode = strings.ToUpper(value)
		case "columnnameofcorruptrecord":
			corrupt = value
		}
	}
	kept := p.t.Kind == batch.Struct && batch.NewSchema(p.t.Fields...).Index(corrupt) >= 0
	p.report = mode == "FAILFAST" || mode == "" && o.Quarantine && !kept
	if p.report {
		p.base.Mode = json.FailFast
	}
}

func (p *jsonPlan) eval(r *run, n *node, sel []int32) (val, error) {
	v, err := n.args[0].eval(r, sel)
	if err != nil {
		return val{}, err
	}
	if v.one {
		v = val{c: r.full(v)}
	}
	defer v.c.Release()
	d, err := p.decoder(r, n)
	if err != nil {
		return val{}, err
	}
	var active batch.Bitmap
	if sel != nil {
		words := batch.BitmapWords(r.n)
		if len(d.column) < words {
			d.column = make(batch.Bitmap, words)
		}
		active = d.column[:words]
		clear(active)
		for _, i := range sel {
			active.Set(int(i))
		}
	}
	out := batch.NewBuilder(p.t, r.pool())
	defer out.Release()
	var failed func(row int, e *json.Error)
	if p.report {
		rule := r.rule
		r.rule = n.name
		defer func() { r.rule = rule }()
		failed = func(row int, e *json.Error) {
			r.fail(row, e.Class, e.Message(), v.c.Bytes(row))
		}
	}
	d.d.DecodeColumn(v.c, active, out, failed)
	if d.d.Drifted() || p.evolve.mode == evolveWiden && d.d.Misfitted() {
		if err := p.evolve.drifted(p.t, v.c, active); err != nil {
			return val{}, err
		}
	}
	return val{c: out.Finish()}, nil
}

func (p *jsonPlan) decoder(r *run, n *node) (*decoder, error) {
	if d := r.ctx.decoders[n]; d != nil && d.zone == r.zone {
		return d, nil
	}
	j, err := p.open(r.zone)
	if err != nil {
		return nil, err
	}
	d := &decoder{d: j, zone: r.zone}
	if r.ctx.decoders == nil {
		r.ctx.decoders = map[*node]*decoder{}
	}
	r.ctx.decoders[n] = d
	return d, nil
}

func stringConstant(n *node) (string, bool) {
	if n.literal == nil || n.t.Kind != batch.String || n.literal.IsNull(0) {
		return "", false
	}
	return string(n.literal.Bytes(0)), true
}

func mapConstant(n *node) (map[string]string, bool) {
	c := n.literal
	if c == nil || n.t.Kind != batch.Map || c.IsNull(0) ||
		n.t.Fields[0].Type.Kind != batch.String || n.t.Fields[1].Type.Kind != batch.String {
		return nil, false
	}
	m := map[string]string{}
	for i := c.Off[0]; i < c.Off[1]; i++ {
		if c.Kids[1].IsNull(int(i)) {
			return nil, false
		}
		m[string(c.Kids[0].Bytes(int(i)))] = string(c.Kids[1].Bytes(int(i)))
	}
	return m, true
}
