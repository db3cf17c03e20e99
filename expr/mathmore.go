package expr

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	defineTrigonometry()
	defineLogarithms()
	defineBits()
	defineSigns()
	define("factorial", "factorial(n)", "The product of 1 to n; null below 0 and above 20.", "factorial(5)", "120", 1, 1,
		eager(batch.BigIntType, []batch.Type{batch.IntType}, false, strict(batch.BigIntType, func(x *rows, i int) {
			n := x.i32(0, i)
			if n < 0 || n > 20 {
				x.b.Null()
				return
			}
			v := int64(1)
			for k := int64(2); k <= int64(n); k++ {
				v *= k
			}
			x.b.Int64(v)
		})))
	define("conv", "conv(s, from, to)", "Digits of one base in another; a negative base is for signed results.", "conv('100', 2, 10)", "4", 3, 3,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			ansi := b.o.ANSI
			return eager(batch.StringType, []batch.Type{batch.StringType, batch.IntType}, true,
				strict(batch.StringType, func(x *rows, i int) { conv(x, i, ansi) }))(b, c, args)
		})
	define("width_bucket", "width_bucket(v, low, high, n)", "Which of n equal buckets between low and high v is in, 0 below and n+1 above.",
		"width_bucket(5.3, 0.2, 10.6, 5)", "3", 4, 4, eager(batch.BigIntType, []batch.Type{batch.DoubleType, batch.DoubleType, batch.DoubleType, batch.BigIntType}, false,
			strict(batch.BigIntType, widthBucket)))
}

// double makes a bind function of a function of one double.
func double(f func(float64) float64) func(*binder, *parse.Call, []*node) (*node, error) {
	return eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false,
		strict(batch.DoubleType, func(x *rows, i int) { x.b.Float64(f(x.f64(0, i))) }))
}

func defineTrigonometry() {
	for name, d := range map[string]struct {
		f              func(float64) float64
		doc, arg, want string
	}{
		"acos": {math.Acos, "The angle of a cosine.", "1", "0.0"}, "asin": {math.Asin, "The angle of a sine.", "0", "0.0"},
		"atan": {math.Atan, "The angle of a tangent.", "0", "0.0"}, "cosh": {math.Cosh, "The hyperbolic cosine.", "0", "1.0"},
		"sinh": {math.Sinh, "The hyperbolic sine.", "0", "0.0"}, "tanh": {math.Tanh, "The hyperbolic tangent.", "0", "0.0"},
		"acosh": {math.Acosh, "The inverse of the hyperbolic cosine.", "1", "0.0"}, "asinh": {math.Asinh, "The inverse of the hyperbolic sine.", "0", "0.0"},
		"atanh": {math.Atanh, "The inverse of the hyperbolic tangent.", "0", "0.0"},
		"cot":   {func(v float64) float64 { return 1 / math.Tan(v) }, "The cotangent.", "double('Infinity')", "NaN"},
		"csc":   {func(v float64) float64 { return 1 / math.Sin(v) }, "The cosecant.", "double('Infinity')", "NaN"},
		"sec":   {func(v float64) float64 { return 1 / math.Cos(v) }, "The secant.", "0", "1.0"},
		"rint":  {math.RoundToEven, "The nearest whole number, halves to the even one, as a double.", "12.3456", "12.0"},
		"expm1": {math.Expm1, "exp(x) - 1, exact for small x.", "0", "0.0"},
	} {
		define(name, name+"(x)", d.doc, name+"("+d.arg+")", d.want, 1, 1, double(d.f))
	}
	for name, d := range map[string]struct {
		v    float64
		doc  string
		want string
	}{"pi": {math.Pi, "The number pi.", "3.141592653589793"}, "e": {math.E, "The number e.", "2.718281828459045"}} {
		define(name, name+"()", d.doc, name+"()", d.want, 0, 0, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			l := batch.NewBuilder(batch.DoubleType, nil)
			l.Float64(d.v)
			return b.constant(l.Finish(), name), nil
		})
	}
	define("hypot", "hypot(x, y)", "The length of the vector (x, y).", "hypot(3, 4)", "5.0", 2, 2, eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false,
		strict(batch.DoubleType, func(x *rows, i int) { x.b.Float64(math.Hypot(x.f64(0, i), x.f64(1, i))) })))
}

func defineLogarithms() {
	define("log1p", "log1p(x)", "ln(1 + x), exact for small x; null at and below -1.", "log1p(0)", "0.0", 1, 1,
		eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false, strict(batch.DoubleType, func(x *rows, i int) {
			if v := x.f64(0, i); v <= -1 {
				x.b.Null()
			} else {
				x.b.Float64(math.Log1p(v))
			}
		})))
	define("log", "log([base, ]x)", "The logarithm to a base, natural without one; null at and below zero.", "log(10, 100)", "2.0", 1, 2,
		eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false, strict(batch.DoubleType, func(x *rows, i int) {
			v, base := x.f64(len(x.a)-1, i), math.E
			if len(x.a) == 2 {
				base = x.f64(0, i)
			}
			switch {
			case v <= 0 || base <= 0:
				x.b.Null()
			case len(x.a) == 1:
				x.b.Float64(math.Log(v))
			default:
				x.b.Float64(math.Log(v) / math.Log(base))
			}
		})))
}

