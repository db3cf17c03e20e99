package operators_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

// printer is an output that shows its rows.
type printer struct{}

func (printer) Emit(b *batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		fmt.Println(string(batch.AppendRowJSON(nil, b, b.Row(i))))
	}
	return nil
}

func (printer) Reject(*batch.Batch, []operators.Rejected) error { return nil }

func (printer) EmitTo(_ int, b *batch.Batch) error { return printer{}.Emit(b) }

func (printer) Advance(int64) error { return nil }

func (printer) Late(*batch.Batch, []int32, int64) error { return nil }

// The first order of each region passes.
func ExampleDropDuplicates() {
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "region", Type: batch.StringType})
	id, region := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
	for i, r := range []string{"north", "south", "north", "east"} {
		id.Int64(int64(i))
		region.String(r)
	}
	in := batch.NewBatch(schema, 4, id.Finish(), region.Finish())

	state, _ := persistence.NewStore(persistence.Options{Step: "by-region", Groups: 256, Hi: 256})
	drop, err := operators.NewDropDuplicates(schema, schema.Index("region"))
	if err == nil {
		err = drop.Open(&operators.Context{Step: "by-region", State: state, KeyGroups: 256})
	}
	if err == nil {
		err = drop.Process(in, 0, printer{})
	}
	fmt.Println(err)
	// Output:
	// {"id":0,"region":"north"}
	// {"id":1,"region":"south"}
	// {"id":3,"region":"east"}
	// <nil>
}
