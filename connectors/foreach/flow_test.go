package foreach_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/foreach"
	memsink "github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// A whole flow, started again and again, whose function fails on the way: every
// row reaches the database once, and a clean restart repeats nothing.
func TestInAFlow(t *testing.T) {
	source := memsink.NewSource(schema, 2)
	d := &database{t: t, epochs: map[int64][]int64{}}
	location := t.TempDir()
	failures := 0
	for round := range 4 {
		for i := range 50 {
			if err := source.AddRows(i%2, []any{round*50 + i, "x"}); err != nil {
				t.Fatal(err)
			}
		}
		sink := foreach.NewBatch(func(ctx context.Context, rows *foreach.Rows, epoch int64) error {
			if failures == round {
				failures++
				return errors.New("not now")
			}
			return d.batches(ctx, rows, epoch)
		}, foreach.Options{})
		flow := stream.New("rows")
		flow.From("in", source).Where("n % 10 <> 3").To("out", sink, stream.Append)
		q, err := deltaic.Start(t.Context(), flow, stream.AvailableNow(), stream.CheckpointLocation(location))
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(d.all()); got != 45*(round+1) {
			t.Fatalf("round %d: %d rows", round, got)
		}
	}
	got := d.all()
	slices.Sort(got)
	if len(slices.Compact(got)) != 180 || d.repeat != 0 || failures != 4 {
		t.Errorf("%d rows, %d repeats after a return, %d failures", len(got), d.repeat, failures)
	}
}
