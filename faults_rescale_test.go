package deltaic_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// TestEveryPairOfParallelisms: a flow with windows, a watermark and duplicates that are dropped gives the same rows at whatever
// parallelism it is started, and started again in the middle of its windows.
func TestEveryPairOfParallelisms(t *testing.T) {
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "k", Type: batch.StringType}, batch.Field{Name: "at", Type: batch.TimestampType})
	const splits, half = 3, 400
	row := func(n int) []any {
		return []any{n - n%11/10, fmt.Sprintf("k%d", n*n%23), int64(n) * 250_000} // every eleventh comes twice
	}
	run := func(t *testing.T, parallelisms ...int) map[string]int {
		source, sink, location := memory.NewSource(schema, splits), memory.NewSink("out"), t.TempDir()
		for part, parallelism := range parallelisms {
			from, to := part*2*half/len(parallelisms), (part+1)*2*half/len(parallelisms)
			for n := from; n < to; n++ {
				must(t, source.AddRows(n%splits, row(n)))
			}
			flow := stream.New("rescaled")
			flow.From("in", source).WithWatermark("at", 0).DropDuplicates("id", "at").
				GroupBy("window(at, '10 seconds') AS w", "k").Agg("sums", "count(*) AS n", "count(DISTINCT id) AS ids").
				Select("w.start AS start", "k", "n", "ids").To("out", sink, stream.Append)
			must(t, runAll(t, flow, stream.CheckpointLocation(location), stream.Parallelism(parallelism)))
		}
		rows := map[string]int{}
		for _, r := range sink.Rows() {
			rows[r]++
		}
		return rows
	}
	want := run(t, 1)
	if len(want) < 100 {
		t.Fatalf("only %d rows: nothing is shown", len(want))
	}
	for p := range 8 {
		for q := range 8 {
			if p == q || (p+3*q)%whole(4, 1) != 0 {
				continue
			}
			if got := run(t, p+1, q+1); !maps.Equal(got, want) {
				t.Errorf("from %d to %d: %d rows, want %d", p+1, q+1, len(got), len(want))
			}
		}
	}
}
