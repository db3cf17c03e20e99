package operators

import (
	"cmp"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
)

// evaluation is what Project and Filter share: a context of expressions and
// the way of rows that fail.
type evaluation struct {
	Base
	expression expr.Context
}

// Open keeps the context and its pool.
func (e *evaluation) Open(c *Context) error {
	e.Context = c
	e.expression.Pool = c.Pool
	return nil
}

// begin makes ready for a batch.
func (e *evaluation) begin() {
	e.expression.Reset()
	if e.Context.Epoch != nil {
		e.expression.Now = e.Context.Epoch.Now
	}
}

// halves gives f the halves of a batch whose results are too large for one.
func (e *evaluation) halves(in *batch.Batch, f func(half *batch.Batch) error) error {
	for _, part := range [2][2]int{{0, in.N / 2}, {in.N / 2, in.N}} {
		half := in.Slice(e.Context.Pool, part[0], part[1])
		err := f(half)
		half.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// reject hands over the rows that failed since begin, by row.
func (e *evaluation) reject(in *batch.Batch, out Output) error {
	if len(e.expression.Rejected) == 0 {
		return nil
	}
	rows := make([]Rejected, 0, len(e.expression.Rejected)) // the output's to keep
	for _, r := range e.expression.Rejected {
		rows = append(rows, Rejected{Row: r.Row, Rule: r.Rule, Class: r.Class, Message: r.Message, Raw: r.Raw})
	}
	slices.SortFunc(rows, func(a, b Rejected) int { return cmp.Compare(a.Row, b.Row) })
	return out.Reject(in, rows)
}

// survivors returns the rows of in that did not fail, as a selection: in.Sel
// itself if all did well.
func (e *evaluation) survivors(in *batch.Batch) []int32 {
	failed := e.expression.Rejected
	if len(failed) == 0 {
		return in.Sel
	}
	left := batch.Bitmap(e.Context.Pool.Words(batch.BitmapWords(in.N)))
	defer e.Context.Pool.PutWords(left)
	if in.Sel == nil {
		left.Fill(in.N)
	} else {
		left.SetRows(in.Sel)
	}
	for _, f := range failed {
		left.Clear(int(f.Row))
	}
	return left.Rows(in.N, make([]int32, 0, in.Rows()))
}
