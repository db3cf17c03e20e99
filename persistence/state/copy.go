package state

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// Copy is the rows of a table that changed, copied out of it: columns as the
// table keeps them, which [Copy.Next] turns into batches. It shares nothing with the table.
type Copy struct {
	spec   Spec
	layout layout
	lead   int // words of a row that are its key
	bytes  []int
	stride int
	words  []uint64        // the words of each row; of keys that are bytes the place in data, of values that are nothing
	data   entries         // of each row the key, if it is bytes, then the values that are
	shared *sharedCopy     // of the keys that rows share; nil: each row has its own
	nulls  []int           // rows with the null key of a one-column layout, ascending
	kinds  []batch.RowKind // as in Block
	mixed  bool            // kinds has others than Insert
	whole  bool            // all rows of a table: all are Insert
	parts  []part
	n      int
	gone   int // deleted ones among them
	// Dropped are the segments that were dropped since the last checkpoint, before any of
	// the rows came.
	Dropped []int64
	// Removed is how many rows went since the last checkpoint, of dropped segments too.
	Removed int64

	row, null, part int // what Next has taken
	at              entriesCursor
}

// part is a run of rows of one segment.
type part struct {
	segment int64
	end     int
}

// Rows returns how many there are, deleted ones included.
func (c *Copy) Rows() int { return c.n }

// Updated returns how many of the rows are there still.
func (c *Copy) Updated() int64 { return int64(c.n - c.gone) }

// Empty reports whether nothing changed.
func (c *Copy) Empty() bool { return c.n == 0 && len(c.Dropped) == 0 }

// Charged returns the memory that the copy takes.
func (c *Copy) Charged() int64 {
	n := int64(cap(c.words))*8 + c.data.capacity() + int64(cap(c.kinds))
	if c.shared != nil {
		n += c.shared.heads.Charged() + int64(cap(c.shared.codes))*4
	}
	return n
}

// Thrifty reports whether the copy is worth keeping for the next one: most of its memory has been of use, or it is little. The copy
// that a full memory leaves behind would stay as large for every small epoch after it.
func (c *Copy) Thrifty() bool { return c.Charged() <= 1<<20 || len(c.words) >= cap(c.words)/4 }

// Spec returns what the rows are.
func (c *Copy) Spec() Spec { return c.spec }

// reset makes an empty copy of the table, in the memory of an old one.
func (c *Copy) reset(t *Table) {
	c.data.reset()
	shared := c.shared
	*c = Copy{spec: t.spec, layout: t.layout, lead: t.lead, bytes: t.bytes, stride: t.lead + len(t.spec.Values),
		words: c.words[:0], data: c.data, nulls: c.nulls[:0], kinds: c.kinds[:0], parts: c.parts[:0]}
	if t.heads == nil {
		return
	}
	if c.shared = shared; shared == nil {
		c.shared = &sharedCopy{}
	}
	c.shared.all = nil
	c.shared.heads.reset(t.heads)
	c.shared.heads.whole = true
}

// Checkpoint copies what changed since the last one into c, whatever c held, and
// takes it as told: deleted rows may go. If there is something below, they stay until it
// knows of the epoch ([Table.Folded]).
func (t *Table) Checkpoint(epoch int64, c *Copy) {
	c.reset(t)
	c.Dropped = slices.Sorted(slices.Values(t.dropped))
	t.dropped = t.dropped[:0]
	c.Removed, t.removed = t.removed, 0
	changed := 0
	for _, s := range t.segments {
		changed += s.changed()
	}
	c.words, c.kinds = slices.Grow(c.words, changed*c.stride), slices.Grow(c.kinds, changed)
	for _, at := range t.Segments() {
		t.segments[at].checkpoint(epoch, c)
	}
}

// changed returns how many rows are to be told, deleted ones that nobody has heard of among them.
func (s *Segment) changed() int { return s.touched }

// All copies all rows that are there into c.
func (t *Table) All(c *Copy) error {
	c.reset(t)
	c.whole = true
	for _, at := range t.Segments() {
		s := t.segments[at]
		if err := s.Scan(func(rows []uint32) error { c.add(s, rows); return nil }); err != nil {
			return err
		}
		c.endPart(at)
	}
	return nil
}

