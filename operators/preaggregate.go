package operators

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Preaggregate folds the rows of each group into accumulators before they cross the exchange to the
// aggregate that merges them: what is sent are partials, one for many rows. It holds groups until
// a barrier, until it has many, or until a watermark passes them, and keeps no state in checkpoints. Where folding does not reduce
// the rows it stops for a while, but for the hot keys, so that however unequal the keys are no key is
// more work behind the exchange than others.
type Preaggregate struct {
	evaluation
	o      PreaggregateOptions
	plan   *agg.Plan
	schema *batch.Schema
	spec   state.Spec

	table        *state.Table
	accumulators *agg.Accumulators
	columns      []*batch.Column // keys, and the pane behind them
	keyed        []uint64        // hashes of the keys
	both         []uint64        // of the keys and the pane
	hashes       []uint64        // those that count: one of the two
	rows         []uint32
	fresh        batch.Bitmap
	fold, single []int32 // rows of a batch
	watermark    int64   // least end of a pane that is held; MaxInt64: none

	taken   int // rows folded since the groups were sent last
	resting int // batches left in which only hot keys are folded
	hot     hotKeys
}

// PreaggregateOptions say how rows are folded.
type PreaggregateOptions struct {
	// Keys are the columns of the groups.
	Keys []int
	// Time, if not -1, is the column of event time of the windows that the rows are aggregated by: rows of one pane fold,
	// and the pane's start takes the place of their time. Rows that came behind a watermark are sent as they came.
	Time int
	// Pane returns the bounds of the pane of a time.
	Pane func(time int64) (from, to int64)
}

// heldGroups is how many groups are held at most. Tests lower it.
var heldGroups = 8192

const (
	worthwhile   = 3  // fold as long as so many rows, in halves, become one
	restBatches  = 64 // how long folding rests where it is not worthwhile
	hotKeyShare  = 64 // a key is hot if more than one row in so many is its
	sampledEvery = 32 // rows
)

// NewPreaggregate returns the operator for a plan that is mergeable. Its output has the key columns, the time, and then the
// plan's partials: see [Preaggregate.Merging].
func NewPreaggregate(s *batch.Schema, plan *agg.Plan, o PreaggregateOptions) (*Preaggregate, error) {
	if !plan.Foldable() {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "aggregates that cannot be folded are")
	}
	p := &Preaggregate{o: o, plan: plan, schema: &batch.Schema{}, spec: state.Spec{Name: "folded", Values: plan.Values()}}
	of := o.Keys
	if o.Time >= 0 {
		of = append(of[:len(of):len(of)], o.Time)
	}
	for _, k := range of {
		if k < 0 || k >= len(s.Fields) {
			return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "preaggregate: key column %d of %d", k, len(s.Fields))
		}
		p.schema.Fields = append(p.schema.Fields, s.Fields[k])
		p.spec.Keys = append(p.spec.Keys, state.Column{Name: s.Fields[k].Name, Type: s.Fields[k].Type})
	}
	p.schema.Fields = append(p.schema.Fields, plan.PartialFields()...)
	p.columns = make([]*batch.Column, len(of))
	return p, nil
}

// Schema returns the columns of what is emitted.
func (p *Preaggregate) Schema() *batch.Schema { return p.schema }

// Merging returns the plan of the aggregate that reads what is emitted. Its keys are the first columns, its
// time the one behind them.
func (p *Preaggregate) Merging() *agg.Plan { return p.plan.Merging(len(p.spec.Keys)) }

// HotKeys returns the keys that had more than their share of the rows lately.
func (p *Preaggregate) HotKeys() []HotKey { return p.hot.list() }

// Open makes the table of what is held.
func (p *Preaggregate) Open(c *Context) (err error) {
	if err := p.evaluation.Open(c); err != nil {
		return err
	}
	p.table, err = state.NewTable(p.spec, c.Pool, c.Pool.Account())
	p.accumulators = p.plan.New(c.Pool)
	p.forget()
	return err
}

// Process folds the rows or passes them on as partials of one.
func (p *Preaggregate) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	p.begin()
	input, err := p.accumulators.Evaluate(&p.expression, in)
	if err != nil {
		return err
	}
	defer input.Release()
	sel := p.survivors(in)
	if err := p.reject(in, out); err != nil || sel != nil && len(sel) == 0 {
		return err
	}
	panes := p.keysOf(in)
	defer panes.Release()
	p.choose(in, sel)
	if err := p.hold(in.N, input); err != nil {
		return p.named(err)
	}
	if err := p.pass(in, input, out); err != nil {
		return p.named(err)
	}
	if p.table.Len() < heldGroups {
		return nil
	}
	if p.taken*2 < p.table.Len()*worthwhile {
		p.resting = restBatches
	}
	return p.send(out)
}

func (p *Preaggregate) named(err error) error {
	return groupFailure(err, p.Context.Step, p.schema.Fields[:len(p.o.Keys)], p.columns[:len(p.o.Keys)])
}

