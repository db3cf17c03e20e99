package operators_test

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

type collect struct{ batches []*batch.Batch }

func (c *collect) Emit(b *batch.Batch) error { c.batches = append(c.batches, b); return nil }

func (c *collect) Reject(*batch.Batch, []operators.Rejected) error { return nil }

func (c *collect) EmitTo(_ int, b *batch.Batch) error { return c.Emit(b) }

func (c *collect) Advance(int64) error { return nil }

func (c *collect) Late(*batch.Batch, []int32, int64) error { return nil }

func TestDropDuplicatesKeepsTheFirstRow(t *testing.T) {
	pool := batch.NewPool()
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})
	store, err := persistence.NewStore(persistence.Options{Step: "dedup", Groups: 256, Hi: 256})
	if err != nil {
		t.Fatal(err)
	}
	d, err := operators.NewDropDuplicates(schema, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Open(&operators.Context{Step: "dedup", Pool: pool, State: store, KeyGroups: 256}); err != nil {
		t.Fatal(err)
	}
	builder := batch.NewBuilder(batch.BigIntType, pool)
	for _, v := range []int64{7, 8, 7, 0} {
		builder.Int64(v)
	}
	builder.Null()
	builder.Null()
	in := batch.NewBatch(schema, 6, builder.Finish())
	out := &collect{}
	for range 2 {
		if err := d.Process(in, 0, out); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.batches) != 1 || out.batches[0].Rows() != 4 || out.batches[0].Row(3) != 4 {
		t.Fatalf("got %+v", out.batches)
	}
}

var _ operators.State = (*persistence.Store)(nil)
