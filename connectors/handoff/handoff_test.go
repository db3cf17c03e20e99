package handoff_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/handoff"
	"github.com/deltaic/deltaic/connectors/memory"
)

var (
	wanted = batch.NewSchema(batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true}, batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "key", Type: batch.BinaryType, Nullable: true})
	kept   = batch.NewSchema(batch.Field{Name: "day", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "N", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "value", Type: batch.StringType, Nullable: true})
)

// both returns a history of two splits and a live source of two, of which the first rows of the first are in the history.
func both(t testing.TB) (history, live *memory.Source) {
	history, live = memory.NewSource(kept, 2), memory.NewSource(wanted, 2)
	for i := range 60 { // the kit pauses the longest split, for which the history must not be waiting
		if i < 20 {
			if err := history.AddRows(i%2, []any{1, i, fmt.Sprintf("old %d", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := live.AddRows(i%2, []any{[]byte(fmt.Sprintf("new %d", i)), i, nil}); err != nil {
			t.Fatal(err)
		}
	}
	history.Finish()
	return history, live
}

func point(context.Context) (connectors.Positions, error) {
	return connectors.Positions{"memory/0": "4"}, nil
}

func TestSourceKit(t *testing.T) {
	connectortest.Source(t, func(t *testing.T) connectors.Source {
		history, live := both(t)
		s, err := handoff.New(history, live, point)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// The history comes first, as a whole, in the columns of the live source; then the live source from the point on.
func TestHistoryComesFirst(t *testing.T) {
	history, live := both(t)
	s, err := handoff.New(history, live, point)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	at, err := s.Start(ctx, nil)
	if err != nil || at["live/memory/0"] != "live/4" || at["live/memory/1"] != "live/0" || at["history/memory/1"] != "history/0" {
		t.Fatalf("start %v, %v", at, err)
	}
	r, err := s.Open(ctx, at, connectors.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var rows []string
	for len(rows) < 20+56 {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.N {
			rows = append(rows, string(f.Batch.Columns[0].Bytes(i)))
		}
		f.Batch.Release()
	}
	for i, row := range rows {
		if (i < 20) != (row[:3] == "old") {
			t.Fatalf("row %d is %q", i, row)
		}
	}
}

func TestColumnsThatDoNotFit(t *testing.T) {
	live := memory.NewSource(wanted, 1)
	for _, columns := range []*batch.Schema{
		batch.NewSchema(batch.Field{Name: "n", Type: batch.StringType}),
		batch.NewSchema(batch.Field{Name: "other", Type: batch.StringType}),
	} {
		if _, err := handoff.New(memory.NewSource(columns, 1), live, point); err == nil {
			t.Errorf("(%s) was taken for (%s)", columns, wanted)
		}
	}
}
