package stream_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"os"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/foreach"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// run is showState of a flow whose sink prints.
func run(flow *stream.Flow) {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow(), stream.CheckpointLocation(folder))
	if err == nil {
		err = q.AwaitTermination(context.Background())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleFrame_ForeachBatch() {
	flow := stream.New("example")
	flow.From("orders", orders()).Where("amount > 0").ForeachBatch("copy", func(ctx context.Context, rows *foreach.Rows, epoch int64) error {
		sum := 0.0
		for row, err := range rows.All(ctx) {
			if err != nil {
				return err
			}
			sum += row.Float(row.Index("amount"))
		}
		fmt.Println("epoch", epoch, "has", rows.Len(), "rows, together", sum)
		return nil
	}, stream.Append)
	run(flow)
	// Output: epoch 1 has 3 rows, together 41
}

// lines prints what it is given.
type lines struct{}

func (lines) Open(partition, epoch int64) (bool, error) {
	fmt.Println("partition", partition, "of epoch", epoch)
	return true, nil
}

func (lines) Process(r foreach.Row) error {
	fmt.Println(string(r.JSON()))
	return nil
}

func (lines) Close(err error) error { return err }

func ExampleFrame_Foreach() {
	flow := stream.New("example").Parallelism(1)
	flow.From("orders", orders()).GroupBy("region").Count().Sort("region").Foreach("print", lines{}, stream.Complete)
	run(flow)
	// Output:
	// partition 0 of epoch 1
	// {"region":"north","count":3}
	// {"region":"south","count":1}
}

func ExampleForeachBatch() {
	flow := stream.New("example")
	large := stream.Filter(stream.Typed[order](flow.From("orders", orders())), func(o order) bool { return o.Amount > 15 })
	stream.ForeachBatch(large, "print", func(_ context.Context, values iter.Seq2[order, error], epoch int64) error {
		for o, err := range values {
			if err != nil {
				return err
			}
			fmt.Println("epoch", epoch, "order", o.ID)
		}
		return nil
	}, stream.Append)
	run(flow)
	// Output: epoch 1 order 2
}

// largest keeps the largest order of each share.
type largest struct{ best order }

func (l *largest) Open(int64, int64) (bool, error) { *l = largest{}; return true, nil }

func (l *largest) Process(o order) error {
	if o.Amount > l.best.Amount {
		l.best = o
	}
	return nil
}

func (l *largest) Close(err error) error {
	if err == nil {
		fmt.Println(l.best.ID, l.best.Region, l.best.Amount)
	}
	return err
}

func ExampleForeach() {
	flow := stream.New("example").Parallelism(1)
	stream.Foreach(stream.Typed[order](flow.From("orders", orders())), "largest", &largest{}, stream.Append)
	run(flow)
	// Output: 2 south 20
}

// What an author's function cannot be given is said when the flow is built.
func ExampleFlow_Mistakes() {
	flow := stream.New("example")
	counts := stream.Typed[struct {
		Region string
		Count  int64
	}](flow.From("orders", orders()).GroupBy("region").Count())
	stream.ForeachBatch(counts, "print", nil, stream.Update)
	flow.From("more", orders()).Select("id").To("out", memory.NewSink("out"), stream.Append)
	for _, m := range flow.Mistakes() {
		fmt.Println(m)
	}
	// Output: step print: UNSUPPORTED_OUTPUT_MODE: in output mode update a row may delete or replace an earlier one, and a Go value does not say so
}
