package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestCellsNameTestsThatAreThere: a test that is renamed or removed leaves no cell behind.
func TestCellsNameTestsThatAreThere(t *testing.T) {
	for _, folder := range Folders() {
		files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(b)
		}
		for _, name := range TestsOf(folder) {
			if !strings.Contains(text.String(), "\nfunc "+name+"(t *testing.T) {") {
				t.Errorf("%s has no test %s", folder, name)
			}
		}
	}
}

// TestThePageHasEveryCell: docs/FAULTS.md was made of these cells, and everything in it holds.
func TestThePageHasEveryCell(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/FAULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, c := range Cells {
		for _, want := range []string{"| " + c.Fault + " |", "| " + c.Injector + " |", "| " + c.Asserts + " |"} {
			if !strings.Contains(page, want) {
				t.Errorf("docs/FAULTS.md lacks %q: make faults", want)
			}
		}
		for _, name := range c.Tests {
			_, test, _ := strings.Cut(name, " ")
			if !strings.Contains(page, "`"+test+"`") {
				t.Errorf("docs/FAULTS.md lacks %s: make faults", test)
			}
		}
	}
	for _, wrong := range []string{"does not hold", "not run"} {
		if strings.Contains(page, wrong) {
			t.Errorf("docs/FAULTS.md says %q", wrong)
		}
	}
	if rows := strings.Count(page, "\n| "); rows != len(Cells)+1 {
		t.Errorf("docs/FAULTS.md has %d rows, the matrix %d", rows-1, len(Cells))
	}
}
