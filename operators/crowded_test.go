package operators_test

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
)

// outcome counts what an operator gives.
type outcome struct{ rows, batches, rejected int }

func (o *outcome) Emit(b *batch.Batch) error {
	o.rows, o.batches = o.rows+b.Rows(), o.batches+1
	b.Release()
	return nil
}

func (o *outcome) Reject(_ *batch.Batch, r []operators.Rejected) error {
	o.rejected += len(r)
	return nil
}

func (o *outcome) EmitTo(_ int, b *batch.Batch) error      { return o.Emit(b) }
func (o *outcome) Advance(int64) error                     { return nil }
func (o *outcome) Late(*batch.Batch, []int32, int64) error { return nil }

// A batch whose new lists are too large for one goes on in several, and rows fail only for what they hold.
func TestCrowdedBatchesGoOnInSeveral(t *testing.T) {
	const n = 20
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.IntType})
	ids := batch.NewBuilder(batch.IntType, nil)
	for i := range n {
		ids.Int32(int32(i))
	}
	in := batch.NewBatch(schema, n, ids.Finish())
	bind := func(text string) *expr.Bound {
		b, err := expr.Bind(text, schema, expr.NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	many := bind("array_repeat(id, if(id = 7, 2000000, 1000000))")
	none, err := operators.NewExplode(schema, operators.Explosion{Of: bind("filter(array_repeat(id, 1000000), x -> x > 99)"), Outer: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    operators.Operator
		want outcome
	}{
		"project": {operators.NewProject([]expr.Item{{Name: "many", Bound: many}}), outcome{n - 1, 2, 1}},
		"explode": {none, outcome{n, 2, 0}},
	} {
		var got outcome
		if err := c.o.Open(&operators.Context{}); err != nil {
			t.Fatal(err)
		}
		if err := c.o.Process(in, 0, &got); err != nil || got != c.want {
			t.Errorf("%s: %+v, not %+v: %v", name, got, c.want, err)
		}
	}
}
