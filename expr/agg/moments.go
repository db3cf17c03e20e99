package agg

import (
	"math"

	"github.com/deltaic/deltaic/batch"
)

// momentSlot keeps count, mean and sum of squared distances from the mean of doubles, by
// Welford's method, which does not lose its digits to a large mean; merged by Chan's.
// With removal a fourth word counts the values that are not finite.
type momentSlot struct {
	at, arg int
	counts  bool
}

// moment is the three words of a row as numbers.
type moment struct{ n, mean, m2 float64 }

func (s *momentSlot) load(c *cells, row uint32) moment {
	return moment{math.Float64frombits(*c.words[s.at].at(row)), math.Float64frombits(*c.words[s.at+1].at(row)),
		math.Float64frombits(*c.words[s.at+2].at(row))}
}

func (s *momentSlot) store(c *cells, row uint32, m moment) {
	*c.words[s.at].at(row), *c.words[s.at+1].at(row), *c.words[s.at+2].at(row) =
		math.Float64bits(m.n), math.Float64bits(m.mean), math.Float64bits(m.m2)
}

func (m moment) with(v float64) moment {
	m.n++
	d := v - m.mean
	m.mean += d / m.n
	m.m2 += d * (v - m.mean)
	return m
}

func (m moment) without(v float64) moment {
	if m.n <= 1 {
		return moment{}
	}
	mean := m.mean - (v-m.mean)/(m.n-1)
	return moment{m.n - 1, mean, max(0, m.m2-(v-m.mean)*(v-mean))}
}

func (m moment) join(o moment) moment {
	if m.n == 0 || o.n == 0 {
		if m.n == 0 {
			return o
		}
		return m
	}
	n, d := m.n+o.n, o.mean-m.mean
	return moment{n, m.mean + d*o.n/n, m.m2 + o.m2 + d*d*m.n*o.n/n}
}

func (s *momentSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	values := in.Columns[s.arg].F64
	return each(sel, n, func(i int) error {
		if s.counts && !finite(values[i]) {
			*c.words[s.at+3].at(rows[i])++
		} else {
			s.store(c, rows[i], s.load(c, rows[i]).with(values[i]))
		}
		return nil
	})
}

func (s *momentSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	values := in.Columns[s.arg].F64
	return each(sel, n, func(i int) error {
		if !finite(values[i]) {
			*c.words[s.at+3].at(rows[i])--
		} else {
			s.store(c, rows[i], s.load(c, rows[i]).without(values[i]))
		}
		return nil
	})
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (s *momentSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	for i := range n {
		s.store(to, rows[i], s.load(to, rows[i]).join(s.load(from, uint32(i))))
		if s.counts {
			*to.words[s.at+3].at(rows[i]) += from.one[s.at+3][i]
		}
	}
	return nil
}

// buildMoment makes variance or standard deviation, of a sample or of all.
func buildMoment(b *binder, c *Call, root, sample bool) error {
	m := b.maskOf(c)
	s := &momentSlot{arg: b.input(c.arguments[0]), counts: b.o.Updating}
	words := 3
	if s.counts {
		words = 4
	}
	s = share(b, "moments", s.arg, m, words, s, &s.at)
	b.plan.exact = false
	c.Type, c.Nullable = batch.DoubleType, true
	c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(c.Type, p, from, -1, func(o *batch.Builder, i int) error {
			n, m2 := math.Float64frombits(from.words[s.at][i]), math.Float64frombits(from.words[s.at+2][i])
			odd := uint64(0)
			if s.counts {
				odd = from.words[s.at+3][i]
			}
			free := n + float64(odd)
			if sample {
				free--
			}
			if free <= 0 {
				o.Null()
				return nil
			}
			v := m2 / free
			if odd > 0 {
				v = math.NaN()
			} else if root {
				v = math.Sqrt(v)
			}
			o.Float64(v)
			return nil
		})
	}
	return nil
}

func init() {
	moment := func(name, text string, root, sample bool, aliases ...string) {
		define(function{doc: doc(name, name+"([DISTINCT] expr)", text), least: 1, max: 1, cast: castDouble,
			build: func(b *binder, c *Call) error { return buildMoment(b, c, root, sample) }}, aliases...)
	}
	moment("stddev", "Standard deviation of a sample; null of fewer than two values.", true, true, "std", "stddev_samp")
	moment("stddev_pop", "Standard deviation of the values.", true, false)
	moment("variance", "Variance of a sample; null of fewer than two values.", false, true, "var_samp")
	moment("var_pop", "Variance of the values.", false, false)
}

// castDouble brings any number to double.
func castDouble(b *binder, t []batch.Type) ([]batch.Type, error) {
	if k := t[0].Kind; k == batch.YearMonth || k == batch.DayTime {
		return nil, typeError("a number", t[0])
	}
	if _, err := castNumber(b, t); err != nil {
		return nil, err
	}
	return []batch.Type{batch.DoubleType}, nil
}
