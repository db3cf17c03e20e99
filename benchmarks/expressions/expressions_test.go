package expressions

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/anchors"
)

const goldenRows = 5000

// TestResults holds every case to what DuckDB said of the same rows. With DELTAIC_DUCKDB it is asked again, and
// testdata/results.txt is what it answers.
func TestResults(t *testing.T) {
	const file = "testdata/results.txt"
	var duck *theirs
	if program := anchors.FindDuckDB(); program != "" {
		session, err := anchors.OpenSession(program)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		duck = &theirs{session}
	}
	golden, err := os.ReadFile(file)
	if err != nil && duck == nil {
		t.Fatal(err)
	}
	want, answered := map[string]seen{}, ""
	for line := range strings.Lines(string(golden)) {
		var name string
		var s seen
		if _, err := fmt.Sscan(line, &name, &s.count, &s.digest); err != nil {
			t.Fatal(err)
		}
		want[name] = s
	}
	kind, all := "", tables()
	var rows []*batch.Batch
	for _, c := range Cases() {
		if c.Kind != kind {
			kind = c.Kind
			rows = all[kind].batches(1, goldenRows)
			if duck != nil {
				if err := duck.load(t.TempDir(), all[kind].schema, rows); err != nil {
					t.Fatal(err)
				}
			}
		}
		if duck != nil {
			if want[c.Name], err = duck.look(c); err != nil {
				t.Fatal(err)
			}
			answered += fmt.Sprintln(c.Name, want[c.Name].count, want[c.Name].digest)
		}
		o, err := newOurs(c, all[kind].schema)
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.look(rows)
		if err != nil {
			t.Fatal(err)
		}
		if got != want[c.Name] {
			t.Errorf("%s: %v, DuckDB has %v", c.Name, got, want[c.Name])
		}
		if got.count == 0 || got.count == goldenRows {
			t.Errorf("%s: %d of %d results are not null: DuckDB may answer the count without the expression", c.Name, got.count, goldenRows)
		}
	}
	if duck != nil && answered != string(golden) {
		t.Errorf("%s is not what DuckDB says; it is written anew", file)
		if err := os.WriteFile(file, []byte(answered), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
