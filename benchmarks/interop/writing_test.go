package interop

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// feature is what a table may have that writers must serve: properties, and what columns say of themselves.
type feature struct {
	name        string
	properties  map[string]string
	columns     map[string]string // metadata of columns
	partitioned bool
	ints        bool // n is an int at first and becomes a bigint
}

var writtenFeatures = []feature{
	{name: "plain"},
	{name: "partitions", partitioned: true},
	{name: "column mapping by name", properties: map[string]string{"delta.columnMapping.mode": "name"}},
	{name: "column mapping by id", properties: map[string]string{"delta.columnMapping.mode": "id"}},
	{name: "in-commit timestamps", properties: map[string]string{"delta.enableInCommitTimestamps": "true"}},
	{name: "CHECK constraints", properties: map[string]string{"delta.constraints.small": "n < 1000000 AND p <> 'x'"}},
	{name: "invariants", columns: map[string]string{"n": `{"delta.invariants":"{\"expression\":{\"expression\":\"n >= 0\"}}"}`}},
	{name: "generated columns", columns: map[string]string{"twice": `{"delta.generationExpression":"n * 2"}`}},
	{name: "default values", columns: map[string]string{"twice": `{"CURRENT_DEFAULT":"40 + 2"}`}},
	{name: "type widening", properties: map[string]string{"delta.enableTypeWidening": "true"}, ints: true},
	{name: "deletion vectors", properties: map[string]string{"delta.enableDeletionVectors": "true"}},
	{name: "row tracking", properties: map[string]string{"delta.enableRowTracking": "true"}},
	{name: "V2 checkpoints", properties: map[string]string{"delta.checkpointPolicy": "v2"}},
	{name: "change feed", properties: map[string]string{"delta.enableChangeDataFeed": "true"}},
	{name: "partition columns in files", properties: map[string]string{"delta.feature.materializePartitionColumns": "supported"}, partitioned: true},
}

// features gives each feature alone, and each pair of those that meet in files, metadata or the log.
func features() []feature {
	all := slices.Clone(writtenFeatures)
	for i, a := range writtenFeatures {
		for _, b := range writtenFeatures[i+1:] {
			if a.name == "plain" || len(a.columns) > 0 && len(b.columns) > 0 || a.properties["delta.columnMapping.mode"] != "" && b.properties["delta.columnMapping.mode"] != "" {
				continue
			}
			pair := feature{name: a.name + ", " + b.name, properties: map[string]string{}, columns: map[string]string{},
				partitioned: a.partitioned || b.partitioned, ints: a.ints || b.ints}
			maps.Copy(pair.properties, a.properties)
			maps.Copy(pair.properties, b.properties)
			maps.Copy(pair.columns, a.columns)
			maps.Copy(pair.columns, b.columns)
			all = append(all, pair)
		}
	}
	return all
}

func (f feature) schema() *batch.Schema {
	n := column("n", batch.BigIntType)
	if f.ints {
		n.Type = batch.IntType
	}
	fields := []batch.Field{n, column("p", batch.StringType), column("twice", batch.BigIntType),
		column("s", batch.StructType(column("a", batch.StringType)))}
	for i := range fields {
		fields[i].Metadata = f.columns[fields[i].Name]
	}
	return batch.NewSchema(fields...)
}

// rows are count rows from n on. Of the forms of rows the later ones have more in their struct, and a column more.
func (f feature) rows(from, count int, form int) *batch.Batch {
	inner := []batch.Field{column("a", batch.StringType)}
	if form > 0 {
		inner = append(inner, column("b", batch.ArrayType(batch.BigIntType, true)))
	}
	n := column("n", batch.BigIntType)
	if f.ints && form == 0 {
		n.Type = batch.IntType
	}
	fields := []batch.Field{n, column("p", batch.StringType), column("s", batch.StructType(inner...))}
	if form > 0 {
		fields = append(fields, column("new", batch.DecimalType(12, 2)))
	}
	var made []*batch.Builder
	for _, f := range fields {
		made = append(made, batch.NewBuilder(f.Type, nil))
	}
	for i := from; i < from+count; i++ {
		if n.Type.Kind == batch.Int {
			made[0].Int32(int32(i))
		} else {
			made[0].Int64(int64(i))
		}
		made[1].String(string(rune('a' + i%3)))
		s := made[2]
		if i%7 == 3 {
			s.Null()
		} else {
			s.Kids[0].String(fmt.Sprint("text ", i))
			if form > 0 {
				s.Kids[1].Kids[0].Int64(int64(-i))
				s.Kids[1].List()
			}
			s.Struct()
		}
		if form > 0 {
			made[3].Decimal(batch.Int128{Lo: uint64(i)})
		}
	}
	out := batch.NewBatch(batch.NewSchema(fields...), count)
	for _, b := range made {
		out.Columns = append(out.Columns, b.Finish())
	}
	return out
}

