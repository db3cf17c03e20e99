package deltaic_test

import (
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// Who waits for everything there is waits for nothing where there is nothing: before the first row, when all is done, and after a restart.
func TestNothingIsAvailable(t *testing.T) {
	source, sink, location := timed(), memory.NewSink("out"), t.TempDir()
	for round := range 2 {
		flow := stream.New("quiet")
		flow.From("in", source).WithWatermark("ts", time.Minute).DropDuplicates("k").To("out", sink, stream.Append)
		q, err := deltaic.Start(t.Context(), flow, stream.Manual(), stream.CheckpointLocation(location))
		if err != nil {
			t.Fatal(err)
		}
		for step := range 3 {
			if step == 1 {
				add(source, []string{"a", "b"}[round], 1, 1)
			}
			if err := q.ProcessAllAvailable(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := int64(round)
			if step > 0 {
				want++
			}
			if got := sink.Len(); got != want {
				t.Errorf("round %d, step %d: %d rows, want %d", round, step, got, want)
			}
		}
		if err := q.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
