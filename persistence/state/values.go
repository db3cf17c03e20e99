package state

import (
	"math"

	"github.com/deltaic/deltaic/batch"
)

// Words is one value of all rows of a segment, 64 bits each: integers and times
// sign-extended, booleans as 0 and 1, floats by the bits of their own width.
type Words struct {
	grid *grid
	at   int
}

// Words returns a value's column; value is an index into Spec.Values. It stays
// good as long as the segment, whatever is added.
func (s *Segment) Words(value int) *Words { return &Words{&s.grid, s.table.lead + value} }

// At returns a row's value.
func (w *Words) At(row uint32) uint64 {
	return w.grid.chunks[row>>chunkShift][int(row&chunkMask)*w.grid.stride+w.at]
}

// Set changes a row's value.
func (w *Words) Set(row uint32, v uint64) { *w.Slot(row) = v }

// Slot returns where a row's value is, for kernels that read and write it. It
// is good until the next Upsert.
func (w *Words) Slot(row uint32) *uint64 {
	return &w.grid.chunks[row>>chunkShift][int(row&chunkMask)*w.grid.stride+w.at]
}

// Bytes is one value of all rows of a segment, a byte string each.
type Bytes struct {
	segment *Segment
	words   Words
}

// Bytes returns a value's column; value is an index into Spec.Values. It stays
// good as long as the segment.
func (s *Segment) Bytes(value int) *Bytes { return &Bytes{s, Words{&s.grid, s.table.lead + value}} }

// At returns a row's value, which is good until the next Set, Delete or Upsert.
func (b *Bytes) At(row uint32) []byte { return b.segment.arena.get(b.words.At(row)) }

// Set copies v and makes it the row's value. What At returned may be changed and set again.
func (b *Bytes) Set(row uint32, v []byte) {
	slot := b.words.Slot(row)
	*slot = b.segment.arena.set(*slot, v)
}

// Values returns a value of the rows as a column of its type, in memory of p.
func (s *Segment) Values(p *batch.Pool, value int, rows []uint32) *batch.Column {
	t := s.table.spec.Values[value].Type
	if width(t.Kind) > 0 {
		w := s.Words(value)
		c := p.NewColumn(t, len(rows))
		fillColumn(c, func(i int) uint64 { return w.At(rows[i]) })
		return c
	}
	values, build := s.Bytes(value), batch.NewBuilder(t, p)
	defer build.Release()
	for _, r := range rows {
		build.Bytes(values.At(r))
	}
	return build.Finish()
}

// valueWord returns row i of a column as a value's word.
func valueWord(c *batch.Column, i int) uint64 {
	switch c.Type.Kind {
	case batch.Boolean:
		return c.Bits[i>>6] >> (uint(i) & 63) & 1
	case batch.Float:
		return uint64(math.Float32bits(c.F32[i]))
	case batch.Double:
		return math.Float64bits(c.F64[i])
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		return uint64(c.I64[i])
	}
	return uint64(int64(c.I32[i]))
}

// fillColumn fills a column of a fixed type from words, of keys or of values.
func fillColumn(c *batch.Column, word func(int) uint64) {
	switch c.Type.Kind {
	case batch.Boolean:
		for i := range c.N {
			c.Bits.Put(i, word(i) != 0)
		}
	case batch.Float:
		for i := range c.F32 {
			c.F32[i] = math.Float32frombits(uint32(word(i)))
		}
	case batch.Double:
		for i := range c.F64 {
			c.F64[i] = math.Float64frombits(word(i))
		}
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		for i := range c.I64 {
			c.I64[i] = int64(word(i))
		}
	default:
		for i := range c.I32 {
			c.I32[i] = int32(uint32(word(i)))
		}
	}
}

// ChunkShift is how many rows, as a power of two, a chunk of [Words.Layout] has.
const ChunkShift = chunkShift

// Layout returns where the values are, for kernels that go through many rows: the value of a row is word
// (row modulo 2^ChunkShift) * stride + at of chunk row >> ChunkShift. It is good until the next Upsert.
func (w *Words) Layout() (chunks [][]uint64, stride, at int) {
	return w.grid.chunks, w.grid.stride, w.at
}
