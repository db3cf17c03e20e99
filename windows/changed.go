package windows

import (
	"maps"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
)

// touched is what an epoch has changed of sliding windows: the groups of which some pane has, and
// two folds of those groups' panes, one as they were before the epoch and one as they are.
type touched struct {
	*Aggregate
	groups   *state.Table // the keys alone
	was, now fold
	rows     []uint32
	found    []uint32
	hashes   []uint64
}

// tellSlidingChanges walks over the windows that some changed pane is in.
func (a *Aggregate) tellSlidingChanges(out operators.Output) error {
	panes, own := a.tallies[ofPanes].logs, a.tallies[ofWindows].logs
	if len(panes)+len(own) == 0 {
		return nil
	}
	t := &touched{Aggregate: a}
	if err := t.open(); err != nil {
		return err
	}
	defer t.close()
	list, windows := slices.Sorted(maps.Keys(panes)), slices.Sorted(maps.Keys(own))
	for start, ok := t.after(list, windows, a.panes.Open(a.told)); ok; start, ok = t.after(list, windows, start+a.panes.Slide) {
		if err := t.tellWindow(start, out); err != nil {
			return err
		}
	}
	return nil
}

// after returns the first window from start on that changed.
func (t *touched) after(panes, windows []int64, start int64) (int64, bool) {
	next, some := int64(0), false
	if i := lowerBound(panes, start); i < len(panes) {
		first, _ := t.panes.Windows(panes[i])
		next, some = max(start, first), true
	}
	if i := lowerBound(windows, start); i < len(windows) && (!some || windows[i] < next) {
		next, some = windows[i], true
	}
	return next, some
}

// open lists the groups.
func (t *touched) open() (err error) {
	spec := t.tallies[ofPanes].table.Spec()
	spec.Windowed, spec.Values = false, nil
	if t.groups, err = state.NewTable(spec, t.Context.Pool, t.Context.Pool.Account()); err != nil {
		return err
	}
	all := t.groups.Segment(0)
	for _, tally := range t.tallies {
		for at, l := range tally.logs {
			s := tally.table.Lookup(at)
			for _, list := range [][]uint32{l.made, l.changed} {
				for rows := range slices.Chunk(list, most) {
					if err := t.list(all, s, rows); err != nil {
						return err
					}
				}
			}
		}
	}
	if t.was, err = t.newFold(t.paneBefore); err == nil {
		t.now, err = t.newFold(t.paneNow)
	}
	return err
}

func (t *touched) list(all, s *state.Segment, rows []uint32) error {
	keys := s.Keys(t.Context.Pool, rows)
	defer release(keys)
	t.hashes = batch.Hash(keys, len(rows), t.hashes)
	t.rows = sized(t.rows, len(rows))
	return all.Upsert(keys, nil, len(rows), t.hashes, t.rows, nil)
}

func (t *touched) close() {
	t.groups.Release()
	for _, f := range []fold{t.was, t.now} {
		if f != nil {
			f.release()
		}
	}
}

// find calls f with the rows of s whose groups are listed.
func (t *touched) find(s *state.Segment, f func(rows []uint32) error) error {
	all := t.groups.Segment(0)
	return all.Scan(func(listed []uint32) error {
		n := len(listed)
		keys := all.Keys(t.Context.Pool, listed)
		t.hashes, t.found = batch.Hash(keys, n, t.hashes), sized(t.found, n)
		err := s.Find(keys, nil, n, t.hashes, t.found)
		release(keys)
		if err != nil {
			return err
		}
		return f(slices.DeleteFunc(t.found, func(r uint32) bool { return r == state.NoRow }))
	})
}

// paneNow is the source of the listed groups of a pane as they are.
func (t *touched) paneNow(pane int64, f taker) error {
	s := t.tallies[ofPanes].table.Lookup(pane)
	return t.find(s, func(rows []uint32) error { return t.lend(s, rows, f) })
}

