package expr

import (
	"fmt"
	"math"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	for name, op := range map[string]string{"try_add": "+", "try_subtract": "-", "try_multiply": "*", "try_divide": "/", "try_mod": "%"} {
		results := map[string]string{"+": "3", "-": "1", "*": "2", "/": "2.0", "%": "0"}
		define(name, name+"(x, y)", "x "+op+" y, null where that fails.", name+"(2, 1)", results[op], 2, 2,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				return b.arithmetic(op, c, args[0], args[1], castTry)
			})
	}
	for name, op := range map[string]string{"mod": "%", "pmod": "pmod"} {
		results := map[string]string{"%": "-1", "pmod": "2"}
		define(name, name+"(x, y)", map[string]string{"%": "The remainder, with the sign of x.", "pmod": "The remainder, never negative for a positive y."}[op],
			name+"(-7, 3)", results[op], 2, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
				mode := castANSI
				if !b.o.ANSI {
					mode = castLegacy
				}
				return b.arithmetic(op, c, args[0], args[1], mode)
			})
	}
	defineDoubles()
	defineRounding()
	define("abs", "abs(x)", "The number without its sign.", "abs(-3)", "3", 1, 1, absolute)
	define("sign", "sign(x)", "-1, 0 or 1 as x is negative, zero or positive, as a double.", "sign(-3)", "-1.0", 1, 1,
		eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false, strict(batch.DoubleType, func(x *rows, i int) {
			v := x.f64(0, i)
			switch {
			case v > 0:
				v = 1
			case v < 0:
				v = -1
			}
			x.b.Float64(v)
		})))
	also("sign", "signum")
	define("isnan", "isnan(x)", "Whether x is not a number; false for null.", "isnan(double('NaN'))", "true", 1, 1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if err := b.to(batch.DoubleType, c, args, 0); err != nil {
				return nil, err
			}
			n := b.call("isnan", batch.BooleanType, rowsOf(batch.BooleanType, func(x *rows, i int) {
				x.b.Bool(!x.a[0].null(i) && math.IsNaN(x.f64(0, i)))
			}), args[0])
			n.nullable = false
			return b.intern(n, ""), nil
		})
	define("greatest", "greatest(x, y, ...)", "The greatest argument; nulls are left out.", "greatest(1, 3, null)", "3", 2, -1, extreme(1))
	define("least", "least(x, y, ...)", "The least argument; nulls are left out.", "least(1, 3, null)", "1", 2, -1, extreme(-1))
	for name, t := range map[string]batch.Type{"string": batch.StringType, "int": batch.IntType, "bigint": batch.BigIntType, "double": batch.DoubleType,
		"float": batch.FloatType, "boolean": batch.BooleanType, "date": batch.DateType, "timestamp": batch.TimestampType,
		"binary": batch.BinaryType, "tinyint": batch.TinyIntType, "smallint": batch.SmallIntType} {
		example := map[string][2]string{"boolean": {"'true'", "true"}, "date": {"'2026-03-09'", "2026-03-09"}, "timestamp": {"'2026-03-09 01:02:03'", "2026-03-09 01:02:03"},
			"double": {"'1.5'", "1.5"}, "float": {"'1.5'", "1.5"}}[name]
		if example[0] == "" {
			example = [2]string{"'12'", "12"}
		}
		define(name, name+"(x)", "CAST(x AS "+strings.ToUpper(name)+").", name+"("+example[0]+")", example[1], 1, 1,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				x, err := b.implicit(args[0], t, c)
				return x.computed(), err
			})
	}
}

