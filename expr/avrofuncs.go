package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/avro"
)

func init() {
	define("from_avro", "from_avro(b, schema[, options]) or from_avro(b, subject, registry[, options])",
		"What Avro's binary form holds, by the JSON of its schema, or by the number before it that a schema registry knows; the option avroSchema is the schema that is wanted.",
		`from_avro(X'0206', '{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}')`, "{1, 3}", 2, 4, fromAvro)
	define("to_avro", "to_avro(x[, schema]) or to_avro(x, subject, registry[, options])",
		"A value in Avro's binary form, by the JSON of a schema, the one that its type has in Spark, or the newest of a registry's subject, whose number goes before it.",
		`hex(to_avro(named_struct('a', 1, 'b', 'x')))`, "020278", 1, 4, toAvro)
	define("schema_of_avro", "schema_of_avro(schema[, options])", "The type that values of an Avro schema have, as DDL.", `schema_of_avro('{"type":"array","items":"long"}')`, "ARRAY<BIGINT>", 1, 2, schemaOfAvro)
}

// avroOptions are the options of one from_avro, named as Spark names them.
type avroOptions struct {
	permissive bool
	names      avro.Names
	wanted     string // avroSchema
	writers    writers
	mode       bool // what is wrong is the mode
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
	o.writers.mode = evolveNone
	for name, value := range named {
		if mine, err := o.writers.set(name, value); err != nil {
			return o, err
		} else if mine {
			continue
		}
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
				return o, fmt.Errorf("there is no option %q; there are mode, avroSchema, avroSchemaEvolutionMode, rescuedDataColumn, enableStableIdentifiersForUnionType and stableIdentifierPrefixForUnionType", clip(name))
			}
		}
	}
	return o, nil
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