func (s *Segment) checkpoint(epoch int64, c *Copy) {
	changed := s.changed()
	if changed == 0 {
		if s.copied != 0 {
			s.settle()
		}
		return
	}
	s.leave(len(s.leaving)) // what is listed below must not be listed already
	buffer, was, from, told := make([]uint32, 0, pieceRows), cap(s.leaving), c.n, 0
	hold := s.table.hold(s, epoch, changed)
	for i, word := range s.dirty {
		if word == 0 {
			continue
		}
		if s.stale > 0 {
			gone := word & s.gone[i]
			if hold == nil {
				s.leaving = appendBits(s.leaving, gone, i<<6)
			} else {
				s.leaving = appendBits(s.leaving, gone&^s.known[i], i<<6)
			}
		}
		buffer = appendBits(buffer, s.news(i), i<<6)
		if len(buffer) > pieceRows-64 {
			s.tell(c, buffer, hold, told, i+1)
			buffer, told = buffer[:0], i+1
		}
	}
	s.tell(c, buffer, hold, told, len(s.dirty))
	s.stored, s.touched = s.stored || c.n > from, 0
	if s.table.below != nil {
		s.settle() // the copy is the checkpoint's from here on
	}
	c.endPart(s.at)
	s.table.charge(int64(cap(s.leaving)-was) * 4)
}

// news returns the changed rows of a word of the bitmaps that a checkpoint must tell: not those that are gone and that no
// checkpoint has heard of.
func (s *Segment) news(i int) uint64 {
	if s.stale == 0 {
		return s.dirty[i]
	}
	return s.dirty[i] &^ (s.gone[i] &^ s.known[i])
}

// tell copies rows, those of the words [from,to) of the bitmaps, for a checkpoint, and notes that it has them.
func (s *Segment) tell(c *Copy, rows []uint32, hold *heldRows, from, to int) {
	c.add(s, rows)
	if hold != nil {
		hold.rows = append(hold.rows, rows...)
	}
	for i := from; i < to; i++ {
		if s.dirty[i] == 0 {
			continue
		}
		told, there := s.news(i), ^uint64(0)
		if s.stale > 0 {
			there = ^s.gone[i]
		}
		s.dirty[i], s.known[i] = 0, s.known[i]&^told|told&there
		if hold != nil {
			s.unfold[i] |= told
		}
	}
}

func (c *Copy) endPart(segment int64) {
	if c.shared != nil { // the rows of heads are numbered anew
		clear(c.shared.codes)
	}
	if len(c.parts) == 0 && c.n > 0 || len(c.parts) > 0 && c.parts[len(c.parts)-1].end < c.n {
		c.parts = append(c.parts, part{segment, c.n})
	}
}

// add copies rows of a segment.
func (c *Copy) add(s *Segment, rows []uint32) {
	first := len(c.words)
	c.words = slices.Grow(c.words, len(rows)*c.stride)[:first+len(rows)*c.stride]
	s.grid.copyRows(c.words[first:], rows)
	if c.shared != nil {
		c.shared.add(s, c.words[first:], c.stride)
	}
	c.addKinds(s, rows)
	if s.null != 0 && c.layout.single() {
		if i := slices.Index(rows, s.null-1); i >= 0 {
			c.nulls = append(c.nulls, c.n+i)
		}
	}
	if keys := c.layout.bytes(); keys || len(c.bytes) > 0 {
		c.addBytes(s, rows, first, keys)
	}
	c.n += len(rows)
}

// addBytes copies the bytes of rows whose words are copied to first and behind.
func (c *Copy) addBytes(s *Segment, rows []uint32, first int, keys bool) {
	for range rows {
		words := c.words[first : first+c.stride]
		first += c.stride
		if keys {
			words[0] = c.data.addRaw(s.arena.raw(words[0]))
		}
		for _, v := range c.bytes {
			c.data.addRaw(s.arena.raw(words[c.lead+v]))
		}
	}
}

// addKinds says which keys are new, which have been in a checkpoint, and which are gone.
func (c *Copy) addKinds(s *Segment, rows []uint32) {
	for _, r := range rows {
		kind := batch.Insert
		switch {
		case s.stale > 0 && s.gone.Get(int(r)):
			kind = batch.Delete
			c.gone++
		case !c.whole && s.known.Get(int(r)):
			kind = batch.UpdateAfter
		}
		c.kinds = append(c.kinds, kind)
		c.mixed = c.mixed || kind != batch.Insert
	}
}

