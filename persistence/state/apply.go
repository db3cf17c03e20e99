package state

import "github.com/deltaic/deltaic/batch"

// Apply changes the table by the selected rows of a block that a checkpoint wrote: rows with a
// key that is there replace it. hashes are those of the key columns. The rows do not count as touched.
func (t *Table) Apply(b *Block, sel []int32, hashes []uint64) error {
	for len(sel) > 0 {
		segment, n := b.run(sel)
		if err := t.apply(t.Segment(segment), b, sel[:n], hashes); err != nil {
			return err
		}
		sel = sel[n:]
	}
	return nil
}

// run returns the segment of the first of the selected rows, and how many from there on are of it.
func (b *Block) run(sel []int32) (segment int64, n int) {
	if b.Segments == nil {
		return 0, len(sel)
	}
	segment = b.Segments[sel[0]]
	for n = 1; n < len(sel) && b.Segments[sel[n]] == segment; n++ {
	}
	return segment, n
}

func (t *Table) apply(s *Segment, b *Block, sel []int32, hashes []uint64) error {
	s.stored = true
	rows := make([]uint32, b.N)
	if b.Kinds != nil {
		var gone []int32
		kept := make([]int32, 0, len(sel))
		for _, r := range sel {
			if b.Kinds[r] == batch.Delete {
				gone = append(gone, r)
			} else {
				kept = append(kept, r)
			}
		}
		sel = kept
		if len(gone) > 0 {
			if err := s.forget(b, gone, hashes, rows); err != nil {
				return err
			}
		}
	}
	if len(sel) == 0 {
		return nil
	}
	if err := s.Upsert(b.Keys, sel, b.N, hashes, rows, nil); err != nil {
		return err
	}
	s.setValues(b, sel, rows)
	return nil
}

// setValues sets the values of rows, by physical row of the block, to those of its selected rows.
func (s *Segment) setValues(b *Block, sel []int32, rows []uint32) {
	for v, c := range b.Values {
		if width(c.Type.Kind) > 0 {
			w := s.Words(v)
			for _, r := range sel {
				*w.Slot(rows[r]) = valueWord(c, int(r))
			}
			continue
		}
		values := s.Bytes(v)
		for _, r := range sel {
			values.Set(rows[r], c.Bytes(int(r)))
		}
	}
}

// forget deletes keys for good.
func (s *Segment) forget(b *Block, sel []int32, hashes []uint64, rows []uint32) error {
	if err := s.Find(b.Keys, sel, b.N, hashes, rows); err != nil {
		return err
	}
	var gone []uint32
	for _, r := range sel {
		if rows[r] != NoRow && (s.gone == nil || !s.gone.Get(int(rows[r]))) {
			gone = append(gone, rows[r])
			s.Delete(gone[len(gone)-1:])
		}
	}
	s.expel(gone)
	return nil
}

// Settle ends a restore: segments without rows go.
func (t *Table) Settle() {
	for at, s := range t.segments {
		if s.Len() == 0 {
			s.release()
			delete(t.segments, at)
			continue
		}
		for i, word := range s.dirty { // of free rows too, which are not known
			s.known[i] |= word
			if s.gone != nil {
				s.known[i] &^= s.gone[i]
			}
		}
		clear(s.dirty)
		s.touched = 0
	}
	t.order = nil
}
