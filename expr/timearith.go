package expr

import (
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

func temporal(k batch.Kind) bool { return k >= batch.Date && k <= batch.DayTime }

// timeArithmetic binds + and - of dates, timestamps and intervals, and
// intervals times or divided by numbers.
func (b *binder) timeArithmetic(op string, at parse.Node, l, r *node, mode castMode) (*node, error) {
	if op == "+" && (!temporal(l.t.Kind) || interval(l.t.Kind)) && !interval(r.t.Kind) {
		l, r = r, l
	}
	switch {
	case op == "-" && l.t.Kind != batch.Date && instantKind(l.t.Kind) && instantKind(r.t.Kind),
		op == "-" && l.t.Kind == batch.Date && instantKind(r.t.Kind):
		return b.difference(at, l, r)
	case (op == "+" || op == "-") && instantKind(l.t.Kind) && interval(r.t.Kind):
		return b.shift(op, at, l, r, mode)
	case (op == "+" || op == "-") && l.t.Kind == batch.Date && integral(r.t.Kind) && r.t.Kind != batch.BigInt:
		return b.addDays(at, l, r, op == "-")
	case (op == "+" || op == "-") && interval(l.t.Kind) && l.t.Kind == r.t.Kind:
		if mode == castLegacy {
			mode = castANSI // intervals never wrap
		}
		t := unitsOf(l.t, r.t)
		k := wholeKernel(op, t, mode, func(c *batch.Column) []int64 { return c.I64 })
		if t.Kind == batch.YearMonth {
			k = wholeKernel(op, t, mode, func(c *batch.Column) []int32 { return c.I32 })
		}
		return b.arithmeticNode(b.callStrict(op, t, k, l, r), true, mode), nil
	case op == "*" && interval(r.t.Kind) && numeric(l.t.Kind):
		return b.scale(op, at, r, l, mode)
	case (op == "*" || op == "/") && interval(l.t.Kind) && numeric(r.t.Kind):
		return b.scale(op, at, l, r, mode)
	}
	return nil, b.mismatch(at, "there is no %s %s %s", clip(l.t.String()), op, clip(r.t.String()))
}

func interval(k batch.Kind) bool { return k == batch.YearMonth || k == batch.DayTime }
func instantKind(k batch.Kind) bool {
	return k == batch.Date || k == batch.Timestamp || k == batch.TimestampNTZ
}

// retyped gives the result of a kernel another type with the same buffers.
func retyped(k kernel, t batch.Type) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c, err := k(r, sel, a)
		if err == nil {
			c.Type = t
		}
		return c, err
	}
}

// difference binds the day-time interval between two instants.
func (b *binder) difference(at parse.Node, l, r *node) (*node, error) {
	if l.t.Kind == batch.Date && r.t.Kind == batch.Date {
		t := batch.IntervalType(batch.DayTime, 0, 0)
		k := strict(t, func(x *rows, i int) {
			x.b.Int64((int64(x.i32(0, i)) - int64(x.i32(1, i))) * datetime.Day)
		})
		return b.intern(b.callStrict("-", t, k, l, r), ""), nil
	}
	l, r, err := b.pair(at, l, r)
	if err != nil {
		return nil, err
	}
	zoned := l.t.Kind == batch.Timestamp
	return b.intern(b.callStrict("-", batch.DayTimeType, strict(batch.DayTimeType, func(x *rows, i int) {
		p, q := x.i64(0, i), x.i64(1, i)
		if zoned { // between the wall clocks
			p, q = datetime.Local(p, x.r.zone), datetime.Local(q, x.r.zone)
		}
		x.b.Int64(p - q)
	}), l, r), ""), nil
}

// shift binds an instant plus or minus an interval. A date stays one if the
// interval is of months or of whole days; else it becomes a timestamp.
func (b *binder) shift(op string, at parse.Node, l, r *node, mode castMode) (*node, error) {
	sign := int64(1)
	if op == "-" {
		sign = -1
	}
	if _, unit := r.t.Units(); l.t.Kind == batch.Date && r.t.Kind == batch.DayTime && unit > 0 {
		var err error
		if l, err = b.implicit(l, batch.TimestampType, at); err != nil {
			return nil, err
		}
	}
	if l.t.Kind != batch.Date && r.t.Kind == batch.DayTime {
		return b.arithmeticNode(b.callStrict(op, l.t, shiftTime(op, l.t, sign, mode), l, r), true, mode), nil
	}
	t := l.t
	k := strict(t, func(x *rows, i int) {
		ok := true
		if t.Kind == batch.Date {
			days := int64(x.i32(0, i))
			if r.t.Kind == batch.DayTime {
				days += sign * (x.i64(1, i) / datetime.Day)
			} else {
				var d int32
				d, ok = datetime.AddMonths(x.i32(0, i), sign*int64(x.i32(1, i)))
				days = int64(d)
			}
			if ok && days == int64(int32(days)) {
				x.b.Int32(int32(days))
				return
			}
		} else if v, fits := datetime.MoveMonths(x.i64(0, i), sign*int64(x.i32(1, i)), x.zoneOf(t)); fits {
			x.b.Int64(v)
			return
		}
		if mode == castANSI {
			x.fail(i, "DATETIME_OVERFLOW", "the result of the date arithmetic is out of range", nil)
		} else {
			x.b.Null()
		}
	})
	return b.arithmeticNode(b.callStrict(op, t, k, l, r), true, mode), nil
}

