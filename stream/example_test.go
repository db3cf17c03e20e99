package stream_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// orders is a source of three orders, one of them twice.
func orders() *memory.Source {
	s := memory.NewSource(batch.NewSchema(
		batch.Field{Name: "id", Type: batch.BigIntType},
		batch.Field{Name: "region", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "amount", Type: batch.DoubleType, Nullable: true}), 1)
	if err := s.AddRows(0, []any{int64(1), "north", 10.5}, []any{int64(2), "south", 20.0}, []any{int64(1), "north", 10.5}, []any{int64(3), "north", -1.0}); err != nil {
		log.Fatal(err)
	}
	return s
}

// show runs the flow over what is there and prints what the sink holds.
func show(flow *stream.Flow, sink *memory.Sink) {
	q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow())
	if err != nil {
		log.Fatal(err)
	}
	if err := q.AwaitTermination(context.Background()); err != nil {
		log.Fatal(err)
	}
	rows := sink.Rows()
	slices.Sort(rows)
	for _, r := range rows {
		fmt.Println(r)
	}
}

// showState is show of a flow that keeps state, in a folder of its own.
func showState(flow *stream.Flow, sink *memory.Sink) {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow(), stream.CheckpointLocation(folder))
	if err != nil {
		log.Fatal(err)
	}
	if err := q.AwaitTermination(context.Background()); err != nil {
		log.Fatal(err)
	}
	rows := sink.Rows()
	slices.Sort(rows)
	for _, r := range rows {
		fmt.Println(r)
	}
}

func ExampleFrame_Select() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("orders", orders()).Select("id", "upper(region) AS region", "amount * 2 AS doubled").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"id":1,"region":"NORTH","doubled":21}
	// {"id":1,"region":"NORTH","doubled":21}
	// {"id":2,"region":"SOUTH","doubled":40}
	// {"id":3,"region":"NORTH","doubled":-2}
}

func ExampleFrame_Where() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("orders", orders()).Where("amount > 0 AND region = 'south'").To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"id":2,"region":"south","amount":20}
}

func ExampleFrame_WithColumn() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("orders", orders()).Where("id = 2").WithColumn("large", "amount >= 20").WithColumn("region", "coalesce(region, 'none')").To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"id":2,"region":"south","amount":20,"large":true}
}

func ExampleFrame_WithColumnRenamed() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("orders", orders()).Where("id = 2").WithColumnRenamed("amount", "total").To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"id":2,"region":"south","total":20}
}

func ExampleFrame_Drop() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("orders", orders()).Where("id = 2").Drop("amount").To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"id":2,"region":"south"}
}

func ExampleFrame_DropDuplicates() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("orders", orders()).DropDuplicates("id").Select("id").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"id":1}
	// {"id":2}
	// {"id":3}
}

func ExampleFrame_Union() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	a := flow.From("a", orders()).Where("id = 2").Select("id", "region")
	b := flow.From("b", orders()).Where("id = 3").Select("id", "region")
	a.Union(b).To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"id":2,"region":"south"}
	// {"id":3,"region":"north"}
}

// Several sinks of one flow move in one epoch.
func ExampleFrame_To() {
	flow := stream.New("example")
	all, large := memory.NewSink("all"), memory.NewSink("large")
	d := flow.From("orders", orders())
	d.To("all", all, stream.Append)
	d.Where("amount > 15").To("large", large, stream.Append)
	show(flow, large)
	fmt.Println(all.Len(), "in all")
	// Output:
	// {"id":2,"region":"south","amount":20}
	// 4 in all
}

// Rows that cannot be computed go to the quarantine; the others go on.
func ExampleFlow_Quarantine() {
	flow := stream.New("example")
	sink, quarantine := memory.NewSink("out"), memory.NewSink("quarantine")
	flow.Quarantine(quarantine)
	flow.From("orders", orders()).Select("10 / (id - 2) AS ratio").To("out", sink, stream.Append)
	show(flow, sink)
	fmt.Println(quarantine.Len(), "in quarantine")
	// Output:
	// {"ratio":-10}
	// {"ratio":-10}
	// {"ratio":10}
	// 1 in quarantine
}

// All mistakes are reported together, each with its step.
func ExampleFlow_Build() {
	flow := stream.New("example")
	d := flow.From("orders", orders())
	d.Where("ammount > 0").To("a", memory.NewSink("a"), stream.Append)
	d.Select("id AS x", "region AS x").To("b", memory.NewSink("b"), stream.Append)
	_, err := flow.Build()
	if _, ok := err.(interface{ Unwrap() []error }); ok {
		for _, m := range flow.Mistakes() {
			fmt.Println(m)
			fmt.Println()
		}
	}
	// Output:
	// step orders-where: UNRESOLVED_COLUMN: a column `ammount` cannot be resolved. Did you mean amount? (line 1, column 1)
	// ammount > 0
	// ^
	//
	// step orders-select: COLUMN_ALREADY_EXISTS: two columns would be called "x"
}

func ExampleExplain() {
	flow := stream.New("example")
	flow.From("orders", orders()).Where("amount > 0").DropDuplicates("id").To("out", memory.NewSink("out"), stream.Append)
	g, err := flow.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(stream.Explain(g))
	// Output:
	// flow example, 256 key groups
	// stage orders (a task per split)
	//   orders: MemoryStream[id,region,amount]
	//     columns read: id, region, amount
	//   orders-where: where amount > 0
	//   -> orders-dropDuplicates, by hash of id
	// stage orders-dropDuplicates (a task per range of key groups)
	//   orders-dropDuplicates: dropDuplicates id
	//     state: every key, never evicted: no event time is among the keys
	//   -> out, rebalanced
	// stage out (a task per share)
	//   out: MemorySink
	// advice: state of dropDuplicates by id grows with every new key: set a watermark, or keep the number of keys bounded
}
