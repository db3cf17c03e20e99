package memory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
)

// table writes batches of rows, an epoch each, in a mode.
type table struct {
	*memory.Sink
	t     testing.TB
	epoch int64
	w     connectors.Writer
}

func newTable(t testing.TB, m connectors.OutputMode) *table {
	s := memory.NewSink("table")
	if err := s.Bind(context.Background(), schema, m); err != nil {
		t.Fatal(err)
	}
	w, err := s.Writer(context.Background(), connectors.Share{})
	if err != nil {
		t.Fatal(err)
	}
	return &table{Sink: s, t: t, w: w}
}

func (d *table) commit(kinds []batch.RowKind, rows ...[]any) {
	d.t.Helper()
	b, err := memory.Build(schema, rows...)
	if err != nil {
		d.t.Fatal(err)
	}
	b.Kinds = kinds
	if err := d.w.Write(context.Background(), b); err != nil {
		d.t.Fatal(err)
	}
	sealed, err := d.w.Seal(d.epoch)
	if err != nil {
		d.t.Fatal(err)
	}
	c := connectors.Commit{Epoch: d.epoch}
	if sealed != nil {
		p, _ := sealed.Finish(context.Background())
		c.Prepared = []connectors.Prepared{p}
	}
	if _, err := d.Commit(context.Background(), c); err != nil {
		d.t.Fatal(err)
	}
	d.epoch++
}

// Random changes of a random table: what the sink shows, by folding and by
// key, is the table.
func TestUpdatesFoldIntoTheTable(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := newTable(t, connectors.Update)
		model := map[int]string{}
		changes := 0
		for range rapid.IntRange(1, 8).Draw(r, "epochs") {
			var kinds []batch.RowKind
			var rows [][]any
			touched := map[int]bool{}
			for range rapid.IntRange(0, 6).Draw(r, "changes") {
				k := rapid.IntRange(0, 4).Draw(r, "key")
				if touched[k] {
					continue
				}
				touched[k] = true
				value := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "value")
				before, there := model[k]
				switch {
				case !there:
					kinds, rows = append(kinds, batch.Insert), append(rows, []any{k, value})
					model[k] = value
				case value == before:
					kinds, rows = append(kinds, batch.Delete), append(rows, []any{k, before})
					delete(model, k)
				default:
					kinds = append(kinds, batch.UpdateBefore, batch.UpdateAfter)
					rows = append(rows, []any{k, before}, []any{k, value})
					model[k] = value
				}
			}
			d.commit(kinds, rows...)
			changes += len(rows)
		}
		var want []string
		for k, v := range model {
			want = append(want, fmt.Sprintf(`{"n":%d,"name":"%s"}`, k, v))
		}
		slices.Sort(want)
		byKey, err := d.RowsByKey("N")
		if err != nil {
			r.Fatal(err)
		}
		folded := d.Rows()
		slices.Sort(byKey)
		slices.Sort(folded)
		if !slices.Equal(folded, want) || !slices.Equal(byKey, want) || d.Len() != int64(len(want)) || len(d.Changes()) != changes {
			r.Fatalf("folded %v, by key %v, want %v", folded, byKey, want)
		}
	})
}

// What takes back a row that is not there is never lost from sight.
func TestAChangeWithoutItsRowShows(t *testing.T) {
	d := newTable(t, connectors.Update)
	d.commit([]batch.RowKind{batch.Insert, batch.UpdateBefore}, []any{1, "a"}, []any{1, "b"})
	if got := d.Rows(); !slices.Equal(got, []string{`{"n":1,"name":"a"}`, `-U {"n":1,"name":"b"}`}) {
		t.Errorf("rows %q", got)
	}
	if _, err := d.RowsByKey("n"); err == nil {
		t.Error("by key it is no error")
	}
	if _, err := d.RowsByKey("m"); err == nil {
		t.Error("a column that is not there is no error")
	}
}

// An empty complete result empties the table.
func TestCompleteReplaces(t *testing.T) {
	d := newTable(t, connectors.Complete)
	d.commit(nil, []any{1, "a"}, []any{2, "b"})
	d.commit(nil, []any{3, "c"})
	if got := d.Rows(); !slices.Equal(got, []string{`{"n":3,"name":"c"}`}) {
		t.Errorf("rows %q", got)
	}
	d.commit(nil)
	if got := d.Rows(); len(got) != 0 {
		t.Errorf("rows %q, want none", got)
	}
}

func ExampleSink_Changes() {
	s := memory.NewSink("totals")
	ctx := context.Background()
	_ = s.Bind(ctx, schema, connectors.Update)
	w, _ := s.Writer(ctx, connectors.Share{})
	for epoch, b := range []func() *batch.Batch{
		func() *batch.Batch { b, _ := memory.Build(schema, []any{1, "one"}, []any{2, "two"}); return b },
		func() *batch.Batch {
			b, _ := memory.Build(schema, []any{1, "one"}, []any{1, "uno"})
			b.Kinds = []batch.RowKind{batch.UpdateBefore, batch.UpdateAfter}
			return b
		},
	} {
		_ = w.Write(ctx, b())
		sealed, _ := w.Seal(int64(epoch))
		p, _ := sealed.Finish(ctx)
		_, _ = s.Commit(ctx, connectors.Commit{Epoch: int64(epoch), Prepared: []connectors.Prepared{p}})
	}
	fmt.Println(s.Changes())
	fmt.Println(s.Rows())
	// Output:
	// [+I {"n":1,"name":"one"} +I {"n":2,"name":"two"} -U {"n":1,"name":"one"} +U {"n":1,"name":"uno"}]
	// [{"n":1,"name":"uno"} {"n":2,"name":"two"}]
}
