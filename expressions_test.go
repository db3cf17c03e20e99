package deltaic_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
)

// inSyntax are functions of Spark's list that are words of the grammar here.
var inSyntax = []string{"and", "between", "case", "cast", "div", "extract", "in", "not", "or", "when"}

// missingFunctions are the functions of Spark that Deltaic has not.
func missingFunctions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("expr/testdata/sparkfunctions.txt")
	if err != nil {
		t.Fatal(err)
	}
	have := slices.Clone(inSyntax)
	for _, f := range expr.Functions() {
		have = append(have, f.Name)
	}
	for _, f := range agg.Functions() {
		have = append(have, f.Name)
	}
	var missing []string
	for name := range strings.FieldsSeq(string(text)) {
		if !slices.Contains(have, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// TestMissingFunctions holds the list in docs/EXPRESSIONS.md to what is missing. DELTAIC_WRITE_DOCS=1 writes it.
func TestMissingFunctions(t *testing.T) {
	const file, begin, end = "docs/EXPRESSIONS.md", "<!-- missing -->\n", "<!-- end -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the list", file)
	}
	missing := missingFunctions(t)
	want := fmt.Sprintf("%s%s%d of them: %s.\n%s%s", head, begin, len(missing), strings.Join(missing, ", "), end, tail)
	if want == string(text) {
		return
	}
	if os.Getenv("DELTAIC_WRITE_DOCS") == "" {
		t.Fatalf("%s does not list the functions of Spark that are missing; run this test with DELTAIC_WRITE_DOCS=1", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