// keysOf fills columns and hashes, and returns the column of panes, nil without.
func (p *Preaggregate) keysOf(in *batch.Batch) *batch.Column {
	for i, k := range p.o.Keys {
		p.columns[i] = in.Columns[k]
	}
	if len(p.o.Keys) > 0 {
		p.keyed = batch.Hash(p.columns[:len(p.o.Keys)], in.N, p.keyed)
	}
	p.hashes = p.keyed
	if p.o.Time < 0 {
		return nil
	}
	panes := p.panesOf(in.Columns[p.o.Time])
	p.columns[len(p.o.Keys)] = panes
	if len(p.o.Keys) > 0 {
		p.both = batch.HashMore(p.columns[len(p.o.Keys):], in.N, p.keyed, p.both)
	} else {
		p.both = batch.Hash(p.columns, in.N, p.both)
	}
	p.hashes = p.both
	return panes
}

// panesOf returns the start of the pane of each time.
func (p *Preaggregate) panesOf(times *batch.Column) *batch.Column {
	c := p.Context.Pool.NewColumn(times.Type, times.N)
	c.CopyValid(times)
	from, to := int64(0), int64(0)
	for i, t := range times.I64 {
		if c.Valid != nil && !c.Valid.Get(i) {
			continue
		}
		if t < from || t >= to {
			from, to = p.o.Pane(t)
			p.watermark = min(p.watermark, to)
		}
		c.I64[i] = from
	}
	return c
}

// choose divides the rows into those that are folded and those that pass alone.
func (p *Preaggregate) choose(in *batch.Batch, sel []int32) {
	p.fold, p.single = p.fold[:0], p.single[:0]
	keyed := len(p.o.Keys) > 0
	resting := p.resting > 0 && keyed
	if resting {
		p.resting--
		p.hot.refresh()
	}
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if keyed && i%sampledEvery == 0 {
			p.hot.sample(p.keyed[r], p.schema.Fields, p.columns[:len(p.o.Keys)], r)
		}
		if in.Behind != nil && in.Behind[r] != inTime || resting && !p.hot.is(p.keyed[r]) {
			p.single = append(p.single, int32(r))
		} else {
			p.fold = append(p.fold, int32(r))
		}
	}
}

// hold folds rows into the groups that are held.
func (p *Preaggregate) hold(n int, input *agg.Input) error {
	if len(p.fold) == 0 {
		return nil
	}
	p.rows = slices.Grow(p.rows[:0], n)[:n]
	p.fresh = slices.Grow(p.fresh[:0], batch.BitmapWords(n))[:batch.BitmapWords(n)]
	clear(p.fresh)
	groups := p.table.Segment(0)
	if err := groups.Upsert(p.columns, p.fold, n, p.hashes, p.rows, p.fresh); err != nil {
		return err
	}
	p.taken += len(p.fold)
	return p.accumulators.Update(groups, p.rows, p.fresh, p.fold, input)
}

// pass emits rows as partials of one.
func (p *Preaggregate) pass(in *batch.Batch, input *agg.Input, out Output) error {
	if len(p.single) == 0 {
		return nil
	}
	part, err := p.accumulators.Singles(p.single, input)
	defer p.accumulators.Free(part)
	if err != nil {
		return err
	}
	columns := make([]*batch.Column, 0, len(p.schema.Fields))
	for i, c := range p.columns {
		if i == len(p.o.Keys) {
			c = in.Columns[p.o.Time] // a row alone has its own time
		}
		columns = append(columns, batch.Gather(p.Context.Pool, c, p.single))
	}
	b := batch.NewBatch(p.schema, len(p.single), append(columns, p.accumulators.PartialColumns(part)...)...)
	if in.Behind != nil {
		b.Behind = make([]int64, len(p.single))
		for i, r := range p.single {
			b.Behind[i] = in.Behind[r]
		}
	}
	return out.Emit(b)
}

// Advance sends what is held before the watermark passes it.
func (p *Preaggregate) Advance(watermark int64, out Output) error {
	if watermark < p.watermark {
		return nil
	}
	return p.send(out)
}

// Flush sends what is held.
func (p *Preaggregate) Flush(out Output) error { return p.send(out) }

// Close gives the memory back.
func (p *Preaggregate) Close() error {
	p.table.Release()
	return nil
}

// send emits the groups that are held, and holds none.
func (p *Preaggregate) send(out Output) error {
	if p.table.Len() == 0 {
		p.forget()
		return nil
	}
	groups := p.table.Segment(0)
	err := groups.Scan(func(rows []uint32) error {
		part := p.accumulators.Export(groups, rows)
		defer p.accumulators.Free(part)
		columns := append(groups.Keys(p.Context.Pool, rows), p.accumulators.PartialColumns(part)...)
		return out.Emit(batch.NewBatch(p.schema, len(rows), columns...))
	})
	p.forget()
	return err
}

func (p *Preaggregate) forget() {
	p.table.Drop(0)
	p.taken, p.watermark = 0, noTime
}
