package operators

import (
	"encoding/json"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/supervision"
)

// Observe passes rows on as they are and computes aggregates of those of each epoch: Spark's observe(). The plan has no groups
// and must be mergeable.
type Observe struct {
	evaluation
	plan         *agg.Plan
	accumulators *agg.Accumulators
	total        *agg.Partial // of the epoch, without what may have to be undone; nil: no row
	since        *agg.Partial // since Keep
	zeros        []uint32
}

// NewObserve returns the operator of a plan.
func NewObserve(plan *agg.Plan) *Observe { return &Observe{plan: plan} }

// Open makes the accumulators.
func (o *Observe) Open(c *Context) error {
	o.accumulators = o.plan.New(c.Pool)
	return o.evaluation.Open(c)
}

// Process takes the rows into the aggregates and passes them on. A row of which an argument cannot be computed is left out of them and rejected.
func (o *Observe) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	o.begin()
	input, err := o.accumulators.Evaluate(&o.expression, in)
	if err != nil {
		return err
	}
	defer input.Release()
	if err := o.reject(in, out); err != nil {
		return err
	}
	rows := o.survivors(in)
	for len(o.zeros) < in.N {
		o.zeros = append(o.zeros, 0)
	}
	part, err := o.accumulators.Collect(1, o.zeros, additions(in, rows), input)
	defer o.accumulators.Free(part)
	if err != nil {
		return groupFailure(err, o.Context.Step, nil, nil)
	}
	if o.since == nil {
		o.since = o.accumulators.Start(1)
	}
	if err := o.accumulators.Fold(o.since, o.zeros[:1], part); err != nil {
		return err
	}
	passed := in.Retain()
	passed.Sel = rows
	return out.Emit(passed)
}

// additions returns the rows of those that take nothing back.
func additions(in *batch.Batch, rows []int32) []int32 {
	if in.Kinds == nil {
		return rows
	}
	some := make([]int32, 0, in.N)
	for r, k := range in.Kinds {
		if k != batch.UpdateBefore && k != batch.Delete {
			some = append(some, int32(r))
		}
	}
	if rows == nil {
		return some
	}
	return intersect(rows, some)
}

// intersect returns the rows that are in both, which are ascending.
func intersect(a, b []int32) []int32 {
	var both []int32
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both = append(both, a[i])
			i, j = i+1, j+1
		}
	}
	return both
}

// Keep takes what came since the last call for good. An aggregate that runs over does so when the epoch is told.
func (o *Observe) Keep() {
	if o.since == nil {
		return
	}
	if o.total == nil {
		o.total, o.since = o.since, nil
		return
	}
	if o.accumulators.Fold(o.total, []uint32{0}, o.since) == nil {
		o.Undo()
	}
}

// Undo forgets what came since Keep.
func (o *Observe) Undo() {
	if o.since != nil {
		o.accumulators.Free(o.since)
		o.since = nil
	}
}

// Observed returns the accumulators of the epoch.
func (o *Observe) Observed() ([]byte, error) {
	o.Keep()
	if o.since != nil {
		return nil, supervision.New(supervision.Fatal, "ARITHMETIC_OVERFLOW", "an observed aggregate of step %s runs over", o.Context.Step)
	}
	if o.total == nil {
		return nil, nil
	}
	b := batch.NewBuilder(agg.FoldedField.Type, o.Context.Pool)
	defer b.Release()
	o.accumulators.AppendPartial(b, o.total, 0)
	c := b.Finish()
	defer c.Release()
	data := append([]byte{}, c.Bytes(0)...)
	o.accumulators.Free(o.total)
	o.total = nil
	return data, nil
}

// Close gives back what is held.
func (o *Observe) Close() error {
	o.Undo()
	if o.total != nil {
		o.accumulators.Free(o.total)
		o.total = nil
	}
	return nil
}

// MergeObserved returns what the plan computes of the rows of all tasks, as one JSON object.
func MergeObserved(parts [][]byte, plan *agg.Plan, pool *batch.Pool) (json.RawMessage, error) {
	a := plan.New(pool)
	total := a.Start(1)
	defer a.Free(total)
	for _, data := range parts {
		if err := a.FoldEncoded(total, 0, data); err != nil {
			return nil, err
		}
	}
	results, err := a.Finish(total)
	if err != nil {
		return nil, err
	}
	inner := a.Intermediate(1, nil, results)
	defer inner.Release()
	ctx := &expr.Context{Pool: pool}
	columns, err := a.Project(ctx, inner)
	if err != nil {
		return nil, err
	}
	row := batch.NewBatch(plan.Schema(), 1, columns...)
	defer row.Release()
	if len(ctx.Rejected) > 0 {
		return nil, supervision.New(supervision.Fatal, ctx.Rejected[0].Class, "%s", ctx.Rejected[0].Message)
	}
	return batch.AppendRowJSON(nil, row, 0), nil
}
