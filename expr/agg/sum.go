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