func defineDoubles() {
	one := map[string]struct {
		f              func(float64) float64
		least          float64 // null at or below; NaN: no bound
		doc, arg, want string
	}{
		"sqrt": {math.Sqrt, math.NaN(), "The square root.", "16", "4.0"}, "exp": {math.Exp, math.NaN(), "e to the power of x.", "0", "1.0"},
		"ln": {math.Log, 0, "The natural logarithm; null at and below zero.", "1", "0.0"}, "log10": {math.Log10, 0, "The logarithm to base 10; null at and below zero.", "100", "2.0"},
		"log2": {math.Log2, 0, "The logarithm to base 2; null at and below zero.", "8", "3.0"}, "cbrt": {math.Cbrt, math.NaN(), "The cube root.", "27", "3.0"},
		"sin": {math.Sin, math.NaN(), "The sine.", "0", "0.0"}, "cos": {math.Cos, math.NaN(), "The cosine.", "0", "1.0"}, "tan": {math.Tan, math.NaN(), "The tangent.", "0", "0.0"},
		"radians": {func(v float64) float64 { return v / 180 * math.Pi }, math.NaN(), "Degrees as radians.", "0", "0.0"},
		"degrees": {func(v float64) float64 { return v * 180 / math.Pi }, math.NaN(), "Radians as degrees.", "0", "0.0"},
	}
	for name, d := range one {
		define(name, name+"(x)", d.doc, name+"("+d.arg+")", d.want, 1, 1,
			eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false, strict(batch.DoubleType, func(x *rows, i int) {
				if v := x.f64(0, i); v <= d.least {
					x.b.Null()
				} else {
					x.b.Float64(d.f(v))
				}
			})))
	}
	define("pow", "pow(x, y)", "x to the power of y.", "pow(2, 10)", "1024.0", 2, 2, eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false,
		strict(batch.DoubleType, func(x *rows, i int) { x.b.Float64(math.Pow(x.f64(0, i), x.f64(1, i))) })))
	also("pow", "power")
	define("atan2", "atan2(y, x)", "The angle of the point (x, y).", "atan2(0, 1)", "0.0", 2, 2, eager(batch.DoubleType, []batch.Type{batch.DoubleType}, false,
		strict(batch.DoubleType, func(x *rows, i int) {
			x.b.Float64(math.Atan2(x.f64(0, i)+0, x.f64(1, i)+0)) // zeros have no sign
		})))
}

func absolute(b *binder, c *parse.Call, args []*node) (*node, error) {
	x, err := b.number(args[0], c.Args[0])
	if err != nil {
		return nil, err
	}
	low, _ := intRange(x.t.Kind)
	ansi := b.o.ANSI
	t := x.t
	n := b.callStrict("abs", t, strict(t, func(x *rows, i int) {
		col, at := x.a[0].c, i&x.a[0].mask()
		switch t.Kind {
		case batch.Double:
			x.b.Float64(math.Abs(col.F64[at]))
		case batch.Float:
			x.b.Float32(float32(math.Abs(float64(col.F32[at]))))
		case batch.Decimal:
			x.b.Decimal(col.I128[at].Abs())
		case batch.BigInt, batch.DayTime:
			v := col.I64[at]
			if v == low && ansi {
				x.fail(i, arithmeticOverflow, fmt.Sprintf("abs(%d) overflows %s", v, t), nil)
				return
			}
			x.b.Int64(max(v, -v))
		default:
			v := int64(col.I32[at])
			if v == low && ansi {
				x.fail(i, arithmeticOverflow, fmt.Sprintf("abs(%d) overflows %s", v, t), nil)
				return
			}
			if v < 0 && v != low {
				v = -v
			}
			x.b.Int32(int32(v))
		}
	}), x)
	n.fails = ansi && (integral(t.Kind) || interval(t.Kind))
	return b.intern(n, ""), nil
}

func defineRounding() {
	for name, doc := range map[string][3]string{
		"round":  {"x rounded to n digits behind the point, halves away from zero.", "round(2.567, 2)", "2.57"},
		"bround": {"x rounded to n digits behind the point, halves to the even digit.", "bround(2.5, 0)", "2"},
	} {
		define(name, name+"(x[, n])", doc[0], doc[1], doc[2], 1, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			return b.round(c, args, name == "bround")
		})
	}
	for name, doc := range map[string][2]string{"floor": {"The greatest integer that is not above x.", "-2"}, "ceil": {"The least integer that is not below x.", "-1"}} {
		define(name, name+"(x[, n])", doc[0]+" With n, of so many digits behind the point.", name+"(-1.5)", doc[1], 1, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if len(args) == 2 {
				return b.floorTo(c, args, name == "ceil")
			}
			return b.floor(c, args[0], name == "ceil")
		})
	}
	also("ceil", "ceiling")
}

