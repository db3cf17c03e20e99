package operators

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/supervision"
)

// Preaggregate folds the rows of a batch that have one key into accumulators before they cross the
// exchange to the aggregate that merges them. It holds nothing from one batch to the next. Where
// keys hardly repeat within a batch it rests, but for hot keys: however unequal keys are, a key crosses
// the exchange at most once a batch, so none is much more work behind it than others.
type Preaggregate struct {
	evaluation
	o            PreaggregateOptions
	plan         *agg.Plan
	schema       *batch.Schema // of the output
	accumulators *agg.Accumulators

	columns []*batch.Column // keys, and the pane behind them
	keyed   []uint64        // hashes of the keys
	both    []uint64        // of the keys and the pane
	group   grouper
	joined  []int32 // rows that have a group
	folded  []int32 // rows of the groups that have more than one
	resting int     // batches left in which only hot keys are folded
	hot     hotKeys
}

// PreaggregateOptions say how rows are folded.
type PreaggregateOptions struct {
	// Keys are the columns of the groups.
	Keys []int
	// Time, if not -1, is the column of event time of the windows that the rows are aggregated by: only rows of
	// one pane fold, and the first of them stands for all. Rows that came behind a watermark do not fold.
	Time int
	// Pane returns the bounds of the pane of a time.
	Pane func(time int64) (from, to int64)
}

const (
	worthwhile   = 3  // folding is, if so many rows, in halves, become one
	restBatches  = 32 // how long folding rests where it is not worthwhile
	hotKeyShare  = 64 // a key is hot if more than one row in so many is its
	sampledEvery = 16 // rows
)

// NewPreaggregate returns the operator for a plan that can be folded. Its output has the columns of the input and
// agg.FoldedField behind them: the aggregate that reads it has the plan [Preaggregate.Merging].
func NewPreaggregate(s *batch.Schema, plan *agg.Plan, o PreaggregateOptions) (*Preaggregate, error) {
	if !plan.Foldable() {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "preaggregate: these aggregates cannot be folded")
	}
	p := &Preaggregate{o: o, plan: plan, columns: make([]*batch.Column, len(o.Keys))}
	for _, k := range o.Keys {
		if k < 0 || k >= len(s.Fields) {
			return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "preaggregate: key column %d of %d", k, len(s.Fields))
		}
	}
	if o.Time >= 0 {
		if k := s.Fields[o.Time].Type.Kind; k != batch.Timestamp && k != batch.TimestampNTZ {
			return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "preaggregate: panes of times of type %s", k)
		}
		p.columns = append(p.columns, nil)
	}
	p.schema = batch.NewSchema(append(slices.Clone(s.Fields), agg.FoldedField)...)
	return p, nil
}

// Schema returns the columns of what is emitted.
func (p *Preaggregate) Schema() *batch.Schema { return p.schema }

// Merging returns the plan of the aggregate that reads what is emitted.
func (p *Preaggregate) Merging() *agg.Plan { return p.plan.Merging(len(p.schema.Fields) - 1) }

// HotKeys returns the keys that had more than their share of the rows lately.
func (p *Preaggregate) HotKeys() []HotKey { return p.hot.list() }

// Open keeps the context.
func (p *Preaggregate) Open(c *Context) error {
	p.accumulators = p.plan.New(c.Pool)
	return p.evaluation.Open(c)
}

// Process passes the rows on, of the keys that fold one row for many. A batch with a row of which an argument
// fails does not fold: the aggregate rejects the row.
func (p *Preaggregate) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	panes := p.keysOf(in)
	defer panes.Release()
	p.share(in)
	column, err := p.fold(in)
	if err != nil {
		return err
	}
	made := in.Retain()
	made.Schema, made.Columns = p.schema, append(made.Columns, column)
	if len(p.folded) > 0 {
		made.Sel = p.survive(in)
	}
	return out.Emit(made)
}

// fold returns the column of accumulators, and leaves in folded the rows that they are of.
func (p *Preaggregate) fold(in *batch.Batch) (*batch.Column, error) {
	p.folded = p.folded[:0]
	for _, r := range p.joined {
		if p.group.count[p.group.rows[r]] > 1 {
			p.folded = append(p.folded, r)
		}
	}
	if len(p.folded) == 0 {
		return p.column(in.N, nil), nil
	}
	rest := *in
	rest.Sel = p.folded
	p.begin()
	input, err := p.accumulators.Evaluate(&p.expression, &rest)
	if err != nil {
		return nil, err
	}
	defer input.Release()
	if len(p.expression.Rejected) > 0 {
		p.folded = p.folded[:0]
		return p.column(in.N, nil), nil
	}
	part, err := p.accumulators.Collect(len(p.group.first), p.group.rows, p.folded, input)
	defer p.accumulators.Free(part)
	if err != nil {
		return nil, p.failure(err)
	}
	return p.column(in.N, part), nil
}

