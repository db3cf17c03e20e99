package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/files"
	"github.com/deltaic/deltaic/formats/csv"
)

// fileEpochs is more than two entries of the log that repeat all before them.
const fileEpochs = 23

// fileColumns are the columns of the folders, the last two of which partition.
const fileColumns = "id BIGINT, s STRING, d DOUBLE, n DECIMAL(12,3), b BOOLEAN, day DATE, at TIMESTAMP, dt DATE, place STRING"

// fileRows makes the rows of an epoch, and what Spark shows of them.
func fileRows(schema *batch.Schema, epoch int) (*batch.Batch, []string) {
	columns := make([]*batch.Builder, len(schema.Fields))
	for i, f := range schema.Fields {
		columns[i] = batch.NewBuilder(f.Type, nil)
	}
	places := []string{"north", "", "a=b/c:d", "50% [x]", "ä {y}\"'", "null"}
	const rows = 12
	for i := range rows {
		n := epoch*rows + i
		columns[0].Int64(int64(n))
		for c := 1; c < 7; c++ {
			f := schema.Fields[c]
			if f.Type.Kind == batch.String {
				if n%7 == 3 {
					columns[c].Null()
				} else {
					columns[c].String([]string{"", " ", "plain", `say "hi", then \ and \"`, "two\nlines", "é🙂", "tab\t;|"}[n%7])
				}
				continue
			}
			switch f.Type.Kind {
			case batch.Date:
				columns[c].Int32([]int32{-719162, -1, 0, 19789, 2932896}[n%5])
			case batch.Timestamp:
				columns[c].Int64([]int64{-2208988800000000, -1, 0, 1_709_210_096_789_999, 253402300799999999}[n%5])
			default:
				edge(columns[c], f.Type, n, true)
			}
		}
		columns[7].Int32(int32(20484 + epoch/6))
		if place := places[n%len(places)]; place == "null" {
			columns[8].Null()
		} else {
			columns[8].String(place)
		}
	}
	b := batch.NewBatch(schema, rows)
	for _, c := range columns {
		b.Columns = append(b.Columns, c.Finish())
	}
	var shown []string
	for i := range rows {
		shown = append(shown, string(batch.AppendRowJSON(nil, b, i)))
	}
	return b, shown
}

func fileSchema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, column("s", batch.StringType), column("d", batch.DoubleType), column("n", batch.DecimalType(12, 3)),
		column("b", batch.BooleanType), column("day", batch.DateType), column("at", batch.TimestampType), column("dt", batch.DateType), column("place", batch.StringType))
}

// writeFolder writes the epochs into a folder and returns the rows.
func writeFolder(t *testing.T, path string, o files.Options) (rows []string) {
	t.Helper()
	schema := fileSchema()
	sink := files.At(path, o)
	if err := sink.Bind(t.Context(), schema, connectors.Append); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(t.Context(), connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range fileEpochs {
		b, shown := fileRows(schema, epoch)
		rows = append(rows, shown...)
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		_ = w.(connectors.WatermarkTaker).Advance(time.Date(2026, 1, 31+epoch/6, 0, 0, 0, 0, time.UTC).UnixMicro())
		sealed, err := w.Seal(int64(epoch))
		if err != nil {
			t.Fatal(err)
		}
		p, err := sealed.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sink.Commit(t.Context(), connectors.Commit{Flow: "f", Incarnation: "i", Epoch: int64(epoch), Attempt: 1, Time: time.Now().UnixMicro(), Prepared: []connectors.Prepared{p}}); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// spoilFolder copies a committed file under another name, as a commit that is
// under way would show: it is in no log yet.
func spoilFolder(t *testing.T, path, extension string) {
	t.Helper()
	done := false
	err := filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
		if err != nil || done || d.IsDir() || !strings.HasSuffix(name, extension) || strings.Contains(name, "/_") {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		done = true
		return os.WriteFile(filepath.Join(filepath.Dir(name), "part-99999-"+filepath.Base(name)), data, 0o644)
	})
	if err != nil || !done {
		t.Fatalf("%s: %v", path, err)
	}
}

// Spark reads each folder by its log: every row of every epoch as it was written, nothing of a file that is
// in no log, and neither marks nor staged files.
func TestSparkReadsFolders(t *testing.T) {
	kit(t)
	for name, o := range map[string]files.Options{
		"json":    {Format: files.JSON, Compression: "gzip"},
		"csv":     {Format: files.CSV, CSV: withHeader()},
		"parquet": {Format: files.Parquet, Compression: "zstd"},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/out folder"
			o.PartitionBy = []string{"dt", "place"}
			o.PartitionCommit = &files.PartitionCommit{Time: "$dt", Delay: 24 * time.Hour}
			want := writeFolder(t, path, o)
			extension := map[string]string{"json": ".gz", "csv": ".csv", "parquet": ".parquet"}[name]
			spoilFolder(t, path, extension)
			options := ""
			if name == "csv" {
				options = ", header 'true', multiLine 'true', nullValue 'NULL'"
			}
			got := sql(t, "spark", nil,
				fmt.Sprintf("CREATE OR REPLACE TEMPORARY VIEW v_%s (%s) USING %s OPTIONS (path '%s'%s)", name, fileColumns, name, path, options),
				fmt.Sprintf("SELECT count(*), count(s), sum(id), count(DISTINCT id), count(place), count(n), count(b) FROM v_%s", name),
				fmt.Sprintf("SELECT to_json(struct(id, s, d, n, b, day, unix_micros(at) AS at, dt, place), map('ignoreNullFields', 'false')) FROM v_%s ORDER BY id", name),
			)
			t.Logf("%s: %.300s", name, got[1].Rows)
			compareShown(t, want, string(got[2].Rows))
		})
	}
}

// withHeader is CSV with a text for nulls: by default Spark reads an empty string as null, in quotes too.
func withHeader() csv.Options {
	o := csv.Defaults()
	o.Header, o.Null = true, "NULL"
	return o
}

// compareShown compares rows as AppendRowJSON and as Spark's to_json show them.
func compareShown(t *testing.T, want []string, rows string) {
	t.Helper()
	var got [][]string
	if err := json.Unmarshal([]byte(rows), &got); err != nil {
		t.Fatalf("%v: %.300s", err, rows)
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		ours, theirs := cells(t, want[i]), cells(t, got[i][0])
		at, err := time.Parse("2006-01-02T15:04:05.999999Z", fmt.Sprint(ours["at"]))
		if ours["at"] != nil && err == nil {
			ours["at"] = json.Number(strconv.FormatInt(at.UnixMicro(), 10))
		}
		if ours["place"] == "" { // in a partition's name it is null
			ours["place"] = nil
		}
		for k, v := range ours {
			if fmt.Sprint(v) != fmt.Sprint(theirs[k]) && !sameNumber(v, theirs[k]) {
				t.Errorf("row %d, %s: Spark reads %q, we wrote %q", i, k, theirs[k], v)
			}
		}
	}
}

// cells are the values of a row, numbers as text.
func cells(t *testing.T, row string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(row))
	d.UseNumber()
	all := map[string]any{}
	if err := d.Decode(&all); err != nil {
		t.Fatalf("%v: %s", err, row)
	}
	return all
}

// sameNumber reports whether two JSON numbers are equal.
func sameNumber(a, b any) bool {
	x, ok := a.(json.Number)
	y, also := b.(json.Number)
	if !ok || !also {
		return false
	}
	f, err := x.Float64()
	g, other := y.Float64()
	return err == nil && other == nil && f == g
}
