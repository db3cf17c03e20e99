package expr

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/json"
)

func init() {
	define("get_json_object", "get_json_object(s, path)", "What a path such as $.a[0].b leads to in a text of JSON; null if nothing.", `get_json_object('{"a":"b"}', '$.a')`, "b", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			var last struct {
				sync.Mutex
				text  string
				steps []pathStep
				ok    bool
			}
			return eager(batch.StringType, stringArgs, false, strict(batch.StringType, func(x *rows, i int) {
				last.Lock()
				if p := x.str(1, i); last.text != string(p) {
					last.text = string(p)
					last.steps, last.ok = parsePath(last.text)
				}
				steps, ok := last.steps, last.ok
				last.Unlock()
				var v []byte
				if ok {
					v, ok = jsonAt(x.buf[:0], x.str(0, i), steps)
				}
				if !ok {
					x.b.Null()
					return
				}
				x.bytes(v)
			}))(b, c, args)
		})
	define("json_array_length", "json_array_length(s)", "The number of elements of a JSON array; null for anything else.", "json_array_length('[1,2,3,4]')", "4", 1, 1,
		eager(batch.IntType, stringArgs, false, strict(batch.IntType, func(x *rows, i int) {
			s := bytes.TrimSpace(x.str(0, i))
			if len(s) == 0 || s[0] != '[' || !stdjson.Valid(s) {
				x.b.Null()
				return
			}
			n := int32(0)
			jsonMembers(s, func(_, _ []byte) bool { n++; return true })
			x.b.Int32(n)
		})))
	keys := batch.ArrayType(batch.StringType, true)
	define("json_object_keys", "json_object_keys(s)", "The names in a JSON object; null for anything else.", `json_object_keys('{"a":1,"b":{"c":2}}')`, "[a, b]", 1, 1,
		eager(keys, stringArgs, false, strict(keys, func(x *rows, i int) {
			s := bytes.TrimSpace(x.str(0, i))
			if len(s) == 0 || s[0] != '{' || !stdjson.Valid(s) {
				x.b.Null()
				return
			}
			jsonMembers(s, func(name, _ []byte) bool { x.b.Kids[0].String(jsonText(name)); return true })
			x.b.List()
		})))
	define("to_json", "to_json(x[, options])", "A struct, array or map as JSON, nulls of structs left out.", "to_json(named_struct('a', 1, 'b', 2))", `{"a":1,"b":2}`, 1, 2, toJSON)
	define("schema_of_json", "schema_of_json(s)", "The schema of a constant text of JSON, for from_json.", `schema_of_json('[{"col":0}]')`, "ARRAY<STRUCT<col: BIGINT>>", 1, 2, schemaOfJSON)
	define("json_tuple", "json_tuple(s, name, ...)", "The members of a JSON object as texts: a struct of c0, c1, ...; as an item of a select list they are columns.", `json_tuple('{"a":1,"b":2}', 'a', 'b')`, "{1, 2}", 2, -1, jsonTuple)
}

// options reads the argument of options, a constant map of strings.
func (b *binder) options(c *parse.Call, args []*node, at int) (map[string]string, error) {
	if len(args) <= at {
		return nil, nil
	}
	m, ok := mapConstant(args[at])
	if !ok {
		return nil, b.fail(c.Args[at], "INVALID_OPTIONS.NON_MAP_FUNCTION", "the options of %s are a map of strings, such as map('timestampFormat', 'dd/MM/yyyy')", strings.ToLower(c.Name))
	}
	return m, nil
}

// writingZone is the zone in which times are written and read by patterns: that of the options, else the session's.
func (b *binder) writingZone(named map[string]string) *time.Location {
	for name, value := range named {
		if zone, ok := datetime.ZoneNamed(value); ok && strings.EqualFold(name, "timeZone") {
			return zone
		}
	}
	return b.o.zone()
}

// patternWriterIn is patternWriter of one zone.
func patternWriterIn(zone *time.Location) func(batch.Kind, string, *time.Location) (func(dst []byte, v int64) []byte, error) {
	return func(kind batch.Kind, pattern string, _ *time.Location) (func(dst []byte, v int64) []byte, error) {
		return patternWriter(kind, pattern, zone)
	}
}

// patternWriter makes a writer of a Java pattern for encoders.
func patternWriter(kind batch.Kind, pattern string, zone *time.Location) (func(dst []byte, v int64) []byte, error) {
	p, err := datetime.NewPattern(pattern)
	if err != nil {
		return nil, err
	}
	return func(dst []byte, v int64) []byte {
		switch kind {
		case batch.Date:
			return p.Append(dst, v*datetime.Day, nil)
		case batch.TimestampNTZ:
			return p.Append(dst, v, nil)
		}
		return p.Append(dst, v, zone)
	}, nil
}