func defineSigns() {
	define("negative", "negative(x)", "-x.", "negative(1)", "-1", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return b.negate(args[0], c, c.Args[0])
	})
	define("positive", "positive(x)", "x, which must be a number or an interval.", "positive(1)", "1", 1, 1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) { return b.number(args[0], c) })
	define("nanvl", "nanvl(x, y)", "x, or y where x is not a number.", "nanvl(cast('NaN' as double), 123)", "123.0", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			t := batch.DoubleType
			if args[0].t.Kind == batch.Float && args[1].t.Kind == batch.Float {
				t = batch.FloatType
			}
			if err := b.to(t, c, args, 0, 1); err != nil {
				return nil, err
			}
			n := b.call("nanvl", t, rowsOf(t, func(x *rows, i int) {
				k := 0
				for ; k < 2; k++ {
					at := i & x.a[k].mask()
					if x.a[k].null(i) {
						k = 2
						break
					}
					if t.Kind == batch.Float && x.a[k].c.F32[at] == x.a[k].c.F32[at] || t.Kind == batch.Double && x.a[k].c.F64[at] == x.a[k].c.F64[at] || k == 1 {
						break
					}
				}
				switch {
				case k == 2:
					x.b.Null()
				case t.Kind == batch.Float:
					x.b.Float32(x.a[k].c.F32[i&x.a[k].mask()])
				default:
					x.b.Float64(x.f64(k, i))
				}
			}), args...)
			return b.intern(n, ""), nil
		})
	define("nullifzero", "nullifzero(x)", "Null for zero, else x.", "nullifzero(0)", "NULL", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return nullIf(b, c, []*node{args[0], b.whole(0)})
	})
	define("zeroifnull", "zeroifnull(x)", "Zero for null, else x.", "zeroifnull(null)", "0", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return b.coalesce(c, []*node{args[0], b.whole(0)})
	})
}

// whole is an int constant.
func (b *binder) whole(v int32) *node {
	l := batch.NewBuilder(batch.IntType, nil)
	l.Int32(v)
	return b.constant(l.Finish(), fmt.Sprint(v))
}

func defineBits() {
	define("bin", "bin(n)", "The binary digits of an integer.", "bin(13)", "1101", 1, 1, eager(batch.StringType, []batch.Type{batch.BigIntType}, false,
		strict(batch.StringType, func(x *rows, i int) { x.bytes(fmt.Appendf(x.buf[:0], "%b", uint64(x.i64(0, i)))) })))
	define("bit_count", "bit_count(n)", "How many bits are set.", "bit_count(7)", "3", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		switch {
		case args[0].t.Kind == batch.Boolean:
			return b.implicit(args[0], batch.IntType, c)
		case !integral(args[0].t.Kind) && args[0].t.Kind != batch.Void:
			return nil, b.mismatch(c, "bits are of integers, not of %s", clip(args[0].t.String()))
		}
		return eager(batch.IntType, []batch.Type{batch.BigIntType}, false, strict(batch.IntType, func(x *rows, i int) {
			x.b.Int32(int32(bits.OnesCount64(uint64(x.i64(0, i)))))
		}))(b, c, args)
	})
	define("bit_get", "bit_get(n, place)", "The bit at a place, from 0 on the right.", "bit_get(11, 2)", "0", 2, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		width := map[batch.Kind]int32{batch.TinyInt: 8, batch.SmallInt: 16, batch.Int: 32, batch.BigInt: 64, batch.Void: 64}[args[0].t.Kind]
		if width == 0 {
			return nil, b.mismatch(c, "bits are of integers, not of %s", clip(args[0].t.String()))
		}
		return eager(batch.TinyIntType, []batch.Type{batch.BigIntType, batch.IntType}, true, strict(batch.TinyIntType, func(x *rows, i int) {
			place := x.i32(1, i)
			if place < 0 || place >= width {
				x.fail(i, "INVALID_PARAMETER_VALUE.BIT_POSITION_RANGE", fmt.Sprintf("the place %d is not within 0 to %d", place, width-1), nil)
				return
			}
			x.b.Int32(int32(x.i64(0, i) >> place & 1))
		}))(b, c, args)
	})
	also("bit_get", "getbit")
	for name, f := range map[string]struct {
		narrow    func(v, n int32) int32
		wide      func(v int64, n int32) int64
		doc, want string
	}{
		"shiftleft":          {func(v, n int32) int32 { return v << (n & 31) }, func(v int64, n int32) int64 { return v << (n & 63) }, "The bits moved n places to the left.", "-8"},
		"shiftright":         {func(v, n int32) int32 { return v >> (n & 31) }, func(v int64, n int32) int64 { return v >> (n & 63) }, "The bits moved n places to the right, the sign kept.", "-2"},
		"shiftrightunsigned": {func(v, n int32) int32 { return int32(uint32(v) >> (n & 31)) }, func(v int64, n int32) int64 { return int64(uint64(v) >> (n & 63)) }, "The bits moved n places to the right, zeros from the left.", "2147483646"},
	} {
		define(name, name+"(x, n)", f.doc, name+"(-4, 1)", f.want, 2, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			t := batch.IntType
			if args[0].t.Kind == batch.BigInt {
				t = batch.BigIntType
			}
			if numeric(args[0].t.Kind) && !integral(args[0].t.Kind) || args[0].t.Kind == batch.Boolean {
				return nil, b.mismatch(c, "bits are of integers, not of %s", clip(args[0].t.String()))
			}
			return eager(t, []batch.Type{t, batch.IntType}, false, strict(t, func(x *rows, i int) {
				if t.Kind == batch.BigInt {
					x.b.Int64(f.wide(x.i64(0, i), x.i32(1, i)))
				} else {
					x.b.Int32(f.narrow(x.i32(0, i), x.i32(1, i)))
				}
			}))(b, c, args)
		})
	}
	defineBitmaps()
}

