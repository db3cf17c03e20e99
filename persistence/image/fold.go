package image

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// Up to mostFold bytes are sorted at a time, less where memory is small: a 32nd of the limit, but not below leastFold.
const (
	leastFold = 1 << 20
	mostFold  = 32 << 20
)

func foldBytes(limit int64) int {
	if limit == 0 {
		return mostFold
	}
	return int(max(leastFold, min(mostFold, limit/32)))
}

// Fold adds changes to the key groups [lo,hi) of a table: first the segments that are dropped, then rows, older
// ones first, then the marks, with which all of it counts.
type Fold struct {
	table   *Table
	lo, hi  int
	counts  map[countKey]int64 // as they will be
	changed map[countKey]bool
	drops   []drop
	encoded state.Encoded
	order   []entry
	charged int64 // what encoded and order take
}

type drop struct {
	segment int64
	lo, hi  int
}

// Fold begins one.
func (t *Table) Fold(lo, hi int) (*Fold, error) {
	counts, err := t.counts(lo, hi)
	if err != nil {
		return nil, err
	}
	return &Fold{table: t, lo: lo, hi: hi, counts: counts, changed: map[countKey]bool{}}, nil
}

// Drop deletes what a segment has in the key groups [lo,hi). It comes before all rows.
func (f *Fold) Drop(segment int64, lo, hi int) {
	f.drops = append(f.drops, drop{segment, lo, hi})
	for g := lo; g < hi; g++ {
		if k := (countKey{segment, g}); f.counts[k] != 0 {
			f.counts[k], f.changed[k] = 0, true
		}
	}
}

// Rows returns where rows are to be added; Added is to be called after each block of them.
func (f *Fold) Rows() *state.Encoded { return &f.encoded }

// Added takes the rows that were added into the database if they have become many.
func (f *Fold) Added(ctx context.Context) error {
	f.charge()
	if len(f.encoded.Data) < foldBytes(f.table.image.options.Account.Limit()) {
		return nil
	}
	return f.flush(ctx, nil)
}

// Commit takes the rest and makes all of it count: marks are those of the key groups from lo on, nil for
// a group whose mark stays. The fold is closed then.
func (f *Fold) Commit(ctx context.Context, marks []*Mark) error {
	defer f.Close()
	return f.flush(ctx, marks)
}

// Close gives up what has not been committed. A second call does nothing.
func (f *Fold) Close() {
	f.encoded, f.order = state.Encoded{}, nil
	f.charge()
}

// charge tells the account what the rows on their way take.
func (f *Fold) charge() {
	now := f.encoded.Capacity() + int64(cap(f.order))*int64(unsafe.Sizeof(entry{}))
	f.table.image.options.Account.Charge(now - f.charged)
	f.charged = now
}

// entry is a row on its way into order.
type entry struct {
	segment, head uint64 // the head is the first 8 bytes of the key
	group         uint16
	row           int32
}

// sorted returns the rows in the order of their places: of those of one place the last.
func (f *Fold) sorted() []entry {
	e := &f.encoded
	entries := slices.Grow(f.order[:0], len(e.Rows))[:len(e.Rows)]
	f.order = entries
	f.charge()
	for i := range e.Rows {
		place := e.Place(i)
		entries[i] = entry{segment: binary.BigEndian.Uint64(place), group: binary.BigEndian.Uint16(place[8:]), row: int32(i)}
		if key := place[10:]; len(key) >= 8 {
			entries[i].head = binary.BigEndian.Uint64(key)
		} else {
			var head [8]byte
			copy(head[:], key)
			entries[i].head = binary.BigEndian.Uint64(head[:])
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.segment != b.segment {
			return cmp.Compare(a.segment, b.segment)
		}
		if a.group != b.group {
			return cmp.Compare(a.group, b.group)
		}
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return cmp.Or(bytes.Compare(e.Place(int(a.row)), e.Place(int(b.row))), cmp.Compare(a.row, b.row))
	})
	kept := entries[:0]
	for i, x := range entries {
		if i+1 < len(entries) && bytes.Equal(e.Place(int(x.row)), e.Place(int(entries[i+1].row))) {
			continue
		}
		kept = append(kept, x)
	}
	return kept
}

// flush ingests what has come so far, and the marks if there are any.
func (f *Fold) flush(ctx context.Context, marks []*Mark) error {
	for _, r := range f.encoded.Rows {
		segment, group := state.SegmentOf(f.encoded.Data[r.From:])
		k := countKey{segment, group}
		switch r.Kind {
		case batch.Insert:
			f.counts[k]++
			f.changed[k] = true
		case batch.Delete:
			f.counts[k]--
			f.changed[k] = true
		}
	}
	entries := f.sorted()
	if len(entries) == 0 && len(f.drops) == 0 && marks == nil {
		return nil
	}
	err := f.table.ingest(ctx, func(w *sstable.Writer) error {
		if marks != nil {
			if err := f.settle(w, marks); err != nil {
				return err
			}
		}
		if err := f.writeDrops(w); err != nil {
			return err
		}
		return f.writeRows(w, entries)
	})
	f.encoded.Data, f.encoded.Rows, f.drops = f.encoded.Data[:0], f.encoded.Rows[:0], nil
	return err
}

