package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/delta"
)

// jsonRows are the rows of the JSON files in a folder, without columns that are null.
func jsonRows(t *testing.T, dir string) map[string]int {
	t.Helper()
	names, err := filepath.Glob(dir + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			var row map[string]any
			if line == "" {
				continue
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(line, err)
			}
			maps.DeleteFunc(row, func(_ string, v any) bool { return v == nil })
			sorted, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			rows[string(sorted)]++
		}
	}
	return rows
}

// TestSparkRenamesWhatIsStreamed streams a table whose columns Spark has renamed, dropped, added to and widened, with a schema log: run by run
// our command line gives the rows that Spark's stream gives, under the same names, and ends with the same error, but for added columns, behind which
// ours goes on at once.
func TestSparkRenamesWhatIsStreamed(t *testing.T) {
	kit(t)
	startSpark(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "table")
	table := "delta.`" + path + "`"
	sql(t, "spark", nil,
		"CREATE TABLE "+table+" (id BIGINT, v INT, s STRUCT<a: INT, b: STRING>) USING delta TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true')",
		"INSERT INTO "+table+" VALUES (1, 1, named_struct('a', 1, 'b', 'one'))",
		"ALTER TABLE "+table+" RENAME COLUMN v TO w", // version 2
		"INSERT INTO "+table+" VALUES (2, 2, named_struct('a', 2, 'b', 'two'))",
		"ALTER TABLE "+table+" DROP COLUMN s.b", // 4
		"INSERT INTO "+table+" VALUES (3, 3, named_struct('a', 3))",
		"ALTER TABLE "+table+" ALTER COLUMN w TYPE BIGINT", // 6
		"INSERT INTO "+table+" VALUES (4, 4000000000, named_struct('a', 4))",
		"ALTER TABLE "+table+" ADD COLUMNS (x STRING)", // 8
		"INSERT INTO "+table+" VALUES (5, 5, named_struct('a', 5), 'five')")
	spark := startSparkStreams(t)
	class := regexp.MustCompile(`DELTA_[A-Z_]+`)
	for i, allow := range []string{"", "", `, allowSourceColumnRename: "2"`, `, allowSourceColumnDrop: "4"`, `, allowSourceColumnTypeChange: "always"`, ""} {
		file := filepath.Join(dir, "flow.yaml")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(`
name: evolves
checkpointLocation: DIR/checkpoint
sources: {src: {format: delta, path: DIR/table, options: {startingVersion: "0", schemaTrackingLocation: DIR/checkpoint/schemas`+allow+`}}}
sinks: {out: {from: src, format: json, path: DIR/ours}}
`, "DIR", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
		c := again(t, "deltaic", "run", file, "--listen", "off", "--trigger", "availableNow")
		c.Stderr = nil
		out, err := c.CombinedOutput()
		ours := ""
		if err != nil {
			ours = class.FindString(string(out))
		}
		options := map[string]string{"startingVersion": "0", "schemaTrackingLocation": dir + "/spark.checkpoint/schemas"}
		for _, o := range regexp.MustCompile(`(\w+): "(\w+)"`).FindAllStringSubmatch(allow, -1) {
			options[o[1]] = o[2]
		}
		theirs := spark.run(t, path, "json", dir+"/spark", options)
		for strings.Contains(theirs, "DELTA_STREAMING_METADATA_EVOLUTION") && ours == "" { // ours has gone on
			theirs = spark.run(t, path, "json", dir+"/spark", options)
		}
		if i == 0 && strings.Contains(theirs, ours) && len(jsonRows(t, dir+"/spark")) == 0 { // the first run of Spark only begins the log
			theirs = spark.run(t, path, "json", dir+"/spark", options)
		}
		if !strings.Contains(theirs, ours) || (theirs == "") != (ours == "") {
			t.Errorf("run %d%s: ours ends with %q (%s), Spark's with %.400q", i, allow, ours, tail(out), theirs)
		}
		if got, want := jsonRows(t, dir+"/ours"), jsonRows(t, dir+"/spark"); !maps.Equal(got, want) {
			t.Errorf("run %d%s: ours has %v, Spark's %v", i, allow, got, want)
		}
		t.Log(fmt.Sprint("run ", i, allow, ": ", ours, " ", jsonRows(t, dir+"/ours")))
	}
	// Spark's log is read as ours.
	source, err := delta.OpenSource(t.Context(), path, delta.SourceOptions{SchemaLog: dir + "/spark.checkpoint/schemas"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := source.Schema().String(), "id bigint, w bigint, s struct<a:int>, x string"; got != want {
		t.Errorf("the columns of Spark's log are %s, want %s", got, want)
	}
}
