package agg

import (
	"bytes"
	"math"

	"github.com/deltaic/deltaic/batch"
)

// extremeSlot keeps the least or greatest value of a type that fits one word,
// in an order-preserving form. It begins with the value that loses to every other; whether there was
// any is a count's business.
type extremeSlot struct {
	at, arg int
	kind    batch.Kind
	most    bool
	scratch []int64
}

func (s *extremeSlot) start(c *cells, rows []uint32) {
	w, v := c.words[s.at], uint64(math.MaxInt64)
	if s.most {
		v = 1 << 63
	}
	for _, r := range rows {
		*w.at(r) = v
	}
}

func (s *extremeSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	w, v := c.words[s.at], in.Columns[s.arg]
	switch {
	case v.I64 != nil:
		s.take(w, rows, sel, v.I64[:n])
	case v.I32 != nil && v.Dict == nil:
		if s.most {
			greatest(w, rows, sel, v.I32[:n])
		} else {
			least(w, rows, sel, v.I32[:n])
		}
	default:
		s.scratch = ordered(v, s.scratch, n)
		s.take(w, rows, sel, s.scratch)
	}
	return nil
}

func (s *extremeSlot) take(w words, rows []uint32, sel []int32, values []int64) {
	if s.most {
		greatest(w, rows, sel, values)
	} else {
		least(w, rows, sel, values)
	}
}

func least[T int32 | int64](w words, rows []uint32, sel []int32, values []T) {
	if sel == nil {
		rows = rows[:len(values)]
		for i, v := range values {
			if p := w.at(rows[i]); int64(v) < int64(*p) {
				*p = uint64(int64(v))
			}
		}
		return
	}
	for _, i := range sel {
		if p := w.at(rows[i]); int64(values[i]) < int64(*p) {
			*p = uint64(int64(values[i]))
		}
	}
}

func greatest[T int32 | int64](w words, rows []uint32, sel []int32, values []T) {
	if sel == nil {
		rows = rows[:len(values)]
		for i, v := range values {
			if p := w.at(rows[i]); int64(v) > int64(*p) {
				*p = uint64(int64(v))
			}
		}
		return
	}
	for _, i := range sel {
		if p := w.at(rows[i]); int64(values[i]) > int64(*p) {
			*p = uint64(int64(values[i]))
		}
	}
}

func (s *extremeSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	w := to.words[s.at]
	for i, v := range from.one[s.at][:n] {
		p := w.at(rows[i])
		if s.most && int64(v) > int64(*p) || !s.most && int64(v) < int64(*p) {
			*p = v
		}
	}
	return nil
}

// oneWord reports whether values of the type have an order-preserving form of 64 bits.
func oneWord(t batch.Type) bool {
	return t.Fixed() && (t.Kind != batch.Decimal || t.Precision <= 18)
}

// ordered returns, in the memory of out if there is enough, the first n values of a column of any type that oneWord
// names, so that they compare as whole numbers: NaN above all, -0.0 as 0.0.
func ordered(c *batch.Column, out []int64, n int) []int64 {
	if cap(out) < n {
		out = make([]int64, n)
	}
	return orderedFrom(c, 0, out[:n])
}

// orderedFrom is ordered of the values from a row on, as many as out has room for.
func orderedFrom(c *batch.Column, from int, out []int64) []int64 {
	to := from + len(out)
	switch c.Type.Kind {
	case batch.Boolean:
		for i := range out {
			out[i] = 0
			if c.Bits.Get(from + i) {
				out[i] = 1
			}
		}
	case batch.Float:
		for i, v := range c.F32[from:to] {
			out[i] = orderedFloat(float64(v))
		}
	case batch.Double:
		for i, v := range c.F64[from:to] {
			out[i] = orderedFloat(v)
		}
	case batch.Decimal:
		for i, v := range c.I128[from:to] {
			out[i] = int64(v.Lo)
		}
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		for i, v := range c.I32[from:to] {
			out[i] = int64(v)
		}
	default:
		copy(out, c.I64[from:to])
	}
	return out
}

func orderedFloat(v float64) int64 {
	if v != v {
		return 0x7ff8_0000_0000_0000
	}
	bits := int64(math.Float64bits(v + 0))
	return bits ^ bits>>63&math.MaxInt64
}

