package expr

import "math/bits"

// divisor divides by a constant with a multiplication: q = n*m >> (64+s), where m is 2^(64+s)/d rounded up. With s the least
// for which 2^(s+1) >= d the error stays below one for every n up to 2^63.
type divisor struct {
	d, m uint64
	s    uint
}

// newDivisor takes a divisor from 2 to 2^63-1.
func newDivisor(d uint64) divisor {
	s := uint(bits.Len64(d-1) - 1)
	m, rest := bits.Div64(1<<s, 0, d)
	if rest > 0 {
		m++
	}
	return divisor{d: d, m: m, s: s}
}

// quo returns n/d; n is at most 2^63.
func (v divisor) quo(n uint64) uint64 {
	hi, _ := bits.Mul64(n, v.m)
	return hi >> (v.s & 63)
}

// quoRem returns the quotient of a signed number, cut towards zero, and the remainder.
func (v divisor) quoRem(n int64) (q, r int64) {
	sign := n >> 63
	q = int64(v.quo(uint64((n^sign)-sign))) ^ sign - sign
	return q, n - q*int64(v.d)
}
