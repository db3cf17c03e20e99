package flowfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/supervision"
)

// lines is a text made of n numbered lines.
func lines(before, line string, n int, after string) string {
	var b strings.Builder
	b.WriteString(before)
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String() + after
}

// Whatever a flow file holds, it is read or refused with its place soon. Each of these took minutes or gigabytes once.
func TestHostileFlowFiles(t *testing.T) {
	for name, text := range map[string]string{
		"lists in lists":      strings.Repeat("- ", 300_000) + "a\n",
		"lists in a step":     "name: a\nsteps:\n  x:\n    do:\n      " + strings.Repeat("- ", 300_000) + "a\n",
		"keys of keys":        strings.Repeat("? ", 300_000) + "a\n",
		"values of values":    strings.Repeat("a: ", 200_000) + "b\n",
		"anchors":             strings.Repeat("&a ", 200_000) + "b\n",
		"tags":                strings.Repeat("!!str ", 150_000) + "b\n",
		"many keys":           lines("name: a\nsources:\n", "  k%d: 1\n", 80_000, ""),
		"many documents":      strings.Repeat("name: a\n---\n", 80_000),
		"deep by indentation": indented(1000),
		"many verbs":          "name: a\nsources: {s: {format: rate}}\nsteps:\n  x:\n    from: s\n    do:\n" + strings.Repeat("      - where: 'true'\n", 4900) + "sinks: {o: {from: x, format: noop}}\n",
		"many sinks":          lines("name: a\nsources: {s: {format: rate}}\nsinks:\n", "  x%d: {from: s, format: noop}\n", 1500, ""),
		"a long key":          "name: a\n" + strings.Repeat("b", 1_000_000) + ": 1\n",
		"too large":           "name: a\n" + strings.Repeat("#\n", 1<<19),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := Parse("flow.yaml", []byte(text), Options{})
			var f *supervision.Failure
			if !errors.As(err, &f) || f.Path != "flow.yaml" || len(err.Error()) > 1000 {
				t.Errorf("%.1000v", err)
			}
			if took := time.Since(began); took > 10*time.Second { // a second where nothing else runs
				t.Errorf("it took %v", took)
			}
		})
	}
}

func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// What files and variables bring is bounded in all, however often they are named.
func TestWhatIsBroughtInIsBounded(t *testing.T) {
	big := func(string) (string, error) { return strings.Repeat("x", 1<<20), nil }
	text := "name: \"" + strings.Repeat("${file:a}", 20) + "\"\n"
	if _, err := Parse("flow.yaml", []byte(text), Options{ReadFile: big}); err == nil || !strings.Contains(err.Error(), "in all") {
		t.Errorf("%.300v", err)
	}
	manyLines := func(string) (string, error) { return lines("", "%d\n", 150_000, ""), nil }
	if _, err := Parse("flow.yaml", []byte("name: ${file:a}\n"), Options{ReadFile: manyLines}); err == nil || !strings.Contains(err.Error(), "lines") {
		t.Errorf("%.300v", err)
	}
}

// What does not fit is refused instead of becoming another number.
func TestDurationsAndSizesThatDoNotFit(t *testing.T) {
	for _, text := range []string{"200000 days", "106752 days", "2000000000 hours", "100000 days 100000 days", "-1 seconds"} {
		if d, err := Duration(text); err == nil {
			t.Errorf("%s is %v", text, d)
		}
	}
	for _, text := range []string{"NaN", "NaN GB", "Inf", "100000000TB", "1e15 TB", "-1"} {
		if n, err := Bytes(text); err == nil {
			t.Errorf("%s is %d", text, n)
		}
	}
	if n, err := Bytes("1000000TB"); err != nil || n != 1000000<<40 {
		t.Errorf("a million terabytes: %d, %v", n, err)
	}
}
