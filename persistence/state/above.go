package state

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
)

// ApplyAbove is Apply for a table that has something below which does not know the rows yet: those of a checkpoint of the
// epoch, oldest first. They stay in memory until it does ([Table.Folded]). Nothing is looked for below: the kinds of the rows say
// which keys are there.
func (t *Table) ApplyAbove(epoch int64, b *Block, sel []int32, hashes []uint64) error {
	for len(sel) > 0 {
		segment, n := b.run(sel)
		if err := t.Segment(segment).applyAbove(epoch, b, sel[:n], hashes); err != nil {
			return err
		}
		sel = sel[n:]
	}
	return nil
}

func (s *Segment) applyAbove(epoch int64, b *Block, sel []int32, hashes []uint64) error {
	t := s.table
	rows, fresh := make([]uint32, b.N), make(batch.Bitmap, batch.BitmapWords(b.N))
	deep := s.deep
	s.stored, s.deep = true, false
	err := s.Upsert(b.Keys, sel, b.N, hashes, rows, fresh)
	s.deep = s.deep || deep
	if err != nil {
		return err
	}
	var gone []uint32
	kept := make([]int32, 0, len(sel))
	for _, r := range sel {
		kind := batch.Insert
		if b.Kinds != nil {
			kind = b.Kinds[r]
		}
		if kind != batch.Insert && fresh.Get(int(r)) {
			s.below--
		}
		if kind == batch.Delete {
			gone = append(gone, rows[r])
		} else {
			kept = append(kept, r)
		}
	}
	if s.below < 0 {
		return fmt.Errorf("table %s: a checkpoint of epoch %d changes keys that no checkpoint before it has", t.spec.Name, epoch)
	}
	s.setValues(b, kept, rows)
	if len(gone) > 0 {
		s.Delete(gone)
	}
	hold := t.hold(s, epoch, len(sel))
	for _, r := range sel {
		row := rows[r]
		s.unmark(row)
		s.known.Put(int(row), s.gone == nil || !s.gone.Get(int(row)))
		s.unfold.Set(int(row))
		hold.rows = append(hold.rows, row)
	}
	s.settle()
	return nil
}
