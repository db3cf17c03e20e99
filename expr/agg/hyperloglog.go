package agg

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
)

// sketchSlot estimates how many distinct values there are, by HyperLogLog with a sparse form for few of them: a text
// that begins with its form. The sparse form is a sorted list of 32-bit entries, an index of
// sparseBits bits and the rank of the bits behind it, and practically exact; when it would be larger than the
// 2^p registers of a byte each, it becomes them.
type sketchSlot struct {
	at, arg int
	p       uint // registers as a power of two
	hashes  []uint64
	scratch []byte
}

const (
	sketchSparse = 1
	sketchDense  = 2
	sparseBits   = 25
	rankBits     = 6
)

// sparseEntry is index and rank of a hash.
func sparseEntry(hash uint64) uint32 {
	rank := bits.LeadingZeros64(hash<<sparseBits|1<<(sparseBits-1)) + 1
	return uint32(hash>>(64-sparseBits))<<rankBits | uint32(rank)
}

// register returns index and rank at the dense form's precision.
func (s *sketchSlot) register(entry uint32) (int, byte) {
	index, rank := entry>>rankBits, entry&(1<<rankBits-1)
	rest := index << (32 - sparseBits + s.p)
	if rest != 0 {
		return int(index >> (sparseBits - s.p)), byte(bits.LeadingZeros32(rest) + 1)
	}
	return int(index >> (sparseBits - s.p)), byte(sparseBits - uint32(s.p) + rank)
}

func (s *sketchSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	s.hashes = batch.Hash(in.Columns[s.arg:s.arg+1], in.N, s.hashes)
	t := c.texts[s.at]
	return each(sel, n, func(i int) error {
		s.take(t, rows[i], sparseEntry(s.hashes[i]))
		return nil
	})
}

func (s *sketchSlot) take(t texts, row uint32, entry uint32) {
	text := t.at(row)
	if len(text) > 0 && text[0] == sketchDense {
		if i, rank := s.register(entry); text[1+i] < rank {
			text[1+i] = rank // in place: the text keeps its length
		}
		return
	}
	at, found := sparseFind(text, entry)
	if found {
		return
	}
	switch {
	case len(text) == 0:
		s.scratch = append(s.scratch[:0], sketchSparse)
	case at < len(text) && binary.LittleEndian.Uint32(text[at:])>>rankBits == entry>>rankBits:
		binary.LittleEndian.PutUint32(text[at:], entry) // a greater rank of the same index
		return
	case len(text)+4 > 1<<s.p:
		s.dense(text)
		i, rank := s.register(entry)
		s.scratch[1+i] = max(s.scratch[1+i], rank)
		t.set(row, s.scratch)
		return
	default:
		s.scratch = append(s.scratch[:0], text[:at]...)
	}
	s.scratch = binary.LittleEndian.AppendUint32(s.scratch, entry)
	if at < len(text) {
		s.scratch = append(s.scratch, text[at:]...)
	}
	t.set(row, s.scratch)
}

