package expr

import (
	"math/bits"

	"github.com/deltaic/deltaic/batch"
)

// A decimal is 128 bits wide, but the numbers of most columns fit 64. The loops here compute the rows whose operands do, and
// report whether there were others. Rows that are null or not selected hold anything, so that does not say yet that a row fails.

// decimalLoop computes d of x and y, of which each has one row or as many as d.
type decimalLoop func(d, x, y []batch.Int128) (suspect bool)

// half is what an operand must be below so that the sum of two fits.
const half = 1 << 62

// decimalLoopOf returns the loop for op of operands of these types, nil if there is none. That operands are below the limits
// implies that the result fits its type, which has a digit more than it needs, or all that there are.
func decimalLoopOf(op string, l, r, t batch.Type) decimalLoop {
	s1, s2 := int(l.Scale), int(r.Scale)
	s := max(s1, s2)
	switch {
	case (op == "+" || op == "-") && s == int(t.Scale) && s-min(s1, s2) <= 18:
		fx, _ := batch.Pow10(s - s1).Int64()
		fy, _ := batch.Pow10(s - s2).Int64()
		lx, ly := min(limitOf(l), half/uint64(fx)), min(limitOf(r), half/uint64(fy))
		if op == "-" {
			fy = -fy
		}
		return func(d, x, y []batch.Int128) bool {
			if len(x) < len(d) {
				return addDecimals(d, y, x, fy, fx, ly, lx)
			}
			return addDecimals(d, x, y, fx, fy, lx, ly)
		}
	case op == "*" && s1+s2 == int(t.Scale):
		lx, ly := limitOf(l), limitOf(r)
		return func(d, x, y []batch.Int128) bool {
			if len(x) < len(d) {
				return multiplyDecimals(d, y, x, ly, lx)
			}
			return multiplyDecimals(d, x, y, lx, ly)
		}
	}
	return nil
}

// limitOf returns a power of two that no number of the type reaches, or that of 64 bits.
func limitOf(t batch.Type) uint64 {
	if t.Precision > 18 {
		return 1 << 63
	}
	return 1 << bits.Len64(batch.Pow10(int(t.Precision)).Lo-1)
}

// magnitudes gathers whether numbers do not fit 64 bits, and the bits of their magnitudes.
type magnitudes struct{ high, magnitude int64 }

func (w magnitudes) beyond(limit uint64) bool {
	return w.high != 0 || uint64(w.magnitude) >= 1<<(bits.Len64(limit)-1)
}

// addDecimals computes x*fx + y*fy; y may be one row.
func addDecimals(d, x, y []batch.Int128, fx, fy int64, lx, ly uint64) bool {
	var p, q magnitudes
	x = x[:len(d)]
	if len(y) < len(d) {
		b := int64(y[0].Lo)
		q = magnitudes{y[0].Hi ^ b>>63, b ^ b>>63}
		if q.beyond(ly) {
			return true
		}
		b *= fy
		for i := range d {
			a := int64(x[i].Lo)
			p.high |= x[i].Hi ^ a>>63
			p.magnitude |= a ^ a>>63
			s := a*fx + b
			d[i] = batch.Int128{Hi: s >> 63, Lo: uint64(s)}
		}
		return p.beyond(lx)
	}
	y = y[:len(d)]
	for i := range d {
		a, b := int64(x[i].Lo), int64(y[i].Lo)
		p.high |= (x[i].Hi ^ a>>63) | (y[i].Hi ^ b>>63)
		p.magnitude |= a ^ a>>63
		q.magnitude |= b ^ b>>63
		s := a*fx + b*fy
		d[i] = batch.Int128{Hi: s >> 63, Lo: uint64(s)}
	}
	return p.beyond(lx) || q.beyond(ly)
}

// stretch is how many rows are multiplied in 64 bits before it is looked whether those were enough.
const stretch = 512

// multiplyDecimals computes x*y; y may be one row. Products of 64 bits are tried first, stretch by stretch.
func multiplyDecimals(d, x, y []batch.Int128, lx, ly uint64) bool {
	for len(d) > 0 {
		n := min(len(d), stretch)
		q := y[:min(n, len(y))]
		p, r := multiplyNarrow(d[:n], x[:n], q)
		if p.beyond(lx) || r.beyond(ly) {
			return true
		}
		if bits.Len64(uint64(p.magnitude))+bits.Len64(uint64(r.magnitude)) > 63 {
			return multiplyWide(d, x, y, lx, ly)
		}
		if d, x = d[n:], x[n:]; len(y) > 1 {
			y = y[n:]
		}
	}
	return false
}

func multiplyNarrow(d, x, y []batch.Int128) (p, q magnitudes) {
	x = x[:len(d)]
	if len(y) < len(d) {
		b := int64(y[0].Lo)
		q = magnitudes{y[0].Hi ^ b>>63, b ^ b>>63}
		for i := range d {
			a := int64(x[i].Lo)
			p.high |= x[i].Hi ^ a>>63
			p.magnitude |= a ^ a>>63
			s := a * b
			d[i] = batch.Int128{Hi: s >> 63, Lo: uint64(s)}
		}
		return p, q
	}
	y = y[:len(d)]
	for i := range d {
		a, b := int64(x[i].Lo), int64(y[i].Lo)
		p.high |= (x[i].Hi ^ a>>63) | (y[i].Hi ^ b>>63)
		p.magnitude |= a ^ a>>63
		q.magnitude |= b ^ b>>63
		s := a * b
		d[i] = batch.Int128{Hi: s >> 63, Lo: uint64(s)}
	}
	return p, q
}

// multiplyWide gives products all of their 128 bits.
func multiplyWide(d, x, y []batch.Int128, lx, ly uint64) bool {
	var p, q magnitudes
	last := len(y) - 1
	for i := range d {
		o := y[min(i, last)]
		a, b := int64(x[i].Lo), int64(o.Lo)
		p.high |= (x[i].Hi ^ a>>63) | (o.Hi ^ b>>63)
		p.magnitude |= a ^ a>>63
		q.magnitude |= b ^ b>>63
		hi, lo := bits.Mul64(uint64(a), uint64(b))
		d[i] = batch.Int128{Hi: int64(hi) - a>>63&b - b>>63&a, Lo: lo}
	}
	return p.beyond(lx) || q.beyond(ly)
}

// roundLoop returns a loop that divides by 10^drop and rounds halves away from zero, nil for more than it can divide by.
func roundLoop(drop int) func(d, x []batch.Int128) (suspect bool) {
	if drop < 1 || drop > 18 {
		return nil
	}
	by := newDivisor(batch.Pow10(drop).Lo)
	add := by.d / 2
	return func(d, x []batch.Int128) bool {
		var p magnitudes
		x = x[:len(d)]
		for i := range d {
			a, sign := int64(x[i].Lo), x[i].Hi
			p.high |= sign ^ a>>63
			p.magnitude |= a ^ a>>63
			q := int64(by.quo(uint64((a^sign)-sign) + add))
			q = (q ^ sign) - sign
			d[i] = batch.Int128{Hi: q >> 63, Lo: uint64(q)}
		}
		return p.beyond(half)
	}
}