const (
	blockRows  = 1 << 16
	blockBytes = 1 << 20
)

// Block is some rows of a table as columns, which whoever asked for it releases.
type Block struct {
	N        int
	Segments []int64 // of each row; nil if the table is not windowed
	Keys     []*batch.Column
	Values   []*batch.Column
	// Kinds are Insert for keys that no checkpoint before had, UpdateAfter for those that one had, and
	// Delete for keys that are gone, whose values say nothing; nil: all are Insert.
	Kinds []batch.RowKind
}

// Release ends the references to the columns.
func (b *Block) Release() {
	for _, c := range b.Keys {
		c.Release()
	}
	for _, c := range b.Values {
		c.Release()
	}
}

// Rewind makes Next begin again.
func (c *Copy) Rewind() { c.row, c.null, c.part, c.at = 0, 0, 0, entriesCursor{} }

// Next returns the next rows, of about 1 MiB at most, in memory of p; N is 0 at the end.
func (c *Copy) Next(p *batch.Pool) Block {
	from := c.row
	b := Block{Keys: make([]*batch.Column, len(c.spec.Keys)), Values: make([]*batch.Column, len(c.spec.Values))}
	end := min(c.n, from+max(1024, min(blockRows, blockBytes/8/c.stride)))
	if c.layout.bytes() || len(c.bytes) > 0 {
		end = c.variable(p, end, &b)
	}
	c.row, b.N = end, end-from
	if c.shared != nil {
		copy(b.Keys, c.shared.next(p, c.spec.Keys, c.words[from*c.stride:end*c.stride], c.stride))
	}
	if c.layout == layoutWord {
		b.Keys[0] = c.fixed(p, c.spec.Keys[0].Type, from, b.N, 0)
		for ; c.null < len(c.nulls) && c.nulls[c.null] < end; c.null++ {
			b.Keys[0].NewValid().Clear(c.nulls[c.null] - from)
		}
	}
	for i, v := range c.spec.Values {
		if width(v.Type.Kind) > 0 {
			b.Values[i] = c.fixed(p, v.Type, from, b.N, c.lead+i)
		}
	}
	if c.mixed {
		b.Kinds = c.kinds[from:end]
	}
	if c.spec.Windowed {
		b.Segments = c.segments(from, end)
	}
	return b
}

func (c *Copy) fixed(p *batch.Pool, t batch.Type, from, n, word int) *batch.Column {
	column := p.NewColumn(t, n)
	if n == 0 {
		return column
	}
	words := c.words[from*c.stride+word:]
	fillColumn(column, func(i int) uint64 { return words[i*c.stride] })
	return column
}

// variable builds the columns that are bytes, of rows up to end or fewer if they
// are large, and returns where it stopped.
func (c *Copy) variable(p *batch.Pool, end int, b *Block) int {
	var keys []*batch.Builder
	if c.layout.bytes() {
		for _, k := range c.spec.Keys {
			keys = append(keys, batch.NewBuilder(k.Type, p))
		}
	}
	values := make([]*batch.Builder, len(c.bytes))
	for i, v := range c.bytes {
		values[i] = batch.NewBuilder(c.spec.Values[v].Type, p)
	}
	table := Table{spec: c.spec, layout: c.layout}
	i, taken := c.row, 0
	for ; i < end && taken < blockBytes; i++ {
		if keys != nil {
			key := c.data.next(&c.at)
			taken += len(key)
			if c.null < len(c.nulls) && c.nulls[c.null] == i {
				c.null++
				keys[0].Null()
			} else {
				table.appendKey(keys, key)
			}
		}
		for _, v := range values {
			value := c.data.next(&c.at)
			taken += len(value)
			v.Bytes(value)
		}
	}
	for k, build := range keys {
		b.Keys[k] = build.Finish()
		build.Release()
	}
	for k, build := range values {
		b.Values[c.bytes[k]] = build.Finish()
		build.Release()
	}
	return i
}

func (c *Copy) segments(from, end int) []int64 {
	out := make([]int64, 0, end-from)
	for i := from; i < end; i++ {
		for c.parts[c.part].end <= i {
			c.part++
		}
		out = append(out, c.parts[c.part].segment)
	}
	return out
}
