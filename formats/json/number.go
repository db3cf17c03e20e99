package json

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// number returns the position behind the JSON number at p.
func number(s []byte, p, end int) (int, bool) {
	if p < end && s[p] == '-' {
		p++
	}
	at := p
	if p = digitsEnd(s, p, end); p == at || p > at+1 && s[at] == '0' {
		return p, false
	}
	if p < end && s[p] == '.' {
		at = p + 1
		if p = digitsEnd(s, at, end); p == at {
			return p, false
		}
	}
	if p < end && s[p]|0x20 == 'e' {
		p++
		if p < end && (s[p] == '+' || s[p] == '-') {
			p++
		}
		at = p
		if p = digitsEnd(s, p, end); p == at {
			return p, false
		}
	}
	return p, true
}

func digitsEnd(s []byte, p, end int) int {
	for p < end && s[p]-'0' <= 9 {
		p++
	}
	return p
}

// digits8 returns how many decimal digits w begins with and their value, first
// digit in the lowest byte.
func digits8(w uint64) (n int, v uint64) {
	t := w ^ '0'*ones
	m := ((t + 0x76*ones) | t) & highs
	n = 8
	if m != 0 {
		n = bits.TrailingZeros64(m) >> 3
		t <<= uint(64 - n<<3)
	}
	t = (t * (1 + 10<<8) >> 8) & 0x00FF00FF00FF00FF
	t = (t * (1 + 100<<16) >> 16) & 0x0000FFFF0000FFFF
	return n, t * (1 + 10000<<32) >> 32
}

var pow10 = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// digits reads the decimal digits at p: their value and the position behind
// them. The value is right if there are at most 19.
func digits(s []byte, p, end int) (v uint64, q int) {
	at := p
	for p+8 <= len(s) && p-at < 24 {
		n, w := digits8(load(s, p))
		v = v*pow10[n] + w
		p += n
		if n < 8 {
			if p > end {
				break
			}
			return v, p
		}
	}
	if p > end { // read on into what lies behind the record
		v, p = 0, at
	}
	for p < end && s[p]-'0' <= 9 {
		v = v*10 + uint64(s[p]-'0')
		p++
	}
	return v, p
}

// whole reads the JSON integer at p. why is reasonNone if it is one and fits
// an int64.
func (d *Decoder) whole(s []byte, p, end int) (v int64, q int, why reason) {
	at := p
	if s[p] == '-' {
		p++
	}
	u, q := digits(s, p, end)
	n := q - p
	if n == 0 || n > 18 || s[p] == '0' && n > 1 || q < end && (s[q] == '.' || s[q]|0x20 == 'e') {
		return d.wholeSlow(s, at, end)
	}
	if p != at {
		return -int64(u), q, reasonNone
	}
	return int64(u), q, reasonNone
}

func (d *Decoder) wholeSlow(s []byte, p, end int) (int64, int, reason) {
	q, ok := number(s, p, end)
	if !ok || q-p > d.o.MaxNumber {
		return 0, p, reasonType // skip finds out what it is
	}
	v, err := strconv.ParseInt(text(s[p:q]), 10, 64)
	if err == nil {
		return v, q, reasonNone
	}
	if digitsEnd(s, p+1, q) == q {
		return 0, p, reasonRange
	}
	return 0, p, reasonType
}

// text views bytes as a string for a call that does not keep it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// real reads the JSON number at p as a double. ok is false if it is none.
func (d *Decoder) real(s []byte, p, end int) (v float64, q int, ok bool) {
	at := p
	if s[p] == '-' {
		p++
	}
	u, q := digits(s, p, end)
	n, scale := q-p, 0
	if n == 0 || n > 15 || s[p] == '0' && n > 1 {
		return d.realSlow(s, at, end)
	}
	if q < end && s[q] == '.' {
		f, r := digits(s, q+1, end)
		scale = r - q - 1
		if n+scale > 18 || scale == 0 {
			return d.realSlow(s, at, end)
		}
		u, q = u*pow10[scale]+f, r
	}
	if u > 1<<53 || q < end && s[q]|0x20 == 'e' {
		return d.realSlow(s, at, end)
	}
	v = float64(u) / float64(pow10[scale]) // both exact, so the quotient is rounded once
	if p != at {
		v = -v
	}
	return v, q, true
}

func (d *Decoder) realSlow(s []byte, p, end int) (float64, int, bool) {
	q, ok := number(s, p, end)
	if !ok || q-p > d.o.MaxNumber {
		return 0, p, false
	}
	v, _ := strconv.ParseFloat(text(s[p:q]), 64) // out of range: infinite
	return v, q, true
}

// nonNumeric reads one of Spark's names of what is no number.
func nonNumeric(name []byte) (float64, bool) {
	switch string(name) {
	case "NaN":
		return math.NaN(), true
	case "INF", "+INF", "Infinity", "+Infinity":
		return math.Inf(1), true
	case "-INF", "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// bareNonNumeric returns the position behind a name of nonNumeric at p, or 0.
func (d *Decoder) bareNonNumeric(s []byte, p, end int) int {
	if d.o.RefuseNonNumeric {
		return 0
	}
	q := p
	for q < end && q-p < 10 && (s[q]|0x20-'a' < 26 || q == p && (s[q] == '+' || s[q] == '-')) {
		q++
	}
	if _, ok := nonNumeric(s[p:q]); !ok {
		return 0
	}
	return q
}
