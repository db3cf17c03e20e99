package agg

import (
	"github.com/deltaic/deltaic/batch"
)

// sumSlot adds whole numbers in one word, checked for overflow.
type sumSlot struct {
	at, arg int
	call    string
	t       batch.Type // of the result
	wraps   bool       // overflow wraps around: not ANSI
}

func (s *sumSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	bad := -1
	if v := in.Columns[s.arg]; v.I64 != nil {
		bad = addWhole(c.words[s.at], rows, sel, v.I64[:n])
	} else {
		bad = addWhole(c.words[s.at], rows, sel, v.I32[:n])
	}
	return s.fail(bad)
}

func (s *sumSlot) fail(row int) error {
	if row < 0 || s.wraps {
		return nil
	}
	return overflow(row, s.call, s.t)
}

// addWhole returns the last row whose sum overflowed, -1 if none did.
func addWhole[T int32 | int64](w words, rows []uint32, sel []int32, values []T) int {
	bad := -1
	if sel == nil {
		rows = rows[:len(values)]
		for i, v := range values {
			p := w.at(rows[i])
			a, b := int64(*p), int64(v)
			sum := a + b
			if (a^sum)&(b^sum) < 0 {
				bad = i
			}
			*p = uint64(sum)
		}
		return bad
	}
	for _, i := range sel {
		p := w.at(rows[i])
		a, b := int64(*p), int64(values[i])
		sum := a + b
		if (a^sum)&(b^sum) < 0 {
			bad = int(i)
		}
		*p = uint64(sum)
	}
	return bad
}

func (s *sumSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	w, v, bad := c.words[s.at], in.Columns[s.arg], -1
	take := func(i int) error {
		b := int64(0)
		if v.I64 != nil {
			b = v.I64[i]
		} else {
			b = int64(v.I32[i])
		}
		if !subtractWhole(w.at(rows[i]), b) {
			bad = i
		}
		return nil
	}
	_ = each(sel, n, take) // take never fails
	return s.fail(bad)
}

func subtractWhole(p *uint64, b int64) bool {
	a := int64(*p)
	difference := a - b
	*p = uint64(difference)
	return (a^b)&(a^difference) >= 0
}

func (s *sumSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	w, bad := to.words[s.at], -1
	for i, v := range from.one[s.at][:n] {
		p := w.at(rows[i])
		a, b := int64(*p), int64(v)
		sum := a + b
		if (a^sum)&(b^sum) < 0 {
			bad = i
		}
		*p = uint64(sum)
	}
	return s.fail(bad)
}

func (s *sumSlot) unmerge(to *cells, rows []uint32, from *cells, n int) error {
	w, bad := to.words[s.at], -1
	for i, v := range from.one[s.at][:n] {
		if !subtractWhole(w.at(rows[i]), int64(v)) {
			bad = i
		}
	}
	return s.fail(bad)
}

// wideSlot adds whole numbers or decimals in 128 bits, in two words: lower, upper.
// Unlike sumSlot it can only overflow by decimals of nearly 38 digits.
type wideSlot struct {
	at, arg int
	call    string
}

func (s *wideSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	lo, hi := c.words[s.at], c.words[s.at+1]
	v := in.Columns[s.arg]
	switch {
	case v.I128 != nil:
		return s.addDecimals(lo, hi, rows, sel, n, v.I128, false)
	case v.I64 != nil:
		addWide(lo, hi, rows, sel, v.I64[:n])
	default:
		addWide(lo, hi, rows, sel, v.I32[:n])
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

func (s *wideSlot) addDecimals(lo, hi words, rows []uint32, sel []int32, n int, values []batch.Int128, negate bool) error {
	return each(sel, n, func(i int) error {
		v := values[i]
		if negate {
			v = v.Neg()
		}
		return s.addOne(lo, hi, rows[i], v, i)
	})
}

func (s *wideSlot) addOne(lo, hi words, row uint32, b batch.Int128, i int) error {
	l, h := lo.at(row), hi.at(row)
	a := batch.Int128{Hi: int64(*h), Lo: *l}
	sum := a.Add(b)
	if (a.Hi^sum.Hi)&(b.Hi^sum.Hi) < 0 {
		return overflow(i, s.call, batch.DecimalType(batch.MaxPrecision, 0))
	}
	*l, *h = sum.Lo, uint64(sum.Hi)
	return nil
}

func (s *wideSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	lo, hi := c.words[s.at], c.words[s.at+1]
	v := in.Columns[s.arg]
	if v.I128 != nil {
		return s.addDecimals(lo, hi, rows, sel, n, v.I128, true)
	}
	return each(sel, n, func(i int) error {
		b := int64(0)
		if v.I64 != nil {
			b = v.I64[i]
		} else {
			b = int64(v.I32[i])
		}
		return s.addOne(lo, hi, rows[i], batch.Int128From(b).Neg(), i)
	})
}

func (s *wideSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	return s.mergeSigned(to, rows, from, n, false)
}

func (s *wideSlot) unmerge(to *cells, rows []uint32, from *cells, n int) error {
	return s.mergeSigned(to, rows, from, n, true)
}

func (s *wideSlot) mergeSigned(to *cells, rows []uint32, from *cells, n int, negate bool) error {
	lo, hi := to.words[s.at], to.words[s.at+1]
	fromLo, fromHi := from.one[s.at], from.one[s.at+1]
	for i := range n {
		v := batch.Int128{Hi: int64(fromHi[i]), Lo: fromLo[i]}
		if negate {
			v = v.Neg()
		}
		if err := s.addOne(lo, hi, rows[i], v, i); err != nil {
			return err
		}
	}
	return nil
}
