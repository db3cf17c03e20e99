package stream_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// Spark has no Trigger.Never; here a manual run does nothing until it is asked to.
func ExampleManual() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx, source, sink := context.Background(), orders(), memory.NewSink("out")
	flow := stream.New("example")
	flow.From("orders", source).GroupBy("region").Count().To("out", sink, stream.Complete)
	q, err := deltaic.Start(ctx, flow, stream.Manual(), stream.CheckpointLocation(folder))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sink.Rows())
	if err = q.ProcessAllAvailable(ctx); err == nil {
		fmt.Println(sink.Rows())
		err = source.AddRows(0, []any{int64(4), "south", 1.0})
	}
	if err == nil {
		err = q.ProcessAllAvailable(ctx)
	}
	fmt.Println(sink.Rows(), q.IsActive(), q.LastProgress().BatchID, len(q.RecentProgress()))
	fmt.Println(err, q.Stop(ctx), q.IsActive(), q.Exception() == nil, q.Status().Message)
	// Output:
	// []
	// [{"region":"north","count":3} {"region":"south","count":1}]
	// [{"region":"north","count":3} {"region":"south","count":2}] true 2 2
	// <nil> <nil> false true Stopped
}

// A query keeps its identity over restarts; each run has its own.
func ExampleQuery() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx, source, sink := context.Background(), visits(), memory.NewSink("out")
	flow := stream.New("example")
	flow.From("visits", source).WithWatermark("at", 10*time.Minute).GroupBy(windows.Tumbling(time.Hour).On("at")).Count().To("out", sink, stream.Update)
	var ids, runs []string
	for _, trigger := range []stream.Option{stream.Once(), stream.AvailableNow()} {
		rows := int64(0)
		q, err := deltaic.Start(ctx, flow, trigger, stream.CheckpointLocation(folder), stream.Ledger(stream.LedgerBeside), stream.MemoryLimit(64<<20),
			stream.Parallelism(2), stream.BatchRows(100), stream.EpochInterval(time.Second), stream.MinBatchesToRetain(2), stream.MinTimeToRetain(time.Hour),
			stream.OnProgress(func(p stream.Progress) { rows += p.NumInputRows }))
		if err == nil {
			err = q.AwaitTermination(ctx)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(q.Name(), rows, "rows,", len(q.Graph().Steps) > 3)
		ids, runs = append(ids, q.ID()), append(runs, q.RunID())
	}
	fmt.Println(ids[0] == ids[1], runs[0] == runs[1])
	// Output:
	// example 5 rows, true
	// example 0 rows, true
	// true false
}

// Rows are processed as they come, whatever the trigger; it says when an epoch is closed and its rows are seen.
func ExampleContinuous() {
	for _, trigger := range []stream.Option{stream.Continuous(10 * time.Millisecond), stream.ProcessingTime(0)} {
		flow, sink := stream.New("example"), memory.NewSink("out")
		flow.From("orders", orders()).Select("id").To("out", sink, stream.Append)
		q, err := deltaic.Start(context.Background(), flow, trigger)
		if err == nil {
			err = q.ProcessAllAvailable(context.Background())
		}
		if err == nil {
			err = q.Stop(context.Background())
		}
		fmt.Println(sink.Len(), err)
	}
	// Output:
	// 4 <nil>
	// 4 <nil>
}

// How far event time has come, and what it waits for.
func ExampleQuery_Watermarks() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx, flow := context.Background(), stream.New("example")
	flow.From("visits", visits()).WithWatermark("at", 10*time.Minute).DropDuplicatesWithinWatermark("user").To("out", memory.NewSink("out"), stream.Append)
	q, err := deltaic.Start(ctx, flow, stream.Manual(), stream.CheckpointLocation(folder))
	if err == nil {
		err = q.ProcessAllAvailable(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range q.Watermarks(ctx) {
		fmt.Println(w.Step, w.Watermark, w.Splits[0].Source, w.Splits[0].State)
	}
	fmt.Println(q.Stop(ctx))
	// Output:
	// visits-watermark 2026-03-01T10:20:00.000Z visits caughtUp
	// <nil>
}
