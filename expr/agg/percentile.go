package agg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
)

// quantileSlot keeps a summary of Greenwald and Khanna of values in their ordered form, in a text: the number of
// values, then for each that is kept the value, how many it stands for and how far
// its rank is uncertain. A rank is wrong by at most the number of values over the accuracy; few values are
// kept all, and then nothing is wrong. Summaries merge without losing that.
type quantileSlot struct {
	at, arg  int
	accuracy float64
	values   []int64
	order    []uint64
	a, b, to []quantile
	scratch  []byte
}

// quantile is a value that a summary keeps.
type quantile struct {
	value         int64
	stands, slack uint64
}

func decodeQuantiles(text []byte, to []quantile) (uint64, []quantile) {
	to = to[:0]
	if len(text) == 0 {
		return 0, to
	}
	n, w := binary.Uvarint(text)
	for text = text[w:]; len(text) > 0; {
		q := quantile{value: int64(binary.LittleEndian.Uint64(text))}
		text = text[8:]
		q.stands, w = binary.Uvarint(text)
		text = text[w:]
		q.slack, w = binary.Uvarint(text)
		text = text[w:]
		to = append(to, q)
	}
	return n, to
}

func encodeQuantiles(n uint64, l []quantile, to []byte) []byte {
	to = binary.AppendUvarint(to[:0], n)
	for _, q := range l {
		to = binary.LittleEndian.AppendUint64(to, uint64(q.value))
		to = binary.AppendUvarint(binary.AppendUvarint(to, q.stands), q.slack)
	}
	return to
}

// mergeQuantiles appends to out the summary of two. A value's rank among those of the other
// summary lies between that of its neighbours there.
func mergeQuantiles(a, b, out []quantile) []quantile {
	out = out[:0]
	for len(a) > 0 || len(b) > 0 {
		x, other := &a, b
		if len(a) == 0 || len(b) > 0 && b[0].value < a[0].value {
			x, other = &b, a
		}
		q := (*x)[0]
		*x = (*x)[1:]
		if len(other) > 0 {
			q.slack += other[0].stands + other[0].slack - 1
		}
		out = append(out, q)
	}
	return out
}

// compressQuantiles joins neighbours as long as no rank becomes more uncertain than most.
func compressQuantiles(l []quantile, most uint64) []quantile {
	if len(l) < 3 || most < 2 {
		return l
	}
	kept, head := len(l), l[len(l)-1]
	for i := len(l) - 2; i >= 1; i-- {
		if l[i].stands+head.stands+head.slack < most {
			head.stands += l[i].stands
			continue
		}
		kept--
		l[kept], head = head, l[i]
	}
	kept--
	l[kept] = head
	kept--
	l[kept] = l[0]
	return l[kept:]
}

func (s *quantileSlot) most(n uint64) uint64 { return uint64(2 * float64(n) / s.accuracy) }

func (s *quantileSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	s.values = ordered(in.Columns[s.arg], s.values, n)
	var err error
	s.order, err = byGroup(rows, sel, n, s.order, func(row uint32, members []uint64) error {
		s.b = s.b[:0]
		for _, m := range members {
			s.b = append(s.b, quantile{value: s.values[uint32(m)], stands: 1})
		}
		slices.SortFunc(s.b, func(x, y quantile) int {
			switch {
			case x.value < y.value:
				return -1
			case x.value > y.value:
				return 1
			}
			return 0
		})
		s.take(c.texts[s.at], row, uint64(len(s.b)))
		return nil
	})
	return err
}

// take merges the summary b of more values into that of a row.
func (s *quantileSlot) take(t texts, row uint32, more uint64) {
	var n uint64
	n, s.a = decodeQuantiles(t.at(row), s.a)
	n += more
	s.to = mergeQuantiles(s.a, s.b, s.to)
	s.scratch = encodeQuantiles(n, compressQuantiles(s.to, s.most(n)), s.scratch)
	t.set(row, s.scratch)
}

func (s *quantileSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	for i := range n {
		var more uint64
		if more, s.b = decodeQuantiles(from.texts[s.at].at(uint32(i)), s.b); more > 0 {
			s.take(to.texts[s.at], rows[i], more)
		}
	}
	return nil
}

