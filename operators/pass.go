package operators

import "github.com/deltaic/deltaic/batch"

// Pass passes every row on. Behind an exchange by hash it is Spark's
// repartition by columns: rows of one key stay in order.
type Pass struct{ Base }

// NewPass returns the operator.
func NewPass() *Pass { return &Pass{} }

// Process passes the batch on.
func (*Pass) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	return out.Emit(in.Retain())
}
