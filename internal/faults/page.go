package faults

import (
	"fmt"
	"slices"
	"strings"
)

// Outcome is what a test came to.
type Outcome struct {
	Result  string  // pass, fail or skip; "" if it did not run
	Seconds float64 // that it took
}

// Folders returns the folders of the packages whose tests the cells name, each once.
func Folders() []string {
	var all []string
	for _, c := range Cells {
		for _, t := range c.Tests {
			folder, _, _ := strings.Cut(t, " ")
			all = append(all, folder)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestsOf returns the names of the tests of a folder that the cells name, each once.
func TestsOf(folder string) []string {
	var all []string
	for _, c := range Cells {
		for _, t := range c.Tests {
			if in, name, _ := strings.Cut(t, " "); in == folder {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

const head = `# What goes wrong, and what happens then

Made by ` + "`make faults`" + `; do not edit. Each row is a fault of the matrix that concerns one node: what does it on purpose, what must hold all the same, and the
tests, which plain ` + "`go test`" + ` runs too, some of them in a slice. Numbers are seconds of the run that made this page.

| Fault | What does it | What holds | Tests |
|---|---|---|---|
`

// Page returns docs/FAULTS.md of what the tests came to, by "folder Test".
func Page(outcomes map[string]Outcome) string {
	var s strings.Builder
	s.WriteString(head)
	for _, c := range Cells {
		var tests []string
		for _, t := range c.Tests {
			folder, name, _ := strings.Cut(t, " ")
			if folder == "." {
				folder = "deltaic"
			}
			tests = append(tests, fmt.Sprintf("%s `%s`: %s", folder, name, words(outcomes[t])))
		}
		fmt.Fprintf(&s, "| %s | %s | %s | %s |\n", c.Fault, c.Injector, c.Asserts, strings.Join(tests, "; "))
	}
	return s.String()
}

func words(o Outcome) string {
	switch o.Result {
	case "pass":
		return fmt.Sprintf("holds (%.1f)", o.Seconds)
	case "skip":
		return "cannot be done on the machine of this run"
	case "fail":
		return "**does not hold**"
	}
	return "not run"
}
