package foreach_test

import (
	"context"
	"fmt"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/foreach"
	memsink "github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/objstore/memory"
)

// engine writes one epoch to the sink, as the engine does.
func engine(sink *foreach.Sink) {
	sink.UseState(memory.New(memory.Options{}), "sinks/out/")
	_ = sink.Bind(ctx, schema, connectors.Append)
	w, _ := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1})
	rows, _ := memsink.Build(schema, []any{1, "Ada"}, []any{2, nil})
	_ = w.Write(ctx, rows)
	sealed, _ := w.Seal(7)
	p, _ := sealed.Finish(ctx)
	_, _ = sink.Commit(ctx, connectors.Commit{Flow: "f", Incarnation: "i", Epoch: 7, Attempt: 1, Prepared: []connectors.Prepared{p}})
}

func ExampleNewBatch() {
	sink := foreach.NewBatch(func(ctx context.Context, rows *foreach.Rows, epoch int64) error {
		fmt.Println("epoch", epoch, "has", rows.Len(), "rows")
		for b, err := range rows.Batches(ctx) {
			if err != nil {
				return err
			}
			sum := int64(0)
			for _, n := range b.Columns[0].I64 {
				sum += n
			}
			fmt.Println("sum", sum)
		}
		return nil
	}, foreach.Options{})
	engine(sink)
	// Output:
	// epoch 7 has 2 rows
	// sum 3
}

// printer prints the rows that it is given.
type printer struct{}

func (printer) Open(partition, epoch int64) (bool, error) {
	fmt.Println("open", partition, epoch)
	return true, nil
}

func (printer) Process(r foreach.Row) error {
	fmt.Println(r.Int(0), r.Text(1), r.IsNull(1))
	return nil
}

func (printer) Close(err error) error {
	fmt.Println("close", err)
	return nil
}

func ExampleNew() {
	engine(foreach.New(printer{}, foreach.Options{}))
	// Output:
	// open 0 7
	// 1 Ada false
	// 2  true
	// close <nil>
}
