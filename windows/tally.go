package windows

import (
	"errors"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/persistence/state"
)

// tally is a state table of groups by pane, or by window, and what the epoch
// has done to it.
type tally struct {
	table        *state.Table
	sets         []*state.Table // of distinct values, by the same segments
	segments     []*state.Segment
	accumulators *agg.Accumulators
	logging      bool           // somebody wants to know what changed
	logs         map[int64]*log // by segment, of this epoch
	spare        []*log

	rows    []uint32
	fresh   batch.Bitmap
	touched []uint32
}

// log is what an epoch has done to one segment. Rows that were touched stay
// where they are until the checkpoint.
type log struct {
	seen    batch.Bitmap // by state row
	made    []uint32     // groups that are new
	changed []uint32     // groups that were there
	old     *agg.Partial // of changed, as they were before the epoch
}

// take updates the groups of the selected rows (nil: all) in a segment.
func (t *tally) take(at int64, keys []*batch.Column, hashes []uint64, sel []int32, in *agg.Input) error {
	segment := t.table.Segment(at)
	t.rows, t.fresh = sized(t.rows, in.N), cleared(t.fresh, in.N)
	if err := segment.Upsert(keys, sel, in.N, hashes, t.rows, t.fresh); err != nil {
		return err
	}
	if t.logging {
		t.note(at, segment, sel, in.N)
	}
	t.segments = t.segments[:0]
	for _, set := range t.sets {
		t.segments = append(t.segments, set.Segment(at))
	}
	in.Sets, in.Keys, in.Hashes = t.segments, keys, hashes
	if err := t.accumulators.Update(segment, t.rows, t.fresh, sel, in); err != nil {
		return err
	}
	if sel == nil {
		segment.Touch(t.rows)
		return nil
	}
	t.touched = t.touched[:0]
	for _, i := range sel {
		t.touched = append(t.touched, t.rows[i])
	}
	segment.Touch(t.touched)
	return nil
}

// note keeps what groups were before the epoch touches them for the first time.
func (t *tally) note(at int64, segment *state.Segment, sel []int32, n int) {
	l := t.logs[at]
	if l == nil {
		l = t.newLog()
		t.logs[at] = l
	}
	changed := len(l.changed)
	if sel == nil {
		for i := range n {
			l.note(t.rows[i], t.fresh.Get(i))
		}
	} else {
		for _, i := range sel {
			l.note(t.rows[i], t.fresh.Get(int(i)))
		}
	}
	t.accumulators.Append(l.old, segment, l.changed[changed:])
}

func (l *log) note(row uint32, fresh bool) {
	for int(row>>6) >= len(l.seen) {
		l.seen = append(l.seen, 0)
	}
	if l.seen.Get(int(row)) {
		return
	}
	l.seen.Set(int(row))
	if fresh {
		l.made = append(l.made, row)
	} else {
		l.changed = append(l.changed, row)
	}
}

func (t *tally) newLog() *log {
	l := &log{}
	if n := len(t.spare); n > 0 {
		l, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	l.old = t.accumulators.Start(0)
	return l
}

// forget ends the epoch.
func (t *tally) forget() {
	for at, l := range t.logs {
		for _, rows := range [][]uint32{l.made, l.changed} {
			for _, r := range rows {
				l.seen.Clear(int(r))
			}
		}
		l.made, l.changed = l.made[:0], l.changed[:0]
		t.accumulators.Free(l.old)
		l.old = nil
		t.spare = append(t.spare, l)
		delete(t.logs, at)
	}
}

// setsOf returns the segments of distinct values.
func (t *tally) setsOf(at int64) []*state.Segment {
	list := make([]*state.Segment, len(t.sets))
	for i, set := range t.sets {
		list[i] = set.Lookup(at)
	}
	return list
}

// drop deletes the segments before a time.
func (t *tally) drop(before int64) {
	for _, table := range append(t.sets[:len(t.sets):len(t.sets)], t.table) {
		list := table.Segments()
		for _, at := range append([]int64(nil), list[:lowerBound(list, before)]...) {
			table.Drop(at)
		}
	}
}

// first returns the first segment at or after from, and whether there is one.
func (t *tally) first(from int64) (int64, bool) {
	if t == nil {
		return 0, false
	}
	list := t.table.Segments()
	i := lowerBound(list, from)
	if i == len(list) {
		return 0, false
	}
	return list[i], true
}

// lowerBound returns how many of the ascending numbers are below from.
func lowerBound(list []int64, from int64) int {
	lo, hi := 0, len(list)
	for lo < hi {
		if m := (lo + hi) / 2; list[m] < from {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// failure says which group an accumulator failed in.
func failure(err error, step string, schema *batch.Schema, keys []*batch.Column) error {
	var row *agg.RowError
	if !errors.As(err, &row) {
		return err
	}
	b := batch.NewBatch(schema, 0, keys...)
	return row.Failure(step, string(batch.AppendRowJSON(nil, b, row.Row)))
}
