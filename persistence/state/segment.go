package state

import (
	"math/bits"

	"github.com/deltaic/deltaic/batch"
)

// Segment is an open addressing table over rows of words. Rows are numbered and
// stay where they are until they are deleted.
type Segment struct {
	at         int64
	table      *Table
	index      index
	grid       grid
	arena      arena
	heads      *Segment // of the keys that rows share; nil before the first
	near       headCache
	moves      uint64 // how often row numbers have come free
	null       uint32 // row plus one of the null key of a one-column layout, of the row without keys; 0: none
	live       int
	stored     bool         // a checkpoint holds some of it
	dirty      batch.Bitmap // changed since the last checkpoint
	touched    int          // rows of it
	known      batch.Bitmap // the last checkpoint has the key
	gone       batch.Bitmap // deleted; nil before the first
	stale      int          // deleted rows that are in the index still
	free       []uint32     // rows that may be used again
	deep       bool         // there may be rows below memory alone
	below      int          // how many
	used       batch.Bitmap // met since the clock's hand came by; nil: nothing is below the table
	unfold     batch.Bitmap // in a checkpoint of which what is below does not know yet
	hand       int          // of the clock: a word of the bitmaps
	idle       int64        // bytes of rows and entries that are free, which the account does not carry
	copied     int64        // bytes that the next checkpoint's copy will take, which it carries if there is something below
	arenaBytes int64        // of the arena's chunks
	// leaving are deleted rows of which the checkpoint has been told: they leave the index.
	leaving []uint32
}

func newSegment(t *Table, at int64) *Segment {
	s := &Segment{at: at, table: t}
	s.empty()
	return s
}

// empty gives a segment without rows its memory.
func (s *Segment) empty() {
	t := s.table
	s.index = newIndex(t.charge)
	s.grid = grid{stride: t.lead + len(t.spec.Values), charge: t.charge}
	s.arena = arena{charge: func(n int64) { s.arenaBytes += n; t.charge(n) }}
}

func (s *Segment) release() {
	s.moves++
	s.releaseHeads()
	s.index.release()
	s.grid.release()
	s.arena.release()
	words := cap(s.dirty) + cap(s.known) + cap(s.gone) + cap(s.used) + cap(s.unfold)
	s.table.charge(s.idle - s.copied - int64(words)*8 - int64(cap(s.free)+cap(s.leaving))*4)
	s.dirty, s.known, s.gone, s.used, s.unfold, s.free, s.leaving = nil, nil, nil, nil, nil, nil, nil
	s.live, s.touched, s.idle, s.copied, s.null, s.hand = 0, 0, 0, 0, 0, 0
}

// At returns the segment's number.
func (s *Segment) At() int64 { return s.at }

// Len returns the number of rows.
func (s *Segment) Len() int { return s.live + s.below }

// newRow returns a row of zeros that is counted, and will be in the next checkpoint.
func (s *Segment) newRow() uint32 {
	s.live++
	if n := len(s.free); n > 0 {
		r := s.free[n-1]
		s.free = s.free[:n-1]
		s.gone.Clear(int(r))
		s.mark(r)
		return r
	}
	r := s.grid.add()
	if s.grid.n > len(s.dirty)<<6 {
		s.dirty, s.known = s.widen(s.dirty), s.widen(s.known)
		if s.gone != nil {
			s.gone = s.widen(s.gone)
		}
		if s.table.below != nil {
			s.used, s.unfold = s.widen(s.used), s.widen(s.unfold)
		}
	}
	s.mark(r)
	return r
}

// mark says that a row has changed since the last checkpoint.
func (s *Segment) mark(r uint32) {
	w := &s.dirty[r>>6]
	s.touched += int(^*w >> (r & 63) & 1)
	*w |= 1 << (r & 63)
}

// unmark says that it has not.
func (s *Segment) unmark(r uint32) {
	w := &s.dirty[r>>6]
	s.touched -= int(*w >> (r & 63) & 1)
	*w &^= 1 << (r & 63)
}

func (s *Segment) widen(b batch.Bitmap) batch.Bitmap {
	was := cap(b)
	b = append(b, 0)
	s.table.charge(int64(cap(b)-was) * 8)
	return b
}

// Touch says that rows have changed since the last checkpoint.
func (s *Segment) Touch(rows []uint32) {
	dirty, touched := s.dirty, 0
	for _, r := range rows {
		was := dirty[r>>6]
		dirty[r>>6] = was | 1<<(r&63)
		touched += int(^was >> (r & 63) & 1)
	}
	s.touched += touched
}

