package delta_test

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
)

// BenchmarkScan reads 409,600 rows of five columns in four files: all of them, and what is left by a condition.
func BenchmarkScan(b *testing.B) {
	schema := batch.NewSchema(column("id", batch.BigIntType), column("name", batch.StringType), column("at", batch.TimestampType),
		column("amount", batch.DoubleType), column("day", batch.DateType))
	store := memory.New(memory.Options{})
	table := create(b, store, delta.CreateOptions{Schema: schema})
	const files, batches = 4, 25
	for f := range files {
		head, err := table.Head(ctx)
		if err != nil {
			b.Fatal(err)
		}
		w, err := delta.NewWriter(table, head, delta.WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for i := range batches {
			if err := w.Write(ctx, fillBatch(schema, (f*batches+i)*4096, (f*batches+i+1)*4096)); err != nil {
				b.Fatal(err)
			}
		}
		adds, err := w.Finish(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
			b.Fatal(err)
		}
	}
	s, err := delta.Open(store, delta.Options{Pool: batch.NewPool()}).Snapshot(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for name, o := range map[string]delta.ScanOptions{"all": {}, "one column": {Columns: []string{"id"}}, "half by condition": {Where: "id % 2 = 0"}, "a thousandth by statistics": {Where: "id < 400"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for rows, err := range s.Scan(ctx, o) {
					if err != nil {
						b.Fatal(err)
					}
					rows.Release()
				}
			}
			b.ReportMetric(float64(b.N)*files*batches*4096/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
