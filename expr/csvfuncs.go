package expr

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/csv"
)

func init() {
	define("to_csv", "to_csv(x[, options])", "A struct as a line of CSV.", "to_csv(named_struct('a', 1, 'b', 2))", "1,2", 1, 2, toCSV)
	define("from_csv", "from_csv(s, schema[, options])", "The struct that a line of CSV holds, by a schema such as 'a INT, b DOUBLE'.", "from_csv('1, 0.8', 'a INT, b DOUBLE')", "{1, 0.8}", 2, 3, fromCSV)
	define("schema_of_csv", "schema_of_csv(s[, options])", "The schema of a constant line of CSV.", "schema_of_csv('1,abc')", "STRUCT<_c0: INT, _c1: STRING>", 1, 2, schemaOfCSV)
}

// csvOptions reads options, of which mode and the corrupt record's column are from_csv's own.
func (b *binder) csvOptions(c *parse.Call, args []*node, at int) (o csv.Options, failFast bool, err error) {
	named, err := b.options(c, args, at)
	if err != nil {
		return o, false, err
	}
	rest := map[string]string{}
	for name, value := range named {
		if strings.EqualFold(name, "mode") {
			failFast = strings.EqualFold(value, "FAILFAST")
			continue
		}
		rest[name] = value
	}
	o = csv.Defaults()
	o.TrimLeading, o.TrimTrailing = true, true // what is written; what is read stays as it is
	zone := b.writingZone(named)
	if o.Timestamp, err = patternWriter(batch.Timestamp, sparkTimestamps, zone); err != nil {
		return o, false, err
	}
	if o.TimestampNTZ, err = patternWriter(batch.TimestampNTZ, sparkClocks, nil); err != nil {
		return o, false, err
	}
	if o, err = csv.ParseOptions(rest, o, patternWriterIn(zone)); err != nil {
		return o, false, b.fail(c, "DATATYPE_MISMATCH", "%s: %v", strings.ToLower(c.Name), err)
	}
	return o, failFast, nil
}

func toCSV(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Struct {
		return nil, b.mismatch(c.Args[0], "to_csv needs a struct, not %s", clip(args[0].t.String()))
	}
	o, _, err := b.csvOptions(c, args, 1)
	if err != nil {
		return nil, err
	}
	s := &batch.Schema{}
	for _, f := range args[0].t.Fields {
		f.Nullable = false // a line of its own may be blank
		s.Fields = append(s.Fields, f)
	}
	if _, err := csv.NewWriter(s, o); err != nil {
		return nil, b.mismatch(c.Args[0], "%v", err)
	}
	n := b.call("to_csv", batch.StringType, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		w, err := csv.NewWriter(s, o)
		if err != nil {
			return nil, err
		}
		return strict(batch.StringType, func(x *rows, i int) {
			if line := w.AppendRecord(x.buf[:0], x.a[0].c.Kids, i&x.a[0].mask()); len(line) > 0 {
				x.bytes(line)
			} else {
				x.b.Null() // as Spark has it
			}
		})(r, sel, a)
	}, args[0])
	return b.intern(n, fmt.Sprint(c.Args[1:])), nil
}

func fromCSV(b *binder, c *parse.Call, args []*node) (*node, error) {
	ddl, ok := stringConstant(args[1])
	if !ok {
		return nil, b.fail(c.Args[1], "INVALID_SCHEMA.NON_STRING_LITERAL", "the schema of from_csv is a string constant, such as 'a INT, b STRING'")
	}
	s, err := parse.DDL(ddl)
	if err != nil {
		return nil, b.fail(c.Args[1], "INVALID_SCHEMA.PARSE_ERROR", "the schema of from_csv: %v", err)
	}
	if args[0].t.Kind != batch.String && args[0].t.Kind != batch.Void {
		return nil, b.mismatch(c.Args[0], "from_csv reads strings, this is of type %s", clip(args[0].t.String()))
	}
	if err := b.to(batch.StringType, c, args, 0); err != nil {
		return nil, err
	}
	o, failFast, err := b.csvOptions(c, args, 2)
	if err != nil {
		return nil, err
	}
	t := allNullable(batch.StructType(s.Fields...))
	p := &csvPlan{t: t, o: o, failFast: failFast, casts: make([]kernel, len(t.Fields))}
	named, err := b.options(c, args, 2)
	if err != nil {
		return nil, err
	}
	for i, f := range t.Fields {
		if k, err := csvTimes(named, f.Type, b.writingZone(named)); err != nil {
			return nil, b.mismatch(c, "from_csv: %v", err)
		} else if k != nil {
			p.casts[i] = k
			continue
		}
		k, _, ok := castKernel(batch.StringType, f.Type, castTry)
		if f.Type.Kind == batch.String {
			continue
		}
		if !ok {
			return nil, b.mismatch(c.Args[1], "from_csv reads no %s", clip(f.Type.String()))
		}
		p.casts[i] = k
	}
	n := b.call("from_csv", t, p.kernel, args[0])
	n.nullable, n.fails = true, failFast
	return b.intern(n, fmt.Sprintf("%q %v %v", ddl, failFast, c.Args[2:])), nil
}

