package windows

import (
	"cmp"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// wheel knows when keys are due. Far times are buckets of a state table, so that a restore
// need not look at all keys; the keys of the buckets that time has reached are in a heap in memory.
// A key has one bucket that counts, and a key that was put off stays in the heap until its old time: it is looked at then.
type wheel struct {
	table *state.Table // keys by bucket
	width int64        // of a bucket
	near  *state.Table // keys of the heap, with the time of the entry that counts
	until int64        // buckets that begin before it are in the heap
	queue queued

	pool  *batch.Pool
	rows  []uint32
	pairs []pair
	sel   []int32
}

// queued is a heap of keys of near by time.
type queued []entry

type entry struct {
	at  int64
	row uint32
}

func (q *queued) push(e entry) {
	h := append(*q, e)
	*q = h
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if h[up].at <= h[i].at {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *queued) pop() entry {
	h := *q
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	*q = h
	for i := 0; ; {
		down := 2*i + 1
		if down+1 < last && h[down+1].at < h[down].at {
			down++
		}
		if down >= last || h[i].at <= h[down].at {
			return first
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
}

// timeWord is a time as the word of a row of near: zero, what a row that was removed has, is no time.
func timeWord(at int64) uint64 { return uint64(at) ^ 1<<63 }

// open opens the table of buckets and makes an empty heap.
func (w *wheel) open(t *state.Table, width int64, p *batch.Pool) (err error) {
	w.table, w.width, w.pool, w.until = t, max(1, width), p, math.MinInt64
	w.near, err = state.NewTable(state.Spec{Name: "near", Keys: t.Spec().Keys, Values: []state.Column{{Name: "at", Type: batch.BigIntType}}}, p, p.Account())
	return err
}

func (w *wheel) close() { w.near.Release() }

// bucket returns the bucket of a time.
func (w *wheel) bucket(at int64) int64 {
	r := at % w.width
	if r < 0 {
		r += w.width
	}
	return at - r
}

// put notes when the selected keys are due.
func (w *wheel) put(keys []*batch.Column, n int, hashes []uint64, sel []int32, at func(row int32) int64) error {
	w.pairs = w.pairs[:0]
	for _, r := range sel {
		w.pairs = append(w.pairs, pair{w.bucket(at(r)), r})
	}
	slices.SortFunc(w.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.pane, b.pane), cmp.Compare(a.row, b.row))
	})
	w.rows = sized(w.rows, n)
	for from := 0; from < len(w.pairs); {
		bucket, to := w.pairs[from].pane, from
		w.sel = w.sel[:0]
		for ; to < len(w.pairs) && w.pairs[to].pane == bucket; to++ {
			w.sel = append(w.sel, w.pairs[to].row)
		}
		from = to
		if err := w.table.Segment(bucket).Upsert(keys, w.sel, n, hashes, w.rows, nil); err != nil {
			return err
		}
		if bucket < w.until {
			if err := w.enqueue(keys, n, hashes, w.sel, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// enqueue puts the selected keys into the heap.
func (w *wheel) enqueue(keys []*batch.Column, n int, hashes []uint64, sel []int32, at func(row int32) int64) error {
	near := w.near.Segment(0)
	w.rows = sized(w.rows, n)
	fresh := make(batch.Bitmap, batch.BitmapWords(n))
	if err := near.Upsert(keys, sel, n, hashes, w.rows, fresh); err != nil {
		return err
	}
	queuedAt := near.Words(0)
	for _, r := range sel {
		row, t := w.rows[r], at(r)
		if !fresh.Get(int(r)) && queuedAt.At(row) <= timeWord(t) {
			continue // it will be looked at before
		}
		queuedAt.Set(row, timeWord(t))
		w.queue.push(entry{t, row})
	}
	return nil
}

// load calls take with the keys of the buckets that time reaches; take puts those for which the bucket counts.
func (w *wheel) load(to int64, take func(bucket int64, keys []*batch.Column, n int) error) error {
	if to <= w.until {
		return nil
	}
	from := w.until
	if w.until = to; to < math.MaxInt64-w.width {
		w.until = w.bucket(to-1) + w.width
	}
	list := w.table.Segments()
	list = append([]int64(nil), list[lowerBound(list, from):lowerBound(list, w.until)]...)
	for _, b := range list {
		s := w.table.Lookup(b)
		err := s.Scan(func(rows []uint32) error {
			keys := s.Keys(w.pool, rows)
			defer release(keys)
			return take(b, keys, len(rows))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// due calls f with the keys that are due before a time, each once; f puts those that are to be looked at again.
func (w *wheel) due(before int64, f func(keys []*batch.Column, n int) error) error {
	near := w.near.Segment(0)
	at := near.Words(0)
	for len(w.queue) > 0 && w.queue[0].at < before {
		var rows []uint32
		for len(w.queue) > 0 && w.queue[0].at < before && len(rows) < most {
			e := w.queue.pop()
			if at.At(e.row) != timeWord(e.at) {
				continue // an earlier one counted
			}
			at.Set(e.row, 0) // what is due twice at one time is looked at once
			rows = append(rows, e.row)
		}
		if len(rows) == 0 {
			continue
		}
		keys := near.Keys(w.pool, rows)
		near.Remove(rows)
		err := f(keys, len(rows))
		release(keys)
		if err != nil {
			return err
		}
	}
	w.drop(before)
	return nil
}

// drop deletes the buckets that have passed.
func (w *wheel) drop(before int64) {
	list := w.table.Segments()
	for _, b := range append([]int64(nil), list[:lowerBound(list, before)]...) {
		if before == math.MaxInt64 || b+w.width <= before {
			w.table.Drop(b)
		}
	}
}

// next returns a time before which no key is due, and whether there is a key.
func (w *wheel) next() (int64, bool) {
	if len(w.queue) > 0 {
		return w.queue[0].at, true
	}
	list := w.table.Segments()
	if i := lowerBound(list, w.until); i < len(list) {
		return list[i], true
	}
	return 0, false
}
