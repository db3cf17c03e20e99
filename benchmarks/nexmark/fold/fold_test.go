package fold_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/nexmark/fold"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
)

var schema = batch.NewSchema(
	batch.Field{Name: "n", Type: batch.BigIntType},
	batch.Field{Name: "s", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "d", Type: batch.DecimalType(23, 3)})

func rows(t *testing.T, kinds []batch.RowKind, values ...[]any) *batch.Batch {
	t.Helper()
	b, err := memory.Build(schema, values...)
	if err != nil {
		t.Fatal(err)
	}
	b.Kinds = kinds
	return b
}

// fill runs batches through one share, an epoch each, the last one twice.
func fill(t *testing.T, checks []fold.Check, batches ...*batch.Batch) map[string]any {
	t.Helper()
	ctx := context.Background()
	s := fold.New(checks)
	if err := s.Bind(ctx, schema, connectors.Update); err != nil {
		t.Fatal(err)
	}
	w, err := s.Writer(ctx, connectors.Share{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range batches {
		if err := w.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
		sealed, err := w.Seal(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		p, err := sealed.Finish(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a repeat counts once
			if _, err := s.Commit(ctx, connectors.Commit{Flow: "f", Epoch: int64(i), Prepared: []connectors.Prepared{p}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s.Result()
}

func TestAChangelogFoldsToItsResult(t *testing.T) {
	got := fill(t, []fold.Check{{"rows", fold.Rows, ""}, {"n", fold.Sum, "n"}, {"s", fold.Length, "s"}, {"d", fold.Sum, "d"}, {"by", fold.Groups, "s"}},
		rows(t, nil, []any{1, "a", batch.Int128From(1500)}, []any{2, nil, batch.Int128From(2250)}),
		rows(t, []batch.RowKind{batch.UpdateBefore, batch.UpdateAfter, batch.Delete}, []any{1, "a", batch.Int128From(1500)}, []any{10, "bcd", batch.Int128From(1)}, []any{2, nil, batch.Int128From(2250)}))
	want := map[string]any{"rows": int64(1), "n": int64(10), "s": int64(3), "d": "0.001", "by": map[string]int64{"bcd": 1}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestDistinctOverEpochs(t *testing.T) {
	got := fill(t, []fold.Check{{"n", fold.Distinct, "n"}, {"s", fold.Distinct, "s"}, {"max", fold.Max, "n"}},
		rows(t, nil, []any{1, "a", batch.Int128From(0)}, []any{7, "b", batch.Int128From(0)}), rows(t, nil, []any{1, "b", batch.Int128From(0)}, []any{3, nil, batch.Int128From(0)}))
	if want := (map[string]any{"n": int64(3), "s": int64(2), "max": int64(7)}); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// The digest of a result is that of its rows, in any order, with what was taken back gone.
func TestDigest(t *testing.T) {
	two := batch.NewSchema(batch.Field{Name: "a", Type: batch.BigIntType}, batch.Field{Name: "b", Type: batch.BigIntType})
	digest := func(kinds []batch.RowKind, rows ...[]any) any {
		b, err := memory.Build(two, rows...)
		if err != nil {
			t.Fatal(err)
		}
		b.Kinds = kinds
		r, err := fold.Batches([]fold.Check{{"digest", fold.Digest, ""}}, b.Schema, func(yield func(*batch.Batch, error) bool) { yield(b, nil) })
		if err != nil {
			t.Fatal(err)
		}
		return r["digest"]
	}
	want := fold.Mix(fold.Mix(0, 1), 2) + fold.Mix(fold.Mix(0, 3), 4)
	for _, got := range []any{digest(nil, []any{1, 2}, []any{3, 4}), digest(nil, []any{3, 4}, []any{1, 2}),
		digest([]batch.RowKind{batch.Insert, batch.Insert, batch.UpdateBefore, batch.UpdateAfter}, []any{1, 2}, []any{9, 9}, []any{9, 9}, []any{3, 4})} {
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if digest(nil, []any{2, 1}, []any{3, 4}) == want {
		t.Error("columns may be exchanged")
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	for _, c := range []fold.Check{{"x", fold.Sum, "s"}, {"x", fold.Length, "n"}, {"x", fold.Sum, "gone"}, {"x", fold.Digest, ""}} {
		if err := fold.New([]fold.Check{c}).Bind(context.Background(), schema, connectors.Append); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}
