package expr

import (
	"errors"
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/avro"
	"github.com/deltaic/deltaic/formats/registry"
)

// avroPlan is a bound from_avro.
type avroPlan struct {
	names      avro.Names
	written    *avro.Schema      // nil: the registry knows by the number
	registry   registry.Registry // nil: records have no number
	wanted     *avro.Schema
	t          batch.Type
	permissive bool
	subject    string
	writers    writers
}

func fromAvro(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.BinaryType, c, args, 0); err != nil {
		return nil, err
	}
	r, err := b.registered(c, args, args[len(args)-1])
	if err != nil {
		return nil, err
	}
	p, detail, err := b.avroPlan(c, args, r)
	if err != nil {
		return nil, err
	}
	if p.t, err = p.writers.settle(topNullable(p.wanted.Type())); err != nil {
		return nil, b.fail(c, "INVALID_OPTIONS", "from_avro: %v", err)
	}
	n := &node{name: "from_avro", t: p.t, nullable: true, args: []*node{args[0]}, fails: !p.permissive}
	n.kernel = func(r *run, sel []int32, a []val) (*batch.Column, error) { return p.eval(r, n, sel, a) }
	return b.intern(n, detail), nil
}

// avroPlan finds the schemas of a call: the writer's and the one that is wanted. The detail tells calls apart.
func (b *binder) avroPlan(c *parse.Call, args []*node, r *registered) (*avroPlan, string, error) {
	named, text, detail := map[string]string{}, "", ""
	if r != nil {
		named, detail = r.rest, r.address+" "+r.subject
	} else {
		var ok bool
		if text, ok = stringConstant(args[1]); !ok || len(args) > 3 {
			return nil, "", b.mismatch(c.Args[1], "the schema of from_avro is a string constant, the JSON of an Avro schema; with a schema registry it is a subject, and the registry's address follows")
		}
		var err error
		if named, err = b.options(c, args, 2); err != nil {
			return nil, "", err
		}
	}
	o, err := readAvroOptions(named)
	if err != nil {
		return nil, "", b.fail(c, o.class(), "from_avro: %v", err)
	}
	if o.writers.mode == evolveRestart && (r == nil || o.wanted != "") {
		return nil, "", b.fail(c, "INVALID_OPTIONS", "from_avro: avroSchemaEvolutionMode restart goes with a schema registry and without avroSchema")
	} else if o.writers.mode != evolveNone && r == nil && o.wanted == "" {
		return nil, "", b.fail(c, "INVALID_OPTIONS", "from_avro: avroSchemaEvolutionMode %s goes with a schema registry or with avroSchema: else what is written is what is wanted", o.writers.mode)
	}
	p := &avroPlan{permissive: o.permissive, names: o.names, writers: o.writers}
	if r != nil {
		s, err := b.latest(c, r, registry.Avro)
		if err != nil {
			return nil, "", err
		}
		p.registry, p.subject, text = r.of, r.subject, s.Text
		if p.wanted, err = avro.Parse(text, o.names, texts(s.References)...); err != nil {
			return nil, "", b.fail(c, "INVALID_SCHEMA", "from_avro: subject %q: %v", r.subject, err)
		}
	} else if p.written, err = avro.Parse(text, o.names); err != nil {
		return nil, "", b.fail(c.Args[1], "INVALID_SCHEMA", "from_avro: %v", err)
	} else {
		p.wanted = p.written
	}
	if o.wanted != "" {
		if p.wanted, err = avro.Parse(o.wanted, o.names); err != nil {
			return nil, "", b.fail(c, "INVALID_SCHEMA", "from_avro, avroSchema: %v", err)
		}
	}
	if p.written != nil {
		if _, err := avro.NewDecoder(p.written, p.wanted); err != nil {
			return nil, "", b.fail(c, "INCOMPATIBLE_SCHEMA", "from_avro: %v", err)
		}
	}
	return p, fmt.Sprintf("%s %q %v", detail, text, named), nil
}

// topNullable lets the fields of a struct be null: rows that cannot be read are structs of nulls.
func topNullable(t batch.Type) batch.Type {
	if t.Kind != batch.Struct {
		return t
	}
	fields := append([]batch.Field(nil), t.Fields...)
	for i := range fields {
		fields[i].Nullable = true
	}
	t.Fields = fields
	return t
}

// avroWriter reads what one schema wrote.
type avroWriter struct {
	d     *avro.Decoder
	more  *leftover // nil: the flow has all its fields, or does not rescue
	class string    // why none of its records can be read
	err   error
}

