package operators

import (
	"errors"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Aggregate keeps the aggregates of each group, for as long as the state lives:
// GROUP BY without windows. By PortChanges it tells in each epoch which results changed, by PortComplete all
// of them. Without keys there is one group, which is there without rows too: count is 0 then and sum null. An input that
// updates earlier rows needs a plan bound as updating: a group whose last row is taken back is deleted.
type Aggregate struct {
	evaluation
	plan   *agg.Plan
	keys   []int // columns of the input
	before bool
	spec   state.Spec
	schema *batch.Schema // of the output

	groups       *state.Segment
	sets         []*state.Segment // of distinct values
	accumulators *agg.Accumulators
	columns      []*batch.Column
	hashes       []uint64
	rows         []uint32
	fresh        batch.Bitmap

	// What the epoch has done so far. Rows that were touched stay where they are until the checkpoint.
	touched batch.Bitmap // by state row
	made    []uint32     // groups that are new
	changed []uint32     // groups that were there
	old     *agg.Partial // of changed, as they were before the epoch
}

// AggregateOptions say what an aggregate tells.
type AggregateOptions struct {
	// Before says that whoever reads the changes needs each old row, as UpdateBefore, in front of the new one.
	Before bool
}

// groupsTable is the name of the table of groups. It is part of the state's address and never changes.
const groupsTable = "groups"

// SetSpec returns the spec of a table of distinct values beside the table of
// their groups.
func SetSpec(groups state.Spec, set *agg.Set) state.Spec {
	s := state.Spec{Name: set.Name, Keys: slices.Concat(groups.Keys, set.Columns), Values: set.Values, Shared: true,
		Prefix: len(groups.Keys), Windowed: groups.Windowed, Version: groups.Version}
	if s.Prefix == 0 {
		s.Prefix = state.NoPrefix
	}
	return s
}

// NewAggregate returns the operator for an input with this schema; keys are the indexes of
// the columns that plan was bound to as groups, none for one group of all rows.
func NewAggregate(s *batch.Schema, keys []int, plan *agg.Plan, o AggregateOptions) (*Aggregate, error) {
	a := &Aggregate{plan: plan, keys: keys, before: o.Before, schema: plan.Schema(), columns: make([]*batch.Column, len(keys))}
	a.spec = state.Spec{Name: groupsTable, Keys: []state.Column{}, Values: plan.Values(), Version: 1}
	for _, k := range keys {
		if k < 0 || k >= len(s.Fields) {
			return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "aggregate: key column %d of %d", k, len(s.Fields))
		}
		a.spec.Keys = append(a.spec.Keys, state.Column{Name: s.Fields[k].Name, Type: s.Fields[k].Type})
	}
	return a, nil
}

// Schema returns the columns of what is emitted: the groups, then the items.
func (a *Aggregate) Schema() *batch.Schema { return a.schema }

// Open opens the table of groups.
func (a *Aggregate) Open(c *Context) error {
	if err := a.evaluation.Open(c); err != nil {
		return err
	}
	t, err := c.State.Table(a.spec)
	if err != nil {
		return err
	}
	a.groups = t.Segment(0)
	for _, set := range a.plan.Sets() {
		t, err := c.State.Table(SetSpec(a.spec, set))
		if err != nil {
			return err
		}
		a.sets = append(a.sets, t.Segment(0))
	}
	a.accumulators = a.plan.New(c.Pool)
	a.old = a.accumulators.Start(0)
	return nil
}

// Process takes the rows into their groups.
func (a *Aggregate) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	if !a.plan.Counts() {
		if err := a.insertsOnly(in); err != nil {
			return err
		}
	}
	a.begin()
	input, err := a.accumulators.Evaluate(&a.expression, in)
	if err != nil {
		return err
	}
	defer input.Release()
	sel := a.survivors(in)
	if err := a.reject(in, out); err != nil || sel != nil && len(sel) == 0 {
		return err
	}
	if err := a.find(in, sel); err != nil {
		return err
	}
	a.touch(sel, in.N)
	input.Sets, input.Keys, input.Hashes = a.sets, a.columns, a.hashes
	if err := a.accumulators.Update(a.groups, a.rows, a.fresh, sel, input); err != nil {
		return a.failure(err, a.columns)
	}
	clear(a.columns)
	return nil
}

