package files_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/files"
	memsink "github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/stream"
)

// Nexmark's query 10 in small: rows with an event time, partitioned by day and minute,
// each minute marked when the watermark has passed it, through whole flows that are stopped and
// started at other parallelisms.
func TestInAFlow(t *testing.T) {
	source := memsink.NewSource(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "at", Type: batch.TimestampType}), 2)
	path, location := t.TempDir()+"/bids", t.TempDir()
	store, err := local.New(path, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	run := func(parallelism int) {
		t.Helper()
		flow := stream.New("bids").Parallelism(parallelism)
		flow.From("in", source).WithWatermark("at", 4*time.Second).
			Select("n", "date_format(at, 'yyyy-MM-dd') AS dt", "date_format(at, 'HH:mm') AS hm").
			To("out", files.At(path, minutes()), stream.Append)
		q, err := deltaic.Start(t.Context(), flow, stream.AvailableNow(), stream.CheckpointLocation(location))
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const perRound = 300 // a second each
	for round := range 3 {
		for i := range perRound {
			n := round*perRound + i
			if err := source.AddRows(n%2, []any{n, start.Add(time.Duration(n) * time.Second)}); err != nil {
				t.Fatal(err)
			}
		}
		if round == 2 {
			source.Finish() // the last minute is complete too
		}
		run(round + 1)
		got := content(t, store)
		slices.Sort(got)
		if len(slices.Compact(got)) != (round+1)*perRound || len(content(t, store)) != (round+1)*perRound {
			t.Fatalf("round %d: %d rows", round, len(content(t, store)))
		}
		var want []string
		for m := range (round + 1) * 5 {
			if m < (round+1)*5-1 || round == 2 {
				want = append(want, fmt.Sprintf("10%%3A%02d", m))
			}
		}
		if got := marks(t, store); !slices.Equal(got, want) {
			t.Errorf("round %d: marked %q, want %q", round, got, want)
		}
	}
}