// column returns the accumulators of the groups at the rows that stand for them; of none if part is nil.
func (p *Preaggregate) column(n int, part *agg.Partial) *batch.Column {
	if part == nil {
		c := p.Context.Pool.NewColumn(agg.FoldedField.Type, n)
		clear(c.NewValid())
		return c
	}
	b, next := batch.NewBuilder(agg.FoldedField.Type, p.Context.Pool), 0
	defer b.Release()
	for g, r := range p.group.first {
		if p.group.count[g] == 1 {
			continue
		}
		for ; next < int(r); next++ {
			b.Null()
		}
		p.accumulators.AppendPartial(b, part, g)
		next++
	}
	for ; next < n; next++ {
		b.Null()
	}
	return b.Finish()
}

// survive returns the rows that go on: all but those that another row of their group stands for.
func (p *Preaggregate) survive(in *batch.Batch) []int32 {
	n, sel := in.N, in.Sel
	if len(p.joined) == in.Rows() { // every row has a group, and the first ones are ascending
		return slices.Clone(p.group.first)
	}
	gone := batch.Bitmap(p.Context.Pool.Words(batch.BitmapWords(n)))
	defer p.Context.Pool.PutWords(gone)
	for _, r := range p.folded {
		if p.group.first[p.group.rows[r]] != r {
			gone.Set(int(r))
		}
	}
	rows := make([]int32, 0, n)
	if sel == nil {
		for i := range n {
			if !gone.Get(i) {
				rows = append(rows, int32(i))
			}
		}
		return rows
	}
	for _, r := range sel {
		if !gone.Get(int(r)) {
			rows = append(rows, r)
		}
	}
	return rows
}

// keysOf fills columns and hashes, and returns the column of panes, nil without.
func (p *Preaggregate) keysOf(in *batch.Batch) *batch.Column {
	keys := len(p.o.Keys)
	for i, k := range p.o.Keys {
		p.columns[i] = in.Columns[k]
	}
	p.keyed = batch.Hash(p.columns[:keys], in.N, p.keyed)
	if p.o.Time < 0 {
		return nil
	}
	panes := p.panesOf(in.Columns[p.o.Time])
	p.columns[keys] = panes
	p.both = batch.HashMore(p.columns[keys:], in.N, p.keyed, p.both)
	return panes
}

// panesOf returns the start of the pane of each time.
func (p *Preaggregate) panesOf(times *batch.Column) *batch.Column {
	c := p.Context.Pool.NewColumn(times.Type, times.N)
	c.CopyValid(times)
	from, to := int64(0), int64(0)
	for i, t := range times.I64 {
		if times.IsNull(i) {
			continue
		}
		if t < from || t >= to {
			from, to = p.o.Pane(t)
		}
		c.I64[i] = from
	}
	return c
}

// share gives the rows that may fold a group: rows of one key and pane the same.
func (p *Preaggregate) share(in *batch.Batch) {
	sel := in.Sel
	hashes, columns := p.keyed, p.columns
	if p.o.Time >= 0 {
		hashes = p.both
		if mutant.On(mutant.PanesFold) && mutant.Late(p.Context.number()) {
			hashes, columns = p.keyed, p.columns[:len(p.o.Keys)]
		}
	}
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	p.group.begin(in.N, n)
	p.joined = p.joined[:0]
	resting, text := p.resting > 0, p.text
	if resting {
		p.resting--
		p.hot.refresh()
	}
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if i%sampledEvery == 0 && len(p.o.Keys) > 0 {
			p.hot.sample(p.keyed[r], text, r)
		}
		behind := in.Behind != nil && in.Behind[r] != inTime
		if mutant.On(mutant.LateRowsFold) && mutant.Late(p.Context.number()) {
			behind = false
		}
		if behind || resting && !p.hot.is(p.keyed[r]) {
			continue
		}
		p.group.join(hashes[r], columns, r)
		p.joined = append(p.joined, int32(r))
	}
	if !resting && n > hotKeyShare && 2*n < worthwhile*len(p.group.first) {
		p.resting, p.joined = restBatches, p.joined[:0]
	}
}

// failure names the group in which an accumulator failed.
func (p *Preaggregate) failure(err error) error {
	fields, keys := p.keys()
	return groupFailure(err, p.Context.Step, fields, keys)
}

// text returns the key of a row as JSON.
func (p *Preaggregate) text(row int) string {
	fields, keys := p.keys()
	return keyText(fields, keys, row)
}

func (p *Preaggregate) keys() ([]batch.Field, []*batch.Column) {
	fields := make([]batch.Field, len(p.o.Keys))
	for i, k := range p.o.Keys {
		fields[i] = p.schema.Fields[k]
	}
	return fields, p.columns[:len(fields)]
}
