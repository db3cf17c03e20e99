package interop

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

var pairSchema = batch.NewSchema(column("n", batch.BigIntType), column("s", batch.StringType))

// foreignFeatures are tables as Spark makes them with properties that bind whoever writes. With refused, an
// append must fail and name it; without, it must succeed and be read by all.
var foreignFeatures = []struct{ name, columns, clause, then, refused, without string }{
	{name: "plain", columns: "n BIGINT, s STRING"},
	{name: "appendOnly", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.appendOnly' = 'true')"},
	{name: "not null held", columns: "n BIGINT NOT NULL, s STRING"},
	{name: "not null broken", columns: "n BIGINT, s STRING NOT NULL", refused: "NOT NULL"},
	{name: "check", columns: "n BIGINT, s STRING", then: "ALTER TABLE T ADD CONSTRAINT small CHECK (n < 5)", refused: "constraint"},
	{name: "check held", columns: "n BIGINT, s STRING", then: "ALTER TABLE T ADD CONSTRAINT small CHECK (n < 50)"},
	{name: "generated", columns: "n BIGINT, s STRING, g BIGINT GENERATED ALWAYS AS (n + 1)"},
	{name: "column mapping", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"},
	{name: "deletion vectors", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"},
	{name: "change feed", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"},
	{name: "row tracking", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.enableRowTracking' = 'true')"},
	{name: "commit timestamps", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')"},
	{name: "checkpoints v2", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.checkpointPolicy' = 'v2')"},
	{name: "clustered", columns: "n BIGINT, s STRING", clause: "CLUSTER BY (n)"},
	{name: "partition columns in files", columns: "n BIGINT, s STRING", clause: "PARTITIONED BY (s) TBLPROPERTIES ('delta.feature.materializePartitionColumns' = 'supported')"},
	{name: "timestamps without zone", columns: "n BIGINT, s STRING, at TIMESTAMP_NTZ"},
	{name: "defaults", columns: "n BIGINT, s STRING, d INT DEFAULT 7", clause: "TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"},
	{name: "type widening", columns: "n BIGINT, s STRING", clause: "TBLPROPERTIES ('delta.enableTypeWidening' = 'true')", without: "deltars"},
	{name: "variant", columns: "n BIGINT, s STRING, v VARIANT", refused: "variant"},
}

// Whoever writes to a table has duties that its features name. We fulfil them, or refuse by name and leave no trace.
func TestFeaturesOfOthers(t *testing.T) {
	for _, f := range foreignFeatures {
		t.Run(f.name, func(t *testing.T) {
			kit(t)
			table := filepath.Join(t.TempDir(), "table")
			quoted := "delta.`" + table + "`"
			sql(t, "spark", nil, "CREATE TABLE "+quoted+" ("+f.columns+") USING DELTA "+f.clause)
			if f.then != "" {
				sql(t, "spark", nil, strings.ReplaceAll(f.then, "TABLE T", "TABLE "+quoted))
			}
			source := memory.NewSource(pairSchema, 1)
			for n := range 10 {
				row := []any{n, "text"}
				if n == 7 {
					row[1] = nil
				}
				if err := source.AddRows(0, row); err != nil {
					t.Fatal(err)
				}
			}
			flow := stream.New("guest")
			flow.From("in", source).To("out", delta.SinkAt(table, delta.SinkOptions{}), stream.Append)
			q, err := deltaic.Start(t.Context(), flow, stream.AvailableNow(), stream.CheckpointLocation(t.TempDir()))
			if err == nil {
				err = q.AwaitTermination(t.Context())
			}
			rows := read(t, "spark", table)
			switch {
			case f.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case f.refused == "":
				if rows.rows != 10 {
					t.Errorf("%d rows", rows.rows)
				}
				equal(t, table, rows, strings.Fields(f.without)...)
			case err == nil:
				t.Errorf("appended, and Spark reads %d rows; it should have been refused for %s", rows.rows, f.refused)
				if e := compare(t, table, rows); e != nil {
					t.Log(e)
				}
			case !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(f.refused)):
				t.Errorf("refused without naming %s: %v", f.refused, err)
			default:
				t.Logf("refused: %v", err)
				if rows.rows != 0 {
					t.Errorf("Spark reads %d rows of a refused append", rows.rows)
				}
			}
		})
	}
}