// floor binds floor and ceil: bigint of doubles, a decimal without fraction of decimals.
func (b *binder) floor(c *parse.Call, x *node, up bool) (*node, error) {
	if integral(x.t.Kind) {
		return b.implicit(x, batch.BigIntType, c)
	}
	name := strings.ToLower(c.Name)
	if x.t.Kind == batch.Decimal {
		scale := int(x.t.Scale)
		t := batch.DecimalType(uint8(min(38, int(x.t.Precision)-scale+1)), 0)
		if scale == 0 {
			t = x.t
		}
		return b.intern(b.callStrict(name, t, strict(t, func(x *rows, i int) {
			q, rest := x.a[0].c.I128[i&x.a[0].mask()].QuoRem(batch.Pow10(scale))
			if up && rest.Sign() > 0 {
				q = q.Add(batch.Int128From(1))
			} else if !up && rest.Sign() < 0 {
				q = q.Sub(batch.Int128From(1))
			}
			x.b.Decimal(q)
		}), x), ""), nil
	}
	x, err := b.implicit(x, batch.DoubleType, c)
	if err != nil {
		return nil, err
	}
	return b.intern(b.callStrict(name, batch.BigIntType, strict(batch.BigIntType, func(x *rows, i int) {
		v := math.Floor(x.f64(0, i))
		if up {
			v = math.Ceil(x.f64(0, i))
		}
		w, _ := cut(v)
		x.b.Int64(w)
	}), x), ""), nil
}

// floorTo binds floor and ceil to a constant number of digits.
func (b *binder) floorTo(c *parse.Call, args []*node, up bool) (*node, error) {
	v, ok := args[1].wholeConstant()
	if !ok || v > 38 || v < -38 {
		return nil, b.fail(c, "NON_FOLDABLE_ARGUMENT", "the number of digits is an integer constant from -38 to 38")
	}
	digits := int(v)
	x := args[0]
	t := decimalFor(x.t)
	switch t.Kind {
	case batch.Decimal:
	case batch.Float:
		t = batch.DecimalType(14, 7)
	case batch.Double, batch.Void, batch.String:
		t = batch.DecimalType(30, 15)
	default:
		return nil, b.mismatch(c.Args[0], "%s needs a number, this is of type %s", strings.ToLower(c.Name), clip(x.t.String()))
	}
	x, err := b.implicit(x, t, c)
	if err != nil {
		return nil, err
	}
	scale, to := int(t.Scale), roundedType(t, digits)
	unit := batch.Pow10(max(0, scale-digits))
	return b.intern(b.callStrict(strings.ToLower(c.Name), to, strict(to, func(x *rows, i int) {
		q, rest := x.a[0].c.I128[i&x.a[0].mask()].QuoRem(unit)
		if up && rest.Sign() > 0 {
			q = q.Add(batch.Int128From(1))
		} else if !up && rest.Sign() < 0 {
			q = q.Sub(batch.Int128From(1))
		}
		if w, ok := q.Rescale(min(digits, scale), int(to.Scale)); ok && w.FitsPrecision(int(to.Precision)) {
			x.b.Decimal(w)
		} else {
			x.b.Null()
		}
	}), x), fmt.Sprint(digits)), nil
}

// roundedType is the type of a decimal that is rounded to so many digits behind the point.
func roundedType(t batch.Type, digits int) batch.Type {
	whole := int(t.Precision) - int(t.Scale) + 1
	if digits < 0 {
		return batch.DecimalType(uint8(min(38, max(whole, 1-digits))), 0)
	}
	scale := min(int(t.Scale), digits)
	return batch.DecimalType(uint8(min(38, whole+scale)), uint8(scale))
}

// round binds round and bround; n is a constant.
func (b *binder) round(c *parse.Call, args []*node, even bool) (*node, error) {
	digits := int64(0)
	if len(args) == 2 {
		n, err := b.implicit(args[1], batch.IntType, c)
		if err != nil {
			return nil, err
		}
		v, ok := n.wholeConstant()
		if !ok || v > 400 || v < -400 {
			return nil, b.fail(c, "NON_FOLDABLE_ARGUMENT", "the number of digits is an integer constant")
		}
		digits = v
	}
	x, err := b.number(args[0], c.Args[0])
	if err != nil {
		return nil, err
	}
	detail := fmt.Sprint(digits)
	name := strings.ToLower(c.Name)
	switch {
	case x.t.Kind == batch.Decimal:
		return b.roundDecimal(name, x, int(digits), even), nil
	case integral(x.t.Kind) && digits >= 0:
		return x, nil
	case integral(x.t.Kind):
		return b.roundWhole(c, name, x, int(-digits), even)
	case x.t.Kind == batch.Float:
		if x, err = b.implicit(x, batch.DoubleType, c); err != nil {
			return nil, err
		}
		out := b.intern(b.call(name, batch.DoubleType, roundDouble(int(digits), even), x), detail)
		return b.implicit(out, batch.FloatType, c)
	}
	return b.intern(b.call(name, batch.DoubleType, roundDouble(int(digits), even), x), detail), nil
}

