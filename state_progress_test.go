package deltaic_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// TestProgressCountsWhatStateDoes: rows of state are told as updated in the epoch that touched them, however many tables the step
// has, and as removed in the one whose watermark closed their window.
func TestProgressCountsWhatStateDoes(t *testing.T) {
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType}, batch.Field{Name: "k", Type: batch.BigIntType}), 1)
	flow := stream.New("counted")
	flow.From("in", source).WithWatermark("at", 0).GroupBy("window(at, '1 minute')", "k").Agg("per-minute", "count(*) AS n", "count(DISTINCT k) AS d").
		To("out", memory.NewSink("out"), stream.Append)
	dir := t.TempDir()
	for run, c := range []struct {
		minutes []int64 // of rows, each with its own key
		want    string
	}{
		// Minute 0 closes in the epoch that saw it: its two groups and two values are removed without having been told. A
		// group and a value of minute 1 are left, and the time of what is closed for three key groups.
		{[]int64{0, 0, 1}, "updated 5, removed 4, total 5"},
		{[]int64{2}, "updated 5, removed 2, total 5"},
		{[]int64{2, 2}, "updated 3, removed 0, total 7"}, // a group that was there, and one that is new with its value
	} {
		for i, m := range c.minutes {
			if err := source.AddRows(0, []any{time.UnixMicro(m * batch.MicrosPerDay / 1440), int64(i)}); err != nil {
				t.Fatal(err)
			}
		}
		q, err := deltaic.Start(t.Context(), flow, stream.CheckpointLocation(dir), stream.Parallelism(2), stream.AvailableNow())
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(t.Context()); err != nil {
			t.Fatal(err)
		}
		var updated, removed, total int64
		for _, p := range q.RecentProgress() {
			for _, s := range p.StateOperators {
				updated, removed, total = updated+s.NumRowsUpdated, removed+s.NumRowsRemoved, s.NumRowsTotal
			}
		}
		if got := fmt.Sprintf("updated %d, removed %d, total %d", updated, removed, total); got != c.want {
			t.Errorf("run %d: %s, want %s", run, got, c.want)
		}
	}
}
