package state

import (
	"github.com/deltaic/deltaic/batch"
)

// A segment whose rows share their first keys ([Spec.Shared]) keeps these once, as rows of a segment of heads that
// count the rows that have them. The key of a row is then two words: its head's row, with a bit if the last key is null, and
// the last key.

// tailNull is added to the first word of a key whose last column is null.
const tailNull = 1 << 32

// headSpec is the table of the heads of a table. It is no part of the state.
func headSpec(s *Spec) Spec {
	return Spec{Name: s.Name, Keys: s.Keys[:s.Prefix], Values: []Column{{Name: "rows", Type: batch.BigIntType}}}
}

// findHeads fills scratch with the rows of the heads, NoRow for those that are not there; they are made if rows are to be added.
func (u *upsert) findHeads(keys []*batch.Column, rows []int32, n int) error {
	t := u.table
	x := &t.scratch
	x.heads = room(x.heads, n)
	if u.heads == nil {
		if !u.add {
			for _, r := range rows {
				x.heads[r] = NoRow
			}
			return nil
		}
		u.heads = newSegment(t.heads, u.at)
	}
	if u.groups != nil && u.add {
		rows = u.nearHeads(rows)
		defer u.keepNear(rows)
	}
	keys = keys[:t.spec.Prefix]
	if u.prefix == nil {
		x.prefix = batch.Hash(keys, n, x.prefix)
		u.prefix = x.prefix
	}
	of := upsert{Segment: u.heads, out: x.heads, add: u.add}
	return of.run(keys, rows, n, u.prefix)
}

// headCache has the heads of rows of another segment, of which callers know the first keys.
type headCache struct {
	of      *Segment
	moves   uint64   // of both segments together, when the entries were made
	stamp   uint32   // of entries that are good
	entries []uint64 // by row of the other segment: stamp and head
	missed  []int32
}

// nearHeads fills scratch with the heads that the cache has, and returns the rows of the others.
func (u *upsert) nearHeads(rows []int32) (missed []int32) {
	c, heads := &u.near, u.table.scratch.heads
	if moves := u.groups.moves + u.heads.moves; c.of != u.groups || c.moves != moves || c.stamp == 0 {
		c.of, c.moves = u.groups, moves
		if c.stamp++; c.stamp == 0 {
			clear(c.entries)
			c.stamp++
		}
	}
	if n := u.groups.grid.n; len(c.entries) < n {
		was := cap(c.entries)
		c.entries = append(c.entries, make([]uint64, n-len(c.entries))...)
		u.table.charge(int64(cap(c.entries)-was) * 8)
	}
	c.missed = c.missed[:0]
	for _, r := range rows {
		e := c.entries[u.of[r]]
		if heads[r] = uint32(e); uint32(e>>32) != c.stamp {
			c.missed = append(c.missed, r)
		}
	}
	return c.missed
}

// keepNear takes the heads of rows, which were found, into the cache.
func (u *upsert) keepNear(rows []int32) {
	c, heads := &u.near, u.table.scratch.heads
	for _, r := range rows {
		c.entries[u.of[r]] = uint64(c.stamp)<<32 | uint64(heads[r])
	}
}

// pairs finds rows whose tags and heads are in scratch.
func (u *upsert) pairs(last *batch.Column, rows []int32) {
	x := &u.table.scratch
	x.keys, x.leads = room(x.keys, len(rows)), room(x.leads, len(rows))
	gatherWords(last, rows, x.keys)
	keys, leads := x.keys, x.leads[:len(x.keys)]
	for i, r := range rows {
		leads[i] = uint64(x.heads[r])
	}
	if last.Valid != nil {
		for i, r := range rows {
			if !last.Valid.Get(int(r)) {
				keys[i], leads[i] = 0, leads[i]|tailNull
			}
		}
	}
	u.search()
	there, found := x.there[:len(keys)], x.found[:len(keys)]
	for i, f := range found {
		there[i] = 1
		if f != 0 {
			key := u.grid.pair(f - 1)
			there[i] = key[0] ^ leads[i] | key[1] ^ keys[i]
		}
	}
	for i, k := range keys {
		if there[i] == 0 {
			u.out[rows[i]] = found[i] - 1
		} else {
			u.out[rows[i]] = u.settlePair(i, leads[i], k, rows[i])
		}
	}
}

// settlePair is settleWord for keys of two words.
func (u *upsert) settlePair(i int, lead, key uint64, physical int32) uint32 {
	tag := u.table.scratch.tags[i]
	b, j := u.from(i)
	mask := len(b.slots) - 1
	for ; b.slots[j&mask].row != 0; j = (j + 1) & mask {
		if e := b.slots[j&mask]; e.tag == tag && *u.grid.pair(e.row - 1) == [2]uint64{lead, key} {
			return e.row - 1
		}
	}
	if !u.add {
		return NoRow
	}
	r := u.make(physical)
	u.setPair(r, lead, key)
	u.index.fill(b, j, slot{tag, r + 1})
	return r
}

// setPair gives a row its key.
func (s *Segment) setPair(r uint32, lead, key uint64) {
	*s.grid.pair(r) = [2]uint64{lead, key}
	*s.heads.Words(0).Slot(uint32(lead))++
}

// adoptPair is setPair for a row that comes from below.
func (s *Segment) adoptPair(r uint32, at keyAt) error {
	x := &s.table.scratch
	x.one[0] = at.i
	of := upsert{Segment: s, add: true, prefix: at.prefix}
	if err := of.findHeads(at.columns, x.one[:], at.n); err != nil {
		return err
	}
	lead, last := uint64(x.heads[at.i]), at.columns[len(at.columns)-1]
	if last.IsNull(int(at.i)) {
		s.setPair(r, lead|tailNull, 0)
	} else {
		s.setPair(r, lead, word(last, int(at.i)))
	}
	return nil
}

