package windows

import (
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
)

// next returns the first window from start on that has groups, and whether there is one.
func (a *Aggregate) next(start int64) (int64, bool) {
	pane, some := a.tallies[ofPanes].first(start)
	if some {
		first, _ := a.panes.Windows(pane)
		pane = max(start, first)
	}
	if own, ok := a.tallies[ofWindows].first(start); ok && (!some || own < pane) {
		return own, true
	}
	return pane, some
}

// inWindow returns the panes of a window that have groups.
func (a *Aggregate) inWindow(start int64) []int64 {
	panes := a.tallies[ofPanes].table.Segments()
	return panes[lowerBound(panes, start):lowerBound(panes, start+a.panes.Size)]
}

// tellFinal emits the windows that end after from and by to.
func (a *Aggregate) tellFinal(from, to int64, out operators.Output) error {
	if !a.direct && a.fold == nil {
		var err error
		if a.fold, err = a.newFold(a.wholePane); err != nil {
			return err
		}
	}
	for start, ok := a.next(a.panes.Open(from)); ok && start+a.panes.Size <= to; start, ok = a.next(start + a.panes.Slide) {
		if err := a.tellWindow(a.fold, start, operators.PortFinal, out); err != nil {
			return err
		}
	}
	return a.writer.flush(out)
}

// tellAll emits all windows that there are.
func (a *Aggregate) tellAll(out operators.Output) error {
	var f fold
	if !a.direct {
		var err error
		if f, err = a.newFold(a.wholePane); err != nil {
			return err
		}
		defer f.release()
	}
	for start, ok := a.next(a.panes.Open(math.MinInt64)); ok; start, ok = a.next(start + a.panes.Slide) {
		if err := a.tellWindow(f, start, operators.PortComplete, out); err != nil {
			return err
		}
	}
	return nil
}

// partsOf returns the segments whose union is a window. Windows are asked of a fold in ascending order.
func (a *Aggregate) partsOf(f fold, start int64) ([]*state.Segment, error) {
	if f == nil {
		if s := a.whole().table.Lookup(start); s != nil {
			return []*state.Segment{s}, nil
		}
		return nil, nil
	}
	if err := f.retire(start); err != nil {
		return nil, err
	}
	if err := f.enter(a.inWindow(start)); err != nil {
		return nil, err
	}
	own := a.tallies[ofWindows].table.Lookup(start)
	if own == nil {
		return f.parts(), nil
	}
	if d, is := f.(*distinctFold); is {
		err := d.visit(own, a.tallies[ofWindows].setsOf(start))
		return d.parts(), err
	}
	return append(f.parts(), own), nil
}

// leave ends what partsOf began.
func (a *Aggregate) leave(f fold, start int64) error {
	d, is := f.(*distinctFold)
	if !is || a.tallies[ofWindows].table.Lookup(start) == nil {
		return nil
	}
	return d.leave(a.tallies[ofWindows].setsOf(start))
}

// wholePane is the source of all groups of a pane.
func (a *Aggregate) wholePane(pane int64, f taker) error {
	s := a.tallies[ofPanes].table.Lookup(pane)
	if s == nil {
		return nil
	}
	return s.Scan(func(rows []uint32) error { return a.lend(s, rows, f) })
}

// lend calls f with groups of a segment.
func (a *Aggregate) lend(s *state.Segment, rows []uint32, f taker) error {
	if len(rows) == 0 {
		return nil
	}
	keys := s.Keys(a.Context.Pool, rows)
	defer release(keys)
	p := a.accumulators.Export(s, rows)
	defer a.accumulators.Free(p)
	return f(keys, p)
}

// tellWindow emits all groups of a window.
func (a *Aggregate) tellWindow(f fold, start int64, port int, out operators.Output) error {
	parts, err := a.partsOf(f, start)
	if err != nil {
		return err
	}
	b := bounds{[]int64{start}, []int64{start + a.panes.Size}}
	err = a.union.each(parts, func(keys []*batch.Column, p *agg.Partial) error {
		gone := a.vanished(p)
		if port == operators.PortFinal && a.closed.before != nil {
			gone = a.alreadyTold(keys, p.N, b.end[0], gone)
		}
		made, err := a.writer.result(keys, b, p, false, out)
		if err != nil {
			return err
		}
		if gone != nil {
			made.Sel = without(made, gone)
		}
		return a.writer.emit(made, port, out)
	})
	if err != nil {
		return err
	}
	return a.leave(f, start)
}

// alreadyTold adds to gone the groups whose window with that end was told by the task that had them before.
func (a *Aggregate) alreadyTold(keys []*batch.Column, n int, end int64, gone batch.Bitmap) batch.Bitmap {
	if gone == nil {
		gone = make(batch.Bitmap, batch.BitmapWords(n))
	}
	for i, h := range batch.Hash(keys, n, nil) {
		if end <= a.closed.since(h, math.MinInt64) {
			gone.Set(i)
		}
	}
	return gone
}

// vanished returns which groups have no rows left, nil if none: rows of an input that updates may be taken back.
func (a *Aggregate) vanished(p *agg.Partial) batch.Bitmap {
	if !a.o.Plan.Counts() {
		return nil
	}
	var gone batch.Bitmap
	for i, n := range a.accumulators.Counts(p) {
		if n != 0 {
			continue
		}
		if gone == nil {
			gone = make(batch.Bitmap, batch.BitmapWords(p.N))
		}
		gone.Set(i)
	}
	return gone
}

// without returns the rows of b that count and are not in gone.
func without(b *batch.Batch, gone batch.Bitmap) []int32 {
	rows := make([]int32, 0, b.Rows())
	for i := range b.Rows() {
		if r := b.Row(i); !gone.Get(r) {
			rows = append(rows, int32(r))
		}
	}
	return rows
}

// evict drops the panes and windows that nobody needs any more.
func (a *Aggregate) evict() error {
	if a.closed.at == math.MinInt64 {
		return nil
	}
	open := a.panes.Open(a.closed.at)
	if a.fold != nil {
		if err := a.fold.retire(open); err != nil {
			return err
		}
	}
	for _, t := range a.tallies {
		if t != nil {
			t.drop(open)
		}
	}
	return nil
}

// dueAt returns the end of the first window that is open and has groups.
func (a *Aggregate) dueAt() (int64, bool) {
	start, ok := a.next(a.panes.Open(a.closed.at))
	return start + a.panes.Size, ok
}