func (p *avroPlan) eval(r *run, n *node, sel []int32, a []val) (*batch.Column, error) {
	writers, _ := r.ctx.records[n].(map[int]*avroWriter)
	if writers == nil {
		writers = map[int]*avroWriter{}
		if r.ctx.records == nil {
			r.ctx.records = map[*node]any{}
		}
		r.ctx.records[n] = writers
	}
	var failed error
	c, err := strict(p.t, func(x *rows, i int) {
		record, id := x.str(0, i), 0
		if p.registry != nil {
			var ok bool
			if id, record, ok = registry.Unframe(record); !ok {
				p.bad(x, i, "MALFORMED_RECORD_IN_PARSING", errors.New("the record does not begin with a zero byte and the four of a schema's number"))
				return
			}
		}
		w := writers[id]
		if w == nil && failed == nil {
			if w, failed = p.writer(id); w != nil && w.class != "SCHEMA_NOT_FOUND" { // for that the registry remembers how long
				if len(writers) >= maxWriters {
					clear(writers)
				}
				writers[id] = w
			}
		}
		if w == nil { // the whole batch fails
			x.b.Null()
			return
		}
		class, err := w.class, w.err
		if err == nil {
			w.d.Bind(x.b)
			class = "MALFORMED_RECORD_IN_PARSING"
			if p.writers.rescued != "" { // before the record: its row is closed with it
				err = w.more.appendTo(x.b.Kids[len(x.b.Kids)-1], record)
			}
			if err == nil {
				err = w.d.Decode(record)
			}
		}
		if err != nil {
			p.bad(x, i, class, err)
		}
	})(r, sel, a)
	if failed != nil {
		c.Release()
		return nil, failed
	}
	return c, err
}

// writer makes the decoder of what the schema with the number wrote. The error is of the registry.
func (p *avroPlan) writer(id int) (*avroWriter, error) {
	written := p.written
	if written == nil {
		s, err := p.registry.ByID(id)
		if errors.Is(err, registry.ErrUnknown) {
			return &avroWriter{class: "SCHEMA_NOT_FOUND", err: err}, nil
		}
		if err != nil {
			return nil, err
		}
		if s.Kind != registry.Avro {
			return &avroWriter{class: "INCOMPATIBLE_SCHEMA", err: fmt.Errorf("the schema of number %d is of kind %s", id, s.Kind)}, nil
		}
		if written, err = avro.Parse(s.Text, p.names, texts(s.References)...); err != nil {
			return &avroWriter{class: "INCOMPATIBLE_SCHEMA", err: fmt.Errorf("the schema of number %d: %w", id, err)}, nil
		}
	}
	if err := p.newer(); err != nil {
		return nil, err
	}
	beyond := avro.Beyond(written, p.wanted)
	if beyond != nil && p.writers.mode == evolveFail {
		return nil, p.writers.unknownFields("from_avro", "records have fields that the flow was not planned with", beyond.Type())
	}
	d, err := avro.NewDecoder(written, p.wanted)
	if err != nil {
		return &avroWriter{class: "INCOMPATIBLE_SCHEMA", err: fmt.Errorf("the schema of number %d: %w", id, err)}, nil
	}
	w := &avroWriter{d: d}
	if beyond != nil && p.writers.mode == evolveRescue {
		more, err := avro.NewDecoder(written, beyond)
		if err != nil {
			return &avroWriter{class: "INCOMPATIBLE_SCHEMA", err: fmt.Errorf("the schema of number %d, of which fields are to be rescued: %w", id, err)}, nil
		}
		w.more = newLeftover(beyond.Type())
		w.more.decode = func(record []byte) error {
			more.Bind(w.more.b)
			return more.Decode(record)
		}
	}
	return w, nil
}

// newer is asked when records of another schema come: whether the newest of the subject has other columns than the flow was planned with.
func (p *avroPlan) newer() error {
	if p.writers.mode != evolveRestart {
		return nil
	}
	s, err := p.registry.Latest(p.subject)
	if err != nil || s.Kind != registry.Avro {
		return err
	}
	newest, err := avro.Parse(s.Text, p.names, texts(s.References)...)
	if err != nil || newest.Type().Equal(p.wanted.Type()) {
		return nil // one that cannot be read is an error of its own records
	}
	return p.writers.unknownFields("from_avro", fmt.Sprintf("the newest schema of the subject %q has other columns than the flow was planned with", p.subject), newest.Type())
}

// bad is a record that cannot be read: an error of its row, or nulls.
func (p *avroPlan) bad(x *rows, i int, class string, err error) {
	switch {
	case !p.permissive:
		x.fail(i, class, "from_avro: "+err.Error(), x.str(0, i))
	case p.t.Kind == batch.Struct:
		for _, k := range x.b.Kids {
			k.Null()
		}
		x.b.Struct()
	default:
		x.b.Null()
	}
}