func (a *Aggregate) insertsOnly(in *batch.Batch) error {
	if in.Kinds == nil {
		return nil
	}
	for i := range in.Rows() {
		if in.Kinds[in.Row(i)] != batch.Insert {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "INTERNAL_ERROR", Step: a.Context.Step,
				Message: "an aggregate that was planned for rows that never change was given one that updates or deletes"}
		}
	}
	return nil
}

// find fills rows and fresh.
func (a *Aggregate) find(in *batch.Batch, sel []int32) error {
	for i, k := range a.keys {
		a.columns[i] = in.Columns[k]
	}
	if len(a.keys) > 0 {
		a.hashes = batch.Hash(a.columns, in.N, a.hashes)
	}
	if cap(a.rows) < in.N {
		a.rows = make([]uint32, in.N)
	}
	a.rows = a.rows[:in.N]
	words := batch.BitmapWords(in.N)
	if cap(a.fresh) < words {
		a.fresh = make(batch.Bitmap, words)
	}
	a.fresh = a.fresh[:words]
	clear(a.fresh)
	return a.groups.Upsert(a.columns, sel, in.N, a.hashes, a.rows, a.fresh)
}

// touch notes the groups that the epoch touches for the first time, and what they were.
func (a *Aggregate) touch(sel []int32, n int) {
	made, changed := len(a.made), len(a.changed)
	if sel == nil {
		for i := range n {
			a.note(i)
		}
	} else {
		for _, i := range sel {
			a.note(int(i))
		}
	}
	a.groups.Touch(a.made[made:])
	a.groups.Touch(a.changed[changed:])
	if a.Context.Wanted[PortChanges] {
		a.accumulators.Append(a.old, a.groups, a.changed[changed:])
	}
}

func (a *Aggregate) note(i int) {
	r := a.rows[i]
	for int(r>>6) >= len(a.touched) {
		a.touched = append(a.touched, 0)
	}
	if a.touched.Get(int(r)) {
		return
	}
	a.touched.Set(int(r))
	if a.fresh.Get(i) {
		a.made = append(a.made, r)
	} else {
		a.changed = append(a.changed, r)
	}
}

// failure names the group in which an accumulator failed.
func (a *Aggregate) failure(err error, keys []*batch.Column) error {
	return groupFailure(err, a.Context.Step, a.schema.Fields[:len(keys)], keys)
}

// groupFailure names the step and the group of an accumulator that failed.
func groupFailure(err error, step string, fields []batch.Field, keys []*batch.Column) error {
	var row *agg.RowError
	if !errors.As(err, &row) {
		return err
	}
	return row.Failure(step, keyText(fields, keys, row.Row))
}

// Flush tells what the epoch changed, and forgets the groups that are gone.
func (a *Aggregate) Flush(out Output) error {
	a.begin()
	if err := a.always(); err != nil {
		return err
	}
	err := a.tell(out)
	for _, l := range [][]uint32{a.made, a.changed} {
		for _, r := range l {
			a.touched.Clear(int(r))
		}
	}
	a.made, a.changed = a.made[:0], a.changed[:0]
	a.accumulators.Free(a.old)
	a.old = a.accumulators.Start(0)
	if err != nil || !a.Context.Wanted[PortComplete] {
		return err
	}
	return a.groups.Scan(func(rows []uint32) error {
		b, _, err := a.results(rows, nil, out)
		if err != nil || b.Rows() == 0 {
			b.Release()
			return err
		}
		return out.EmitTo(PortComplete, b)
	})
}

// always makes the one group of an aggregate without keys if no row has: in the task that its rows would go to.
func (a *Aggregate) always() error {
	if len(a.keys) > 0 || a.Context.Lo > 0 || a.groups.Len() > 0 {
		return nil
	}
	a.rows, a.fresh = slices.Grow(a.rows[:0], 1)[:1], batch.Bitmap{0}
	if err := a.groups.Upsert(nil, nil, 1, nil, a.rows, a.fresh); err != nil {
		return err
	}
	a.accumulators.Begin(a.groups, a.rows)
	a.touch(nil, 1)
	return nil
}

// flushRows bounds the rows of a batch that is emitted.
const flushRows = 4096

func (a *Aggregate) tell(out Output) error {
	for from := 0; from < len(a.made); from += flushRows {
		if err := a.tellMade(a.made[from:min(len(a.made), from+flushRows)], out); err != nil {
			return err
		}
	}
	for from := 0; from < len(a.changed); from += flushRows {
		if err := a.tellChanged(from, min(len(a.changed), from+flushRows), out); err != nil {
			return err
		}
	}
	return nil
}

