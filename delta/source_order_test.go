package delta_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestEventTimeOrder reads random files in the order of a column, whatever overlaps: no row comes before an earlier one, and all come once.
func TestEventTimeOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := memory.New(memory.Options{})
		schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true})
		table := create(t, store, delta.CreateOptions{Schema: schema})
		n := int64(0)
		for range rapid.IntRange(0, 8).Draw(t, "files") {
			base := rapid.Int64Range(0, 100).Draw(t, "base")
			ns, ats := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.TimestampType, nil)
			rows := rapid.IntRange(1, 10).Draw(t, "rows")
			for range rows {
				ns.Int64(n)
				n++
				if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
					ats.Null()
				} else {
					ats.Int64(base + rapid.Int64Range(0, 40).Draw(t, "at"))
				}
			}
			head, err := table.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			w, err := delta.NewWriter(table, head, delta.WriterOptions{})
			if err == nil {
				err = w.Write(ctx, batch.NewBatch(schema, rows, ns.Finish(), ats.Finish()))
			}
			if err != nil {
				t.Fatal(err)
			}
			adds, err := w.Finish(ctx)
			if err == nil {
				_, err = table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		o := delta.SourceOptions{EventTime: "AT", EventTimeRows: rapid.Int64Range(1, 30).Draw(t, "at once"), MaxFiles: rapid.Int64Range(0, 2).Draw(t, "limit")}
		s := newStreamed(t, func() *delta.Source {
			s, err := delta.NewSource(ctx, store, "t", o)
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
		seen, last := map[int64]bool{}, int64(-1)
		for s.epoch(func(row string, _ batch.RowKind) {
			var id, micros int64
			if _, err := fmt.Sscanf(row, `{"n":%d,"at":"1970-01-01T00:00:00.%06dZ"}`, &id, &micros); err != nil {
				if _, err := fmt.Sscanf(row, `{"n":%d,"at":null}`, &id); err != nil {
					t.Fatal(row, err)
				}
				micros = -1
			}
			if seen[id] || micros < last {
				t.Fatalf("%s comes behind %d, or twice", row, last)
			}
			seen[id], last = true, micros
		}) {
		}
		if int64(len(seen)) != n {
			t.Fatalf("%d rows of %d", len(seen), n)
		}
	})
}

// A file of many rows is cut into ranges of event time that few enough rows lie in, whatever order the file has; rows of one time stay together.
func TestHugeFileInTheOrderOfTime(t *testing.T) {
	for name, kind := range map[string]batch.Type{"timestamp": batch.TimestampType, "date": batch.DateType, "timestamp_ntz": batch.TimestampNTZType} {
		schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "a`t", Type: kind, Nullable: true})
		store := memory.New(memory.Options{})
		table := create(t, store, delta.CreateOptions{Schema: schema, Properties: map[string]string{"delta.columnMapping.mode": "name"}})
		head, err := table.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		w, err := delta.NewWriter(table, head, delta.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		const rows = 100_000
		ns, ats := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(kind, nil)
		for i := range int64(rows) {
			at := i * 7919 % rows
			ns.Int64(i)
			switch {
			case i%1000 == 0:
				ats.Null()
			case kind.Kind == batch.Date:
				ats.Int32(int32(at - rows/2))
			default:
				ats.Int64(at*3_600_000_000 - rows/2)
			}
		}
		if err := w.Write(ctx, batch.NewBatch(schema, rows, ns.Finish(), ats.Finish())); err != nil {
			t.Fatal(err)
		}
		adds, err := w.Finish(ctx)
		if err == nil {
			_, err = table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds})
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := delta.NewSource(ctx, store, "t", delta.SourceOptions{EventTime: "a`t", EventTimeRows: 5000})
		if err != nil {
			t.Fatal(err)
		}
		at, err := s.Start(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		spans := s.StartRows()
		if most := slices.Max(spans); most > 5000 || len(spans) > 2*rows/5000 {
			t.Errorf("%s: %d ranges of up to %d rows", name, len(spans), most)
		}
		end, err := s.End(ctx, []connectors.SplitID{"delta/0"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(ctx, at, connectors.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		seen, last := 0, int64(math.MinInt64)
		for s.Behind(at["delta/0"], end["delta/0"]) > 0 {
			f, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for i := range f.Batch.N {
				seen++
				now, c := int64(math.MinInt64), f.Batch.Columns[1]
				if !c.IsNull(i) && kind.Kind == batch.Date {
					now = int64(c.I32[i])
				} else if !c.IsNull(i) {
					now = c.I64[i]
				}
				if now < last {
					t.Fatalf("%s: %d comes behind %d", name, now, last)
				}
				last = now
			}
			f.Batch.Release()
			at["delta/0"] = f.After
		}
		if err := r.Close(); err != nil || seen != rows {
			t.Errorf("%s: %d rows, %v", name, seen, err)
		}
	}
}
