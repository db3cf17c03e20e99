package deltaic_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/quarantine"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/stream"
)

// What a rule has sent to the quarantine goes back into the flow, repaired, and is marked there in the same epoch (SLIDE-71): what
// deltaic quarantine replay does.
func ExampleFlow_replay() {
	folder, err := os.MkdirTemp("", "replay")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	ctx, in := context.Background(), timed([]any{"a", 5, 0}, []any{nil, 7, 1})
	run := func(change func(*stream.Flow)) {
		flow := stream.New("repaired")
		flow.Quarantine(delta.SinkAt(folder+"/quarantine", delta.SinkOptions{})).From("in", in).ExpectOrQuarantine("known", "k IS NOT NULL").
			Select("k", "n").To("out", delta.SinkAt(folder+"/out", delta.SinkOptions{}), stream.Append)
		change(flow)
		q, err := deltaic.Start(ctx, flow, stream.Once(), stream.CheckpointLocation(folder+"/state"))
		if err == nil {
			err = q.AwaitTermination(ctx)
		}
		if err != nil {
			panic(err)
		}
	}
	run(func(flow *stream.Flow) {
		fmt.Println("what fails goes to", flow.QuarantineSink().(*delta.Sink).Path()[len(folder):])
	})
	table := delta.Open(mustOpen(folder+"/quarantine"), delta.Options{})
	for range 2 {
		rows, err := quarantine.Open(ctx, table, "rule = 'known'")
		if err != nil {
			panic(err)
		}
		fmt.Println(rows.Len(), "wait")
		if rows.Len() > 0 {
			run(func(flow *stream.Flow) {
				replay := stream.Replay{Rows: rows, From: rows.From(), Repair: "'nobody' AS k"}
				sifted, err := flow.Sift(ctx, replay, time.Now())
				if err != nil {
					panic(err)
				}
				rows.Leave(sifted.Rows) // those that cannot be repaired wait on
				fmt.Println(len(sifted.Rows), "cannot be repaired")
				flow.Replay(replay)
			})
		}
	}
	s, err := delta.Open(mustOpen(folder+"/out"), delta.Options{}).Snapshot(ctx)
	if err != nil {
		panic(err)
	}
	n, _ := s.Rows()
	fmt.Println(n, "rows in the table")
	// Output:
	// what fails goes to /quarantine
	// 1 wait
	// 0 cannot be repaired
	// 0 wait
	// 2 rows in the table
}

func mustOpen(folder string) *local.Store {
	s, err := local.New(folder, local.Options{})
	if err != nil {
		panic(err)
	}
	return s
}
