package batch

import (
	"math/big"
	"math/bits"
)

// MaxPrecision is the most digits that a decimal can have.
const MaxPrecision = 38

// pow10 holds 10^0 to 10^38.
var pow10 = func() (p [MaxPrecision + 1]Int128) {
	p[0] = Int128{Lo: 1}
	for i := 1; i < len(p); i++ {
		p[i], _ = p[i-1].Mul(Int128{Lo: 10})
	}
	return p
}()

// Pow10 returns 10^n; n is 0..38.
func Pow10(n int) Int128 { return pow10[n] }

// Add returns v+o modulo 2^128. Sums of two decimals of at most 38 digits fit.
func (v Int128) Add(o Int128) Int128 {
	lo, carry := bits.Add64(v.Lo, o.Lo, 0)
	hi, _ := bits.Add64(uint64(v.Hi), uint64(o.Hi), carry)
	return Int128{int64(hi), lo}
}

// Sub returns v-o modulo 2^128.
func (v Int128) Sub(o Int128) Int128 {
	lo, borrow := bits.Sub64(v.Lo, o.Lo, 0)
	hi, _ := bits.Sub64(uint64(v.Hi), uint64(o.Hi), borrow)
	return Int128{int64(hi), lo}
}

// Neg returns -v modulo 2^128.
func (v Int128) Neg() Int128 { return Int128{}.Sub(v) }

// Abs returns v without its sign. Only the least number has none: it stays.
func (v Int128) Abs() Int128 {
	if v.Hi < 0 {
		return v.Neg()
	}
	return v
}

// Sign returns -1, 0 or 1.
func (v Int128) Sign() int {
	switch {
	case v.Hi < 0:
		return -1
	case v.Hi == 0 && v.Lo == 0:
		return 0
	}
	return 1
}

// Cmp returns -1, 0 or 1 as v is less than, equal to or greater than o.
func (v Int128) Cmp(o Int128) int {
	switch {
	case v.Hi != o.Hi:
		if v.Hi < o.Hi {
			return -1
		}
		return 1
	case v.Lo < o.Lo:
		return -1
	case v.Lo > o.Lo:
		return 1
	}
	return 0
}

// Int64 returns v as an int64 and whether it fits.
func (v Int128) Int64() (int64, bool) { return int64(v.Lo), v.Hi == int64(v.Lo)>>63 }

// MulInt64 returns a*b, which always fits.
func MulInt64(a, b int64) Int128 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	// Unsigned to signed: take back 2^64 times the other for each negative one.
	return Int128{int64(hi) - a>>63&b - b>>63&a, lo}
}

// Mul returns v*o and whether it fits; if not, the product modulo 2^128.
func (v Int128) Mul(o Int128) (Int128, bool) {
	if a, ok := v.Int64(); ok {
		if b, ok := o.Int64(); ok {
			return MulInt64(a, b), true
		}
	}
	negative := (v.Hi < 0) != (o.Hi < 0)
	a, b := v.Abs(), o.Abs()
	hi, lo := bits.Mul64(a.Lo, b.Lo)
	over1, cross1 := bits.Mul64(uint64(a.Hi), b.Lo)
	over2, cross2 := bits.Mul64(a.Lo, uint64(b.Hi))
	hi, carry1 := bits.Add64(hi, cross1, 0)
	hi, carry2 := bits.Add64(hi, cross2, 0)
	fits := over1|over2|carry1|carry2 == 0 && (a.Hi == 0 || b.Hi == 0)
	p := Int128{int64(hi), lo}
	least := hi == 1<<63 && lo == 0 // -2^127 fits, 2^127 does not
	fits = fits && (p.Hi >= 0 || negative && least)
	if negative {
		p = p.Neg()
	}
	return p, fits
}

