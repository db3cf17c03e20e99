package operators

import (
	"bytes"
	"maps"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/persistence/state"
)

// Advance emits the groups that the watermark has ended, and forgets them when nobody can ask for them any more.
func (t *Top) Advance(watermark int64, out Output) error {
	if t.o.Window < 0 {
		return nil
	}
	t.late.Watermark = watermark
	for _, at := range slices.Clone(t.table.Segments()) {
		if at > watermark {
			break
		}
		segment := t.table.Lookup(at)
		if t.Context.Wanted[PortFinal] {
			if err := t.final(segment, out); err != nil {
				return err
			}
		}
		switch {
		case t.Context.Wanted[PortComplete]:
		case t.open[at] != nil: // its last changes are to be told
			t.ended = append(t.ended, at)
		default:
			t.drop(at)
		}
	}
	return nil
}

// drop forgets a segment.
func (t *Top) drop(at int64) {
	t.table.Drop(at)
	if t.changing != nil {
		t.changing.table.Drop(at)
	}
}

// final emits the rows of a segment, once.
func (t *Top) final(segment *state.Segment, out Output) error {
	counts, lists := segment.Words(topCount), segment.Bytes(topList)
	err := segment.Scan(func(groups []uint32) error {
		groups = slices.DeleteFunc(groups, func(g uint32) bool { return counts.At(g) >= topEnded })
		if len(groups) == 0 {
			return nil
		}
		for _, g := range groups {
			counts.Set(g, counts.At(g)|topEnded)
		}
		segment.Touch(groups)
		return t.whole(segment, groups, lists, PortFinal, out)
	})
	if err != nil {
		return err
	}
	return t.emitted.flush(PortFinal, out)
}

// whole emits the rows of groups that nobody has seen.
func (t *Top) whole(segment *state.Segment, groups []uint32, lists *state.Bytes, port int, out Output) error {
	keys := segment.Keys(t.Context.Pool, groups)
	defer releaseAll(keys)
	for i, g := range groups {
		t.emitted.now = t.ranked(t.emitted.now[:0], lists.At(g))
		for _, e := range t.emitted.now {
			if err := t.emitted.add(keys, i, e, batch.Insert, port, out); err != nil {
				return err
			}
		}
	}
	t.emitted.settle(keys)
	t.emitted.now = t.emitted.now[:0]
	return nil
}

// rankedEntry is a row that is among the first N.
type rankedEntry struct {
	entry
	rank int32
}

// ranked appends the rows of a list that are among the first N, the best first.
func (t *Top) ranked(to []rankedEntry, list []byte) []rankedEntry {
	t.emitted.list = entries(t.emitted.list[:0], list)
	rank := int32(0)
	for i, e := range t.emitted.list {
		if !t.o.Ties || i == 0 || !bytes.Equal(e.key, t.emitted.list[i-1].key) {
			rank = int32(i) + 1
		}
		if int(rank) > t.o.N {
			break
		}
		to = append(to, rankedEntry{e, rank})
	}
	return to
}

// Flush emits what changed in the epoch, and the whole result if somebody reads it.
func (t *Top) Flush(out Output) error {
	for _, at := range slices.Sorted(maps.Keys(t.open)) {
		if err := t.changes(t.table.Segment(at), t.open[at], out); err != nil {
			return err
		}
		if t.open[at].reset(); t.o.Window >= 0 {
			delete(t.open, at)
		}
	}
	if err := t.emitted.flush(PortChanges, out); err != nil {
		return err
	}
	for _, at := range t.ended {
		t.drop(at)
	}
	t.ended = t.ended[:0]
	if t.changing != nil {
		t.changing.arrived = 0
	}
	if !t.Context.Wanted[PortComplete] {
		return nil
	}
	for _, at := range slices.Clone(t.table.Segments()) {
		segment := t.table.Lookup(at)
		lists := segment.Bytes(topList)
		err := segment.Scan(func(groups []uint32) error { return t.whole(segment, groups, lists, PortComplete, out) })
		if err != nil {
			return err
		}
	}
	return t.emitted.flush(PortComplete, out)
}

// changes emits what became of the touched groups of a segment.
func (t *Top) changes(segment *state.Segment, groups *touched, out Output) error {
	for from := 0; from < len(groups.rows); from += topBatch {
		if err := t.changed(segment, groups, from, min(len(groups.rows), from+topBatch), out); err != nil {
			return err
		}
	}
	counts := segment.Words(topCount)
	t.rows = append(t.rows[:0], groups.rows...)
	segment.Delete(slices.DeleteFunc(t.rows, func(g uint32) bool { return counts.At(g) > 0 }))
	return nil
}

