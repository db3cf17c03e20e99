package delta_test

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestRowsAreNumbered: every row gets a number that no other has, also where a writer loses a race, rows come back, or
// are replaced; the domain says how far numbers go.
func TestRowsAreNumbered(t *testing.T) {
	s := &racing{Store: memory.New(memory.Options{})}
	table := create(t, s, delta.CreateOptions{Schema: longs("id").Schema, Properties: map[string]string{"delta.enableRowTracking": "true"}})
	add := func(o delta.WriteOptions, ids ...int64) {
		t.Helper()
		if err := write(t, delta.Open(s, options(1000+others.Add(1))), longs("id", ids...), o); err != nil {
			t.Fatal(err)
		}
	}
	check := func(mark int, want string) {
		t.Helper()
		snapshot, err := table.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got, err := numbersOf(snapshot)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("rows are numbered %v, want %s: %v", got, want, err)
		}
		if domain, want := snapshot.Domains["delta.rowTracking"].Configuration, fmt.Sprintf(`{"rowIdHighWaterMark":%d}`, mark); domain != want {
			t.Errorf("the domain holds %s, want %s", domain, want)
		}
	}
	add(delta.WriteOptions{}, 10, 11)
	s.before = func() { add(delta.WriteOptions{}, 20, 21, 22) }
	add(delta.WriteOptions{}, 30)
	check(5, "[[10 0 1] [11 1 1] [20 2 2] [21 3 2] [22 4 2] [30 5 3]]")
	add(delta.WriteOptions{Mode: delta.Overwrite}, 40)
	check(6, "[[40 6 4]]")
	if _, err := table.Restore(ctx, 1); err != nil {
		t.Fatal(err)
	}
	check(6, "[[10 0 1] [11 1 1]]")
	add(delta.WriteOptions{}, 50)
	check(7, "[[10 0 1] [11 1 1] [50 7 6]]")
	if _, err := table.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	check(7, "[[10 0 1] [11 1 1] [50 7 6]]")
	add(delta.WriteOptions{Mode: delta.Overwrite, ReplaceWhere: "id = 11 OR id > 60"}, 11, 61) // what stays of a file goes into another
	check(10, "[[10 0 1] [11 8 7] [50 7 6] [61 9 7]]")
	add(delta.WriteOptions{Mode: delta.Overwrite, ReplaceWhere: "id = 61"})
	check(11, "[[10 0 1] [11 8 7] [50 7 6]]")
	_, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{{Path: "x.parquet", DataChange: true}}})
	if class(err) != log.ClassWrite {
		t.Errorf("a file that does not say how many rows it has: %v", err)
	}
}

// TestMovedRowsKeepNumbers: a file may say of its rows that they have the numbers that they had elsewhere.
func TestMovedRowsKeepNumbers(t *testing.T) {
	s := memory.New(memory.Options{})
	create(t, s, delta.CreateOptions{Schema: longs("id").Schema, Properties: map[string]string{"delta.enableRowTracking": "true"}})
	head, err := delta.Open(s, options(5)).Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	config := head.Metadata.Configuration
	id, version := config["delta.rowTracking.materializedRowIdColumnName"], config["delta.rowTracking.materializedRowCommitVersionColumnName"]
	if id == "" || version == "" || id == version {
		t.Fatalf("the columns are called %q and %q", id, version)
	}
	old := batch.NewBuilder(batch.BigIntType, nil)
	old.Int64(100)
	old.Null()
	moved := merge(longs("id", 1, 2), batch.NewBatch(longs(id).Schema, 2, old.Finish()), longs(version, 7, 8))
	if err := delta.WriteMoved(ctx, s, moved, options(6)); err != nil {
		t.Fatal(err)
	}
	snapshot, err := delta.Open(s, options(7)).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := numbersOf(snapshot); err != nil || fmt.Sprint(got) != "[[1 100 7] [2 1 8]]" {
		t.Errorf("rows are numbered %v, %v", got, err)
	}
	n := 0
	for b, err := range snapshot.Scan(ctx, delta.ScanOptions{Where: "_metadata.row_id = 100"}) {
		if err != nil {
			t.Fatal(err)
		}
		n += b.Rows()
		b.Release()
	}
	if n != 1 {
		t.Errorf("%d rows have the number 100", n)
	}
}
