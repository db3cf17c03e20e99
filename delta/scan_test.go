package delta_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

var scanSchema = batch.NewSchema(
	batch.Field{Name: "p", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "i", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "f", Type: batch.DoubleType, Nullable: true},
	batch.Field{Name: "t", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true},
	batch.Field{Name: "s", Type: batch.StructType(batch.Field{Name: "x", Type: batch.BigIntType, Nullable: true},
		batch.Field{Name: "y", Type: batch.StringType, Nullable: true}), Nullable: true},
)

// scanRows returns rows whose values lie near base.
func scanRows(r *rand.Rand, base int) *batch.Batch {
	n := 1 + r.IntN(40)
	b := batch.NewBatch(scanSchema, n)
	var to []*batch.Builder
	for _, f := range scanSchema.Fields {
		to = append(to, batch.NewBuilder(f.Type, nil))
	}
	some := func(b *batch.Builder, put func()) {
		if r.IntN(8) == 0 {
			b.Null()
			return
		}
		put()
	}
	for range n {
		v := base + r.IntN(5)
		some(to[0], func() { to[0].String([]string{"a", "b:1", "", "ä"}[r.IntN(4)]) })
		some(to[1], func() { to[1].Int32(int32(v)) })
		some(to[2], func() { to[2].Float64(float64(v) / 2) })
		some(to[3], func() { to[3].String(fmt.Sprintf("t%02d%s", v, strings.Repeat("z", r.IntN(50)))) })
		some(to[4], func() { to[4].Int64(int64(v)*1_000_000 + int64(r.IntN(3))) })
		some(to[5], func() {
			some(to[5].Kids[0], func() { to[5].Kids[0].Int64(int64(v)) })
			some(to[5].Kids[1], func() { to[5].Kids[1].String("y") })
			to[5].Struct()
		})
	}
	for _, x := range to {
		b.Columns = append(b.Columns, x.Finish())
	}
	return b
}

// scanTable makes a table of several files; values differ between them.
func scanTable(t interface{ Fatal(...any) }, r *rand.Rand, s *memory.Store, partition ...string) *delta.Table {
	table := create(t, s, delta.CreateOptions{Schema: scanSchema, PartitionBy: partition})
	for range 1 + r.IntN(5) {
		writeBatch(t, table, scanRows(r, r.IntN(60)))
	}
	return table
}

func scanned(s *delta.Snapshot, o delta.ScanOptions) (rows []string, err error) {
	for b, err := range s.Scan(ctx, o) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, batchtest.Rows(b)...)
		b.Release()
	}
	return rows, nil
}

// model is the scan without anything left out: all rows are read, and judged one by one.
func model(t *rapid.T, s *delta.Snapshot, where string) (rows []string) {
	bound, err := expr.Bind(where, scanSchema, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range s.Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keep, err := bound.Eval(&expr.Context{}, b)
		if err != nil {
			t.Fatal(err)
		}
		b.Sel = expr.Where(keep, nil, []int32{})
		rows = append(rows, batchtest.Rows(b)...)
		keep.Release()
		b.Release()
	}
	return rows
}

// TestScanIsFilteredScan scans with any condition, order and parallelism: the rows are those of a scan of everything of which the
// condition is true.
func TestScanIsFilteredScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5))
		pool := batch.NewPool()
		store := memory.New(memory.Options{})
		scanTable(t, r, store, [][]string{nil, {"p"}}[r.IntN(2)]...)
		s, err := delta.Open(store, delta.Options{Pool: pool}).Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		op, n := []string{"<", "<=", ">", ">=", "=", "<>"}[r.IntN(6)], r.IntN(70)
		terms := []string{fmt.Sprintf("i %s %d", op, n), fmt.Sprintf("f %s %d", op, n/2), fmt.Sprintf("t %s 't%02d'", op, n), "p = 'a'", "p IS NULL", "p > 'b'",
			fmt.Sprintf("at %s timestamp_micros(%d)", op, n*1_000_000+1), fmt.Sprintf("s.x %s %d", op, n), "s.x IS NULL", "t LIKE 't1%'", "i IN (1, 50)"}
		term := func() string { return terms[r.IntN(len(terms))] }
		where := []string{term(), term() + " AND " + term(), term() + " OR " + term(), "NOT (" + term() + ")"}[r.IntN(4)]
		want := model(t, s, where)
		o := delta.ScanOptions{Where: where, Parallel: r.IntN(4), Order: delta.ScanOrder(r.IntN(3))}
		got, err := scanned(s, o)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if o.Order != delta.ByPath {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s, order %d, %d at once: %d rows instead of %d", where, o.Order, o.Parallel, len(got), len(want))
		}
		if lent := pool.Lent(); lent != 0 {
			t.Fatalf("%s: %d columns are still lent", where, lent)
		}
	})
}

