package delta_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestUpsertKeepsRules: rows that take the place of others are what the table asks of each, a row that is not is refused when it is
// staged, and change files are read under mapped columns.
func TestUpsertKeepsRules(t *testing.T) {
	field := func(name, metadata string) batch.Field {
		return batch.Field{Name: name, Type: batch.BigIntType, Nullable: true, Metadata: metadata}
	}
	schema := batch.NewSchema(field("n", ""), field("v", ""), field("d", `{"CURRENT_DEFAULT":"40 + 2"}`), field("g", `{"delta.generationExpression":"v * 2"}`))
	for _, mapping := range []string{"none", "name", "id"} {
		for _, vectors := range []string{"false", "true"} {
			s := memory.New(memory.Options{})
			table := create(t, s, delta.CreateOptions{Schema: schema, PartitionBy: []string{"d"}, Properties: map[string]string{"delta.constraints.positive": "v > 0",
				"delta.columnMapping.mode": mapping, "delta.enableDeletionVectors": vectors, "delta.enableChangeDataFeed": "true"}})
			sink := delta.NewSink(s, delta.SinkOptions{Keys: []string{"n"}, Table: options(1000 + others.Add(1))})
			if err := sink.Bind(ctx, merge(longs("n"), longs("v")).Schema, connectors.Update); err != nil {
				t.Fatal(err)
			}
			w := shareOf(t, sink, 0)
			put, gone := batch.UpdateAfter, batch.Delete
			for e, kinds := range [][]batch.RowKind{{put, put, put}, {put, gone, put}} {
				b := merge(longs("n", 1, 2, int64(3+e)), longs("v", int64(10*e+5), 6, 7))
				b.Kinds = kinds
				if _, err := sink.Commit(ctx, commitOf(int64(e), stage(t, w, int64(e), b))); err != nil {
					t.Fatal(err)
				}
			}
			want := `[{"n":1,"v":15,"d":42,"g":30} {"n":3,"v":7,"d":42,"g":14} {"n":4,"v":7,"d":42,"g":14}]`
			if got := fmt.Sprint(tableRows(t, table)); got != want {
				t.Errorf("mapping %s, vectors %s: rows %s, want %s", mapping, vectors, got, want)
			}
			var changes []string
			for b, err := range table.Changes(ctx, 2, 2, delta.ChangesOptions{Columns: []string{"n", "g", "d"}}) {
				if err != nil {
					t.Fatal(err)
				}
				for i := range b.Rows() {
					at := b.Row(i)
					changes = append(changes, fmt.Sprint(string(b.Columns[3].Bytes(at)), " ", b.Columns[0].I64[at], " ", b.Columns[1].I64[at], " ", b.Columns[2].I64[at]))
				}
				b.Release()
			}
			slices.Sort(changes)
			if got, want := fmt.Sprint(changes), "[delete 2 12 42 insert 4 14 42 update_postimage 1 30 42 update_preimage 1 10 42]"; got != want {
				t.Errorf("mapping %s, vectors %s: changes %s, want %s", mapping, vectors, got, want)
			}
			bad := merge(longs("n", 5, 6), longs("v", 1, 0))
			if err := w.Write(ctx, bad); class(err) != delta.ClassViolated || !strings.Contains(err.Error(), "positive") {
				t.Errorf("a row that breaks a constraint: %v", err)
			}
			bad.Kinds = []batch.RowKind{put, gone}
			if err := w.Write(ctx, bad); err != nil {
				t.Errorf("a row that goes need not hold to a constraint: %v", err)
			}
		}
	}
}
