package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/avro"
)

func init() {
	define("from_avro", "from_avro(b, schema[, options])", "What Avro's binary form holds, by the JSON of its schema; the option avroSchema is the schema that is wanted.",
		`from_avro(X'0206', '{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}')`, "{1, 3}", 2, 3, fromAvro)
	define("to_avro", "to_avro(x[, schema])", "A value in Avro's binary form, by the JSON of a schema or by the one that its type has in Spark.",
		`hex(to_avro(named_struct('a', 1, 'b', 'x')))`, "020278", 1, 2, toAvro)
	define("schema_of_avro", "schema_of_avro(schema[, options])", "The type that values of an Avro schema have, as DDL.", `schema_of_avro('{"type":"array","items":"long"}')`, "ARRAY<BIGINT>", 1, 2, schemaOfAvro)
}

// avroOptions are the options of one from_avro, named as Spark names them.
type avroOptions struct {
	permissive bool
	names      avro.Names
	wanted     string // avroSchema
	mode       bool   // what is wrong is the mode
}

func (o avroOptions) class() string {
	if o.mode {
		return "PARSE_MODE_UNSUPPORTED"
	}
	return "INVALID_OPTIONS"
}

// avroIdle are options that concern files, or dates of the Julian calendar, which no writer of today has.
var avroIdle = map[string]bool{"datetimerebasemode": true, "ignoreextension": true, "compression": true, "recordname": true, "recordnamespace": true}

func readAvroOptions(named map[string]string) (o avroOptions, err error) {
	for name, value := range named {
		switch key := strings.ToLower(name); key {
		case "mode":
			switch strings.ToUpper(value) {
			case "PERMISSIVE":
				o.permissive = true
			case "FAILFAST":
			default:
				o.mode = true
				return o, fmt.Errorf("mode is %q; want PERMISSIVE or FAILFAST", clip(value))
			}
		case "avroschema":
			o.wanted = value
		case "enablestableidentifiersforuniontype":
			o.names.Stable = strings.EqualFold(value, "true")
		case "stableidentifierprefixforuniontype":
			o.names.Prefix = value
		case "recursivefieldmaxdepth":
			return o, fmt.Errorf("schemas that refer to themselves are refused, so recursiveFieldMaxDepth has no meaning here")
		default:
			if !avroIdle[key] {
				return o, fmt.Errorf("there is no option %q; there are mode, avroSchema, enableStableIdentifiersForUnionType and stableIdentifierPrefixForUnionType", clip(name))
			}
		}
	}
	return o, nil
}

// avroPlan is a bound from_avro.
type avroPlan struct {
	written, wanted *avro.Schema
	t               batch.Type
	permissive      bool
}

func fromAvro(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.BinaryType, c, args, 0); err != nil {
		return nil, err
	}
	text, ok := stringConstant(args[1])
	if !ok {
		return nil, b.mismatch(c.Args[1], "the schema of from_avro is a string constant, the JSON of an Avro schema")
	}
	named, err := b.options(c, args, 2)
	if err != nil {
		return nil, err
	}
	o, err := readAvroOptions(named)
	if err != nil {
		return nil, b.fail(c.Args[2], o.class(), "from_avro: %v", err)
	}
	p := &avroPlan{permissive: o.permissive}
	if p.written, err = avro.Parse(text, o.names); err != nil {
		return nil, b.fail(c.Args[1], "INVALID_SCHEMA", "from_avro: %v", err)
	}
	p.wanted = p.written
	if o.wanted != "" {
		if p.wanted, err = avro.Parse(o.wanted, o.names); err != nil {
			return nil, b.fail(c.Args[2], "INVALID_SCHEMA", "from_avro, avroSchema: %v", err)
		}
	}
	if _, err := avro.NewDecoder(p.written, p.wanted); err != nil {
		return nil, b.fail(c, "INCOMPATIBLE_SCHEMA", "from_avro: %v", err)
	}
	p.t = topNullable(p.wanted.Type())
	n := b.call("from_avro", p.t, p.eval, args[0])
	n.nullable, n.fails = true, !p.permissive
	return b.intern(n, fmt.Sprintf("%q %v", text, named)), nil
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

