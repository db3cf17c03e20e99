package windows

import (
	"maps"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
)

// change is groups of one window before and after an epoch.
type change struct {
	keys     []*batch.Column // taken over
	bounds   bounds
	was, now *agg.Partial // lent; nil: none was there
	had, has batch.Bitmap // which groups there were, nil: all
	before   bool         // the old rows are wanted too
}

// tell emits what changed of the groups: first what is taken back, then what takes its place.
func (w *writer) tell(c change, out operators.Output) error {
	if c.was == nil {
		now, err := w.result(c.keys, c.bounds, c.now, false, out)
		if err != nil {
			return err
		}
		if c.has != nil {
			now.Sel = only(now, c.has)
		}
		return w.emit(now, operators.PortChanges, out)
	}
	keys := make([]*batch.Column, 0, len(c.keys)+1)
	for _, k := range c.keys {
		keys = append(keys, k.Retain())
	}
	was, err := w.result(keys, c.bounds, c.was, true, out)
	if err != nil {
		release(c.keys)
		return err
	}
	now, err := w.result(c.keys, c.bounds, c.now, false, out)
	if err != nil {
		was.Release()
		return err
	}
	had, has := present(was, c.had), present(now, c.has)
	was.Kinds, now.Kinds = make([]batch.RowKind, was.N), make([]batch.RowKind, now.N)
	was.Sel, now.Sel = make([]int32, 0, was.N), make([]int32, 0, now.N)
	same := operators.EqualRows(was, now, 0)
	for i := range now.N {
		switch before, after := had.Get(i), has.Get(i); {
		case before && after && same.Get(i), !before && !after:
		case before && after:
			was.Kinds[i], now.Kinds[i] = batch.UpdateBefore, batch.UpdateAfter
			if c.before {
				was.Sel = append(was.Sel, int32(i))
			}
			now.Sel = append(now.Sel, int32(i))
		case before:
			was.Kinds[i] = batch.Delete
			was.Sel = append(was.Sel, int32(i))
		default:
			now.Sel = append(now.Sel, int32(i))
		}
	}
	if err := w.emit(was, operators.PortChanges, out); err != nil {
		now.Release()
		return err
	}
	return w.emit(now, operators.PortChanges, out)
}

// present returns the rows of b that count and are in some (nil: all).
func present(b *batch.Batch, some batch.Bitmap) batch.Bitmap {
	p := make(batch.Bitmap, batch.BitmapWords(b.N))
	for i := range b.Rows() {
		if r := b.Row(i); some == nil || some.Get(r) {
			p.Set(r)
		}
	}
	return p
}

// only returns the rows of b that count and are in some.
func only(b *batch.Batch, some batch.Bitmap) []int32 {
	rows := make([]int32, 0, b.Rows())
	for i := range b.Rows() {
		if r := b.Row(i); some.Get(r) {
			rows = append(rows, int32(r))
		}
	}
	return rows
}

// tellChanges emits what the epoch has changed.
func (a *Aggregate) tellChanges(out operators.Output) error {
	if !a.direct {
		return a.tellSlidingChanges(out)
	}
	t := a.whole()
	for _, at := range slices.Sorted(maps.Keys(t.logs)) {
		l, s, b := t.logs[at], t.table.Lookup(at), bounds{[]int64{at}, []int64{at + a.panes.Size}}
		for rows := range slices.Chunk(l.made, most) {
			if err := a.tellGroups(s, rows, nil, b, out); err != nil {
				return err
			}
		}
		for from := 0; from < len(l.changed); from += most {
			to := min(len(l.changed), from+most)
			if err := a.tellGroups(s, l.changed[from:to], a.accumulators.Slice(l.old, from, to), b, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellGroups emits what changed of groups of a segment that is a window.
func (a *Aggregate) tellGroups(s *state.Segment, rows []uint32, was *agg.Partial, b bounds, out operators.Output) error {
	now := a.accumulators.Export(s, rows)
	defer a.accumulators.Free(now)
	c := change{keys: s.Keys(a.Context.Pool, rows), bounds: b, was: was, now: now, has: a.alive(now, nil), before: a.o.Before}
	if was != nil {
		c.had = a.alive(was, nil)
	}
	return a.writer.tell(c, out)
}

// alive returns which of the groups have rows: of some (nil: of all), nil for all.
func (a *Aggregate) alive(p *agg.Partial, some batch.Bitmap) batch.Bitmap {
	gone := a.vanished(p)
	if gone == nil {
		return some
	}
	alive := make(batch.Bitmap, batch.BitmapWords(p.N))
	for i := range p.N {
		alive.Put(i, !gone.Get(i) && (some == nil || some.Get(i)))
	}
	return alive
}
