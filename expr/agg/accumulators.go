package agg

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/persistence/state"
)

// Accumulators computes a plan's aggregates in one task.
type Accumulators struct {
	plan    *Plan
	pool    *batch.Pool
	slots   []slot // with scratch of their own
	cells   cells
	from    cells
	free    []*Partial
	sels    []selection
	plus    []int32
	minus   []int32
	rows    []uint32
	dense   []uint32
	encoded []byte
	finals  []*expr.Bound

	distinct distinct
	plain    bool // see Plan.Plain
	most     int  // bytes of a group, if the plan is growing
}

// selection is the rows of a mask.
type selection struct {
	sel  []int32
	room []int32
	all  bool
}

// New returns accumulators that take memory from the pool.
func (p *Plan) New(pool *batch.Pool) *Accumulators {
	a := &Accumulators{plan: p, pool: pool, most: mostOf(pool.Account()), sels: make([]selection, len(p.masks))}
	a.distinct.of = make([][]uint32, len(p.sets))
	for _, s := range p.slots {
		a.slots = append(a.slots, s.clone())
	}
	for _, i := range p.Items {
		a.finals = append(a.finals, i.Bound)
	}
	return a
}

// Input is what a batch gives to the accumulators: columns of arguments and filters.
type Input struct {
	Columns []*batch.Column
	N       int
	Kinds   []batch.RowKind

	// What the caller sets before Update if the plan has sets: the segment of each, the group's key
	// columns of the batch (borrowed) and their hashes (nil without keys).
	Sets   []*state.Segment
	Keys   []*batch.Column
	Hashes []uint64
	// Fresh has, if it is not nil, a list for each set, to which are appended the physical rows that brought a value which their group
	// did not have at all: for who keeps lists of values. Not for plans that count rows.
	Fresh [][]int32

	groups *state.Segment // of Update
	values [][]uint32     // rows of each set, by physical row
	folded *batch.Column  // nil: no row is
}

// Evaluate computes the arguments and filters for the rows of in. Rows that
// failed are in ctx.Rejected. The caller releases the input.
func (a *Accumulators) Evaluate(ctx *expr.Context, in *batch.Batch) (*Input, error) {
	columns, err := expr.EvalAll(ctx, a.plan.inputs, in)
	if err != nil {
		return nil, err
	}
	input := &Input{Columns: columns, N: in.N, Kinds: in.Kinds}
	if a.plan.folded >= 0 {
		input.folded = in.Columns[a.plan.folded].Retain()
	}
	return input, nil
}

// Release gives the columns back.
func (in *Input) Release() {
	for _, c := range in.Columns {
		c.Release()
	}
	in.folded.Release()
	in.Columns, in.folded = nil, nil
}

// Update takes the rows of sel (nil: all) into the segment: row i belongs to
// the group of state row rows[i]. fresh says which rows made their group. A *RowError names a physical row.
// Rows that take back (UpdateBefore, Delete) need a plan bound with Options.Updating.
func (a *Accumulators) Update(seg *state.Segment, rows []uint32, fresh batch.Bitmap, sel []int32, in *Input) error {
	a.cells.ofSegment(a.plan, seg)
	in.groups = seg
	a.startFresh(rows, fresh, sel, in.N)
	if in.Kinds == nil {
		return a.update(in, rows, sel)
	}
	if a.plan.positions {
		return a.inOrder(in, rows, sel)
	}
	a.split(in, sel)
	if len(a.plus) > 0 {
		if err := a.apply(in, rows, a.plus, false); err != nil {
			return err
		}
	}
	if len(a.minus) == 0 {
		return nil
	}
	return a.apply(in, rows, a.minus, true)
}

// split divides the rows into those that add and those that take back.
func (a *Accumulators) split(in *Input, sel []int32) {
	a.plus, a.minus = a.plus[:0], a.minus[:0]
	_ = each(sel, in.N, func(i int) error { // never fails
		if takesBack(in.Kinds[i]) {
			a.minus = append(a.minus, int32(i))
		} else {
			a.plus = append(a.plus, int32(i))
		}
		return nil
	})
}

func takesBack(k batch.RowKind) bool { return k == batch.UpdateBefore || k == batch.Delete }