func (p *avroPlan) eval(r *run, sel []int32, a []val) (*batch.Column, error) {
	d, err := avro.NewDecoder(p.written, p.wanted)
	if err != nil {
		return nil, err
	}
	return strict(p.t, func(x *rows, i int) {
		d.Bind(x.b)
		if err := d.Decode(x.str(0, i)); err != nil {
			p.bad(x, i, err)
		}
	})(r, sel, a)
}

// bad is a record that cannot be read: an error of its row, or nulls.
func (p *avroPlan) bad(x *rows, i int, err error) {
	switch {
	case !p.permissive:
		x.fail(i, "MALFORMED_RECORD_IN_PARSING", "from_avro: "+err.Error(), x.str(0, i))
	case p.t.Kind == batch.Struct:
		for _, k := range x.b.Kids {
			k.Null()
		}
		x.b.Struct()
	default:
		x.b.Null()
	}
}

func toAvro(b *binder, c *parse.Call, args []*node) (*node, error) {
	var s *avro.Schema
	var err error
	if len(args) == 2 {
		text, ok := stringConstant(args[1])
		if !ok {
			return nil, b.mismatch(c.Args[1], "the schema of to_avro is a string constant, the JSON of an Avro schema")
		}
		if s, err = avro.Parse(text, avro.Names{}); err != nil {
			return nil, b.fail(c.Args[1], "INVALID_SCHEMA", "to_avro: %v", err)
		}
	} else if s, err = avro.SchemaOf(args[0].t, args[0].nullable); err != nil {
		return nil, b.mismatch(c.Args[0], "%v", err)
	}
	e, err := avro.NewEncoder(args[0].t, s)
	if err != nil {
		return nil, b.fail(c, "INCOMPATIBLE_SCHEMA", "to_avro: %v", err)
	}
	n := b.call("to_avro", batch.BinaryType, strict(batch.BinaryType, func(x *rows, i int) {
		v, err := e.Append(x.buf[:0], x.a[0].c, i&x.a[0].mask())
		if err != nil {
			x.fail(i, "AVRO_CANNOT_WRITE", "to_avro: "+err.Error(), nil)
			return
		}
		x.bytes(v)
	}), args[0])
	n.fails = true
	return b.intern(n, s.String()), nil
}

func schemaOfAvro(b *binder, c *parse.Call, args []*node) (*node, error) {
	text, ok := stringConstant(args[0])
	if !ok {
		return nil, b.mismatch(c.Args[0], "schema_of_avro needs a string constant, the JSON of an Avro schema")
	}
	named, err := b.options(c, args, 1)
	if err != nil {
		return nil, err
	}
	o, err := readAvroOptions(named)
	if err != nil {
		return nil, b.fail(c.Args[1], o.class(), "schema_of_avro: %v", err)
	}
	s, err := avro.Parse(text, o.names)
	if err != nil {
		return nil, b.fail(c.Args[0], "INVALID_SCHEMA", "schema_of_avro: %v", err)
	}
	return b.stringLiteral(string(appendNullableDDL(nil, s.Type()))), nil
}

// appendNullableDDL appends a type with what must not be null, fields in their order.
func appendNullableDDL(dst []byte, t batch.Type) []byte {
	switch t.Kind {
	case batch.Array:
		return append(appendNullableDDL(append(dst, "ARRAY<"...), t.Fields[0].Type), '>')
	case batch.Map:
		dst = append(appendNullableDDL(append(dst, "MAP<"...), t.Fields[0].Type), ", "...)
		return append(appendNullableDDL(dst, t.Fields[1].Type), '>')
	case batch.Struct:
		dst = append(dst, "STRUCT<"...)
		for i, f := range t.Fields {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendNullableDDL(append(append(dst, parse.QuoteName(f.Name)...), ": "...), f.Type)
			if !f.Nullable {
				dst = append(dst, " NOT NULL"...)
			}
		}
		return append(dst, '>')
	}
	return append(dst, strings.ToUpper(t.String())...)
}