// csvTimes returns what reads times by the option for their type, nil if there is none.
func csvTimes(named map[string]string, t batch.Type, zone *time.Location) (kernel, error) {
	option := map[batch.Kind]string{batch.Date: "dateFormat", batch.Timestamp: "timestampFormat", batch.TimestampNTZ: "timestampNTZFormat"}[t.Kind]
	for name, pattern := range named {
		if option == "" || !strings.EqualFold(name, option) {
			continue
		}
		p, err := datetime.NewPattern(pattern)
		if err != nil {
			return nil, err
		}
		if t.Kind == batch.TimestampNTZ {
			zone = nil
		}
		return strict(t, func(x *rows, i int) {
			if t.Kind == batch.Date {
				if days, ok := p.ParseDate(x.str(0, i)); ok {
					x.b.Int32(days)
					return
				}
			} else {
				if v, ok := p.ParseTimestamp(x.str(0, i), zone); ok {
					x.b.Int64(v)
					return
				}
			}
			x.b.Null()
		}), nil
	}
	return nil, nil
}

// csvPlan is a bound from_csv: lines become columns of strings, which are cast as a whole.
type csvPlan struct {
	t        batch.Type
	o        csv.Options
	failFast bool
	casts    []kernel // nil: a string
}

func (p *csvPlan) kernel(r *run, sel []int32, a []val) (*batch.Column, error) {
	reader, err := csv.NewReader(nil, p.o)
	if err != nil {
		return nil, err
	}
	texts := make([]batch.Type, len(p.t.Fields))
	raw := batch.StructType(make([]batch.Field, len(texts))...)
	for i := range texts {
		raw.Fields[i] = batch.Field{Name: p.t.Fields[i].Name, Type: batch.StringType, Nullable: true}
	}
	var values []csv.Value
	out, err := strict(raw, func(x *rows, i int) {
		var err error
		if values, err = reader.Record(values[:0], x.str(0, i)); err == nil && len(values) != len(texts) {
			err = errors.New("the record has another number of values")
		}
		if err != nil && p.failFast {
			x.fail(i, "MALFORMED_RECORD_IN_PARSING", err.Error(), x.str(0, i))
			return
		}
		for k, b := range x.b.Kids {
			switch {
			case k >= len(values) || values[k].Null:
				b.Null()
			case p.casts[k] != nil && integral(p.t.Fields[k].Type.Kind) && len(bytes.TrimSpace(values[k].Bytes)) < len(values[k].Bytes):
				b.Null()
			default:
				b.Bytes(values[k].Bytes)
			}
		}
		x.b.Struct()
	})(r, sel, a)
	if err != nil {
		return nil, err
	}
	out.Type = p.t
	for i, k := range p.casts {
		if k == nil {
			continue
		}
		kid, err := k(r, nil, []val{{c: out.Kids[i]}})
		if err != nil {
			out.Release()
			return nil, err
		}
		out.Kids[i].Release()
		out.Kids[i] = kid
	}
	return out, nil
}

func schemaOfCSV(b *binder, c *parse.Call, args []*node) (*node, error) {
	text, ok := stringConstant(args[0])
	if !ok {
		return nil, b.mismatch(c.Args[0], "schema_of_csv needs a string constant that is not null")
	}
	o, _, err := b.csvOptions(c, args, 1)
	if err != nil {
		return nil, err
	}
	r, err := csv.NewReader(nil, o)
	if err != nil {
		return nil, err
	}
	values, err := r.Record(nil, []byte(text))
	if err != nil {
		return nil, err
	}
	var fields []string
	for i, v := range values {
		fields = append(fields, fmt.Sprintf("_c%d: %s", i, csvType(v)))
	}
	return b.stringLiteral("STRUCT<" + strings.Join(fields, ", ") + ">"), nil
}

// csvType is the type that Spark infers for a value.
func csvType(v csv.Value) string {
	s := string(v.Bytes)
	if v.Null || s == "" {
		return "STRING"
	}
	if _, err := strconv.ParseInt(s, 10, 32); err == nil {
		return "INT"
	}
	if _, err := strconv.ParseInt(s, 10, 64); err == nil {
		return "BIGINT"
	}
	if _, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
		return "DOUBLE"
	}
	if _, ok := datetime.ParseDate(v.Bytes); ok && len(s) == 10 {
		return "DATE"
	}
	if strings.EqualFold(s, "true") || strings.EqualFold(s, "false") {
		return "BOOLEAN"
	}
	if _, ok := datetime.ParseTimestamp(v.Bytes, nil, true); ok && len(s) > 10 {
		return "TIMESTAMP"
	}
	return "STRING"
}