func defineBitmaps() {
	define("bitmap_bit_position", "bitmap_bit_position(n)", "The place of the bit of n in its bitmap of 32768 bits.", "bitmap_bit_position(32769)", "0", 1, 1,
		eager(batch.BigIntType, []batch.Type{batch.BigIntType}, false, strict(batch.BigIntType, func(x *rows, i int) {
			v := x.i64(0, i)
			if v > 0 {
				v--
			} else {
				v = -v
			}
			x.b.Int64(v % 32768)
		})))
	define("bitmap_bucket_number", "bitmap_bucket_number(n)", "The number of the bitmap that n is in.", "bitmap_bucket_number(32769)", "2", 1, 1,
		eager(batch.BigIntType, []batch.Type{batch.BigIntType}, false, strict(batch.BigIntType, func(x *rows, i int) {
			v := x.i64(0, i)
			if v > 0 {
				x.b.Int64(1 + (v-1)/32768)
			} else {
				x.b.Int64(v / 32768)
			}
		})))
	define("bitmap_count", "bitmap_count(b)", "How many bits of a binary are set.", "bitmap_count(X'FFFF')", "16", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if args[0].t.Kind != batch.Binary {
			return nil, b.mismatch(c, "a bitmap is a binary, not of type %s", clip(args[0].t.String()))
		}
		return eager(batch.BigIntType, []batch.Type{batch.BinaryType}, false, strict(batch.BigIntType, func(x *rows, i int) {
			n := 0
			for _, v := range x.str(0, i) {
				n += bits.OnesCount8(v)
			}
			x.b.Int64(int64(n))
		}))(b, c, args)
	})
}

// conv writes the digits of one base in another, in unsigned 64 bits.
func conv(x *rows, i int, ansi bool) {
	s := strings.TrimSpace(string(x.str(0, i)))
	from, to := x.i32(1, i), x.i32(2, i)
	if from < 2 || from > 36 || max(to, -to) < 2 || max(to, -to) > 36 || s == "" {
		x.b.Null()
		return
	}
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	v, overflow := uint64(0), false
	for _, c := range []byte(s) {
		d := int32(c)
		switch {
		case c >= '0' && c <= '9':
			d -= '0'
		case c >= 'a' && c <= 'z':
			d -= 'a' - 10
		case c >= 'A' && c <= 'Z':
			d -= 'A' - 10
		default:
			d = 99
		}
		if d >= from {
			break
		}
		high, low := bits.Mul64(v, uint64(from))
		sum, carry := bits.Add64(low, uint64(d), 0)
		overflow = overflow || high != 0 || carry != 0
		v = sum
	}
	if overflow {
		if ansi {
			x.fail(i, arithmeticOverflow, "conv: the number does not fit 64 bits", nil)
			return
		}
		v = math.MaxUint64
	}
	if negative && to > 0 {
		if int64(v) >= 0 {
			v = -v
		} else if !overflow {
			v = math.MaxUint64
		}
	}
	minus := negative && to < 0
	if to < 0 && int64(v) < 0 {
		v, minus = -v, true
	}
	out := strings.ToUpper(new(big.Int).SetUint64(v).Text(int(max(to, -to))))
	if minus {
		out = "-" + out
	}
	x.bytes(append(x.buf[:0], out...))
}

func widthBucket(x *rows, i int) {
	v, low, high, n := x.f64(0, i), x.f64(1, i), x.f64(2, i), x.i64(3, i)
	switch {
	case n <= 0 || n == math.MaxInt64 || math.IsNaN(v) || low == high || math.IsNaN(low) || math.IsInf(low, 0) || math.IsNaN(high) || math.IsInf(high, 0):
		x.b.Null()
		return
	case low > high:
		v, low, high = -v, -low, -high
	}
	switch {
	case v < low:
		x.b.Int64(0)
	case v >= high:
		x.b.Int64(n + 1)
	default:
		x.b.Int64(int64(float64(n)*(v-low)/(high-low)) + 1)
	}
}
