package flows

import (
	"os"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/benchmarks/anchors"
)

// A slice of the cases that `make flows` runs.
func TestRandomFlows(t *testing.T) {
	program := os.Getenv("DELTAIC_DUCKDB")
	if program == "" {
		t.Skip("DELTAIC_DUCKDB does not name the program of benchmarks/duckdb")
	}
	duck, err := anchors.OpenSession(program)
	if err != nil {
		t.Fatal(err)
	}
	defer duck.Close()
	for seed := range uint64(40) {
		if _, _, err := Run(seed, duck, t.TempDir(), 100); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

func TestDifference(t *testing.T) {
	if d := difference([]string{"a", "b", "b"}, []string{"a", "b", "b"}); d != "" {
		t.Fatal(d)
	}
	d := difference([]string{"a", "b", "b"}, []string{"b", "c"})
	if !strings.Contains(d, "missing [a; b]") || !strings.Contains(d, "extra [c]") {
		t.Fatal(d)
	}
}

// The model of the late rule: one row late by a microsecond, one in time.
func TestRowsBehindTheirSplit(t *testing.T) {
	at := func(v int64) row { return row{at: &v} }
	in := &data{delay: 10, splits: [][]row{{at(100), at(90), at(89), at(120), at(109)}, {at(5)}}}
	in.passed(newDraw(1, 0))
	want := []bool{false, false, true, false, true}
	for i, r := range in.splits[0] {
		if (r.behind > -1<<62) != want[i] {
			t.Errorf("row %d: behind %d", i, r.behind)
		}
	}
	if in.splits[0][2].behind != 90 || in.final() != -5 {
		t.Errorf("behind %d, final %d", in.splits[0][2].behind, in.final())
	}
}
