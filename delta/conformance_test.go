package delta_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// conformanceFloor is the number of tables that the last run with all of them passed: fewer is a loss.
const conformanceFloor = "testdata/conformance-floor.txt"

// verdict is what came of holding a table against its expectation.
type verdict struct {
	lacks    string   // the features that we refuse by name though the table is readable; "" for none
	findings []string // what is not as expected
	facts    int      // how many facts were compared
	refused  error    // why a table was refused that must or may be
}

func (v *verdict) state() string {
	switch {
	case len(v.findings) > 0:
		return "failed"
	case v.lacks != "":
		return "lacks"
	}
	return "passed"
}

func (v *verdict) why() string {
	if len(v.findings) > 0 {
		return strings.Join(v.findings, "; ")
	}
	return v.lacks
}

// find notes a fact that was compared, and what is wrong with it if it does not hold.
func (v *verdict) find(holds bool, text string, args ...any) {
	if v.facts++; !holds {
		v.findings = append(v.findings, fmt.Sprintf(text, args...))
	}
}

// TestConformance reads every table of the conformance set named by the environment, without it those of
// testdata: what we read must be what is expected, at every version, and what we refuse must be refused by name.
// It prints a line a table, and the counts.
func TestConformance(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	small := root == ""
	if small {
		t.Log("DELTAIC_DELTA_CORPUS does not name the conformance tables: only the small ones of testdata are read")
		root = "testdata/tables"
	}
	tables := expectations(t, root)
	states, lacking, facts := map[string]int{}, map[string]int{}, 0
	for _, file := range tables {
		name, _ := filepath.Rel(root, filepath.Dir(file))
		name = filepath.ToSlash(name)
		t.Run(name, func(t *testing.T) {
			v := conform(t, file)
			states[v.state()]++
			facts += v.facts
			if v.lacks != "" {
				lacking[v.lacks]++
			}
			t.Logf("conformance table: %s %s: %d facts %s", v.state(), name, v.facts, v.why())
			if len(v.findings) > 0 {
				t.Fail()
			}
		})
	}
	summary := fmt.Sprintf("conformance: %d passed, %d failed, %d skipped of %d tables, %d facts", states["passed"], states["failed"], states["lacks"], len(tables), facts)
	for why, n := range lacking {
		summary += fmt.Sprintf("; %d lack %s", n, why)
	}
	t.Log(summary)
	if !small {
		holdFloor(t, states["passed"], summary)
	}
}

// expectations lists the expect.json files below a folder.
func expectations(t *testing.T, root string) []string {
	t.Helper()
	var tables []string
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "expect.json" {
			tables = append(tables, path)
		}
		return err
	}); err != nil || len(tables) == 0 {
		t.Fatalf("no tables under %s: %v", root, err)
	}
	return tables
}

func holdFloor(t *testing.T, passed int, summary string) {
	t.Helper()
	text, err := os.ReadFile(conformanceFloor)
	if err != nil {
		t.Fatal(err)
	}
	floor, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatalf("%s: %v", conformanceFloor, err)
	}
	if passed < floor {
		t.Errorf("%s; %s asks for %d", summary, conformanceFloor, floor)
	} else if passed > floor {
		t.Logf("raise %s from %d to %d", conformanceFloor, floor, passed)
	}
}

// conform holds a table against its expectation.
func conform(t *testing.T, file string) *verdict {
	t.Helper()
	var want expectation
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	store, err := local.New(unpacked(t, file), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := &verdict{}
	want.hold(delta.Open(store, delta.Options{Pool: batch.NewPool()}), v)
	return v
}
