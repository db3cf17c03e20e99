package agg

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// Slides reports whether the aggregates over distinct values can be kept up as values enter and leave:
// every one of them can take a value back exactly.
func (p *Plan) Slides() bool {
	if p.Mergeable() || p.Counts() {
		return false
	}
	for i, s := range p.slots {
		if _, exact := s.(unmerger); p.distinct(i) && !exact {
			return false
		}
	}
	return true
}

// PlainInverts is Inverts of the aggregates that are not over distinct values.
func (p *Plan) PlainInverts() bool {
	for i, s := range p.slots {
		if _, exact := s.(unmerger); !p.distinct(i) && !exact {
			return false
		}
	}
	return true
}

// distinct reports whether slot i is over distinct values.
func (p *Plan) distinct(i int) bool { return p.masks[p.mask[i]].set >= 0 }

// Plain returns accumulators of which Merge, Fold, Subtract and Unfold leave what is over distinct
// values alone: that of two groups together is not the sum of theirs. See [Accumulators.Values].
func (p *Plan) Plain(pool *batch.Pool) *Accumulators {
	a := p.New(pool)
	a.plain = true
	return a
}

// Bits returns how many aggregates' rows a set tells apart, each by a bit of its word.
func (s *Set) Bits() int { return len(s.masks) }

// Arguments returns the columns of an evaluated input that the set's values are made of, borrowed.
func (s *Set) Arguments(in *Input) []*batch.Column {
	columns := make([]*batch.Column, len(s.args))
	for i, arg := range s.args {
		columns[i] = in.Columns[arg]
	}
	return columns
}

// Values takes values of set number i into the groups of the segment, or out of them: value k belongs to the group
// of state row rows[k], and by[b] lists those that enter or leave for bit b. The caller knows that they do. fresh is as for Update.
func (a *Accumulators) Values(i int, seg *state.Segment, rows []uint32, fresh batch.Bitmap, values []*batch.Column, by [][]int32, remove bool) error {
	n := len(rows)
	a.cells.ofSegment(a.plan, seg)
	a.startFresh(rows, fresh, nil, n)
	in := &Input{Columns: make([]*batch.Column, len(a.plan.inputs)), N: n}
	for k, arg := range a.plan.sets[i].args {
		in.Columns[arg] = values[k]
	}
	for k, s := range a.slots {
		m := a.plan.masks[a.plan.mask[k]]
		if m.set != i || len(by[m.bit]) == 0 {
			continue
		}
		var err error
		if remove {
			err = s.(remover).remove(&a.cells, in, rows, by[m.bit], n)
		} else {
			err = s.add(&a.cells, in, rows, by[m.bit], n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