// leaveHeads takes rows from the counts of their heads. Heads that no row has any more go.
func (s *Segment) leaveHeads(rows []uint32) {
	if s.heads == nil {
		return
	}
	var gone []uint32
	counts := s.heads.Words(0)
	for _, r := range rows {
		head := uint32(s.grid.key(r))
		count := counts.Slot(head)
		if *count--; *count == 0 {
			gone = append(gone, head)
		}
	}
	if len(gone) > 0 {
		s.heads.Remove(gone)
	}
}

func (s *Segment) releaseHeads() {
	if s.heads != nil {
		s.heads.release()
		s.heads = nil
	}
	s.table.charge(-int64(cap(s.near.entries)) * 8)
	s.near = headCache{}
}

// sharedKeys is Keys for rows that share their first keys.
func (s *Segment) sharedKeys(p *batch.Pool, rows []uint32) []*batch.Column {
	heads := make([]uint32, len(rows))
	for i, r := range rows {
		heads[i] = uint32(s.grid.key(r))
	}
	columns := s.heads.Keys(p, heads)
	last := p.NewColumn(s.table.spec.Keys[len(columns)].Type, len(rows))
	fillColumn(last, func(i int) uint64 { return s.grid.pair(rows[i])[1] })
	for i, r := range rows {
		if s.grid.key(r)&tailNull != 0 {
			last.NewValid().Clear(i)
		}
	}
	return append(columns, last)
}

// sharedCopy is the keys of a copy whose rows share their first ones: the first word of a row is the number of its head among heads.
type sharedCopy struct {
	heads  Copy
	codes  []uint32 // by row of a head in the segment being copied: its number plus one
	of     *Segment // whose rows they are, and as of which of its moves
	moves  uint64
	fresh  []uint32
	local  []int32 // by number: the row in the block being made, plus one
	listed []uint32
	rows   []int32
	all    []*batch.Column // the keys of all heads; nil: not made yet
}

// fewHeads is how many heads are made keys at once, for all blocks.
const fewHeads = 1 << 14

// add replaces the rows of heads in the first words of rows, which were copied from a segment, by numbers.
func (h *sharedCopy) add(s *Segment, words []uint64, stride int) {
	if h.of != s.heads || h.moves != s.heads.moves { // rows were evicted since: their heads' rows may be others' now
		clear(h.codes)
		h.of, h.moves = s.heads, s.heads.moves
	}
	for len(h.codes) < s.heads.grid.n {
		h.codes = append(h.codes, 0)
	}
	h.fresh = h.fresh[:0]
	for i := 0; i < len(words); i += stride {
		head := uint32(words[i])
		if h.codes[head] == 0 {
			h.fresh = append(h.fresh, head)
			h.codes[head] = uint32(h.heads.n + len(h.fresh))
		}
		words[i] = words[i]&tailNull | uint64(h.codes[head]-1)
	}
	h.heads.add(s.heads, h.fresh)
}

// next returns the key columns of rows, each of stride words.
func (h *sharedCopy) next(p *batch.Pool, keys []Column, words []uint64, stride int) []*batch.Column {
	columns := make([]*batch.Column, 0, len(keys))
	for _, c := range h.keysOf(p, words, stride) {
		columns = append(columns, spread(p, c, h.rows))
		c.Release()
	}
	last := p.NewColumn(keys[len(columns)].Type, len(h.rows))
	fillColumn(last, func(i int) uint64 { return words[i*stride+1] })
	for i := range h.rows {
		if words[i*stride]&tailNull != 0 {
			last.NewValid().Clear(i)
		}
	}
	return append(columns, last)
}

// keysOf returns the keys of the heads of a block, and in rows which of them each row has: of all heads if these are few.
func (h *sharedCopy) keysOf(p *batch.Pool, words []uint64, stride int) []*batch.Column {
	h.rows, h.listed = h.rows[:0], h.listed[:0]
	if n := len(words) / stride; h.heads.n <= fewHeads && h.heads.n <= n/2 {
		if h.all == nil {
			h.all = h.heads.keysAt(nil, upTo(h.listed, h.heads.n))
		}
		for i := 0; i < len(words); i += stride {
			h.rows = append(h.rows, int32(uint32(words[i])))
		}
		for _, c := range h.all {
			c.Retain()
		}
		return h.all
	}
	for len(h.local) < h.heads.n {
		h.local = append(h.local, 0)
	}
	for i := 0; i < len(words); i += stride {
		code := uint32(words[i])
		if h.local[code] == 0 {
			h.listed = append(h.listed, code)
			h.local[code] = int32(len(h.listed))
		}
		h.rows = append(h.rows, h.local[code]-1)
	}
	for _, code := range h.listed {
		h.local[code] = 0
	}
	return h.heads.keysAt(p, h.listed)
}

// spread is batch.Gather that makes a dictionary of strings, where it is smaller than what it saves.
func spread(p *batch.Pool, c *batch.Column, rows []int32) *batch.Column {
	text := c.Type.Kind == batch.String || c.Type.Kind == batch.Binary
	if !text || c.Valid != nil || c.N > len(rows)/2 {
		return batch.Gather(p, c, rows)
	}
	d := p.NewDict(c.Retain(), len(rows))
	copy(d.I32, rows)
	return d
}