// quoRemUnsigned divides bit patterns as unsigned numbers; o is not zero.
func quoRemUnsigned(v, o Int128) (q, r Int128) {
	vh, oh := uint64(v.Hi), uint64(o.Hi)
	if oh == 0 {
		qh, rest := vh/o.Lo, vh%o.Lo
		ql, rl := bits.Div64(rest, v.Lo, o.Lo)
		return Int128{int64(qh), ql}, Int128{Lo: rl}
	}
	// The quotient is below 2^64. Divide by the upper 64 bits of o, shifted up
	// to their full width, which is at most one too much (Hacker's Delight 9-5).
	n := uint(bits.LeadingZeros64(oh))
	top := oh<<n | o.Lo>>1>>(63-n)
	guess, _ := bits.Div64(vh>>1, v.Lo>>1|vh<<63, top)
	guess = guess >> (63 - n)
	if guess != 0 {
		guess--
	}
	hi, lo := bits.Mul64(guess, o.Lo)
	hi += guess * oh
	r = v.Sub(Int128{int64(hi), lo})
	if uint64(r.Hi) > oh || uint64(r.Hi) == oh && r.Lo >= o.Lo {
		guess++
		r = r.Sub(o)
	}
	return Int128{Lo: guess}, r
}

// QuoRem returns the quotient, cut towards zero, and the remainder, which has
// the sign of v. o must not be zero.
func (v Int128) QuoRem(o Int128) (q, r Int128) {
	if a, ok := v.Int64(); ok && a != -1<<63 {
		if b, ok := o.Int64(); ok {
			return Int128From(a / b), Int128From(a % b)
		}
	}
	q, r = quoRemUnsigned(v.Abs(), o.Abs())
	if (v.Hi < 0) != (o.Hi < 0) {
		q = q.Neg()
	}
	if v.Hi < 0 {
		r = r.Neg()
	}
	return q, r
}

// QuoHalfUp returns v/o rounded to the nearest integer, halves away from zero, as
// Spark rounds decimals. o must not be zero.
func (v Int128) QuoHalfUp(o Int128) Int128 {
	q, r := v.QuoRem(o)
	a, b := r.Abs(), o.Abs()
	if rest := b.Sub(a); uint64(a.Hi) > uint64(rest.Hi) || a.Hi == rest.Hi && a.Lo >= rest.Lo {
		if (v.Hi < 0) != (o.Hi < 0) {
			return q.Sub(Int128{Lo: 1})
		}
		return q.Add(Int128{Lo: 1})
	}
	return q
}

// FitsPrecision reports whether v has at most precision digits; precision is
// 1..38.
func (v Int128) FitsPrecision(precision int) bool {
	limit := pow10[precision]
	a := v.Abs()
	return a.Hi >= 0 && a.Cmp(limit) < 0
}

// Rescale returns the unscaled value at scale to of the one at scale from,
// halves rounded away from zero (HALF_UP), and whether it fits into 38 digits. Scales are 0..38.
func (v Int128) Rescale(from, to int) (Int128, bool) {
	switch {
	case to > from:
		w, ok := v.Mul(pow10[to-from])
		return w, ok && w.FitsPrecision(MaxPrecision)
	case to < from:
		v = v.QuoHalfUp(pow10[from-to])
	}
	return v, v.FitsPrecision(MaxPrecision)
}

// Float64 returns the decimal at this scale as the nearest double, give or
// take the last bit.
func (v Int128) Float64(scale int) float64 {
	if i, ok := v.Int64(); ok && scale <= 22 && i > -1<<53 && i < 1<<53 {
		return float64(i) / float64Pow10[scale] // both exact: correctly rounded
	}
	f, _ := new(big.Rat).SetFrac(v.Big(), pow10[scale].Big()).Float64()
	return f
}

var float64Pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// Big returns v as a big integer.
func (v Int128) Big() *big.Int {
	b := big.NewInt(v.Hi)
	b.Lsh(b, 64)
	return b.Add(b, new(big.Int).SetUint64(v.Lo))
}

// Int128FromBig returns b and whether it fits.
func Int128FromBig(b *big.Int) (Int128, bool) {
	least := b.Sign() < 0 && b.BitLen() == 128 && b.TrailingZeroBits() == 127 // -2^127
	if b.BitLen() > 127 && !least {
		return Int128{}, false
	}
	mask := new(big.Int).SetUint64(^uint64(0))
	lo := new(big.Int).And(b, mask).Uint64()
	hi := new(big.Int).Rsh(b, 64).Int64()
	return Int128{hi, lo}, true
}