// Formats of times that Spark writes where the options name none.
const (
	sparkTimestamps = "yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX"
	sparkClocks     = "yyyy-MM-dd'T'HH:mm:ss[.SSS]"
)

func toJSON(b *binder, c *parse.Call, args []*node) (*node, error) {
	t := args[0].t
	if k := t.Kind; k != batch.Struct && k != batch.Array && k != batch.Map && k != batch.Variant {
		return nil, b.mismatch(c.Args[0], "to_json needs a struct, an array or a map, not %s", clip(t.String()))
	}
	named, err := b.options(c, args, 1)
	if err != nil {
		return nil, err
	}
	var o json.EncodeOptions
	zone := b.writingZone(named)
	if o.Timestamp, err = patternWriter(batch.Timestamp, sparkTimestamps, zone); err != nil {
		return nil, err
	}
	if o.TimestampNTZ, err = patternWriter(batch.TimestampNTZ, sparkClocks, nil); err != nil {
		return nil, err
	}
	if o, err = json.ParseEncodeOptions(named, o, patternWriterIn(zone)); err != nil {
		return nil, b.fail(c, "DATATYPE_MISMATCH", "to_json: %v", err)
	}
	s := batch.NewSchema(batch.Field{Name: "v", Type: t, Nullable: true})
	n := b.call("to_json", batch.StringType, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		e := json.NewEncoder(s, o)
		return strict(batch.StringType, func(x *rows, i int) {
			x.bytes(e.AppendValue(x.buf[:0], x.a[0].c, i&x.a[0].mask()))
		})(r, sel, a)
	}, args[0])
	return b.intern(n, fmt.Sprint(named)), nil
}

func schemaOfJSON(b *binder, c *parse.Call, args []*node) (*node, error) {
	text, ok := stringConstant(args[0])
	if args[0].t.Kind != batch.String || !ok {
		return nil, b.mismatch(c.Args[0], "schema_of_json needs a string constant that is not null")
	}
	if named, err := b.options(c, args, 1); err != nil {
		return nil, err
	} else if len(named) > 0 {
		return nil, b.fail(c.Args[1], "NOT_IMPLEMENTED", "schema_of_json has no options here")
	}
	t, err := json.Infer(func(yield func([]byte) bool) { yield([]byte(`{"v":` + text + `}`)) })
	if err != nil || len(t.Fields) == 0 {
		return b.stringLiteral("STRING"), nil
	}
	return b.stringLiteral(string(appendDDL(nil, t.Fields[0].Type))), nil
}

// appendDDL appends a type as Spark's schema_of_ functions write it: fields by name.
func appendDDL(dst []byte, t batch.Type) []byte {
	switch t.Kind {
	case batch.Array:
		return append(appendDDL(append(dst, "ARRAY<"...), t.Fields[0].Type), '>')
	case batch.Struct:
		fields := slices.Clone(t.Fields)
		slices.SortFunc(fields, func(a, b batch.Field) int { return strings.Compare(a.Name, b.Name) })
		dst = append(dst, "STRUCT<"...)
		for i, f := range fields {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendDDL(append(append(dst, parse.QuoteName(f.Name)...), ": "...), f.Type)
		}
		return append(dst, '>')
	}
	return append(dst, strings.ToUpper(t.String())...)
}

func jsonTuple(b *binder, c *parse.Call, args []*node) (*node, error) {
	var fields []batch.Field
	for i := range args {
		if args[i].t.Kind != batch.String && args[i].t.Kind != batch.Void {
			return nil, b.mismatch(c.Args[i], "json_tuple takes strings, this is of type %s", clip(args[i].t.String()))
		}
		if i > 0 {
			fields = append(fields, batch.Field{Name: fmt.Sprintf("c%d", i-1), Type: batch.StringType, Nullable: true})
		}
	}
	which := make([]int, len(args))
	for i := range which {
		which[i] = i
	}
	if err := b.to(batch.StringType, c, args, which...); err != nil {
		return nil, err
	}
	t := batch.StructType(fields...)
	n := b.call("json_tuple", t, rowsOf(t, func(x *rows, i int) {
		var s []byte
		if !x.a[0].null(i) {
			s = bytes.TrimSpace(x.str(0, i))
		}
		valid := len(s) > 0 && s[0] == '{' && stdjson.Valid(s)
		for k := 1; k < len(x.a); k++ {
			if !valid || x.a[k].null(i) {
				x.b.Kids[k-1].Null()
			} else if v, ok := jsonAt(nil, s, []pathStep{{kind: 'n', name: string(x.str(k, i))}}); ok {
				x.b.Kids[k-1].Bytes(v)
			} else {
				x.b.Kids[k-1].Null()
			}
		}
		x.b.Struct()
	}), args...)
	n.nullable = false
	return b.intern(n, ""), nil
}
