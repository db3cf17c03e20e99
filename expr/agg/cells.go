package agg

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// words is one value of many rows: in the chunks of a segment, between the other
// values of the rows, or flat in a Partial.
type words struct {
	chunks      [][]uint64
	shift, mask uint32
	stride, off int
}

// at returns the value of a row.
func (w *words) at(row uint32) *uint64 {
	return &w.chunks[row>>(w.shift&31)][int(row&w.mask)*w.stride+w.off]
}

func segmentWords(chunks [][]uint64, stride, at int) words {
	return words{chunks: chunks, shift: state.ChunkShift, mask: 1<<state.ChunkShift - 1, stride: stride, off: at}
}

// texts is one value of bytes of many rows. The zero length is what a row begins with.
type texts struct {
	segment *state.Bytes
	flat    *flatBytes
}

func (t texts) at(row uint32) []byte {
	if t.flat != nil {
		return t.flat.at(row)
	}
	return t.segment.At(row)
}

func (t texts) set(row uint32, v []byte) {
	if t.flat != nil {
		t.flat.set(row, v)
		return
	}
	t.segment.Set(row, v)
}

// flatBytes are byte strings in one buffer. What is replaced stays there till reset.
type flatBytes struct {
	spans []uint64 // offset in the upper half, length in the lower
	data  []byte
}

func (f *flatBytes) at(row uint32) []byte {
	s := f.spans[row]
	from := s >> 32
	return f.data[from : from+s&0xffffffff]
}

func (f *flatBytes) set(row uint32, v []byte) {
	f.spans[row] = uint64(len(f.data))<<32 | uint64(len(v))
	f.data = append(f.data, v...)
}

// cells are the values of many rows, by number of the value: words or texts.
type cells struct {
	words []words
	texts []texts
	one   [][]uint64 // the only chunk of each value of a Partial
}

// Partial is the accumulators of N rows outside a table.
type Partial struct {
	N     int
	words [][]uint64 // by value; nil where it is bytes
	bytes []flatBytes
}

// newPartial returns n rows with zero words and empty bytes, of memory used before if there is some.
func (a *Accumulators) newPartial(n int) *Partial {
	var p *Partial
	if last := len(a.free) - 1; last >= 0 {
		p, a.free = a.free[last], a.free[:last]
	} else {
		p = &Partial{words: make([][]uint64, len(a.plan.values)), bytes: make([]flatBytes, len(a.plan.values))}
	}
	p.resize(a.plan, n)
	return p
}

func (p *Partial) resize(plan *Plan, n int) {
	p.N = n
	for i, v := range plan.values {
		if v.Type.Kind == batch.Binary {
			p.bytes[i].spans, p.bytes[i].data = zeros(p.bytes[i].spans, n), p.bytes[i].data[:0]
		} else {
			p.words[i] = zeros(p.words[i], n)
		}
	}
}

func zeros(s []uint64, n int) []uint64 {
	if cap(s) < n {
		return make([]uint64, n, n+n/4)
	}
	s = s[:n]
	clear(s)
	return s
}

// Free takes back a partial for use by this task.
func (a *Accumulators) Free(p *Partial) {
	if p != nil {
		a.free = append(a.free, p)
	}
}

// ofSegment points the cells at a segment's values.
func (c *cells) ofSegment(plan *Plan, s *state.Segment) {
	c.size(plan)
	for i, v := range plan.values {
		if v.Type.Kind == batch.Binary {
			c.texts[i] = texts{segment: s.Bytes(i)}
		} else {
			c.words[i] = segmentWords(s.Words(i).Layout())
		}
	}
}

// ofPartial points the cells at a partial.
func (c *cells) ofPartial(plan *Plan, p *Partial) {
	c.size(plan)
	for i, v := range plan.values {
		if v.Type.Kind == batch.Binary {
			c.texts[i] = texts{flat: &p.bytes[i]}
		} else {
			c.one[i] = p.words[i]
			c.words[i] = words{chunks: c.one[i : i+1], shift: 31, mask: 1<<31 - 1, stride: 1}
		}
	}
}

func (c *cells) size(plan *Plan) {
	if n := len(plan.values); len(c.words) < n {
		c.words, c.texts, c.one = make([]words, n), make([]texts, n), make([][]uint64, n)
	}
}