// roundDouble rounds the shortest decimal text of a double, as Spark's BigDecimal does.
func roundDouble(digits int, even bool) kernel {
	return strict(batch.DoubleType, func(x *rows, i int) {
		v := x.f64(0, i)
		if math.IsNaN(v) || math.IsInf(v, 0) || digits > 300 || v == math.Trunc(v) && digits >= 0 {
			x.b.Float64(v)
			return
		}
		scale := math.Pow(10, math.Abs(float64(digits)))
		shifted := v * scale
		if digits < 0 {
			shifted = v / scale
		}
		if near := math.Round(shifted*2) / 2; math.Abs(near-shifted) < 1e-9*math.Abs(shifted) {
			shifted = near // 1.005*100 is 100.49999999999999: the half was meant
		}
		w := math.Round(shifted)
		if even {
			w = math.RoundToEven(shifted)
		}
		if digits < 0 {
			w *= scale
		} else {
			w /= scale
		}
		if math.IsInf(w, 0) || math.IsNaN(w) {
			w = v
		}
		x.b.Float64(w)
	})
}

func (b *binder) roundDecimal(name string, x *node, digits int, even bool) *node {
	s, t := int(x.t.Scale), roundedType(x.t, digits)
	if digits >= s { // a digit more in front, as for those that are rounded
		if wider, err := b.cast(x, t, castTry, nil); err == nil {
			return wider
		}
	}
	drop := min(s-digits, 38)
	return b.intern(b.call(name, t, roundDecimalKernel(t, drop, digits, even), x), fmt.Sprint(digits))
}

// roundDecimalKernel drops digits, and brings those in front of the point back as zeros.
func roundDecimalKernel(t batch.Type, drop, digits int, even bool) kernel {
	loop, unit := roundLoop(drop), batch.Pow10(drop)
	if even || digits < 0 {
		loop = nil
	}
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c := r.dense(t)
		r.copyNulls(c, a...)
		x, m := a[0].c.I128, a[0].mask()
		if loop != nil && !loop(c.I128, x) {
			return c, nil
		}
		for i := range c.I128 {
			v := x[i&m]
			q := v.QuoHalfUp(unit)
			if even {
				whole, rest := v.QuoRem(unit)
				if twice := rest.Abs().Add(rest.Abs()); twice.Cmp(unit) == 0 && whole.Lo&1 == 0 {
					q = whole
				}
			}
			if digits < 0 {
				q, _ = q.Mul(batch.Pow10(min(-digits, 38)))
			}
			c.I128[i] = q
		}
		return c, nil
	}
}

func (b *binder) roundWhole(c *parse.Call, name string, x *node, digits int, even bool) (*node, error) {
	t := x.t
	d, err := b.implicit(x, batch.DecimalType(20, 0), c)
	if err != nil {
		return nil, err
	}
	return b.implicit(b.roundDecimal(name, d, -digits, even), t, c)
}

// extreme binds greatest (1) and least (-1).
func extreme(sign int) func(*binder, *parse.Call, []*node) (*node, error) {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		t, err := b.commonOf(c, args)
		if err != nil {
			return nil, err
		}
		if t.Nested() {
			return nil, b.mismatch(c, "values of type %s have no order here", clip(t.String()))
		}
		n := &node{name: strings.ToLower(c.Name), t: t, nullable: true, args: args}
		n.kernel = func(r *run, sel []int32, a []val) (*batch.Column, error) {
			m := newMerger(r, sel)
			defer m.close()
			for _, v := range a {
				m.part(val{c: v.c.Retain(), one: v.one}, r.pool().Words(batch.BitmapWords(r.n)))
			}
			r.each(sel, func(i int) {
				best := -1
				for k, v := range a {
					if v.null(i) {
						continue
					}
					if best < 0 || sign*nestedOrder(v.c, a[best].c, i&v.mask(), i&a[best].mask()) > 0 {
						best = k
					}
				}
				if best >= 0 {
					m.taken[best].Set(i)
				}
			})
			return m.column(t), nil
		}
		return b.intern(n, ""), nil
	}
}