// TestSkippedFilesAreNotOpened removes files: scans that do not need them work.
func TestSkippedFilesAreNotOpened(t *testing.T) {
	store := memory.New(memory.Options{})
	table := create(t, store, delta.CreateOptions{Schema: batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "p", Type: batch.IntType}), PartitionBy: []string{"p"}})
	for i := range 4 {
		writeNumbers(t, table, int64(i*100), int32(i%2))
	}
	s, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Files() {
		if !strings.Contains(f.Stats, `"n":100`) {
			if err := store.Delete(ctx, f.Path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for where, reads := range map[string]bool{"n BETWEEN 100 AND 101": true, "n = 150": true, "p = 1 AND n < 250": true, "p % 2 = 1 AND n <= 299": true, "n > 250": false, "p = 0": false} {
		files, filesErr := s.FilesWhere(where)
		if filesErr != nil || where != "n = 150" && len(files) != map[bool]int{true: 1, false: len(files)}[reads] {
			t.Errorf("%s: %d files, %v", where, len(files), filesErr)
		}
		rows, err := scanned(s, delta.ScanOptions{Where: where})
		if reads != (err == nil) || reads && where != "n = 150" && len(rows) == 0 {
			t.Errorf("%s: %d rows, %v", where, len(rows), err)
		}
	}
}

// writeNumbers commits a file of the numbers from first to first+10.
func writeNumbers(t *testing.T, table *delta.Table, first int64, p int32) {
	t.Helper()
	head, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n, q := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.IntType, nil)
	for i := range int64(11) {
		n.Int64(first + i)
		q.Int32(p)
	}
	writeBatch(t, table, batch.NewBatch(head.Schema, 11, n.Finish(), q.Finish()))
}

func TestScanColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	s, err := scanTable(t, r, memory.New(memory.Options{})).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ columns, want string }{
		{"t,I", "t string, i int"},
		{"s.y", "s struct<y:string>"},
		{"s.y,i,s.x", "s struct<x:bigint,y:string>, i int"},
		{"`s`.`Y`", "s struct<y:string>"},
		{"_metadata.file_name,i", "_metadata struct<file_name:string>, i int"},
		{"s.z", "the fields are"}, {"i.x", "has no field"}, {"nope", "the fields are"}, {"`s", "backtick"},
	} {
		schema, err := s.ScanSchema(delta.ScanOptions{Columns: strings.Split(c.columns, ",")})
		var got string
		if err != nil {
			got = err.Error()
			if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class != "UNRESOLVED_COLUMN.WITH_SUGGESTION" {
				t.Errorf("%s: %v", c.columns, err)
			}
		} else {
			got = fmt.Sprint(schema)
		}
		if !strings.Contains(strings.ReplaceAll(got, " not null", ""), c.want) {
			t.Errorf("%s: %s, want %s", c.columns, got, c.want)
		}
	}
	for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"_metadata.row_index", "s.x", "_metadata.file_path"}, Where: "s.y IS NOT NULL"}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			row := b.Row(i)
			if at := b.Columns[0].Kids[1].I64[row]; at != int64(row) {
				t.Fatalf("row %d has the index %d", row, at)
			}
			if path := string(b.Columns[0].Kids[0].Bytes(row)); !strings.HasPrefix(path, "memory://") || !strings.HasSuffix(path, ".parquet") {
				t.Fatalf("the file is %s", path)
			}
		}
		b.Release()
	}
}

// TestScanEnds ends scans early, by their reader and by the context: nothing stays lent, and an ended context is told.
func TestScanEnds(t *testing.T) {
	pool, store := batch.NewPool(), memory.New(memory.Options{})
	table := create(t, store, delta.CreateOptions{Schema: batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "p", Type: batch.IntType}), PartitionBy: []string{"p"}})
	for i := range 12 {
		writeNumbers(t, table, int64(i), int32(i))
	}
	s, err := delta.Open(store, delta.Options{Pool: pool}).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []delta.ScanOptions{{}, {Parallel: 3}, {Parallel: 3, Order: delta.AsRead}} {
		o.Limits = parquet.Limits{BatchRows: 2}
		for b, err := range s.Scan(ctx, o) {
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
			break
		}
		ended, cancel := context.WithCancel(ctx)
		told := false
		for b, err := range s.Scan(ended, o) {
			if err != nil {
				told = errors.Is(err, context.Canceled)
				continue
			}
			b.Release()
			cancel()
		}
		cancel()
		if !told {
			t.Errorf("%+v: the scan ended without saying why", o)
		}
		if lent := pool.Lent(); lent != 0 {
			t.Errorf("%+v: %d columns are still lent", o, lent)
		}
	}
}
