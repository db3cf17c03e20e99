package windows

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

// intake is what every aggregate by windows does with rows before it knows their windows: it computes their times,
// evaluates what is aggregated, hands over those that fail, and hashes their keys.
type intake struct {
	operators.Base
	o      Options
	schema *batch.Schema // of the input
	clock  clock
	sieve  sieve

	accumulators *agg.Accumulators
	closed       closed
	writer       writer
	expression   expr.Context
	columns      []*batch.Column // the keys of the batch, while it is taken
	hashes       []uint64
}

func newIntake(s *batch.Schema, o Options) intake {
	t := intake{o: o, schema: s, columns: make([]*batch.Column, len(o.Keys))}
	t.clock.Bound, t.sieve.lateness = o.Window, o.Lateness
	return t
}

// begin takes the operator's context and opens the table of marks.
func (t *intake) begin(c *operators.Context, accumulators *agg.Accumulators) error {
	t.Context, t.accumulators = c, accumulators
	t.clock.context.Pool, t.expression.Pool = c.Pool, c.Pool
	t.writer.open(c, t.o, accumulators, t.schema)
	return t.closed.open(c, t.o.keys(t.schema))
}

// catchUp closes, before anything else is done, what some of the tasks whose state this is had closed and others had not.
func (t *intake) catchUp(closeBy func(to int64, out operators.Output) error, out operators.Output) error {
	if !t.closed.behind() {
		return nil
	}
	defer t.closed.caughtUp()
	return closeBy(t.closed.owed, out)
}

// read computes the times of the rows, into the clock.
func (t *intake) read(in *batch.Batch, out operators.Output) error {
	if err := insertsOnly(in, t.o.Plan, t.Context.Step); err != nil {
		return err
	}
	return t.clock.read(in, t.Context.Epoch, out)
}

// evaluate computes the arguments of the selected rows (nil: all), of which those that fail leave the clock's, and
// takes their keys. The caller releases the input, and calls taken when it is done with the keys.
func (t *intake) evaluate(in *batch.Batch, sel []int32, out operators.Output) (*agg.Input, error) {
	rest := *in
	rest.Sel = sel
	t.expression.Reset()
	t.setNow()
	input, err := t.accumulators.Evaluate(&t.expression, &rest)
	if err != nil {
		return nil, err
	}
	if err := t.reject(&rest, out); err != nil {
		input.Release()
		return nil, err
	}
	for i, k := range t.o.Keys {
		t.columns[i] = in.Columns[k]
	}
	t.hashes = batch.Hash(t.columns, in.N, t.hashes)
	if err := t.closed.mark(t.columns, t.clock.keep, in.N, t.hashes); err != nil {
		input.Release()
		return nil, err
	}
	return input, nil
}

// reject hands over the rows that failed and takes them out of the clock's.
func (t *intake) reject(in *batch.Batch, out operators.Output) error {
	if len(t.expression.Rejected) == 0 {
		return nil
	}
	if err := reject(&t.expression, in, out); err != nil {
		return err
	}
	t.clock.where(t.fine(in.N))
	return nil
}

// fine returns what says of a row of the batch that it did not fail.
func (t *intake) fine(n int) func(row int) bool {
	bad := make(batch.Bitmap, batch.BitmapWords(n))
	for _, r := range t.expression.Rejected {
		bad.Set(int(r.Row))
	}
	return func(row int) bool { return !bad.Get(row) }
}

// taken forgets the keys of the batch, which belong to it.
func (t *intake) taken() { clear(t.columns) }

// setNow gives expressions the epoch's time.
func (t *intake) setNow() {
	if e := t.Context.Epoch; e != nil {
		t.expression.Now, t.writer.expression.Now = e.Now, e.Now
	}
}

// insertsOnly refuses rows that take others back where the plan was not made for them.
func insertsOnly(in *batch.Batch, p *agg.Plan, step string) error {
	if in.Kinds == nil || p.Counts() {
		return nil
	}
	for i := range in.Rows() {
		if in.Kinds[in.Row(i)] != batch.Insert {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "INTERNAL_ERROR", Step: step,
				Message: "a windowed aggregate that was planned for rows that never change was given one that updates or deletes"}
		}
	}
	return nil
}
