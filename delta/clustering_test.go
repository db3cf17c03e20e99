package delta_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore/memory"
)

// wide makes one row of n columns of longs.
func wide(n int) *batch.Batch {
	var parts []*batch.Batch
	for i := range n {
		parts = append(parts, longs(fmt.Sprint("c", i), int64(i)))
	}
	return merge(parts...)
}

// TestClusteredTables: the columns by which a table is clustered have statistics wherever they are, what says which they are is kept, and
// they do not go away.
func TestClusteredTables(t *testing.T) {
	for _, mode := range []string{"none", "name"} {
		t.Run("column mapping "+mode, func(t *testing.T) {
			s := memory.New(memory.Options{})
			properties := map[string]string{"delta.feature.clustering": "supported", "delta.columnMapping.mode": mode, "delta.dataSkippingNumIndexedCols": "2"}
			table := create(t, s, delta.CreateOptions{Schema: wide(6).Schema, Properties: properties})
			head, err := table.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			name := "c5"
			if mode == "name" {
				_, name, _ = strings.Cut(head.Schema.Fields[5].Metadata, `physicalName":"`)
				name, _, _ = strings.Cut(name, `"`)
			}
			domain := log.Domain{Domain: "delta.clustering", Configuration: `{"clusteringColumns":[["` + name + `"]]}`}
			if _, err := table.Commit(ctx, delta.Commit{Operation: "CLUSTER BY", Domains: []log.Domain{domain}}); err != nil {
				t.Fatal(err)
			}
			if err := write(t, table, wide(6), delta.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := write(t, table, wide(7), delta.WriteOptions{Mode: delta.Overwrite, OverwriteSchema: true}); err != nil {
				t.Fatal(err)
			}
			if err := write(t, table, wide(5), delta.WriteOptions{Mode: delta.Overwrite, OverwriteSchema: true}); class(err) != "DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN" {
				t.Errorf("the column went: %v", err)
			}
			err = write(t, table, wide(7), delta.WriteOptions{Mode: delta.Overwrite, OverwriteSchema: true, PartitionBy: []string{"c0"}})
			if class(err) != "DELTA_CLUSTER_BY_WITH_PARTITIONED_BY" {
				t.Errorf("partitioned: %v", err)
			}
			if _, err := table.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			snapshot, err := delta.Open(s, options(9)).Snapshot(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got := snapshot.Domains["delta.clustering"]; got != domain {
				t.Errorf("the domain is %+v", got)
			}
			for _, a := range snapshot.Files() {
				if got := strings.Count(a.Stats, ":5"); got != 2 || strings.Count(a.Stats, ":4") != 0 {
					t.Errorf("statistics are %s", a.Stats)
				}
			}
		})
	}
}

// TestPartitionColumnsInFiles: where the table asks for it, files have the columns of which the log says the values.
func TestPartitionColumnsInFiles(t *testing.T) {
	for _, mode := range []string{"none", "id"} {
		s := memory.New(memory.Options{})
		properties := map[string]string{"delta.feature.materializePartitionColumns": "supported", "delta.columnMapping.mode": mode}
		table := create(t, s, delta.CreateOptions{Schema: longs("c0", 1).Schema, Properties: properties})
		if err := write(t, table, wide(3), delta.WriteOptions{Mode: delta.Overwrite, OverwriteSchema: true, PartitionBy: []string{"c1"}}); err != nil {
			t.Fatal(err)
		}
		snapshot, err := table.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range snapshot.Files() {
			r, err := s.Open(ctx, a.Path)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parquet.Open(r, r.Size(), parquet.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			columns := file.Schema().Fields
			if len(columns) != 3 || mode == "id" && file.FieldID(columns[2].Name) == 0 || strings.Count(a.Stats, ":1,") > 1 || len(a.Partition) != 1 {
				t.Errorf("the file has the columns %v, its action is %+v", columns, a)
			}
		}
		if rows, err := scanned(snapshot, delta.ScanOptions{}); err != nil || len(rows) != 1 || !strings.Contains(rows[0], "1") {
			t.Errorf("rows are %s, %v", rows, err)
		}
	}
}
