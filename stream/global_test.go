package stream_test

import (
	"slices"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// An aggregate without keys has its row from the first epoch on, also if no row gets as far as it; without an epoch, which a run
// over an empty source does not make, there is nothing. So it is in Spark. In update mode the row is there once, and then changes.
func TestGlobalAggregateOverNoRows(t *testing.T) {
	for _, mode := range []connectors.OutputMode{stream.Complete, stream.Update} {
		for _, trigger := range []stream.Option{stream.AvailableNow(), stream.Once()} {
			source, sink, location := memory.NewSource(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}), 2), memory.NewSink("out"), t.TempDir()
			run := func(rows ...any) []string {
				for _, r := range rows {
					if err := source.AddRows(0, []any{r}); err != nil {
						t.Fatal(err)
					}
				}
				flow := stream.New("global").Parallelism(3)
				flow.From("in", source).Where("n > 0").GroupBy().Agg("all", "count(*) AS n", "sum(n) AS sum").To("out", sink, mode)
				q, err := deltaic.Start(t.Context(), flow, trigger, stream.CheckpointLocation(location))
				if err == nil {
					err = q.AwaitTermination(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				return sink.Rows()
			}
			for _, step := range []struct {
				rows []any
				want []string
			}{{nil, []string{}}, {[]any{-1}, []string{`{"n":0,"sum":null}`}}, {[]any{-2}, []string{`{"n":0,"sum":null}`}}, {[]any{3, -3}, []string{`{"n":1,"sum":3}`}}} {
				if got := run(step.rows...); !slices.Equal(got, step.want) {
					t.Errorf("%v, rows %v: got %v, want %v", mode, step.rows, got, step.want)
				}
			}
		}
	}
}
