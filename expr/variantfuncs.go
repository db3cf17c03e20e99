package expr

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	for _, try := range []bool{false, true} {
		name, doc := "parse_json", "The variant of a text of JSON."
		if try {
			name, doc = "try_parse_json", "As parse_json, null for what is no JSON."
		}
		define(name, name+"(s)", doc, "to_json("+name+`('{"a":1,"b":0.8}'))`, `{"a":1,"b":0.8}`, 1, 1,
			eager(batch.VariantType, stringArgs, !try, strict(batch.VariantType, func(x *rows, i int) {
				var m variantMaker
				metadata, value, err := m.make(x.str(0, i))
				switch {
				case err == nil:
					x.b.Kids[0].Bytes(metadata)
					x.b.Kids[1].Bytes(value)
					x.b.Struct()
				case try:
					x.b.Null()
				default:
					x.fail(i, "MALFORMED_RECORD_IN_PARSING", err.Error(), x.str(0, i))
				}
			})))
	}
	for _, try := range []bool{false, true} {
		name, doc := "variant_get", "What a path such as $.a[0] leads to in a variant, brought to a type; null if nothing."
		if try {
			name, doc = "try_variant_get", "As variant_get, null where the value does not fit the type."
		}
		define(name, name+"(v, path[, type])", doc, name+`(parse_json('{"a": 1}'), '$.a', 'int')`, "1", 2, 3,
			func(b *binder, c *parse.Call, args []*node) (*node, error) { return variantGet(b, c, args, try) })
	}
	define("get_path", "x:path", "What a path such as a.b[0]['c'] leads to in a variant, or in a text of JSON.", `to_json(parse_json('{"a":{"b":[1,2]}}'):a.b)`, "[1,2]", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if args[0].t.Kind == batch.String {
				return functions["get_json_object"].bind(b, c, args)
			}
			return variantGet(b, c, args, false)
		})
	define("is_variant_null", "is_variant_null(v)", "Whether a variant is JSON's null; false for null.", "is_variant_null(parse_json('null'))", "true", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if args[0].t.Kind != batch.Variant && args[0].t.Kind != batch.Void {
			return nil, b.mismatch(c.Args[0], "is_variant_null needs a variant, not %s", clip(args[0].t.String()))
		}
		n := b.call("is_variant_null", batch.BooleanType, rowsOf(batch.BooleanType, func(x *rows, i int) {
			if x.a[0].c.Type.Kind == batch.Void || x.a[0].null(i) {
				x.b.Bool(false)
				return
			}
			v := x.a[0].c.Kids[1].Bytes(i & x.a[0].mask())
			x.b.Bool(len(v) > 0 && v[0] == 0)
		}), args...)
		n.nullable = false
		return b.intern(n, ""), nil
	})
}

// variantGet binds variant_get: the value at the path, as a variant, cast to the type.
func variantGet(b *binder, c *parse.Call, args []*node, try bool) (*node, error) {
	if args[0].t.Kind != batch.Variant && args[0].t.Kind != batch.Void {
		return nil, b.mismatch(c.Args[0], "variant_get needs a variant, not %s", clip(args[0].t.String()))
	}
	if args[0].t.Kind == batch.Void {
		var err error
		if args[0], err = b.implicit(args[0], batch.VariantType, c); err != nil {
			return nil, err
		}
	}
	path, ok := stringConstant(args[1])
	if !ok {
		return nil, b.mismatch(c.Args[1], "the path is a string constant")
	}
	steps, ok := parsePath(path)
	for _, s := range steps {
		ok = ok && s.kind != '*'
	}
	if !ok {
		return nil, b.fail(c.Args[1], "INVALID_VARIANT_GET_PATH", "%q is no path; one is like $.a[0]['b c']", clip(path))
	}
	t := batch.VariantType
	if len(args) == 3 {
		text, ok := stringConstant(args[2])
		if !ok {
			return nil, b.fail(c.Args[2], "INVALID_SCHEMA.NON_STRING_LITERAL", "the type is a string constant, such as 'int'")
		}
		schema, err := parse.DDL("v " + text)
		if err != nil || len(schema.Fields) != 1 {
			return nil, b.fail(c.Args[2], "PARSE_SYNTAX_ERROR", "%q is no type", clip(text))
		}
		t = schema.Fields[0].Type
	}
	if t.Nested() && t.Kind != batch.Variant {
		return nil, b.fail(c, "NOT_IMPLEMENTED", "variant_get gives no %s; take its parts, or from_json(to_json(v), schema)", clip(t.String()))
	}
	mode := castANSI
	if try {
		mode = castTry
	}
	found := t
	if t.Kind != batch.String {
		found = batch.VariantType
	}
	n := b.callStrict("variant_get", found, strict(found, func(x *rows, i int) { x.variantAt(i, steps) }), args[0])
	n.nullable = true
	return b.cast(b.intern(n, fmt.Sprintf("%q", path)), t, mode, c)
}

// variantAt appends what the path leads to in row i of the first argument, as a variant or as text.
func (x *rows) variantAt(i int, steps []pathStep) {
	v, at := x.a[0].c, i&x.a[0].mask()
	text, err := batch.AppendVariantJSON(x.buf[:0], v.Kids[0].Bytes(at), v.Kids[1].Bytes(at))
	x.buf = text[:0]
	if err != nil {
		x.fail(i, "MALFORMED_VARIANT", err.Error(), nil)
		return
	}
	found := jsonFind(text, steps, nil, true)
	if len(found) == 0 {
		x.b.Null()
		return
	}
	value := found[0]
	if x.b.Type().Kind == batch.Variant {
		var m variantMaker
		metadata, bytes, err := m.make(value)
		if err != nil {
			x.fail(i, "MALFORMED_VARIANT", err.Error(), nil)
			return
		}
		x.b.Kids[0].Bytes(metadata)
		x.b.Kids[1].Bytes(bytes)
		x.b.Struct()
		return
	}
	if string(value) == "null" {
		x.b.Null()
		return
	}
	if value[0] == '"' {
		value = []byte(jsonText(value))
	}
	x.b.Bytes(value)
}