// inOrder takes the rows as they come: those that add and those that take back in turns.
func (a *Accumulators) inOrder(in *Input, rows []uint32, sel []int32) error {
	var run []int32
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		err := a.apply(in, rows, run, takesBack(in.Kinds[run[0]]))
		run = run[:0]
		return err
	}
	err := each(sel, in.N, func(i int) error {
		if len(run) > 0 && takesBack(in.Kinds[i]) != takesBack(in.Kinds[run[0]]) {
			if err := flush(); err != nil {
				return err
			}
		}
		run = append(run, int32(i))
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// startFresh gives the rows of new groups the values that their slots begin with.
func (a *Accumulators) startFresh(rows []uint32, fresh batch.Bitmap, sel []int32, n int) {
	a.rows = a.rows[:0]
	if fresh == nil {
		return
	}
	if sel == nil {
		for w, word := range fresh[:batch.BitmapWords(n)] {
			if word == 0 {
				continue
			}
			for i := w << 6; i < min(n, w<<6+64); i++ {
				if fresh.Get(i) {
					a.rows = append(a.rows, rows[i])
				}
			}
		}
	} else {
		for _, i := range sel {
			if fresh.Get(int(i)) {
				a.rows = append(a.rows, rows[i])
			}
		}
	}
	a.start(a.rows)
}

// Begin gives rows of the segment that nobody has updated yet the values that their slots begin with.
func (a *Accumulators) Begin(seg *state.Segment, rows []uint32) {
	a.cells.ofSegment(a.plan, seg)
	a.start(rows)
}

func (a *Accumulators) start(rows []uint32) {
	if len(rows) == 0 {
		return
	}
	for _, s := range a.slots {
		if s, ok := s.(starter); ok {
			s.start(&a.cells, rows)
		}
	}
}

func (a *Accumulators) apply(in *Input, rows []uint32, sel []int32, remove bool) error {
	for i := range a.sels {
		if a.plan.masks[i].set < 0 {
			a.choose(i, in, sel)
		}
	}
	in.values = a.distinct.of
	for i, s := range a.plan.sets {
		if err := a.distinct.find(a, i, s, in, rows, remove); err != nil {
			return err
		}
	}
	for i, s := range a.slots {
		m := &a.sels[a.plan.mask[i]]
		if !m.all && len(m.sel) == 0 {
			continue
		}
		var err error
		if remove {
			err = s.(remover).remove(&a.cells, in, rows, m.sel, in.N)
		} else {
			err = s.add(&a.cells, in, rows, m.sel, in.N)
		}
		if err != nil {
			return err
		}
	}
	return a.bounded(rows, sel, in.N)
}

// choose finds the rows of mask number i.
func (a *Accumulators) choose(i int, in *Input, sel []int32) {
	m, s := &a.plan.masks[i], &a.sels[i]
	s.sel, s.all = sel, sel == nil
	if m.filter >= 0 {
		s.room = expr.Where(in.Columns[m.filter], sel, s.room[:0])
		s.sel, s.all = s.room, false
	}
	for _, c := range m.nulls {
		s.without(in.Columns[c], in.N)
	}
}

// without leaves out the rows that are null in the column.
func (s *selection) without(c *batch.Column, n int) {
	switch {
	case c.Type.Kind == batch.Void:
		s.room = s.room[:0]
	case c.Valid == nil:
		return
	case s.all:
		s.room = c.Valid.Rows(n, s.room[:0])
	default:
		kept := s.room[:0]
		for _, r := range s.sel {
			if c.Valid.Get(int(r)) {
				kept = append(kept, r)
			}
		}
		s.room = kept
	}
	s.sel, s.all = s.room, false
}

// Export copies the accumulators of these state rows out of the segment.
func (a *Accumulators) Export(seg *state.Segment, rows []uint32) *Partial {
	p := a.newPartial(0)
	a.Append(p, seg, rows)
	return p
}

// Append is Export behind the rows that the partial has.
func (a *Accumulators) Append(p *Partial, seg *state.Segment, rows []uint32) {
	a.cells.ofSegment(a.plan, seg)
	for v, column := range a.plan.values {
		if column.Type.Kind == batch.Binary {
			b := &p.bytes[v]
			for _, r := range rows {
				b.spans = append(b.spans, 0)
				b.set(uint32(len(b.spans)-1), a.cells.texts[v].at(r))
			}
			continue
		}
		w := &a.cells.words[v]
		for _, r := range rows {
			p.words[v] = append(p.words[v], *w.at(r))
		}
	}
	p.N += len(rows)
}

// Slice returns rows from..to-1 of a partial. It shares the memory: it is not to be freed, and
// is good until p is changed.
func (a *Accumulators) Slice(p *Partial, from, to int) *Partial {
	s := &Partial{N: to - from, words: make([][]uint64, len(p.words)), bytes: make([]flatBytes, len(p.bytes))}
	for v := range p.words {
		if p.words[v] != nil {
			s.words[v] = p.words[v][from:to]
		}
		if p.bytes[v].spans != nil {
			s.bytes[v] = flatBytes{spans: p.bytes[v].spans[from:to], data: p.bytes[v].data}
		}
	}
	return s
}

// Merge takes row i of the partial into state row rows[i] of the segment. A *RowError names i.
func (a *Accumulators) Merge(seg *state.Segment, rows []uint32, fresh batch.Bitmap, from *Partial) error {
	a.cells.ofSegment(a.plan, seg)
	a.startFresh(rows, fresh, nil, from.N)
	return a.merge(rows, from)
}

// Start returns a partial of n groups without rows.
func (a *Accumulators) Start(n int) *Partial {
	p := a.newPartial(n)
	a.cells.ofPartial(a.plan, p)
	a.rows = slices.Grow(a.rows[:0], n)
	for i := range n {
		a.rows = append(a.rows, uint32(i))
	}
	a.start(a.rows)
	return p
}

// Fold is Merge into row rows[i] of a partial.
func (a *Accumulators) Fold(to *Partial, rows []uint32, from *Partial) error {
	a.cells.ofPartial(a.plan, to)
	return a.merge(rows, from)
}

func (a *Accumulators) merge(rows []uint32, from *Partial) error {
	a.from.ofPartial(a.plan, from)
	for i, s := range a.slots {
		if a.plain && a.plan.distinct(i) {
			continue
		}
		if err := s.merge(&a.cells, rows, &a.from, from.N); err != nil {
			return err
		}
	}
	return a.bounded(rows, nil, from.N)
}

// Unfold takes back what Fold took in. The plan must invert.
func (a *Accumulators) Unfold(to *Partial, rows []uint32, from *Partial) error {
	a.cells.ofPartial(a.plan, to)
	return a.unmerge(rows, from)
}

// Subtract takes back what Merge took in. The plan must invert.
func (a *Accumulators) Subtract(seg *state.Segment, rows []uint32, from *Partial) error {
	a.cells.ofSegment(a.plan, seg)
	return a.unmerge(rows, from)
}

func (a *Accumulators) unmerge(rows []uint32, from *Partial) error {
	a.from.ofPartial(a.plan, from)
	for i, s := range a.slots {
		if a.plain && a.plan.distinct(i) {
			continue
		}
		if err := s.(unmerger).unmerge(&a.cells, rows, &a.from, from.N); err != nil {
			return err
		}
	}
	return nil
}