// queryQuantiles returns the value of which the rank is nearest enough to the share of n, as Spark chooses it.
func queryQuantiles(n uint64, l []quantile, share float64) int64 {
	rank := max(1, uint64(math.Ceil(share*float64(n))))
	widest := uint64(0)
	for _, q := range l {
		widest = max(widest, q.stands+q.slack)
	}
	least, fault := uint64(0), widest/2
	for _, q := range l {
		least += q.stands
		if least+q.slack <= rank+fault && rank <= least+fault {
			return q.value
		}
	}
	return l[len(l)-1].value
}

// shares returns the constant percentages of an argument, and whether it is an array of them.
func shares(x *expr.Bound) ([]float64, bool, error) {
	bad := errors.New("its percentage must be a constant between 0 and 1, or an array of such")
	c, is := x.Constant()
	if !is || c.IsNull(0) {
		return nil, false, bad
	}
	if c.Type.Kind != batch.Array {
		v, err := constantFloat(x, "the percentage")
		if err != nil || v < 0 || v > 1 {
			return nil, false, bad
		}
		return []float64{v}, false, nil
	}
	var l []float64
	for e := int(c.Off[0]); e < int(c.Off[1]); e++ {
		k, v := c.Kids[0], math.NaN()
		switch {
		case k.IsNull(e):
		case k.F64 != nil:
			v = k.F64[e]
		case k.I128 != nil:
			v = k.I128[e].Float64(int(k.Type.Scale))
		case k.I32 != nil && k.Dict == nil:
			v = float64(k.I32[e])
		}
		if !(v >= 0 && v <= 1) {
			return nil, false, bad
		}
		l = append(l, v)
	}
	return l, true, nil
}

func buildQuantile(b *binder, c *Call) error {
	x, accuracy := c.arguments[0], 10000.0
	asked, many, err := shares(c.arguments[1])
	if err != nil {
		return err
	}
	if len(c.arguments) == 3 {
		if accuracy, err = constantFloat(c.arguments[2], "the accuracy"); err != nil {
			return err
		}
		if accuracy < 1 || accuracy > math.MaxInt32 {
			return fmt.Errorf("its accuracy must be between 1 and %d, this is %v", math.MaxInt32, accuracy)
		}
	}
	m := b.rowsOf(c, c.arguments[:1])
	if c.Distinct {
		m = b.distinct(c.arguments[:1], m)
	}
	c.Type, c.Nullable = x.Type(), true
	if many {
		c.Type = batch.ArrayType(x.Type(), false)
	}
	if b.o.Updating {
		b.grows(c)
		s := &multisetSlot{arg: b.input(x), call: c.SQL}
		s = share(b, "values", s.arg, m, 0, s, &s.at)
		c.finish = quantiles(c.Type, s.at, asked, many, decodeMultiset, rankOf)
		return nil
	}
	s := &quantileSlot{arg: b.input(x), accuracy: accuracy}
	s = share(b, fmt.Sprint("quantiles ", accuracy), s.arg, m, 0, s, &s.at)
	b.plan.exact = false
	c.finish = quantiles(c.Type, s.at, asked, many, decodeQuantiles, queryQuantiles)
	return nil
}

// quantiles is the finish of a text that decode makes a list of, in which query finds the value of a share.
func quantiles[T any](t batch.Type, at int, asked []float64, many bool, decode func([]byte, []T) (uint64, []T), query func(uint64, []T, float64) int64) finish {
	return func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		var l []T
		return nullable(t, p, from, -1, func(o *batch.Builder, i int) error {
			var n uint64
			if n, l = decode(from.bytes[at].at(uint32(i)), l); n == 0 {
				o.Null()
				return nil
			}
			to := o
			if many {
				to = o.Kids[0]
			}
			for _, v := range asked {
				appendOrdered(to, uint64(query(n, l, v)))
			}
			if many {
				o.List()
			}
			return nil
		})
	}
}

// castQuantile keeps numbers and times that fit a word, and makes others doubles.
func castQuantile(b *binder, t []batch.Type) ([]batch.Type, error) {
	out := make([]batch.Type, len(t)) // invalid: as it is
	if t[0].Kind == batch.Boolean || !oneWord(t[0]) {
		if _, err := castNumber(b, t); err != nil {
			return nil, err
		}
		out[0] = batch.DoubleType
	}
	return out, nil
}

func init() {
	define(function{doc: doc("percentile_approx", "percentile_approx([DISTINCT] expr, percentage[, accuracy])",
		"Value of which that share of the values is not greater, about: a rank is wrong by at most the number of values over the accuracy, 10000 if not given."),
		least: 2, max: 3, cast: castQuantile, build: buildQuantile}, "approx_percentile")
}
