package operators

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
)

// Filter passes on the rows for which a condition is true: WHERE. Null is
// not true. Rows for which it fails are rejected.
type Filter struct {
	evaluation
	condition *expr.Bound
}

// NewFilter returns the operator for a condition, whose type must be boolean.
func NewFilter(condition *expr.Bound) *Filter { return &Filter{condition: condition} }

// Open refuses conditions of other types.
func (f *Filter) Open(c *Context) error {
	if k := f.condition.Type().Kind; k != batch.Boolean && k != batch.Void {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", Step: c.Step,
			Message: "the condition " + f.condition.SQL() + " is of type " + f.condition.Type().String() + ", it must be boolean",
			Hint:    "compare it with something, such as " + f.condition.SQL() + " IS NOT NULL"}
	}
	return f.evaluation.Open(c)
}

// Process emits the rows that satisfy the condition.
func (f *Filter) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	f.begin()
	verdict, err := f.condition.Eval(&f.expression, in)
	if err != nil {
		return err
	}
	pool := f.Context.Pool
	keep := batch.Bitmap(pool.Words(batch.BitmapWords(in.N)))
	defer pool.PutWords(keep)
	isTrue(verdict, in, keep)
	verdict.Release()
	for _, r := range f.expression.Rejected {
		keep.Clear(int(r.Row))
	}
	if err := f.reject(in, out); err != nil {
		return err
	}
	return emitRows(pool, in, keep, out)
}

// isTrue sets the bits of the rows of in that count and are true.
func isTrue(verdict *batch.Column, in *batch.Batch, keep batch.Bitmap) {
	clear(keep)
	if verdict.Type.Kind == batch.Void {
		return
	}
	if in.Sel == nil {
		keep.Fill(in.N)
	} else {
		keep.SetRows(in.Sel)
	}
	for w := range keep {
		keep[w] &= verdict.Bits[w]
	}
	if verdict.Valid != nil {
		for w := range keep {
			keep[w] &= verdict.Valid[w]
		}
	}
}