// sparseFind returns where the entry of the same index is or would be, and whether it is there with no smaller rank.
func sparseFind(text []byte, entry uint32) (int, bool) {
	lo, hi := 0, max(0, len(text)-1)/4
	for lo < hi {
		mid := (lo + hi) / 2
		if binary.LittleEndian.Uint32(text[1+4*mid:])>>rankBits < entry>>rankBits {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	at := 1 + 4*lo
	if at >= len(text) {
		return at, false
	}
	there := binary.LittleEndian.Uint32(text[at:])
	return at, there>>rankBits == entry>>rankBits && there >= entry
}

// dense makes scratch the dense form of a sparse text.
func (s *sketchSlot) dense(text []byte) {
	s.scratch = append(s.scratch[:0], sketchDense)
	s.scratch = append(s.scratch, make([]byte, 1<<s.p)...)
	for at := 1; at < len(text); at += 4 {
		i, rank := s.register(binary.LittleEndian.Uint32(text[at:]))
		s.scratch[1+i] = max(s.scratch[1+i], rank)
	}
}

func (s *sketchSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	t := to.texts[s.at]
	for i := range n {
		text := from.texts[s.at].at(uint32(i))
		switch {
		case len(text) == 0:
		case text[0] == sketchSparse:
			for at := 1; at < len(text); at += 4 {
				s.take(t, rows[i], binary.LittleEndian.Uint32(text[at:]))
			}
		default:
			s.joinDense(t, rows[i], text)
		}
	}
	return nil
}

func (s *sketchSlot) joinDense(t texts, row uint32, other []byte) {
	text := t.at(row)
	if len(text) == 0 || text[0] == sketchSparse {
		s.dense(text)
		text = s.scratch
	}
	for i, rank := range other[1:] {
		if text[1+i] < rank {
			text[1+i] = rank
		}
	}
	t.set(row, text)
}

// estimate returns the number of distinct values of a text.
func (s *sketchSlot) estimate(text []byte) int64 {
	if len(text) == 0 {
		return 0
	}
	if text[0] == sketchSparse {
		k, m := float64((len(text)-1)/4), float64(int(1)<<sparseBits)
		return int64(math.Round(m * math.Log(m/(m-k)))) // linear counting
	}
	return int64(math.Round(estimate(text[1:])))
}

// estimate is Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017), which
// needs no tables of measured bias and no switch between ranges.
func estimate(registers []byte) float64 {
	var counts [66]int
	q := 0
	for _, r := range registers {
		counts[r]++
		q = max(q, int(r))
	}
	m, z := float64(len(registers)), 0.0
	for k := q; k >= 1; k-- {
		z = 0.5 * (z + float64(counts[k]))
	}
	z += m * sigma(float64(counts[0])/m)
	return m * m / (2 * math.Ln2) / z
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

func buildSketch(b *binder, c *Call) error {
	rsd := 0.05
	if len(c.arguments) == 2 {
		v, err := constantFloat(c.arguments[1], "the relative standard deviation")
		if err != nil {
			return err
		}
		rsd = v
	}
	p := math.Ceil(2 * math.Log2(1.106/rsd))
	if !(p >= 4 && p <= 18) {
		return fmt.Errorf("its relative standard deviation must be between 0.0022 and 0.39, this is %v", rsd)
	}
	x := c.arguments[:1]
	c.Type = batch.BigIntType
	m := b.rowsOf(c, x)
	if b.o.Updating {
		// What was counted cannot leave a sketch: the number is exact.
		c.finish = wordResult(batch.BigIntType, b.count(b.distinct(x, m)), -1)
		return nil
	}
	s := &sketchSlot{arg: b.input(x[0]), p: uint(p)}
	s = share(b, fmt.Sprint("sketch", p), s.arg, m, 0, s, &s.at)
	b.plan.exact = false
	c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(c.Type, p, from, -1, func(o *batch.Builder, i int) error {
			o.Int64(s.estimate(from.bytes[s.at].at(uint32(i))))
			return nil
		})
	}
	return nil
}

// constantFloat returns the value of an argument that must be a constant number.
func constantFloat(x *expr.Bound, what string) (float64, error) {
	c, is := x.Constant()
	if is && !c.IsNull(0) {
		switch {
		case c.F64 != nil:
			return c.F64[0], nil
		case c.F32 != nil:
			return float64(c.F32[0]), nil
		case c.I128 != nil:
			return c.I128[0].Float64(int(c.Type.Scale)), nil
		case c.I64 != nil:
			return float64(c.I64[0]), nil
		case c.I32 != nil && c.Dict == nil:
			return float64(c.I32[0]), nil
		}
	}
	return 0, fmt.Errorf("%s must be a constant number", what)
}

func init() {
	define(function{doc: doc("approx_count_distinct", "approx_count_distinct(expr[, rsd])",
		"Number of distinct values that are not null, about: with a relative standard deviation of rsd, 0.05 if not given."),
		least: 1, max: 2, indifferent: true, build: buildSketch})
}
