package windows

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/supervision"
)

// placement is room for finding the accumulators of sessions.
type placement struct {
	columns []*batch.Column
	hashes  []uint64
	rows    []uint32
	fresh   batch.Bitmap
	touched []uint32
}

// assign finds the session of each row, in the order in which the rows came: w.ordinal. Sessions that
// become one are in w.merges; keys that are due earlier than the wheel knows are in w.put.
func (w *Sessions) assign(n int) error {
	w.ordinal, w.due = sized(w.ordinal, n), sized(w.due, n)
	w.merges, w.put = w.merges[:0], w.put[:0]
	o := &w.open
	for _, r := range w.clock.keep {
		key, from := w.rows[r], w.clock.times[r]
		to := from + w.gap(r)
		if start, end := int64(o.start.At(key)), int64(o.end.At(key)); o.count.At(key) > 0 && from >= start && from <= end {
			w.ordinal[r] = int64(o.ordinal.At(key))
			if to > end && !(mutant.On(mutant.SessionEndsEarly) && mutant.Late(number(w.Context))) {
				if err := w.check(interval{start: start, end: to}, r); err != nil {
					return err
				}
				o.end.Set(key, uint64(to))
			}
			continue
		}
		if err := w.place(key, r, from, to); err != nil {
			return err
		}
	}
	w.keys.Touch(w.selected(w.rows))
	return nil
}

// selected lists the state rows of the rows that count.
func (w *Sessions) selected(rows []uint32) []uint32 {
	w.placed.touched = w.placed.touched[:0]
	for _, r := range w.clock.keep {
		w.placed.touched = append(w.placed.touched, rows[r])
	}
	return w.placed.touched
}

// place finds the session of a row that does not simply continue the newest one.
func (w *Sessions) place(key uint32, row int32, from, to int64) error {
	o := &w.open
	w.list = w.sessionsOf(key)
	next := int64(o.next.At(key))
	list, now, merged := w.list.join(from, to, next, w.merged[:0])
	w.merged = merged
	if len(list) > mostIntervals {
		return w.failure("STREAMING_SESSIONS_TOO_MANY", row, fmt.Sprintf("it has more than %d open sessions", mostIntervals),
			"check the event times, or lower the delay of the watermark")
	}
	if err := w.check(now, row); err != nil {
		return err
	}
	if mutant.On(mutant.AbsorbedSessionLost) && mutant.Late(number(w.Context)) {
		merged = nil
	}
	for _, m := range merged {
		w.merges = append(w.merges, merge{key, row, m, now.ordinal})
	}
	if now.ordinal == next {
		o.next.Set(key, uint64(next+1))
	}
	w.ordinal[row] = now.ordinal
	w.keep(key, list)
	w.note(key, row, list)
	return nil
}

// note puts the key on the wheel if it is due before the wheel looks at it.
func (w *Sessions) note(key uint32, row int32, list intervals) {
	least, ok := list.least(w.closed.at)
	if !ok || !drops(w.Context) {
		return // nothing of it ever closes
	}
	bucket := w.wheel.bucket(least)
	if due := int64(w.open.due.At(key)); w.fresh.Get(int(row)) || due > bucket {
		w.open.due.Set(key, uint64(bucket))
	} else if bucket >= w.wheel.until {
		return // the heap, which knows more than the bucket, will have it in time
	}
	w.due[row] = least
	w.put = append(w.put, row)
}

// sessionsOf returns the open sessions of a key.
func (w *Sessions) sessionsOf(key uint32) intervals {
	l := w.list[:0]
	n := w.open.count.At(key)
	if n == 0 {
		return l
	}
	if n > 1 {
		l = decodeIntervals(l, w.open.rest.At(key))
	}
	return append(l, interval{int64(w.open.ordinal.At(key)), int64(w.open.start.At(key)), int64(w.open.end.At(key))})
}

// keep stores the open sessions of a key; there is at least one.
func (w *Sessions) keep(key uint32, l intervals) {
	o, last := &w.open, l[len(l)-1]
	if n := o.count.At(key); len(l) > 1 || n > 1 {
		w.text = l[:len(l)-1].encode(w.text[:0])
		o.rest.Set(key, w.text)
	}
	o.count.Set(key, uint64(len(l)))
	o.ordinal.Set(key, uint64(last.ordinal))
	o.start.Set(key, uint64(last.start))
	o.end.Set(key, uint64(last.end))
}

// check refuses a session that is longer than was allowed.
func (w *Sessions) check(s interval, row int32) error {
	if most := w.o.Window.most; most > 0 && s.end-s.start > most {
		return w.failure("STREAMING_SESSION_TOO_LONG", row, fmt.Sprintf("its session has lasted longer than %s", span(most)),
			"a key that never pauses has a session that never ends: leave such keys out, shorten the gap, or allow longer sessions")
	}
	return nil
}

// failure names the key of a row.
func (w *Sessions) failure(class string, row int32, message, hint string) error {
	key := batch.AppendRowJSON(nil, batch.NewBatch(w.writer.groups, 0, w.columns...), int(row))
	return &supervision.Failure{Kind: supervision.Fatal, Class: class, Step: w.Context.Step, Message: fmt.Sprintf("key %s: %s", clip(key), message), Hint: hint}
}

// update takes the rows into the accumulators of their sessions, and then makes one of those that became one.
func (w *Sessions) update(n int, input *agg.Input) error {
	slices.SortStableFunc(w.merges, func(a, b merge) int { return cmp.Compare(a.key, b.key) })
	if len(w.merges) > 0 {
		for _, r := range w.clock.keep {
			w.ordinal[r] = w.resolve(w.rows[r], w.ordinal[r])
		}
	}
	p := &w.placed
	number := w.Context.Pool.NewColumn(batch.BigIntType, n)
	defer number.Release()
	copy(number.I64, w.ordinal[:n])
	p.columns = append(append(p.columns[:0], w.columns...), number)
	p.hashes = batch.Hash(p.columns, n, p.hashes)
	p.rows, p.fresh = sized(p.rows, n), cleared(p.fresh, n)
	if err := w.sums.Upsert(p.columns, w.clock.keep, n, p.hashes, p.rows, p.fresh); err != nil {
		return err
	}
	for i := range w.arrived {
		w.arrived[i] = w.arrived[i][:0]
	}
	input.Sets, input.Keys, input.Hashes, input.Fresh = w.sets, p.columns, p.hashes, w.arrived
	if err := w.accumulators.Update(w.sums, p.rows, p.fresh, w.clock.keep, input); err != nil {
		return failure(err, w.Context.Step, w.writer.groups, w.columns)
	}
	w.sums.Touch(w.selected(p.rows))
	for i, v := range w.values {
		if err := v.list(p.columns, p.rows, w.arrived[i], v.set.Arguments(input)); err != nil {
			return err
		}
	}
	if len(w.merges) == 0 {
		return nil
	}
	return w.merge()
}
