package agg

import (
	"math"

	"github.com/deltaic/deltaic/batch"
)

func buildCount(b *binder, c *Call) error {
	c.Type = batch.BigIntType
	c.finish = wordResult(batch.BigIntType, b.count(b.maskOf(c)), -1)
	return nil
}

// total is where the sum of a call's argument is kept.
type total struct {
	at    int
	kind  batch.Kind // of the result
	wide  *wideSlot
	float *floatSlot
}

// sum makes or finds the slot that sums the call's argument. A mean of bigint
// cannot overflow, so it asks for 128 bits.
func (b *binder) sum(c *Call, mean bool) (total, batch.Type) {
	x, m := c.arguments[0], b.maskOf(c)
	t, arg := x.Type(), b.input(x)
	switch t.Kind {
	case batch.Float, batch.Double:
		s := &floatSlot{arg: arg, counts: b.o.Updating}
		values := 2
		if s.counts {
			values = 5
		}
		s = share(b, "sum", arg, m, values, s, &s.at)
		b.plan.exact = false
		return total{at: s.at, kind: batch.Double, float: s}, batch.DoubleType
	case batch.Decimal:
		s, values := &wideSlot{arg: arg, top: t.Precision > wideDigits}, 2
		if s.top {
			values = 3
		}
		s = share(b, "sum", arg, m, values, s, &s.at)
		return total{at: s.at, kind: batch.Decimal, wide: s}, decimal(int(t.Precision)+10, int(t.Scale))
	}
	result := batch.BigIntType
	if t.Kind == batch.DayTime || t.Kind == batch.YearMonth {
		result = t
	}
	if t.Kind == batch.BigInt && (mean || b.means[x.SQL()]) {
		s := &wideSlot{arg: arg}
		s = share(b, "sum", arg, m, 2, s, &s.at)
		return total{at: s.at, kind: result.Kind, wide: s}, result
	}
	s := &sumSlot{arg: arg, call: c.SQL, t: result, wraps: !b.o.ANSI}
	s = share(b, "sum", arg, m, 1, s, &s.at)
	return total{at: s.at, kind: result.Kind}, result
}

// decimal bounds precision and scale by 38, as Spark does for sums and means.
func decimal(precision, scale int) batch.Type {
	return batch.DecimalType(uint8(min(precision, batch.MaxPrecision)), uint8(min(scale, batch.MaxPrecision)))
}

func buildSum(b *binder, c *Call) error {
	s, t := b.sum(c, false)
	count := b.some(c)
	c.Type, c.Nullable = t, true
	switch {
	case s.float != nil:
		c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
			return nullable(t, p, from, count, func(o *batch.Builder, i int) error { o.Float64(s.float.total(from, i)); return nil })
		}
	case s.wide != nil:
		c.finish = wideSum(c.SQL, t, s.wide, count, b.o.ANSI)
	case t.Kind == batch.YearMonth:
		c.finish = monthSum(c.SQL, s.at, count)
	default:
		c.finish = wordResult(t, s.at, count)
	}
	return nil
}

// wideSum is the finish of a wide sum that must fit the type; without ANSI it is null
// (decimal) or wraps (bigint) where it does not.
func wideSum(call string, t batch.Type, s *wideSlot, count int, ansi bool) finish {
	return func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(t, p, from, count, func(o *batch.Builder, i int) error {
			v, held := s.total(from, i)
			whole, fits := v.Int64()
			if t.Kind == batch.Decimal {
				fits = held && v.FitsPrecision(int(t.Precision))
			}
			switch {
			case !fits && ansi:
				return overflow(i, call, t)
			case t.Kind != batch.Decimal:
				o.Int64(whole)
			case fits:
				o.Decimal(v)
			default:
				o.Null()
			}
			return nil
		})
	}
}

func monthSum(call string, at, count int) finish {
	return func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(batch.YearMonthType, p, from, count, func(o *batch.Builder, i int) error {
			v := int64(from.words[at][i])
			if v < math.MinInt32 || v > math.MaxInt32 {
				return overflow(i, call, batch.YearMonthType)
			}
			o.Int32(int32(v))
			return nil
		})
	}
}

func buildAvg(b *binder, c *Call) error {
	s, t := b.sum(c, true)
	n := b.count(b.maskOf(c))
	c.Nullable = true
	switch {
	case s.float != nil:
		c.Type = batch.DoubleType
		c.finish = mean(batch.DoubleType, n, func(o *batch.Builder, from *Partial, i int, n int64) error {
			o.Float64(s.float.total(from, i) / float64(n))
			return nil
		})
	case t.Kind == batch.Decimal:
		x := c.arguments[0].Type()
		c.Type = decimal(int(x.Precision)+4, int(x.Scale)+4)
		c.finish = decimalMean(c.SQL, c.Type, int(x.Scale), s.wide, n, b.o.ANSI)
	case t.Kind == batch.DayTime || t.Kind == batch.YearMonth:
		c.Type = t
		c.finish = mean(t, n, func(o *batch.Builder, from *Partial, i int, n int64) error {
			v := batch.Int128From(int64(from.words[s.at][i])).QuoHalfUp(batch.Int128From(n))
			appendOrdered(o, v.Lo)
			return nil
		})
	default:
		c.Type = batch.DoubleType
		c.finish = mean(batch.DoubleType, n, func(o *batch.Builder, from *Partial, i int, n int64) error {
			sum := int64(from.words[s.at][i])
			if s.wide != nil {
				v := from.wide(s.at, i)
				if whole, fits := v.Int64(); !fits {
					o.Float64(v.Float64(0) / float64(n))
					return nil
				} else {
					sum = whole
				}
			}
			o.Float64(float64(sum) / float64(n))
			return nil
		})
	}
	return nil
}

// mean calls value for the rows with a count above 0.
func mean(t batch.Type, count int, value func(o *batch.Builder, from *Partial, i int, n int64) error) finish {
	return func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(t, p, from, count, func(o *batch.Builder, i int) error {
			return value(o, from, i, int64(from.words[count][i]))
		})
	}
}

// decimalMean divides at the result's scale, halves away from zero. What does not fit is null without ANSI.
func decimalMean(call string, t batch.Type, scale int, s *wideSlot, count int, ansi bool) finish {
	return mean(t, count, func(o *batch.Builder, from *Partial, i int, n int64) error {
		sum, held := s.total(from, i)
		v, ok := quotient(sum, n, scale, int(t.Scale))
		switch {
		case held && ok && v.FitsPrecision(int(t.Precision)):
			o.Decimal(v)
		case ansi:
			return overflow(i, call, t)
		default:
			o.Null()
		}
		return nil
	})
}

// quotient returns v at scale from divided by n at scale to.
func quotient(v batch.Int128, n int64, from, to int) (batch.Int128, bool) {
	if w, ok := v.Mul(batch.Pow10(to - from)); ok {
		return w.QuoHalfUp(batch.Int128From(n)), true
	}
	// The product is above 128 bits: divide the whole part and the rest apart.
	d := batch.Int128From(n)
	q, r := v.QuoRem(d)
	whole, ok := q.Mul(batch.Pow10(to - from))
	rest, fits := r.Mul(batch.Pow10(to - from))
	if !ok || !fits {
		return whole, false
	}
	return whole.Add(rest.QuoHalfUp(d)), true
}
