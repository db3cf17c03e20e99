package memory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/memory"
)

var schema = batch.NewSchema(
	batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "name", Type: batch.StringType, Nullable: true})

func filled(t testing.TB, finish bool) *memory.Source {
	s := memory.NewSource(schema, 3)
	for i := range 40 {
		rows := [][]any{}
		for j := range i % 7 {
			rows = append(rows, []any{i*10 + j, fmt.Sprint("row ", j)})
		}
		rows = append(rows, []any{i, nil})
		if err := s.AddRows(i%2, rows...); err != nil { // the last split stays empty
			t.Fatal(err)
		}
	}
	if finish {
		s.Finish()
	}
	return s
}

func TestSourceKit(t *testing.T) {
	connectortest.Source(t, func(t *testing.T) connectors.Source { return filled(t, false) })
}

func TestFinishedSourceKit(t *testing.T) {
	connectortest.Source(t, func(t *testing.T) connectors.Source { return filled(t, true) })
}

func TestSinkKit(t *testing.T) {
	connectortest.Sink(t, func(*testing.T) connectortest.Target {
		s := memory.NewSink("table")
		return connectortest.Target{Sink: s, Count: s.Len, Content: func() (all []int64) {
			for _, row := range s.Rows() {
				var r struct{ N int64 }
				if err := json.Unmarshal([]byte(row), &r); err != nil {
					t.Error(err)
				}
				all = append(all, r.N)
			}
			return all
		}}
	})
}

// Rows added while a reader waits reach it, and Finish ends it.
func TestSourceWakesReader(t *testing.T) {
	s := memory.NewSource(schema, 1)
	r, err := s.Open(context.Background(), connectors.Positions{"memory/0": "0"}, connectors.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		defer close(got)
		for {
			f, err := r.Next(context.Background())
			if err != nil {
				got <- err.Error()
				return
			}
			got <- fmt.Sprint(f.Batch.N, " to ", f.After)
		}
	}()
	if err := s.AddRows(0, []any{1, "a"}, []any{2, nil}); err != nil {
		t.Fatal(err)
	}
	if f := <-got; f != "2 to 2" {
		t.Fatalf("got %s", f)
	}
	s.Finish()
	if f := <-got; f != io.EOF.Error() {
		t.Fatalf("got %s", f)
	}
}

func TestSourceRefusesWhatDoesNotFit(t *testing.T) {
	s := memory.NewSource(schema, 1)
	for _, row := range [][]any{{1}, {"x", "y"}, {1, 2}, {1.5, "a"}, {1, struct{}{}}} {
		if err := s.AddRows(0, row); err == nil {
			t.Errorf("row %v was taken", row)
		}
	}
	if err := s.AddRows(1, []any{1, "a"}); err == nil {
		t.Error("a split that does not exist was taken")
	}
	if _, err := s.Start(context.Background(), connectors.Positions{"memory/0": "5"}); err == nil {
		t.Error("a position behind the end was taken")
	}
}

// A mode that there is not is refused, and a table that has rows keeps its mode.
func TestSinkModes(t *testing.T) {
	s := memory.NewSink("table")
	if err := s.Bind(context.Background(), schema, "merge"); err == nil {
		t.Error("a mode that there is not was taken")
	}
	d := newTable(t, connectors.Append)
	d.commit(nil, []any{1, "a"})
	if err := d.Bind(context.Background(), schema, connectors.Update); err == nil {
		t.Error("a table of append mode was bound in update mode")
	}
}

func ExampleSink() {
	ctx := context.Background()
	sink := memory.NewSink("people")
	rows, _ := memory.Build(schema, []any{1, "Ada"}, []any{2, nil})
	_ = sink.Bind(ctx, schema, connectors.Append)
	writer, _ := sink.Writer(ctx, connectors.Share{})
	_ = writer.Write(ctx, rows)
	sealed, _ := writer.Seal(0)
	prepared, _ := sealed.Finish(ctx)
	fmt.Println(sink.Len())
	_, _ = sink.Commit(ctx, connectors.Commit{Epoch: 0, Prepared: []connectors.Prepared{prepared}})
	fmt.Println(sink.Rows())
	// Output:
	// 0
	// [{"n":1,"name":"Ada"} {"n":2,"name":null}]
}
