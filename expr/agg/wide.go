package agg

import (
	"math/bits"

	"github.com/deltaic/deltaic/batch"
)

// wideSlot adds whole numbers or decimals in 128 bits, in two words: lower, upper. They cannot overflow; decimals of more
// than 18 digits can, and have a third word above, so that a sum that is too large for a moment is right in the end, whatever the order.
type wideSlot struct {
	at, arg int
	top     bool
}

// wideDigits is the most digits of decimals of which no number of rows overflows 128 bits.
const wideDigits = 18

func (s *wideSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	v := in.Columns[s.arg]
	switch {
	case v.I128 != nil:
		s.addDecimals(c, rows, sel, n, v.I128, false)
	case v.I64 != nil:
		addWide(c.words[s.at], c.words[s.at+1], rows, sel, v.I64[:n])
	default:
		addWide(c.words[s.at], c.words[s.at+1], rows, sel, v.I32[:n])
	}
	return nil
}

// addWide adds 64 bits to 128: 2^63 values cannot overflow it.
func addWide[T int32 | int64](lo, hi words, rows []uint32, sel []int32, values []T) {
	if sel == nil {
		rows = rows[:len(values)]
		for i, v := range values {
			addTo(lo, hi, rows[i], int64(v))
		}
		return
	}
	for _, i := range sel {
		addTo(lo, hi, rows[i], int64(values[i]))
	}
}

func addTo(lo, hi words, row uint32, v int64) {
	l, h := lo.at(row), hi.at(row)
	before := *l
	*l += uint64(v)
	carry := uint64(v >> 63)
	if *l < before {
		carry++
	}
	*h += carry
}

func (s *wideSlot) addDecimals(c *cells, rows []uint32, sel []int32, n int, values []batch.Int128, negate bool) {
	_ = each(sel, n, func(i int) error { // never fails
		s.addOne(c, rows[i], values[i], uint64(values[i].Hi>>63), negate)
		return nil
	})
}

// addOne adds a number of two words, and the word above them, or takes it away.
func (s *wideSlot) addOne(c *cells, row uint32, v batch.Int128, above uint64, negate bool) {
	lo, hi := c.words[s.at].at(row), c.words[s.at+1].at(row)
	op := bits.Add64
	if negate {
		op = bits.Sub64
	}
	var carry uint64
	*lo, carry = op(*lo, v.Lo, 0)
	*hi, carry = op(*hi, uint64(v.Hi), carry)
	if s.top {
		top := c.words[s.at+2].at(row)
		*top, _ = op(*top, above, carry)
	}
}

func (s *wideSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	v := in.Columns[s.arg]
	if v.I128 != nil {
		s.addDecimals(c, rows, sel, n, v.I128, true)
		return nil
	}
	return each(sel, n, func(i int) error {
		b := int64(0)
		if v.I64 != nil {
			b = v.I64[i]
		} else {
			b = int64(v.I32[i])
		}
		s.addOne(c, rows[i], batch.Int128From(b), 0, true)
		return nil
	})
}

func (s *wideSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	s.mergeSigned(to, rows, from, n, false)
	return nil
}

func (s *wideSlot) unmerge(to *cells, rows []uint32, from *cells, n int) error {
	s.mergeSigned(to, rows, from, n, true)
	return nil
}

func (s *wideSlot) mergeSigned(to *cells, rows []uint32, from *cells, n int, negate bool) {
	lo, hi := from.one[s.at], from.one[s.at+1]
	for i := range n {
		above := uint64(0)
		if s.top {
			above = from.one[s.at+2][i]
		}
		s.addOne(to, rows[i], batch.Int128{Hi: int64(hi[i]), Lo: lo[i]}, above, negate)
	}
}

// total returns the sum of a group, and whether 128 bits hold it.
func (s *wideSlot) total(from *Partial, i int) (batch.Int128, bool) {
	v := from.wide(s.at, i)
	return v, !s.top || from.words[s.at+2][i] == uint64(v.Hi>>63)
}