// Delete removes rows: Upsert and Find do not meet them any more. Rows that
// are deleted already are passed over.
func (s *Segment) Delete(rows []uint32) {
	if s.gone == nil {
		s.gone = make(batch.Bitmap, len(s.dirty), cap(s.dirty))
		s.table.charge(int64(cap(s.gone)) * 8)
	}
	for _, r := range rows {
		if s.gone.Get(int(r)) {
			continue
		}
		s.gone.Set(int(r))
		s.mark(r)
		s.live--
		s.stale++
		s.table.removed++
	}
}

// Remove deletes rows at once, and no checkpoint is told: for tables that are no part of the state.
func (s *Segment) Remove(rows []uint32) {
	s.Delete(rows)
	for _, r := range rows {
		s.unmark(r)
	}
	s.expel(rows)
}

// revive makes a deleted row, which is in the index still, a fresh one.
func (s *Segment) revive(r uint32) {
	s.clearValues(r)
	s.gone.Clear(int(r))
	s.mark(r)
	s.live++
	s.stale--
}

func (s *Segment) clearValues(r uint32) {
	words := s.grid.row(r)[s.table.lead:]
	for _, v := range s.table.bytes {
		s.arena.remove(words[v])
	}
	clear(words)
}

// leave takes up to n rows that wait for it out of the index.
func (s *Segment) leave(n int) {
	for n > 0 && len(s.leaving) > 0 {
		piece := s.leaving[max(0, len(s.leaving)-min(n, pieceRows)):]
		s.leaving = s.leaving[:len(s.leaving)-len(piece)]
		n -= len(piece)
		kept := piece[:0]
		for _, r := range piece {
			if s.gone.Get(int(r)) && !s.dirty.Get(int(r)) && !s.holding(r) { // else it has come back since
				kept = append(kept, r)
			}
		}
		s.expel(kept)
	}
}

// holding reports whether what is below does not know the row's last change.
func (s *Segment) holding(r uint32) bool { return s.unfold != nil && s.unfold.Get(int(r)) }

// expel takes deleted rows out of the index and frees their numbers.
func (s *Segment) expel(rows []uint32) {
	if len(rows) == 0 {
		return
	}
	t := s.table
	keys := s.Keys(t.pool, rows)
	t.scratch.hashes = batch.Hash(keys, len(rows), t.scratch.hashes)
	for _, k := range keys {
		k.Release()
	}
	s.moves++
	s.leaveHeads(rows)
	was := cap(s.free)
	for i, r := range rows {
		if s.null == r+1 {
			s.null = 0
		} else {
			s.index.remove(tagOf(t.scratch.hashes[i]), r)
		}
		s.clearValues(r)
		if t.layout.bytes() {
			s.arena.remove(s.grid.key(r))
		}
		clear(s.grid.row(r)[:t.lead])
		s.known.Clear(int(r))
		s.free = append(s.free, r)
	}
	s.stale -= len(rows)
	t.charge(int64(cap(s.free)-was) * 4)
}

// Scan calls f with the rows that are there, at most 4096 at a time. f may change,
// touch and delete rows, and add rows, which it may then be called with or not.
func (s *Segment) Scan(f func(rows []uint32) error) error {
	s.table.scanning++
	defer func() { s.table.scanning-- }()
	if err := s.scan(f); err != nil || !s.deep {
		return err
	}
	return s.scanBelow(f)
}

func (s *Segment) scan(f func(rows []uint32) error) error {
	buffer := make([]uint32, 0, pieceRows)
	for from := 0; from < s.grid.n; from += 64 {
		word := ^uint64(0)
		if left := s.grid.n - from; left < 64 {
			word = 1<<uint(left) - 1
		}
		if s.gone != nil {
			word &^= s.gone[from>>6]
		}
		buffer = appendBits(buffer, word, from)
		if len(buffer) > pieceRows-64 || from+64 >= s.grid.n {
			if len(buffer) == 0 {
				continue
			}
			if err := f(buffer); err != nil {
				return err
			}
			buffer = buffer[:0]
		}
	}
	return nil
}

func appendBits(rows []uint32, word uint64, from int) []uint32 {
	for ; word != 0; word &= word - 1 {
		rows = append(rows, uint32(from+bits.TrailingZeros64(word)))
	}
	return rows
}
