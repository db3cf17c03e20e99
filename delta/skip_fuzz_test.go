package delta_test

import (
	"slices"
	"testing"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// FuzzSkipping: whatever text a file has as its statistics, a file whose statistics say nothing of a column is never left out for it, and
// no text stops a scan from choosing its files.
func FuzzSkipping(f *testing.F) {
	s := memory.New(memory.Options{})
	schema, err := delta.SchemaOf[struct {
		N int64
		S string
		D float64
	}]()
	if err != nil {
		f.Fatal(err)
	}
	table, err := delta.Create(ctx, s, delta.CreateOptions{Schema: schema}, delta.Options{})
	if err != nil {
		f.Fatal(err)
	}
	empty, err := table.Snapshot(ctx)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"numRecords":3,"minValues":{"n":1,"s":"a","d":-0.5},"maxValues":{"n":9,"s":"z","d":1e300},"nullCount":{"n":0,"s":1,"d":3}}`)
	f.Add(`{"numRecords":0,"minValues":{"n":9},"maxValues":{"n":1},"nullCount":{"n":-1}}`)
	f.Add(`{"minValues":{"n":"1","s":5,"d":"NaN"},"maxValues":[],"nullCount":null}`)
	f.Add(`{"minValues":` + "\x00")
	f.Fuzz(func(t *testing.T, stats string) {
		given := empty.With([]log.Add{{Path: "one.parquet", Stats: stats}, {Path: "two.parquet"}})
		for _, where := range []string{"n > 5", "n IS NULL", "s LIKE 'b%' AND d < 0.0", "d IN (1.0, 2.0) OR n = 3"} {
			files, err := given.FilesWhere(where)
			if err != nil || !slices.ContainsFunc(files, func(a log.Add) bool { return a.Path == "two.parquet" }) {
				t.Fatalf("%s, statistics %q: %d files, %v", where, stats, len(files), err)
			}
		}
	})
}
