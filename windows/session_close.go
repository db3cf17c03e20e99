package windows

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
)

// told is sessions to be told: which of a list of keys each belongs to, and its bounds.
type told struct {
	key      []int32
	ordinals []int64
	bounds   bounds
}

func (t *told) reset() {
	t.key, t.ordinals, t.bounds.start, t.bounds.end = t.key[:0], t.ordinals[:0], t.bounds.start[:0], t.bounds.end[:0]
}

func (t *told) add(key int32, s interval) {
	t.key, t.ordinals = append(t.key, key), append(t.ordinals, s.ordinal)
	t.bounds.start, t.bounds.end = append(t.bounds.start, s.start), append(t.bounds.end, s.end)
}

// close tells the sessions that end before to, and forgets them unless everything is to be kept.
func (w *Sessions) close(to int64, out operators.Output) error {
	if to <= w.closed.at || !drops(w.Context) {
		return nil
	}
	from := w.closed.at
	w.closed.at = to
	w.setNow()
	if err := w.wheel.load(to, func(bucket int64, keys []*batch.Column, n int) error { return w.load(from, bucket, keys, n) }); err != nil {
		return err
	}
	if err := w.wheel.due(to, func(keys []*batch.Column, n int) error { return w.closeKeys(from, keys, n, out) }); err != nil {
		return err
	}
	return w.writer.flush(out)
}

// load puts the keys of a bucket that counts for them into the heap; keys that were put off since get another bucket,
// because this one will be dropped. Sessions that end before then are told.
func (w *Sessions) load(then, bucket int64, keys []*batch.Column, n int) error {
	w.hashes, w.rows = batch.Hash(keys, n, w.hashes), sized(w.rows, n)
	if err := w.keys.Find(keys, nil, n, w.hashes, w.rows); err != nil {
		return err
	}
	w.due, w.put = sized(w.due, n), w.put[:0]
	var touched []uint32
	for i, key := range w.rows {
		if key == state.NoRow || int64(w.open.due.At(key)) != bucket {
			continue
		}
		w.list = w.sessionsOf(key)
		end, ok := w.list.least(then)
		if !ok {
			continue
		}
		if now := w.wheel.bucket(end); now != bucket {
			w.open.due.Set(key, uint64(now))
			touched = append(touched, key)
		}
		w.due[i] = end
		w.put = append(w.put, int32(i))
	}
	w.keys.Touch(touched)
	return w.wheel.put(keys, n, w.hashes, w.put, func(r int32) int64 { return w.due[r] })
}

// closeKeys tells the sessions of these keys that are closed now and were not by then, and puts the keys
// that have others back on the wheel.
func (w *Sessions) closeKeys(then int64, keys []*batch.Column, n int, out operators.Output) error {
	w.hashes, w.rows = batch.Hash(keys, n, w.hashes), sized(w.rows, n)
	if err := w.keys.Find(keys, nil, n, w.hashes, w.rows); err != nil {
		return err
	}
	var t told
	w.due, w.put = sized(w.due, n), w.put[:0]
	var gone, touched []uint32
	for i, key := range w.rows {
		if key == state.NoRow {
			continue
		}
		w.list = w.sessionsOf(key)
		told := w.closed.since(w.hashes[i], then)
		for _, s := range w.list {
			if s.end >= told && s.end < w.closed.at {
				t.add(int32(i), s)
			}
		}
		end, some := w.list.least(w.closed.at)
		if !some && !w.Context.Wanted[operators.PortComplete] {
			gone = append(gone, key)
			continue
		}
		touched = append(touched, key)
		if !w.Context.Wanted[operators.PortComplete] {
			w.keep(key, slices.DeleteFunc(w.list, func(s interval) bool { return s.end < w.closed.at }))
		}
		w.open.due.Set(key, never)
		if some {
			w.due[i] = end
			w.open.due.Set(key, uint64(w.wheel.bucket(end)))
			w.put = append(w.put, int32(i))
		}
	}
	w.keys.Touch(touched)
	w.keys.Delete(gone)
	if err := w.wheel.put(keys, n, w.hashes, w.put, func(r int32) int64 { return w.due[r] }); err != nil {
		return err
	}
	forget := !w.Context.Wanted[operators.PortComplete]
	if !forget && !w.Context.Wanted[operators.PortFinal] {
		return nil
	}
	return w.tell(keys, &t, operators.PortFinal, forget, out)
}

// never is the bucket of a key of which nothing is due.
const never = math.MaxInt64

// tell emits sessions of the keys, and forgets their accumulators.
func (w *Sessions) tell(keys []*batch.Column, t *told, port int, forget bool, out operators.Output) error {
	for from := 0; from < len(t.key); from += most {
		to := min(len(t.key), from+most)
		mine := make([]*batch.Column, len(keys), len(keys)+1)
		for i, c := range keys {
			mine[i] = batch.Gather(w.Context.Pool, c, t.key[from:to])
		}
		rows, err := w.find(mine, t.ordinals[from:to])
		if err != nil {
			release(mine)
			return err
		}
		p := w.accumulators.Export(w.sums, rows)
		if forget {
			if err := w.forget(mine, t.ordinals[from:to], rows); err != nil {
				w.accumulators.Free(p)
				release(mine)
				return err
			}
		}
		b, err := w.writer.result(mine, bounds{t.bounds.start[from:to], t.bounds.end[from:to]}, p, false, out)
		w.accumulators.Free(p)
		if err != nil {
			return err
		}
		if err := w.writer.emit(b, port, out); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes what is kept of sessions.
func (w *Sessions) forget(keys []*batch.Column, ordinals []int64, sums []uint32) error {
	for _, v := range w.values {
		if err := v.take(keys, ordinals, v.countsOf(sums), func([]int32, []*batch.Column, []uint64) error { return nil }); err != nil {
			return err
		}
	}
	w.sums.Delete(sums)
	return nil
}

// tellAll emits every session.
func (w *Sessions) tellAll(out operators.Output) error {
	w.setNow()
	var t told
	return w.keys.Scan(func(rows []uint32) error {
		t.reset()
		for i, key := range rows {
			w.list = w.sessionsOf(key)
			for _, s := range w.list {
				t.add(int32(i), s)
			}
		}
		keys := w.keys.Keys(w.Context.Pool, rows)
		defer release(keys)
		return w.tell(keys, &t, operators.PortComplete, false, out)
	})
}
