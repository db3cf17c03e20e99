package agg

import (
	"math"

	"github.com/deltaic/deltaic/batch"
)

// floatSlot adds doubles with Neumaier's compensation in two words, the plain sum and what
// rounding lost: the result depends on the order of rows only in rare last bits. With removal the
// sum is of finite values alone, and three words count NaN, +Inf and -Inf, which no
// subtraction would take out again.
type floatSlot struct {
	at, arg int
	counts  bool
}

func (s *floatSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	v := in.Columns[s.arg]
	switch {
	case s.counts:
		return s.signed(c, rows, sel, n, v, 1)
	case v.F64 != nil:
		addFloats(c.words[s.at], c.words[s.at+1], rows, sel, v.F64[:n])
	default:
		addFloats(c.words[s.at], c.words[s.at+1], rows, sel, v.F32[:n])
	}
	return nil
}

func addFloats[T float32 | float64](sum, lost words, rows []uint32, sel []int32, values []T) {
	if sel == nil {
		rows = rows[:len(values)]
		for i, v := range values {
			compensate(sum.at(rows[i]), lost.at(rows[i]), float64(v), 0)
		}
		return
	}
	for _, i := range sel {
		compensate(sum.at(rows[i]), lost.at(rows[i]), float64(values[i]), 0)
	}
}

// compensate adds v and its own lost part.
func compensate(sum, lost *uint64, v, also float64) {
	a := math.Float64frombits(*sum)
	s := a + v
	b := s - a // Knuth's sum of two, without a branch
	*lost = math.Float64bits(math.Float64frombits(*lost) + also + ((a - (s - b)) + (v - b)))
	*sum = math.Float64bits(s)
}

func (s *floatSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	return s.signed(c, rows, sel, n, in.Columns[s.arg], -1)
}

func (s *floatSlot) signed(c *cells, rows []uint32, sel []int32, n int, column *batch.Column, sign float64) error {
	return each(sel, n, func(i int) error {
		v := 0.0
		if column.F64 != nil {
			v = column.F64[i]
		} else {
			v = float64(column.F32[i])
		}
		by := uint64(int64(sign))
		switch {
		case math.IsNaN(v):
			*c.words[s.at+2].at(rows[i]) += by
		case math.IsInf(v, 1):
			*c.words[s.at+3].at(rows[i]) += by
		case math.IsInf(v, -1):
			*c.words[s.at+4].at(rows[i]) += by
		default:
			compensate(c.words[s.at].at(rows[i]), c.words[s.at+1].at(rows[i]), sign*v, 0)
		}
		return nil
	})
}

func (s *floatSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	sums, losts := from.one[s.at], from.one[s.at+1]
	for i := range n {
		compensate(to.words[s.at].at(rows[i]), to.words[s.at+1].at(rows[i]),
			math.Float64frombits(sums[i]), math.Float64frombits(losts[i]))
	}
	if !s.counts {
		return nil
	}
	for k := 2; k < 5; k++ {
		w := to.words[s.at+k]
		for i, v := range from.one[s.at+k][:n] {
			*w.at(rows[i]) += v
		}
	}
	return nil
}

// total returns the sum of row i.
func (s *floatSlot) total(from *Partial, i int) float64 {
	sum := math.Float64frombits(from.words[s.at][i])
	if s.counts {
		nan, up, down := from.words[s.at+2][i], from.words[s.at+3][i], from.words[s.at+4][i]
		switch {
		case nan != 0 || up != 0 && down != 0:
			return math.NaN()
		case up != 0:
			return math.Inf(1)
		case down != 0:
			return math.Inf(-1)
		}
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return sum // what was lost on the way means nothing
	}
	return sum + math.Float64frombits(from.words[s.at+1][i])
}
