package delta

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// spot is a row of one of several batches.
type spot struct{ batch, row uint32 }

// sortRow is a row on its way to its place in the order of keys.
type sortRow struct {
	head uint64 // the first bytes of the key: most comparisons end here
	key  int    // where the key begins in the arena
	size int32  // of the key
	part int32  // which of the inputs it came from
	spot
	kind batch.RowKind
}

// rowSort puts the rows of many batches, all of one schema, into the order of their keys. Rows
// of equal keys stay in the order in which they were added.
type rowSort struct {
	keys    []int // columns
	batches []*batch.Batch
	rows    []sortRow
	arena   []byte
}

// add takes over a batch of one of the inputs.
func (s *rowSort) add(b *batch.Batch, part int) {
	s.rows = slices.Grow(s.rows, b.Rows())
	at := uint32(len(s.batches))
	s.batches = append(s.batches, b)
	for i := range b.Rows() {
		r := sortRow{key: len(s.arena), part: int32(part), spot: spot{at, uint32(b.Row(i))}}
		if b.Kinds != nil {
			r.kind = b.Kinds[r.row]
		}
		for _, k := range s.keys {
			s.arena = batch.AppendSortKey(s.arena, b.Columns[k], int(r.row), batch.Ascending)
		}
		key := s.arena[r.key:]
		r.size = int32(len(key))
		if len(key) >= 8 {
			r.head = binary.BigEndian.Uint64(key)
		} else {
			r.head = headOf(key)
		}
		s.rows = append(s.rows, r)
	}
}

func (s *rowSort) key(r *sortRow) []byte { return s.arena[r.key : r.key+int(r.size)] }

func (s *rowSort) sort() {
	slices.SortStableFunc(s.rows, func(a, b sortRow) int {
		if c := cmp.Compare(a.head, b.head); c != 0 {
			return c
		}
		return bytes.Compare(s.key(&a), s.key(&b))
	})
}

// release gives the batches back.
func (s *rowSort) release() {
	for _, b := range s.batches {
		b.Release()
	}
	s.batches, s.rows, s.arena = nil, nil, nil
}

// lastOfKey reduces the sorted rows to one a key: what the key's row is after the epoch, as an insert or a delete.
//
// Rows of one input are in order, so the last word counts; an update's row before says nothing if the key
// has another row, wherever it comes from: the row after, or the row of somebody who has taken
// the key over. Between inputs there is no order: a row that is there counts more than one that is
// not, and of two the later input's.
func (s *rowSort) lastOfKey() {
	kept := s.rows[:0]
	for i := 0; i < len(s.rows); {
		last, to := s.rows[i], i+1
		last.kind = settledKind(last.kind)
		for ; to < len(s.rows) && bytes.Equal(s.key(&s.rows[to]), s.key(&last)); to++ {
			next := s.rows[to]
			weak := next.kind == batch.UpdateBefore
			next.kind = settledKind(next.kind)
			if next.kind == batch.Delete && last.kind == batch.Insert && (weak || next.part != last.part) {
				continue
			}
			last = next
		}
		kept = append(kept, last)
		i = to
	}
	s.rows = kept
}

func settledKind(k batch.RowKind) batch.RowKind {
	if k == batch.UpdateBefore || k == batch.Delete {
		return batch.Delete
	}
	return batch.Insert
}

// picker makes batches of rows that it picks out of others, in the order asked for.
type picker struct {
	schema *batch.Schema
	pool   *batch.Pool
	order  []int32 // of the picks, by batch
	rows   []int32
	back   []int32 // from the order of the picks to the order by batch
}

// pick returns the rows in the order of spots, without kinds.
func (p *picker) pick(from []*batch.Batch, spots []spot) *batch.Batch {
	p.order = p.order[:0]
	one := true
	for i := range spots {
		p.order = append(p.order, int32(i))
		one = one && spots[i].batch == spots[0].batch
	}
	if !one {
		slices.SortStableFunc(p.order, func(a, b int32) int { return cmp.Compare(spots[a].batch, spots[b].batch) })
	}
	builders := make([]*batch.Builder, len(p.schema.Fields))
	for i, f := range p.schema.Fields {
		builders[i] = batch.NewBuilder(f.Type, p.pool)
	}
	p.back = slices.Grow(p.back[:0], len(spots))[:len(spots)]
	straight := true
	for i := 0; i < len(p.order); {
		source := spots[p.order[i]].batch
		p.rows = p.rows[:0]
		for ; i < len(p.order) && spots[p.order[i]].batch == source; i++ {
			straight = straight && p.order[i] == int32(i)
			p.back[p.order[i]] = int32(i)
			p.rows = append(p.rows, int32(spots[p.order[i]].row))
		}
		for c, b := range builders {
			b.AppendRows(from[source].Columns[c], p.rows)
		}
	}
	out := &batch.Batch{Schema: p.schema, N: len(spots)}
	for _, b := range builders {
		out.Columns = append(out.Columns, b.Finish())
		b.Release()
	}
	if straight {
		return out
	}
	defer out.Release()
	return out.Gather(p.pool, p.back)
}
