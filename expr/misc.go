package expr

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("typeof", "typeof(x)", "The name of the type.", "typeof(array(1))", "array<int>", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return b.stringLiteral(strings.ReplaceAll(args[0].t.String(), ", ", ",")), nil
	})
	define("equal_null", "equal_null(x, y)", "x <=> y.", "equal_null(null, null)", "true", 2, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return b.compare("<=>", args[0], args[1], c)
	})
	define("assert_true", "assert_true(condition[, message])", "Null where the condition is true; the row fails where it is not.", "assert_true(0 < 1)", "NULL", 1, 2, assertTrue)
	define("raise_error", "raise_error(message)", "The row fails with the message.", "if(true, null, raise_error('never'))", "NULL", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if err := b.to(batch.StringType, c, args, 0); err != nil {
			return nil, err
		}
		n := b.call("raise_error", batch.VoidType, rowsOf(batch.VoidType, func(x *rows, i int) {
			message := "null"
			if !x.a[0].null(i) {
				message = string(x.str(0, i))
			}
			x.fail(i, "USER_RAISED_EXCEPTION", message, nil)
		}), args...)
		n.fails, n.nullable, n.volatile = true, true, true
		return b.intern(n, ""), nil
	})
	define("decimal", "decimal(x)", "CAST(x AS DECIMAL(10, 0)).", "decimal('12')", "12", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return b.implicit(args[0], batch.DecimalType(10, 0), c)
	})
	defineBinary()
	defineVectors()
}

func assertTrue(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.BooleanType, c, args, 0); err != nil {
		return nil, err
	}
	if err := b.to(batch.StringType, c, args, 1); err != nil {
		return nil, err
	}
	n := b.call("assert_true", batch.VoidType, rowsOf(batch.VoidType, func(x *rows, i int) {
		if !x.a[0].null(i) && x.a[0].c.Bool(i&x.a[0].mask()) {
			x.b.Null()
			return
		}
		message := "'" + clip(parse.Render(c.Args[0])) + "' is not true!"
		if len(x.a) == 2 && !x.a[1].null(i) {
			message = string(x.str(1, i))
		}
		x.fail(i, "USER_RAISED_EXCEPTION", message, nil)
	}), args...)
	n.fails, n.nullable, n.volatile = true, true, true
	return b.intern(n, ""), nil
}

func defineBinary() {
	for _, try := range []bool{false, true} {
		name, doc := "to_binary", "The bytes of a text by a format: hex, utf-8 or base64."
		if try {
			name, doc = "try_to_binary", "As to_binary, null where the text cannot be read."
		}
		define(name, name+"(s[, format])", doc, "string("+name+"('abc', 'utf-8'))", "abc", 1, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			format := "hex"
			if len(args) == 2 {
				text, ok := stringConstant(args[1])
				if format = strings.ToLower(text); !ok && args[1].literal == nil {
					return nil, b.mismatch(c.Args[1], "the format is a constant: hex, utf-8 or base64")
				} else if !ok && args[1].literal.IsNull(0) {
					return b.implicit(b.constant(nullColumn(batch.VoidType), "null"), batch.BinaryType, c)
				}
			}
			if format != "hex" && format != "utf-8" && format != "utf8" && format != "base64" {
				if !try {
					return nil, b.mismatch(c.Args[len(c.Args)-1], "there is no format %q; there are hex, utf-8 and base64", clip(format))
				}
				return b.implicit(b.constant(nullColumn(batch.VoidType), "null"), batch.BinaryType, c)
			}
			return eager(batch.BinaryType, stringArgs, !try, strict(batch.BinaryType, func(x *rows, i int) {
				v, ok := bytesOf(x.buf[:0], x.str(0, i), format)
				switch {
				case ok:
					x.bytes(v)
				case try:
					x.b.Null()
				default:
					x.fail(i, "CONVERSION_INVALID_INPUT", "the text cannot be read as "+format, x.str(0, i))
				}
			}))(b, c, args[:1])
		})
	}
}

func bytesOf(dst, s []byte, format string) ([]byte, bool) {
	var err error
	switch format {
	case "hex":
		if len(s)%2 == 1 {
			s = append([]byte{'0'}, s...)
		}
		dst, err = hex.AppendDecode(dst, s)
	case "base64":
		s = bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == ' ' || r == '\t' {
				return -1
			}
			return r
		}, s)
		dst, err = base64.StdEncoding.AppendDecode(dst, s)
	default:
		dst = append(dst, s...)
	}
	return dst, err == nil
}

// defineVectors defines functions of arrays of floats.
func defineVectors() {
	t := batch.ArrayType(batch.FloatType, true)
	two := func(name, doc, want string, f func(dot, l, r, apart float64) (float64, bool)) {
		define(name, name+"(x, y)", doc, name+"(array(1.0F, 2.0F), array(3.0F, 4.0F))", want, 2, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			for i, a := range args {
				if a.t.Kind != batch.Array || a.t.Fields[0].Type.Kind != batch.Float {
					return nil, b.mismatch(c.Args[i], "%s needs arrays of floats, this is of type %s", name, clip(a.t.String()))
				}
			}
			return eager(batch.FloatType, []batch.Type{t}, true, strict(batch.FloatType, func(x *rows, i int) {
				l, r := x.floats(0, i), x.floats(1, i)
				if l == nil || r == nil {
					x.b.Null()
					return
				}
				if len(l) != len(r) {
					x.fail(i, "VECTOR_DIMENSION_MISMATCH", "the vectors have different lengths", nil)
					return
				}
				var dot, ll, rr, apart float64
				for k := range l {
					p, q := float64(l[k]), float64(r[k])
					dot, ll, rr, apart = dot+p*q, ll+p*p, rr+q*q, apart+(p-q)*(p-q)
				}
				if v, ok := f(dot, ll, rr, apart); ok {
					x.b.Float32(float32(v))
				} else {
					x.b.Null()
				}
			}))(b, c, args)
		})
	}
	two("vector_inner_product", "The sum of the products of the elements.", "11.0", func(dot, l, r, apart float64) (float64, bool) { return dot, true })
	two("vector_l2_distance", "The Euclidean distance.", "2.828427", func(dot, l, r, apart float64) (float64, bool) { return math.Sqrt(apart), true })
	two("vector_cosine_similarity", "The cosine of the angle between two vectors; null if one is zero.", "0.9838699", func(dot, l, r, apart float64) (float64, bool) {
		return float64(float32(dot) / float32(math.Sqrt(float64(float32(l)*float32(r))))), l != 0 && r != 0
	})
}

// floats returns the elements of an array of floats, nil if one is null.
func (x *rows) floats(k, i int) []float32 {
	c, at := x.a[k].c, i&x.a[k].mask()
	for j := c.Off[at]; j < c.Off[at+1]; j++ {
		if c.Kids[0].IsNull(int(j)) {
			return nil
		}
	}
	return append([]float32{}, c.Kids[0].F32[c.Off[at]:c.Off[at+1]]...)
}
