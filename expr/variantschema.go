package expr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("schema_of_variant", "schema_of_variant(v)", "The type of what a variant holds; that of an array's elements is one that holds them all.",
		`schema_of_variant(parse_json('[{"b":true,"a":0}]'))`, "ARRAY<OBJECT<a: BIGINT, b: BOOLEAN>>", 1, 1,
		ofVariant("schema_of_variant", batch.StringType, func(x *rows, i int, metadata, value []byte) {
			text, err := batch.AppendVariantJSON(x.buf[:0], metadata, value)
			x.buf = text[:0]
			var shape variantShape
			if err == nil {
				err = shape.see(metadata, value)
			}
			if err != nil {
				x.fail(i, "MALFORMED_VARIANT", err.Error(), nil)
				return
			}
			x.bytes(shape.append(x.buf[:0]))
		}))
	define("is_valid_variant", "is_valid_variant(v)", "Whether the bytes of a variant are sound, all the way down.",
		`is_valid_variant(parse_json('[{"b":true,"a":0}]'))`, "true", 1, 1,
		ofVariant("is_valid_variant", batch.BooleanType, func(x *rows, _ int, metadata, value []byte) {
			text, err := batch.AppendVariantJSON(x.buf[:0], metadata, value)
			x.buf = text[:0]
			x.b.Bool(err == nil)
		}))
}

// ofVariant makes a bind function of one of variants, null of null.
func ofVariant(name string, t batch.Type, f func(x *rows, i int, metadata, value []byte)) func(*binder, *parse.Call, []*node) (*node, error) {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if k := args[0].t.Kind; k != batch.Variant && k != batch.Void {
			return nil, b.mismatch(c.Args[0], "%s needs a variant, not %s", name, clip(args[0].t.String()))
		}
		n := b.callStrict(name, t, strict(t, func(x *rows, i int) {
			v, at := x.a[0].c, i&x.a[0].mask()
			f(x, i, v.Kids[0].Bytes(at), v.Kids[1].Bytes(at))
		}), args[0])
		n.nullable, n.fails = true, true
		return b.intern(n, ""), nil
	}
}

// variantShape is the type that holds the values seen so far: none before the first, Struct for objects.
type variantShape struct {
	t       batch.Type
	members map[string]*variantShape // of objects
	element *variantShape            // of arrays
}

// see widens the shape by a value that AppendVariantJSON can read. Each part of it is looked at once.
func (s *variantShape) see(metadata, value []byte) error {
	switch {
	case value[0] == 0 || s.t.Kind == batch.Variant:
		return nil
	case value[0]&3 == 2:
		if !s.become(batch.Struct) {
			return nil
		}
		return batch.VariantParts(metadata, value, func(name, part []byte) error {
			m := s.members[string(name)]
			if m == nil {
				m = &variantShape{}
				s.members[string(name)] = m
			}
			return m.see(metadata, part)
		})
	case value[0]&3 == 3:
		if !s.become(batch.Array) {
			return nil
		}
		return batch.VariantParts(metadata, value, func(_, part []byte) error { return s.element.see(metadata, part) })
	}
	t, ok := scalarOf(value)
	if !ok {
		return errors.New("a value is of a type that there is not here")
	}
	if t.Kind == batch.Decimal {
		t = leastDecimal(value)
	}
	s.t = commonVariantType(s.t, t)
	return nil
}

// become makes an object or an array of a shape that may be one; of others, a variant.
func (s *variantShape) become(kind batch.Kind) bool {
	switch s.t.Kind {
	case kind:
		return true
	case batch.Invalid:
		*s = variantShape{t: batch.Type{Kind: kind}, members: map[string]*variantShape{}, element: &variantShape{}}
		return true
	}
	*s = variantShape{t: batch.VariantType}
	return false
}

// leastDecimal is the type of a decimal without the zeros at its end.
func leastDecimal(value []byte) batch.Type {
	scale := int(value[1])
	var v batch.Int128
	switch le := binary.LittleEndian; value[0] >> 2 {
	case 8:
		v = batch.Int128From(int64(int32(le.Uint32(value[2:]))))
	case 9:
		v = batch.Int128From(int64(le.Uint64(value[2:])))
	default:
		v = batch.Int128{Hi: int64(le.Uint64(value[10:])), Lo: le.Uint64(value[2:])}
	}
	text := batch.AppendDecimal(nil, v, scale)
	if bytes.IndexByte(text, '.') >= 0 {
		text = bytes.TrimRight(bytes.TrimRight(text, "0"), ".")
	}
	return decimalOf(string(text))
}

// commonVariantType is the scalar type that holds values of both, a variant if there is no other.
func commonVariantType(l, r batch.Type) batch.Type {
	switch {
	case l.Kind == batch.Invalid || l.Equal(r):
		return r
	case l.Kind == batch.Decimal && r.Kind == batch.Decimal:
		return commonDecimal(l, r)
	case l.Kind == batch.Decimal && r.Kind == batch.BigInt:
		return commonDecimal(l, batch.DecimalType(20, 0))
	case l.Kind == batch.BigInt && r.Kind == batch.Decimal:
		return commonDecimal(batch.DecimalType(20, 0), r)
	case numeric(l.Kind) && numeric(r.Kind):
		if l.Kind != batch.Double && r.Kind != batch.Double && l.Kind != batch.Decimal && r.Kind != batch.Decimal {
			return batch.FloatType
		}
		return batch.DoubleType
	case instantKind(l.Kind) && instantKind(r.Kind):
		if l.Kind == batch.Timestamp || r.Kind == batch.Timestamp {
			return batch.TimestampType
		}
		return batch.TimestampNTZType
	}
	return batch.VariantType
}

// commonDecimal has the digits of both before and after the point; a double where that is too many.
func commonDecimal(l, r batch.Type) batch.Type {
	scale := max(l.Scale, r.Scale)
	precision := max(l.Precision-l.Scale, r.Precision-r.Scale) + scale
	if precision > batch.MaxPrecision {
		return batch.DoubleType
	}
	return batch.DecimalType(precision, scale)
}

// append appends the type as schema_of_variant writes it: members by name, objects so called.
func (s *variantShape) append(dst []byte) []byte {
	switch s.t.Kind {
	case batch.Invalid:
		return append(dst, "VOID"...)
	case batch.Array:
		return append(s.element.append(append(dst, "ARRAY<"...)), '>')
	case batch.Struct:
		dst = append(dst, "OBJECT<"...)
		for i, name := range slices.Sorted(maps.Keys(s.members)) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = s.members[name].append(append(appendMember(dst, name), ": "...))
		}
		return append(dst, '>')
	}
	return append(dst, strings.ToUpper(s.t.String())...)
}

// appendMember appends a name, quoted unless it is of letters and digits; words of the language are not quoted here.
func appendMember(dst []byte, name string) []byte {
	plain := name != "" && (name[0] < '0' || name[0] > '9')
	for _, c := range []byte(name) {
		plain = plain && (c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9')
	}
	if plain {
		return append(dst, name...)
	}
	return append(append(append(dst, '`'), strings.ReplaceAll(name, "`", "``")...), '`')
}
