package operators

import (
	"errors"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
)

// Project computes a row of new columns for each row: SELECT. Rows of which an
// expression fails are rejected. Row kinds, origins and
// lateness stay with their rows.
type Project struct {
	evaluation
	schema *batch.Schema
	bounds []*expr.Bound
}

// NewProject returns the operator for a select list.
func NewProject(items []expr.Item) *Project {
	p := &Project{schema: expr.Schema(items)}
	for _, i := range items {
		p.bounds = append(p.bounds, i.Bound)
	}
	return p
}

// Schema returns the columns of what is emitted.
func (p *Project) Schema() *batch.Schema { return p.schema }

// Process emits one batch of as many rows, less those that failed; several, if the new columns are too large for one.
func (p *Project) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	p.begin()
	p.expression.Halves = true
	columns, err := expr.EvalAll(&p.expression, p.bounds, in)
	if errors.Is(err, expr.ErrCrowded) {
		return p.halves(in, func(half *batch.Batch) error { return p.Process(half, 0, out) })
	}
	if err != nil {
		return err
	}
	made := batch.NewBatch(p.schema, in.N, columns...)
	made.Kinds, made.Origin, made.Behind, made.Sel = in.Kinds, in.Origin, in.Behind, p.survivors(in)
	if err := p.reject(in, out); err != nil || made.Rows() == 0 {
		made.Release()
		return err
	}
	return out.Emit(made)
}