func (f *Fold) writeRows(w *sstable.Writer, entries []entry) error {
	key := f.table.key(kindRow, nil)
	for _, x := range entries {
		i := int(x.row)
		key = append(key[:prefixBytes], f.encoded.Place(i)...)
		var err error
		if f.encoded.Rows[i].Kind == batch.Delete {
			err = w.Delete(key)
		} else {
			err = w.Set(key, f.encoded.Values(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeDrops writes range deletes, which must not overlap within a file.
func (f *Fold) writeDrops(w *sstable.Writer) error {
	slices.SortFunc(f.drops, func(a, b drop) int { return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.lo, b.lo)) })
	for i := 0; i < len(f.drops); {
		d := f.drops[i]
		for i++; i < len(f.drops) && f.drops[i].segment == d.segment && f.drops[i].lo <= d.hi; i++ {
			d.hi = max(d.hi, f.drops[i].hi)
		}
		lo, hi := state.AppendPlace(nil, d.segment, d.lo), state.AppendPlace(nil, d.segment, d.hi)
		if err := w.DeleteRange(f.table.key(kindRow, lo), f.table.key(kindRow, hi)); err != nil {
			return err
		}
	}
	return nil
}

// settle writes counts, marks and the table's name, in the order of their keys.
func (f *Fold) settle(w *sstable.Writer, marks []*Mark) error {
	t := f.table
	for _, k := range slices.SortedFunc(maps.Keys(f.changed), compareCounts) {
		key := t.key(kindCount, state.AppendPlace(nil, k.segment, k.group))
		var err error
		if n := f.counts[k]; n == 0 {
			err = w.Delete(key)
		} else {
			err = w.Set(key, binary.BigEndian.AppendUint64(nil, uint64(n)))
		}
		if err != nil {
			return err
		}
	}
	if err := t.writeMarks(w, f.lo, marks); err != nil {
		return err
	}
	return w.Set(t.key(kindName, nil), []byte(t.name))
}

func compareCounts(a, b countKey) int {
	return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.group, b.group))
}

func (t *Table) writeMarks(w *sstable.Writer, lo int, marks []*Mark) error {
	for i, m := range marks {
		if m == nil {
			continue
		}
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if err := w.Set(t.key(kindMark, groupBytes(lo+i)), text); err != nil {
			return err
		}
	}
	return nil
}

// SetMarks replaces the marks of the key groups from lo on.
func (t *Table) SetMarks(ctx context.Context, lo int, marks []*Mark) error {
	return t.ingest(ctx, func(w *sstable.Writer) error { return t.writeMarks(w, lo, marks) })
}

// Reset forgets all that the key groups [lo,hi) know.
func (t *Table) Reset(ctx context.Context, lo, hi int) error {
	if !t.there {
		return nil
	}
	counts, err := t.counts(lo, hi)
	if err != nil {
		return err
	}
	segments, err := t.segments()
	if err != nil {
		return err
	}
	return t.ingest(ctx, func(w *sstable.Writer) error {
		for _, k := range slices.SortedFunc(maps.Keys(counts), compareCounts) {
			if err := w.Delete(t.key(kindCount, state.AppendPlace(nil, k.segment, k.group))); err != nil {
				return err
			}
		}
		for g := lo; g < hi; g++ {
			if err := w.Delete(t.key(kindMark, groupBytes(g))); err != nil {
				return err
			}
		}
		f := Fold{table: t}
		for _, s := range segments {
			f.drops = append(f.drops, drop{s, lo, hi})
		}
		return f.writeDrops(w)
	})
}

// segments returns those that have rows, counted or not.
func (t *Table) segments() ([]int64, error) {
	db, leave, err := t.use()
	if err != nil {
		return nil, err
	}
	defer leave()
	prefix := t.key(kindRow, nil)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: end(prefix)})
	if err != nil {
		return nil, t.image.readFailed(err)
	}
	var found []int64
	for ok := it.First(); ok; {
		segment, _ := state.SegmentOf(it.Key()[prefixBytes:])
		found = append(found, segment)
		after := end(state.AppendPlace(nil, segment, 0)[:8])
		if after == nil {
			break
		}
		ok = it.SeekGE(t.key(kindRow, after))
	}
	return found, t.image.readFailed(it.Close())
}
