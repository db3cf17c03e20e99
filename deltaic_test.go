package deltaic_test

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

func rowsOf(t *testing.T, path string) map[string]int {
	t.Helper()
	table, exists, err := delta.SinkAt(path, delta.SinkOptions{}).Open(t.Context())
	if err != nil || !exists {
		t.Fatalf("%s: exists %v, %v", path, exists, err)
	}
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			rows[string(batch.AppendRowJSON(nil, b, b.Row(i)))]++
		}
		b.Release()
	}
	return rows
}

// A flow of one stateless step and one table needs no checkpoint location: the
// table is the checkpoint.
func TestTheTableIsTheCheckpoint(t *testing.T) {
	path := t.TempDir() + "/orders"
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "value", Type: batch.StringType, Nullable: true}), 2)
	for round := range 3 {
		for i := range 100 {
			n := round*100 + i
			if err := source.AddRows(n%2, []any{fmt.Sprintf(`{"id": %d, "amount": %d.5}`, n, n)}); err != nil {
				t.Fatal(err)
			}
		}
		flow := stream.New("orders")
		flow.From("in", source).
			Select("from_json(value, 'id BIGINT, amount DOUBLE') AS o").
			Select("o.*").Where("id % 10 <> 3").
			To("orders", delta.SinkAt(path, delta.SinkOptions{}), stream.Append)
		q, err := deltaic.Start(t.Context(), flow, stream.AvailableNow())
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows := rowsOf(t, path)
		if len(rows) != 90*(round+1) {
			t.Fatalf("round %d: %d rows", round, len(rows))
		}
		for r, n := range rows {
			if n != 1 {
				t.Fatalf("%s stands there %d times", r, n)
			}
		}
	}
}
