package windows

import (
	"cmp"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// resolve returns what a session of a key became by the merges, which are in their order.
func (w *Sessions) resolve(key uint32, ordinal int64) int64 {
	i, _ := slices.BinarySearchFunc(w.merges, key, func(m merge, k uint32) int { return cmp.Compare(m.key, k) })
	for ; i < len(w.merges) && w.merges[i].key == key; i++ {
		if w.merges[i].from == ordinal {
			ordinal = w.merges[i].into
		}
	}
	return ordinal
}

// merge moves the accumulators of sessions that became a part of others.
func (w *Sessions) merge() error {
	keys, from, into, gone, err := w.absorbed()
	if err != nil {
		return err
	}
	defer release(keys)
	if len(gone) == 0 {
		return nil
	}
	counts := make([][]uint64, len(w.values))
	for i, v := range w.values {
		counts[i] = v.countsOf(gone)
	}
	p := w.accumulators.Export(w.sums, gone)
	defer w.accumulators.Free(p)
	w.sums.Delete(gone)
	n, x := len(into), &w.placed
	number := w.Context.Pool.NewColumn(batch.BigIntType, n)
	defer number.Release()
	copy(number.I64, into)
	x.columns = append(append(x.columns[:0], keys...), number)
	x.hashes = batch.Hash(x.columns, n, x.hashes)
	to, fresh := make([]uint32, n), make(batch.Bitmap, batch.BitmapWords(n))
	if err := w.sums.Upsert(x.columns, nil, n, x.hashes, to, fresh); err != nil {
		return err
	}
	w.sums.Touch(to)
	err = w.accumulators.Merge(w.sums, to, fresh, p)
	for i, v := range w.values {
		if err == nil {
			err = v.move(keys, from, counts[i], into, to)
		}
	}
	return err
}

// absorbed returns the sessions that are to become a part of others: their keys, their ordinals, those of the others, and
// their rows of the sums. Those made in this batch have no accumulators of their own and are left out.
func (w *Sessions) absorbed() (keys []*batch.Column, from, into []int64, rows []uint32, err error) {
	physical := make([]int32, len(w.merges))
	from = make([]int64, len(w.merges))
	for i, m := range w.merges {
		physical[i], from[i] = m.row, m.from
	}
	keys = gather(w.Context.Pool, w.columns, physical)
	found, err := w.find(keys, from)
	release(keys)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	physical, from = physical[:0], from[:0]
	for i, m := range w.merges {
		if r := found[i]; r != state.NoRow {
			physical, from, into, rows = append(physical, m.row), append(from, m.from), append(into, w.resolve(m.key, m.from)), append(rows, r)
		}
	}
	return gather(w.Context.Pool, w.columns, physical), from, into, rows, nil
}

// find returns the rows of the accumulators of sessions.
func (w *Sessions) find(keys []*batch.Column, ordinals []int64) ([]uint32, error) {
	n := len(ordinals)
	number := w.Context.Pool.NewColumn(batch.BigIntType, n)
	defer number.Release()
	copy(number.I64, ordinals)
	x := &w.placed
	x.columns = append(append(x.columns[:0], keys...), number)
	x.hashes, x.rows = batch.Hash(x.columns, n, x.hashes), sized(x.rows, n)
	return x.rows, w.sums.Find(x.columns, nil, n, x.hashes, x.rows)
}