// zoneOf is the zone by whose clock values of a type go: none for those without a zone.
func (x *rows) zoneOf(t batch.Type) *time.Location {
	if t.Kind == batch.TimestampNTZ {
		return nil
	}
	return x.r.zone
}

// shiftTime makes the kernel of a time plus or minus days and what is below: days go by the wall clock.
func shiftTime(op string, t batch.Type, sign int64, mode castMode) kernel {
	plain := retyped(wholeKernel(op, batch.BigIntType, mode, func(c *batch.Column) []int64 { return c.I64 }), t)
	zoned := strict(t, func(x *rows, i int) {
		span := x.i64(1, i)
		days := span / datetime.Day
		v, ok := datetime.AddDays(x.i64(0, i), sign*days, x.r.zone)
		w := v + sign*(span-days*datetime.Day)
		if !ok || (w > v) != (sign*(span-days*datetime.Day) > 0) && w != v {
			if mode == castANSI {
				x.fail(i, "DATETIME_OVERFLOW", "the result of the date arithmetic is out of range", nil)
			} else {
				x.b.Null()
			}
			return
		}
		x.b.Int64(w)
	})
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		if t.Kind == batch.TimestampNTZ || datetime.UTC(r.zone) {
			return plain(r, sel, a)
		}
		return zoned(r, sel, a)
	}
}

// addDays binds date plus or minus a number of days.
func (b *binder) addDays(at parse.Node, l, r *node, minus bool) (*node, error) {
	l, err := b.implicit(l, batch.DateType, at)
	if err != nil {
		return nil, err
	}
	if r, err = b.implicit(r, batch.IntType, at); err != nil {
		return nil, err
	}
	k := strict(batch.DateType, func(x *rows, i int) {
		if minus {
			x.b.Int32(x.i32(0, i) - x.i32(1, i))
		} else {
			x.b.Int32(x.i32(0, i) + x.i32(1, i))
		}
	})
	name := map[bool]string{true: "date_sub", false: "date_add"}[minus]
	return b.intern(b.callStrict(name, batch.DateType, k, l, r), ""), nil
}

// scaledByDouble is an interval times or divided by a double, and the class of what is wrong.
func scaledByDouble(x *rows, i int, op string) (int64, string) {
	v, f := float64(x.whole(0, i)), x.f64(1, i)
	switch {
	case op == "*":
		v *= f
	case f == 0:
		return 0, "INTERVAL_DIVIDED_BY_ZERO"
	default:
		v /= f
	}
	w, ok := cut(math.Floor(math.Abs(v)+0.5) * math.Copysign(1, v))
	if !ok {
		return 0, "INTERVAL_ARITHMETIC_OVERFLOW"
	}
	return w, ""
}

// scaledExactly is an interval times or divided by a whole number or a decimal.
func scaledExactly(x *rows, i int, op string) (int64, string) {
	c, at := x.a[1].c, i&x.a[1].mask()
	by, scale := new(big.Int), 0
	if c.Type.Kind == batch.Decimal {
		by, scale = c.I128[at].Big(), int(c.Type.Scale)
	} else {
		w, _ := whole(c, at)
		by.SetInt64(w)
	}
	over, under := big.NewInt(x.whole(0, i)), batch.Pow10(scale).Big()
	if op == "*" {
		over.Mul(over, by)
	} else {
		over.Mul(over, under)
		under = by
	}
	if under.Sign() == 0 {
		return 0, "INTERVAL_DIVIDED_BY_ZERO"
	}
	negative := over.Sign()*under.Sign() < 0
	over.Abs(over).Lsh(over, 1).Add(over, under.Abs(under)) // half a unit more, rounded down
	over.Quo(over, under.Lsh(under, 1))
	if negative {
		over.Neg(over)
	}
	if !over.IsInt64() {
		return 0, "INTERVAL_ARITHMETIC_OVERFLOW"
	}
	return over.Int64(), ""
}

// scale binds interval * number and interval / number, rounded half up.
func (b *binder) scale(op string, at parse.Node, l, r *node, mode castMode) (*node, error) {
	by := scaledByDouble
	if integral(r.t.Kind) || r.t.Kind == batch.Decimal {
		by = scaledExactly
	} else {
		var err error
		if r, err = b.implicit(r, batch.DoubleType, at); err != nil {
			return nil, err
		}
	}
	t := l.t.Whole()
	k := strict(t, func(x *rows, i int) {
		w, class := by(x, i, op)
		if class == "" && t.Kind == batch.YearMonth && w != int64(int32(w)) {
			class = "INTERVAL_ARITHMETIC_OVERFLOW"
		}
		switch {
		case class != "" && mode != castTry:
			x.fail(i, class, strings.ToLower(strings.ReplaceAll(class, "_", " ")), nil)
		case class != "":
			x.b.Null()
		case t.Kind == batch.YearMonth:
			x.b.Int32(int32(w))
		default:
			x.b.Int64(w)
		}
	})
	return b.arithmeticNode(b.callStrict(op, t, k, l, r), true, mode), nil
}