// make writes, evolves, overwrites and checkpoints a table.
func (f feature) make(t *testing.T, path string) *delta.Table {
	t.Helper()
	ctx := t.Context()
	store, err := local.New(path, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := delta.CreateOptions{Schema: f.schema(), Properties: f.properties}
	if f.partitioned {
		o.PartitionBy = []string{"p"}
	}
	table, err := delta.Create(ctx, store, o, delta.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		rows *batch.Batch
		o    delta.WriteOptions
	}{
		{f.rows(0, 30, 0), delta.WriteOptions{}},
		{f.rows(30, 30, 1), delta.WriteOptions{MergeSchema: true}},
		{f.rows(100, 10, 1), delta.WriteOptions{Mode: delta.Overwrite, ReplaceWhere: "n >= 50 OR n < 5"}},
		{f.rows(60, 1, 1), delta.WriteOptions{Mode: delta.OverwritePartitions}},
		{f.rows(10, 20, 1), delta.WriteOptions{}},
	} {
		if i == 3 && !f.partitioned {
			step.o.Mode = delta.Append // the whole table would go
		}
		tx, err := table.Begin(ctx, step.o)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Abort()
		if i == 2 {
			step.rows = f.rows(100, 10, 1)
		}
		if err := tx.Write(ctx, step.rows); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if _, err := table.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	return table
}

func rowsDigest(t *testing.T, table *delta.Table) *batch.RowDigest {
	t.Helper()
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digest := &batch.RowDigest{}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err == nil {
			err = digest.Add(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	return digest
}

// said finds what each engine said of a table: equal, or why it cannot read it.
func said(t *testing.T, path string, want *batch.RowDigest) map[string]string {
	t.Helper()
	startSpark(t)
	out, err := script(t, "", "oracle/compare", path, "--engines", engines)
	found := map[string]string{}
	for _, engine := range strings.Split(engines, ",") {
		switch {
		case strings.Contains(out, fmt.Sprintf("%s: %d rows %s", engine, want.Rows(), want)):
			found[engine] = "equal"
		case strings.Contains(out, engine+": unsupported: "):
			_, rest, _ := strings.Cut(out, engine+": unsupported: ")
			reason, _, _ := strings.Cut(rest, "\n")
			if len(reason) > 110 {
				reason = reason[:110] + "..."
			}
			found[engine] = "not read: " + strings.ReplaceAll(reason, "|", "/")
		default:
			t.Errorf("%s does not read what was written (%d rows %s): %v\n%s", engine, want.Rows(), want, err, out)
			found[engine] = "DIFFERENT"
		}
	}
	return found
}

// written.md is made by this test with DELTAIC_INTEROP_DOCS=1, and compared with what it finds without.
const writtenPage = "../../docs/DELTA-WRITTEN.md"

// Tables that transactions of ours wrote, evolved, overwrote and checkpointed are read equal by Spark, delta-rs and DuckDB, and go on
// in Spark's hands: what it leaves of them we read as it does.
func TestTablesWrittenWithFeatures(t *testing.T) {
	kit(t)
	page := strings.Builder{}
	page.WriteString("# Tables that Deltaic writes, as others read them\n\nMade by `go test ./benchmarks/interop -run TablesWrittenWithFeatures` with `DELTAIC_INTEROP_DOCS=1`; do not edit. Each table is appended to, gets\n" +
		"new columns and fields, and wider types where it may, has rows replaced by a condition and by partition, and a checkpoint in between. \"Equal\" is by the digest of all rows.\n" +
		"The last column: Spark deletes rows from it and inserts some, and Deltaic reads it as Spark does.\n\n| Table with | Spark 4.2, Delta 4.4 | delta-rs 1.6 | DuckDB 1.5 | goes on in Spark |\n|---|---|---|---|---|\n")
	for _, f := range features() {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table")
			table := f.make(t, path)
			found := said(t, path, rowsDigest(t, table))
			quoted := "delta.`" + path + "`"
			sql(t, "spark", nil, "DELETE FROM "+quoted+" WHERE n % 5 = 1", "INSERT INTO "+quoted+" (n, p) VALUES (500, 'b')")
			after := "equal"
			if spark, ours := read(t, "spark", path), rowsDigest(t, delta.Open(table.Store(), delta.Options{})); spark.Rows() != ours.Rows() || spark.String() != ours.String() {
				t.Errorf("after Spark changed it, it reads %d rows %s, we %d rows %s", spark.Rows(), spark, ours.Rows(), ours)
				after = "DIFFERENT"
			}
			fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", f.name, found["spark"], found["deltars"], found["duckdb"], after)
		})
	}
	if t.Failed() {
		return
	}
	if os.Getenv("DELTAIC_INTEROP_DOCS") != "" {
		if err := os.WriteFile(writtenPage, []byte(page.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(writtenPage)
	if err != nil || string(kept) != page.String() {
		t.Errorf("%s says something else than was found (%v):\n%s", writtenPage, err, page.String())
	}
}
