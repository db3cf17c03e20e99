package windows

import (
	"math/bits"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
)

// distinctFold is the fold of a plan with aggregates over distinct values. Each pane has its
// values; the fold counts in how many of its panes each is, so a value enters the window's aggregates
// with its first pane and leaves with its last. What is not over distinct values is in a fold of its own.
type distinctFold struct {
	merger // that leaves what is distinct alone
	plan   *agg.Plan
	keys   int // group columns
	plain  fold
	panes  queue
	sets   func(pane int64) []*state.Segment

	all    *state.Table // groups with what is distinct, and how many values they have
	counts []*state.Table
	own    *state.Table // of the window in work: rows that are in no pane of it
	marks  []*state.Words
	by     [][]int32
	found  []uint32
	gone   []uint32
}

func newDistinctFold(m merger, plan *agg.Plan, sets func(pane int64) []*state.Segment) (fold, error) {
	m.accumulators = plan.Plain(m.pool)
	m.spec.Windowed = false
	d := &distinctFold{merger: m, plan: plan, keys: len(m.spec.Keys), sets: sets}
	var err error
	if d.plain, err = newPlainFold(m, plan.PlainInverts()); err != nil {
		return nil, err
	}
	if d.own, err = d.table(); err != nil {
		return nil, err
	}
	for _, set := range plan.Sets() {
		spec := operators.SetSpec(m.spec, set)
		spec.Values = nil
		for range set.Bits() {
			spec.Values = append(spec.Values, state.Column{Name: "panes", Type: batch.BigIntType})
		}
		t, err := state.NewTable(spec, m.pool, m.pool.Account())
		if err != nil {
			return nil, err
		}
		d.counts = append(d.counts, t)
	}
	d.spec.Values = append(m.spec.Values[:len(m.spec.Values):len(m.spec.Values)], state.Column{Name: "values", Type: batch.BigIntType})
	d.all, err = d.table()
	return d, err
}

func (d *distinctFold) retire(before int64) error {
	for p, ok := d.panes.oldest(before); ok; p, ok = d.panes.oldest(before) {
		if err := d.move(d.sets(p), true); err != nil {
			return err
		}
		d.panes.panes = d.panes.panes[1:]
	}
	return d.plain.retire(before)
}

func (d *distinctFold) enter(panes []int64) error {
	for _, p := range d.panes.fresh(panes) {
		if err := d.move(d.sets(p), false); err != nil {
			return err
		}
		d.panes.push(p)
	}
	return d.plain.enter(panes)
}

func (d *distinctFold) parts() []*state.Segment {
	parts := append(d.plain.parts(), d.all.Segment(0))
	if own := d.own.Lookup(0); own != nil {
		parts = append(parts, own)
	}
	return parts
}

// visit takes in the rows that belong to the window in work alone, until leave.
func (d *distinctFold) visit(s *state.Segment, sets []*state.Segment) error {
	err := s.Scan(func(rows []uint32) error {
		keys := s.Keys(d.pool, rows)
		defer release(keys)
		p := d.accumulators.Export(s, rows)
		defer d.accumulators.Free(p)
		return d.merge(d.own.Segment(0), keys, p)
	})
	if err != nil {
		return err
	}
	return d.move(sets, false)
}

// leave takes out what visit has taken in.
func (d *distinctFold) leave(sets []*state.Segment) error {
	d.own.Drop(0)
	return d.move(sets, true)
}

// move takes the values of sets in, or out.
func (d *distinctFold) move(sets []*state.Segment, out bool) error {
	for i, s := range sets {
		if s == nil {
			continue
		}
		if err := s.Scan(func(rows []uint32) error { return d.moveValues(i, s, rows, out) }); err != nil {
			return err
		}
	}
	return nil
}

func (d *distinctFold) moveValues(i int, s *state.Segment, rows []uint32, out bool) error {
	if len(rows) == 0 {
		return nil
	}
	n, counts := len(rows), d.counts[i].Segment(0)
	keys := s.Keys(d.pool, rows)
	defer release(keys)
	d.hashes = batch.Hash(keys, n, d.hashes)
	d.found = sized(d.found, n)
	if err := counts.Upsert(keys, nil, n, d.hashes, d.found, nil); err != nil {
		return err
	}
	d.edges(i, s, counts, rows, out)
	all := d.all.Segment(0)
	if err := d.groups(all, keys[:d.keys], n); err != nil {
		return err
	}
	if err := d.accumulators.Values(i, all, d.rows, d.fresh, keys[d.keys:], d.by, out); err != nil {
		return err
	}
	if out {
		counts.Remove(d.gone)
	}
	values := all.Words(len(d.spec.Values) - 1)
	d.gone = d.gone[:0]
	for _, list := range d.by {
		for _, k := range list {
			if !out {
				*values.Slot(d.rows[k])++
			} else if *values.Slot(d.rows[k])--; values.At(d.rows[k]) == 0 {
				d.gone = append(d.gone, d.rows[k])
			}
		}
	}
	all.Remove(d.gone)
	return nil
}

// edges counts the panes of values, and lists by bit those of which it is the first, or the last; the values
// that have none left are in gone.
func (d *distinctFold) edges(i int, s, counts *state.Segment, rows []uint32, out bool) {
	n := d.plan.Sets()[i].Bits()
	d.by, d.marks, d.gone = sized(d.by, n), d.marks[:0], d.gone[:0]
	for b := range n {
		d.by[b], d.marks = d.by[b][:0], append(d.marks, counts.Words(b))
	}
	word := s.Words(0)
	for k, r := range rows {
		for set := word.At(r); set != 0; set &= set - 1 {
			b := bits.TrailingZeros64(set)
			panes := d.marks[b].Slot(d.found[k])
			edge := *panes == 0
			if out {
				*panes--
				edge = *panes == 0
			} else {
				*panes++
			}
			if edge {
				d.by[b] = append(d.by[b], int32(k))
			}
		}
		if out && d.without(d.found[k]) {
			d.gone = append(d.gone, d.found[k])
		}
	}
}

// without reports whether a value is in no pane any more.
func (d *distinctFold) without(row uint32) bool {
	for _, w := range d.marks {
		if w.At(row) != 0 {
			return false
		}
	}
	return true
}

func (d *distinctFold) release() {
	d.plain.release()
	for _, t := range append(d.counts, d.all, d.own) {
		t.Release()
	}
}