// vanished returns which of the groups have no rows left, nil if none, and
// deletes them from the table; their values can be read until the checkpoint.
func (a *Aggregate) vanished(rows []uint32) batch.Bitmap {
	if !a.plan.Counts() || len(a.keys) == 0 {
		return nil
	}
	var gone batch.Bitmap
	var list []uint32
	for i, n := range a.accumulators.Groups(a.groups, rows, nil) {
		if n != 0 {
			continue
		}
		if gone == nil {
			gone = make(batch.Bitmap, batch.BitmapWords(len(rows)))
		}
		gone.Set(i)
		list = append(list, rows[i])
	}
	if list != nil {
		a.groups.Delete(list)
	}
	return gone
}

// tellMade emits groups that are new.
func (a *Aggregate) tellMade(rows []uint32, out Output) error {
	wanted := a.Context.Wanted[PortChanges]
	if !wanted {
		a.vanished(rows)
		return nil
	}
	b, _, err := a.results(rows, nil, out)
	if err != nil {
		return err
	}
	if gone := a.vanished(rows); gone != nil {
		b.Sel = slices.DeleteFunc(selected(b), func(i int32) bool { return gone.Get(int(i)) })
	}
	return emitSome(b, out)
}

// tellChanged emits groups that were there before the epoch: first what is taken back, then what
// takes its place.
func (a *Aggregate) tellChanged(from, to int, out Output) error {
	rows := a.changed[from:to]
	if !a.Context.Wanted[PortChanges] {
		a.vanished(rows)
		return nil
	}
	was, wasFine, err := a.results(rows, a.accumulators.Slice(a.old, from, to), out)
	if err != nil {
		return err
	}
	now, nowFine, err := a.results(rows, nil, out)
	if err != nil {
		was.Release()
		return err
	}
	gone := a.vanished(rows)
	same := EqualRows(was, now, len(a.keys))
	now.Kinds, was.Kinds = make([]batch.RowKind, now.N), make([]batch.RowKind, was.N)
	now.Sel, was.Sel = []int32{}, []int32{}
	for i := range len(rows) {
		deleted, before, after := gone != nil && gone.Get(i), get(wasFine, i), get(nowFine, i)
		switch {
		case deleted && before:
			if mutant.On(mutant.EmptyGroupUntold) && mutant.Late(a.Context.number()) {
				continue
			}
			was.Kinds[i] = batch.Delete
			was.Sel = append(was.Sel, int32(i))
		case deleted || !after || before && same.Get(i):
		case !before:
			now.Sel = append(now.Sel, int32(i)) // it failed before, so nobody has seen it
		default:
			was.Kinds[i], now.Kinds[i] = batch.UpdateBefore, batch.UpdateAfter
			if a.before && !(mutant.On(mutant.OldRowUntold) && mutant.Late(a.Context.number())) {
				was.Sel = append(was.Sel, int32(i))
			}
			now.Sel = append(now.Sel, int32(i))
		}
	}
	if err := emitSome(was, out); err != nil {
		now.Release()
		return err
	}
	return emitSome(now, out)
}

func get(b batch.Bitmap, i int) bool { return b == nil || b.Get(i) }

// results computes the output of groups, from a partial or as they are now. Rows of which the output
// failed are rejected and not in fine, which is nil if none did.
func (a *Aggregate) results(rows []uint32, from *agg.Partial, out Output) (made *batch.Batch, fine batch.Bitmap, err error) {
	keys := a.groups.Keys(a.Context.Pool, rows)
	var results []*batch.Column
	if from != nil {
		results, err = a.accumulators.Finish(from)
	} else {
		results, err = a.accumulators.Results(a.groups, rows)
	}
	if err != nil {
		err = a.failure(err, keys)
		for _, k := range keys {
			k.Release()
		}
		return nil, nil, err
	}
	inner := a.accumulators.Intermediate(len(rows), keys, results)
	defer inner.Release()
	a.begin()
	columns, err := a.accumulators.Project(&a.expression, inner)
	if err != nil {
		return nil, nil, err
	}
	made = batch.NewBatch(a.schema, len(rows), columns...)
	if made.Sel = a.survivors(inner); made.Sel == nil {
		return made, nil, nil
	}
	fine = make(batch.Bitmap, batch.BitmapWords(len(rows)))
	for _, i := range made.Sel {
		fine.Set(int(i))
	}
	if from == nil { // what failed before was rejected then
		err = a.reject(inner, out)
	}
	return made, fine, err
}