// paneBefore is the source of the listed groups of a pane as they were before the epoch.
func (t *touched) paneBefore(pane int64, f taker) error {
	s, l := t.tallies[ofPanes].table.Lookup(pane), t.tallies[ofPanes].logs[pane]
	if l == nil {
		return t.paneNow(pane, f)
	}
	err := t.find(s, func(rows []uint32) error { return t.lend(s, slices.DeleteFunc(rows, l.has), f) })
	for from := 0; from < len(l.changed) && err == nil; from += most {
		to := min(len(l.changed), from+most)
		keys := s.Keys(t.Context.Pool, l.changed[from:to])
		err = f(keys, t.accumulators.Slice(l.old, from, to))
		release(keys)
	}
	return err
}

// has reports whether the epoch has touched a row.
func (l *log) has(row uint32) bool { return int(row>>6) < len(l.seen) && l.seen.Get(int(row)) }

// tellWindow emits what changed of the listed groups in a window.
func (t *touched) tellWindow(start int64, out operators.Output) error {
	panes := t.inWindow(start)
	for _, f := range []fold{t.was, t.now} {
		if err := f.retire(start); err != nil {
			return err
		}
		if err := f.enter(panes); err != nil {
			return err
		}
	}
	all := t.groups.Segment(0)
	return all.Scan(func(rows []uint32) error {
		n := len(rows)
		keys := all.Keys(t.Context.Pool, rows)
		was, now := t.accumulators.Start(n), t.accumulators.Start(n)
		defer t.accumulators.Free(was)
		defer t.accumulators.Free(now)
		had, has := make(batch.Bitmap, batch.BitmapWords(n)), make(batch.Bitmap, batch.BitmapWords(n))
		if err := t.collect(start, keys, was, now, had, has); err != nil {
			release(keys)
			return err
		}
		return t.writer.tell(change{keys: keys, bounds: bounds{[]int64{start}, []int64{start + t.panes.Size}}, was: was, now: now,
			had: t.alive(was, had), has: t.alive(now, has), before: t.o.Before}, out)
	})
}

// collect folds what the window has of the groups, before the epoch and now.
func (t *touched) collect(start int64, keys []*batch.Column, was, now *agg.Partial, had, has batch.Bitmap) error {
	t.union.hashes = batch.Hash(keys, was.N, t.union.hashes)
	if err := t.union.add(was, t.was.parts(), keys, had); err != nil {
		return err
	}
	if err := t.union.add(now, t.now.parts(), keys, has); err != nil {
		return err
	}
	own := t.tallies[ofWindows]
	s := own.table.Lookup(start)
	if s == nil {
		return nil
	}
	if err := t.union.add(now, []*state.Segment{s}, keys, has); err != nil {
		return err
	}
	l := own.logs[start]
	if l == nil {
		return t.union.add(was, []*state.Segment{s}, keys, had)
	}
	return t.addBefore(was, s, l, keys, had)
}

// addBefore folds the groups of a segment as they were before the epoch. It is for rows that came too
// late for some of their windows, so it goes group by group.
func (t *touched) addBefore(was *agg.Partial, s *state.Segment, l *log, keys []*batch.Column, had batch.Bitmap) error {
	t.found = sized(t.found, was.N)
	if err := s.Find(keys, nil, was.N, t.union.hashes, t.found); err != nil {
		return err
	}
	for i, r := range t.found {
		if r == state.NoRow {
			continue
		}
		old, lent := (*agg.Partial)(nil), true
		if !l.has(r) {
			old, lent = t.accumulators.Export(s, []uint32{r}), false
		} else if at := slices.Index(l.changed, r); at >= 0 {
			old = t.accumulators.Slice(l.old, at, at+1)
		} else {
			continue // it is new
		}
		had.Set(i)
		err := t.accumulators.Fold(was, []uint32{uint32(i)}, old)
		if !lent {
			t.accumulators.Free(old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