// unordered is the inverse of orderedFloat.
func unordered(bits int64) float64 {
	return math.Float64frombits(uint64(bits ^ bits>>63&math.MaxInt64))
}

// appendOrdered appends a value in its ordered form to a column of its type.
func appendOrdered(b *batch.Builder, word uint64) {
	v := int64(word)
	switch b.Type().Kind {
	case batch.Boolean:
		b.Bool(v != 0)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		b.Int32(int32(v))
	case batch.Float:
		b.Float32(float32(unordered(v)))
	case batch.Double:
		b.Float64(unordered(v))
	case batch.Decimal:
		b.Decimal(batch.Int128From(v))
	default:
		b.Int64(v)
	}
}

// wideExtremeSlot keeps the least or greatest decimal of more than 18 digits.
type wideExtremeSlot struct {
	at, arg int
	most    bool
}

func (s *wideExtremeSlot) start(c *cells, rows []uint32) {
	v := batch.Int128{Hi: math.MaxInt64, Lo: math.MaxUint64}
	if s.most {
		v = batch.Int128{Hi: math.MinInt64}
	}
	for _, r := range rows {
		*c.words[s.at].at(r), *c.words[s.at+1].at(r) = v.Lo, uint64(v.Hi)
	}
}

func (s *wideExtremeSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	values := in.Columns[s.arg].I128
	return each(sel, n, func(i int) error {
		s.take(c, rows[i], values[i])
		return nil
	})
}

func (s *wideExtremeSlot) take(c *cells, row uint32, v batch.Int128) {
	lo, hi := c.words[s.at].at(row), c.words[s.at+1].at(row)
	order := v.Cmp(batch.Int128{Hi: int64(*hi), Lo: *lo})
	if s.most && order > 0 || !s.most && order < 0 {
		*lo, *hi = v.Lo, uint64(v.Hi)
	}
}

func (s *wideExtremeSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	lo, hi := from.one[s.at], from.one[s.at+1]
	for i := range n {
		s.take(to, rows[i], batch.Int128{Hi: int64(hi[i]), Lo: lo[i]})
	}
	return nil
}

// textExtremeSlot keeps the least or greatest string or binary, behind a byte
// that says that there is one.
type textExtremeSlot struct {
	at, arg int
	most    bool
	scratch []byte
}

func (s *textExtremeSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	v := in.Columns[s.arg]
	return each(sel, n, func(i int) error {
		s.take(c.texts[s.at], rows[i], v.Bytes(i))
		return nil
	})
}

func (s *textExtremeSlot) take(t texts, row uint32, v []byte) {
	if old := t.at(row); len(old) > 0 {
		if order := bytes.Compare(v, old[1:]); order == 0 || s.most != (order > 0) {
			return
		}
	}
	s.scratch = append(append(s.scratch[:0], 1), v...)
	t.set(row, s.scratch)
}

func (s *textExtremeSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	for i := range n {
		if v := from.texts[s.at].at(uint32(i)); len(v) > 0 {
			s.take(to.texts[s.at], rows[i], v[1:])
		}
	}
	return nil
}

func buildExtreme(b *binder, c *Call, most bool) error {
	x := c.arguments[0]
	t, m, arg := x.Type(), b.maskOf(c), b.input(x)
	c.Type, c.Nullable = t, true
	b.plan.exact = false
	switch {
	case b.o.Updating && (t.Fixed() || t.Kind == batch.String || t.Kind == batch.Binary):
		return buildRanked(b, c, byValue, c.arguments, m, most)
	case oneWord(t):
		s := &extremeSlot{arg: arg, kind: t.Kind, most: most}
		s = share(b, c.Name, arg, m, 1, s, &s.at)
		c.finish = wordResult(t, s.at, b.some(c))
	case t.Kind == batch.Decimal:
		s := &wideExtremeSlot{arg: arg, most: most}
		s = share(b, c.Name, arg, m, 2, s, &s.at)
		count := b.some(c)
		c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
			return nullable(t, p, from, count, func(o *batch.Builder, i int) error { o.Decimal(from.wide(s.at, i)); return nil })
		}
	case t.Kind == batch.String || t.Kind == batch.Binary:
		s := &textExtremeSlot{arg: arg, most: most}
		s = share(b, c.Name, arg, m, 0, s, &s.at)
		c.finish = textResult(t, s.at, -1)
	default:
		return typeError("a value that can be ordered", t)
	}
	return nil
}