func (t *Top) changed(segment *state.Segment, groups *touched, from, to int, out Output) error {
	lists, keys := segment.Bytes(topList), segment.Keys(t.Context.Pool, groups.rows[from:to])
	defer releaseAll(keys)
	for i := from; i < to; i++ {
		t.emitted.was = t.ranked(t.emitted.was[:0], groups.was(i))
		t.emitted.now = t.ranked(t.emitted.now[:0], lists.At(groups.rows[i]))
		if err := t.emitted.difference(keys, i-from, t.o.Rank != "", out); err != nil {
			return err
		}
	}
	t.emitted.settle(keys)
	return nil
}

// topRows makes rows of groups and entries.
type topRows struct {
	top      *Top
	schema   *batch.Schema
	keys     []*batch.Builder // of the group's keys
	others   []*batch.Builder
	rank     *batch.Builder
	kinds    []batch.RowKind
	was, now []rankedEntry
	list     []entry
	stays    []int   // for each of was: its place in now, -1 for none
	matched  []int   // the other way round
	groups   []int32 // of rows whose keys are not among keys yet
}

// topBatch is how many rows a batch has that Top emits.
const topBatch = 4096

func newTopRows(t *Top, p *batch.Pool) *topRows {
	r := &topRows{top: t, schema: t.schema}
	for _, k := range t.o.Keys {
		r.keys = append(r.keys, batch.NewBuilder(t.in.Fields[k].Type, p))
	}
	for _, k := range t.others {
		r.others = append(r.others, batch.NewBuilder(t.in.Fields[k].Type, p))
	}
	if t.o.Rank != "" {
		r.rank = batch.NewBuilder(batch.IntType, p)
	}
	return r
}

func (r *topRows) add(keys []*batch.Column, group int, e rankedEntry, kind batch.RowKind, port int, out Output) error {
	r.groups = append(r.groups, int32(group))
	if _, err := batch.ReadRow(e.row, r.others); err != nil {
		return err
	}
	if r.rank != nil {
		r.rank.Int32(e.rank)
	}
	r.kinds = append(r.kinds, kind)
	if len(r.kinds) < topBatch {
		return nil
	}
	r.settle(keys)
	return r.flush(port, out)
}

// settle adds the keys of the rows that were added with them, before these columns go.
func (r *topRows) settle(keys []*batch.Column) {
	if len(r.groups) == 0 {
		return
	}
	for i, b := range r.keys {
		b.AppendRows(keys[i], r.groups)
	}
	r.groups = r.groups[:0]
}

// flush emits the rows that were added.
func (r *topRows) flush(port int, out Output) error {
	if len(r.kinds) == 0 {
		return nil
	}
	made := &batch.Batch{Schema: r.schema, N: len(r.kinds), Columns: make([]*batch.Column, len(r.top.in.Fields), len(r.schema.Fields))}
	for i, k := range r.top.o.Keys {
		made.Columns[k] = r.keys[i].Finish()
	}
	for i, k := range r.top.others {
		made.Columns[k] = r.others[i].Finish()
	}
	if r.rank != nil {
		made.Columns = append(made.Columns, r.rank.Finish())
	}
	if port == PortChanges {
		made.Kinds = slices.Clone(r.kinds)
	}
	r.kinds = r.kinds[:0]
	return out.EmitTo(port, made)
}

// difference emits the rows by which now differs from was: what is taken back first. A row that is in both
// with another rank is an update.
func (r *topRows) difference(keys []*batch.Column, group int, ranks bool, out Output) error {
	r.match()
	for i, e := range r.was {
		kind := batch.Delete
		if j := r.stays[i]; j >= 0 {
			if !ranks || r.now[j].rank == e.rank {
				continue
			}
			kind = batch.UpdateBefore
		} else if mutant.On(mutant.RowThatFellOutKept) && mutant.Late(r.top.Context.number()) {
			continue
		}
		if err := r.add(keys, group, e, kind, PortChanges, out); err != nil {
			return err
		}
	}
	for j, e := range r.now {
		kind := batch.Insert
		if i := r.matched[j]; i >= 0 {
			if !ranks || r.was[i].rank == e.rank {
				continue
			}
			kind = batch.UpdateAfter
		}
		if err := r.add(keys, group, e, kind, PortChanges, out); err != nil {
			return err
		}
	}
	return nil
}

// match finds the rows that are in both. Both are ordered by their keys, so only rows of one key need be compared.
func (r *topRows) match() {
	r.matched, r.stays = r.matched[:0], r.stays[:0]
	for range r.was {
		r.stays = append(r.stays, -1)
	}
	from := 0
	for j, e := range r.now {
		r.matched = append(r.matched, -1)
		for from < len(r.was) && bytes.Compare(r.was[from].key, e.key) < 0 {
			from++
		}
		for i := from; i < len(r.was) && bytes.Equal(r.was[i].key, e.key); i++ {
			if r.stays[i] < 0 && bytes.Equal(r.was[i].row, e.row) {
				r.stays[i], r.matched[j] = j, i
				break
			}
		}
	}
}

func (r *topRows) release() {
	for _, b := range r.keys {
		b.Release()
	}
	for _, b := range r.others {
		b.Release()
	}
	r.rank.Release()
}
