package interop

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
)

// strip removes the commits before the newest checkpoint, so that whoever reads the table reads the checkpoint.
func strip(t *testing.T, table string) (checkpoint string) {
	t.Helper()
	dir := filepath.Join(table, "_delta_log")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".checkpoint.") {
			checkpoint = max(checkpoint, e.Name()[:20])
		}
	}
	if checkpoint == "" {
		t.Fatalf("%s has no checkpoint", table)
	}
	for _, e := range entries {
		if e.Name() < checkpoint && strings.Contains(e.Name(), ".json") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	return checkpoint
}

// TestCheckpointsInOthers: checkpoints of both forms, with statistics as text, as columns and as both, are what other engines read
// a table by; after Spark has deleted rows and files, too.
func TestCheckpointsInOthers(t *testing.T) {
	schema := batch.NewSchema(column("id", batch.BigIntType), column("name", batch.StringType), column("amount", batch.DecimalType(12, 2)),
		column("day", batch.DateType)) // no timestamps: Spark rewrites them as INT96, which delta-rs reads wrongly far from now
	for name, properties := range map[string]map[string]string{
		"classic":                     {},
		"classic, columns":            {"delta.checkpoint.writeStatsAsStruct": "true", "delta.checkpoint.writeStatsAsJson": "false"},
		"second":                      {"delta.checkpointPolicy": "v2"},
		"second, text and columns":    {"delta.checkpointPolicy": "v2", "delta.checkpoint.writeStatsAsStruct": "true"},
		"second, vectors and columns": {"delta.checkpointPolicy": "v2", "delta.checkpoint.writeStatsAsStruct": "true", "delta.checkpoint.writeStatsAsJson": "false", "delta.enableDeletionVectors": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			properties["delta.checkpointInterval"] = "3"
			w := write(t, delta.SinkOptions{PartitionBy: []string{"day"}, Properties: properties}, schema, several(schema, 8, 40)...)
			if at := strip(t, w.path); !strings.HasSuffix(at, "8") {
				t.Errorf("the newest checkpoint is of version %s", at)
			}
			equal(t, w.path, w.digest)
			sql(t, "spark", nil, "DELETE FROM delta.`"+w.path+"` WHERE id IS NULL OR id % 7 < 3 OR month(day) < 4")
			want := read(t, "spark", w.path)
			if _, err := w.table.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			if at, err := strconv.Atoi(strip(t, w.path)); err != nil || at < 9 {
				t.Errorf("the newest checkpoint is of version %d, %v", at, err)
			}
			equal(t, w.path, want)
			snapshot, err := delta.Open(w.table.Store(), delta.Options{}).Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var ours batch.RowDigest
			for b, err := range snapshot.Scan(t.Context(), delta.ScanOptions{Where: "day >= DATE'0001-01-01' OR day IS NULL"}) {
				if err != nil {
					t.Fatal(err)
				}
				if err := ours.Add(b); err != nil {
					t.Fatal(err)
				}
				b.Release()
			}
			if ours.String() != want.String() {
				t.Errorf("%d rows of digest %s, Spark has %d of %s", ours.Rows(), &ours, want.Rows(), want)
			}
		})
	}
}
