package matrixtest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/benchmarks/matrixtest"
)

// The page has every cell, in order, with what was seen with a real broker, and whether it runs with the embedded one or why not.
func TestPageHasEveryCell(t *testing.T) {
	kept, err := os.ReadFile("../../docs/KAFKA-MATRIX.md")
	if err != nil {
		t.Fatal(err)
	}
	cells, seen := matrixtest.Cells(), map[string]string{}
	var rows [][]string
	for line := range strings.Lines(string(kept)) {
		if row := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | "); strings.HasPrefix(line, "| ") && len(row) == 4 {
			rows = append(rows, row)
		}
	}
	rows = rows[1:] // the head
	if len(rows) != len(cells) {
		t.Fatalf("the page has %d rows, there are %d cells", len(rows), len(cells))
	}
	for i, c := range cells {
		if seen[c.Group+"/"+c.Name] = strings.TrimSpace(rows[i][2]); seen[c.Group+"/"+c.Name] == "" {
			t.Errorf("%s/%s: nothing was seen", c.Group, c.Name)
		}
	}
	if page := matrixtest.Page(seen); page != string(kept) {
		t.Errorf("the page is not what the cells are:\n%s", page)
	}
}
