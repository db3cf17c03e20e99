package state

import (
	"math/bits"
	"slices"
)

// heldRows are rows of a checkpoint that what is below the table does not know yet.
type heldRows struct {
	segment *Segment
	epoch   int64
	rows    []uint32
}

// hold begins the list of a checkpoint's rows; nil if there is nothing below the table.
func (t *Table) hold(s *Segment, epoch int64, rows int) *heldRows {
	if t.below == nil {
		return nil
	}
	t.held = append(t.held, heldRows{segment: s, epoch: epoch, rows: make([]uint32, 0, rows)})
	t.charge(int64(rows) * 4)
	return &t.held[len(t.held)-1]
}

// Folded says that what is below the table knows all checkpoints up to an epoch: their
// rows need not stay in memory, and deleted ones go.
func (t *Table) Folded(epoch int64) {
	told := map[*Segment][]uint32{}
	kept := t.held[:0]
	for _, h := range t.held {
		switch {
		case h.epoch > epoch:
			kept = append(kept, h)
			continue
		case h.segment.unfold != nil: // else it was dropped
			told[h.segment] = append(told[h.segment], h.rows...)
		}
		t.charge(-int64(cap(h.rows)) * 4)
	}
	clear(t.held[len(kept):])
	t.held = kept
	for s, rows := range told {
		s.leave(len(s.leaving)) // what is listed below must not be listed already
		for _, r := range rows {
			s.unfold.Clear(int(r))
		}
	}
	for _, h := range kept {
		if h.segment.unfold == nil {
			continue
		}
		for _, r := range h.rows {
			h.segment.unfold.Set(int(r))
		}
	}
	for s, rows := range told {
		s.folded(rows)
	}
}

// folded lists the deleted ones of rows that what is below knows.
func (s *Segment) folded(rows []uint32) {
	if s.stale == 0 {
		return
	}
	gone := slices.DeleteFunc(rows, func(r uint32) bool { return !s.gone.Get(int(r)) || s.dirty.Get(int(r)) || s.unfold.Get(int(r)) })
	slices.Sort(gone)
	was := cap(s.leaving)
	s.leaving = append(s.leaving, slices.Compact(gone)...)
	s.table.charge(int64(cap(s.leaving)-was) * 4)
}

// met notes that rows were used.
func (u *upsert) met(sel []int32, n int) {
	if sel != nil {
		for _, physical := range sel {
			if r := u.out[physical]; r != NoRow {
				u.used.Set(int(r))
			}
		}
	} else {
		for _, r := range u.out[:n] {
			if r != NoRow {
				u.used.Set(int(r))
			}
		}
	}
	u.settle()
}

// settle tells the account how many bytes are free within what the segment has taken, and how many the next checkpoint will
// take for its copy: memory is full when that has no room any more.
func (s *Segment) settle() {
	idle := s.unused()
	if s.heads != nil {
		idle += s.heads.unused()
	}
	row := int64(8*s.grid.stride+1) + (s.arenaBytes-s.arena.idle)/int64(max(1, s.grid.n-len(s.free)))
	copied := int64(s.touched) * row
	s.table.charge(s.idle - idle + copied - s.copied)
	s.idle, s.copied = idle, copied
}

// unused returns the bytes of free rows and entries.
func (s *Segment) unused() int64 {
	return int64(len(s.free))*int64(8*s.grid.stride+2*slotBytes) + s.arena.idle
}

// evict takes up to n rows out of memory that have not been met for a while and that
// are below as they are. It returns how many.
func (s *Segment) evict(n int) int {
	if s.table.scanning > 0 || s.live == 0 {
		return 0
	}
	evicted := 0
	buffer := make([]uint32, 0, pieceRows)
	// A second time round all have had their chance; a pause ends where little is found: a word takes a nanosecond, a row
	// that is evicted fifty.
	words := len(s.dirty)
	for step := range min(2*words, max(4096, n)) {
		if step == words {
			s.out(buffer)
			buffer = buffer[:0]
		}
		if len(s.dirty) == 0 { // all were evicted
			break
		}
		if s.hand >= words {
			s.hand = 0
		}
		i := s.hand
		s.hand++
		there := ^uint64(0)
		if left := s.grid.n - i<<6; left < 64 {
			there = 1<<uint(left) - 1
		}
		if s.gone != nil {
			there &^= s.gone[i]
		}
		cold := there &^ s.dirty[i] &^ s.unfold[i] &^ s.used[i]
		s.used[i] = 0
		if cold == 0 {
			continue
		}
		buffer = appendBits(buffer, cold, i<<6)
		evicted += bits.OnesCount64(cold)
		if evicted >= n || len(buffer) > pieceRows-64 {
			s.out(buffer)
			buffer = buffer[:0]
		}
		if evicted >= n {
			break
		}
	}
	s.out(buffer)
	s.settle()
	return evicted
}

// evictRows takes those of the rows out of memory that are below as they are.
func (s *Segment) evictRows(rows []uint32) {
	kept := rows[:0]
	for _, r := range rows {
		if !s.dirty.Get(int(r)) && !s.unfold.Get(int(r)) && (s.gone == nil || !s.gone.Get(int(r))) {
			kept = append(kept, r)
		}
	}
	s.out(kept)
	s.settle()
}

// out removes rows from memory that are below too.
func (s *Segment) out(rows []uint32) {
	if len(rows) == 0 {
		return
	}
	if len(rows) == s.live && s.stale == 0 {
		s.clear()
		return
	}
	s.Delete(rows)
	for _, r := range rows {
		s.unmark(r)
	}
	s.expel(rows)
	s.below += len(rows)
	s.deep = true
}

// Evict takes up to n rows out of memory, of whole segments that have not been
// met for a while first. It returns how many.
func (t *Table) Evict(n int) int {
	if t.below == nil || t.scanning > 0 {
		return 0
	}
	evicted := 0
	for _, at := range t.Segments() {
		if s := t.segments[at]; s.live > 0 && s.cold() {
			evicted += s.live
			s.clear()
		}
		if evicted >= n {
			return evicted
		}
	}
	for _, at := range t.Segments() {
		if evicted += t.segments[at].evict(n - evicted); evicted >= n {
			break
		}
	}
	return evicted
}

// cold reports whether all rows are below as they are and none was met since the hand came by.
func (s *Segment) cold() bool {
	if s.stale > 0 {
		return false
	}
	for i := range s.dirty {
		if s.dirty[i]|s.unfold[i]|s.used[i] != 0 {
			return false
		}
	}
	return true
}

// clear gives the memory of all rows, which are below as they are, back.
func (s *Segment) clear() {
	n := s.below + s.live
	s.release()
	s.empty()
	s.below, s.deep = n, true
}
