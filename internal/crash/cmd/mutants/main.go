// Command mutants tests the harness: each planted bug must pass every unit
// test of the rooms that hold planted code, and be caught by the simulator's
// seeds within the budget. The build without a bug must raise no alarm on the same seeds.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/internal/mutant"
)

const module = "github.com/deltaic/deltaic"

type harness struct {
	budget   int
	binary   string // the simulator's tests, with the bugs compiled in
	packages []string
	units    bool
}

func main() {
	var h harness
	only := flag.String("only", "", "one bug; empty: all of them")
	flag.IntVar(&h.budget, "seeds", 60, "seeds within which a bug must be caught")
	flag.BoolVar(&h.units, "units", true, "run the rooms' unit tests with each bug")
	flag.Parse()
	if err := h.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (h *harness) run(only string) error {
	folder, err := os.MkdirTemp("", "deltaic-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	h.binary = filepath.Join(folder, "sim.test")
	if out, err := h.command("", "go", "test", "-c", "-tags", "mutants", "-o", h.binary, module+"/internal/sim"); err != nil {
		return fmt.Errorf("building the simulator: %w\n%s", err, out)
	}
	if h.packages, err = rooms(); err != nil {
		return err
	}
	bad := 0
	fmt.Printf("%-26s %-12s %-10s %8s  %s\n", "bug", "unit tests", "caught by", "seconds", "how")
	for _, bug := range slices.Concat([]mutant.Bug{""}, mutant.All) {
		if only != "" && string(bug) != only {
			continue
		}
		if !h.try(bug) {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d bugs were missed, seen by a unit test, or alarms without one", bad)
	}
	if h.units {
		fmt.Println("every bug passed the unit tests;")
	}
	fmt.Println("every bug was caught by the harness; no alarm without one")
	return nil
}

// try prints the line of a bug and reports whether all is as it should be. The
// empty one is no bug: no test and no seed may fail.
func (h *harness) try(bug mutant.Bug) bool {
	units := "not run"
	if h.units {
		units = "pass"
		if out, err := h.command(bug, "go", slices.Concat([]string{"test", "-tags", "mutants"}, h.packages)...); err != nil {
			units = "FAIL"
			fmt.Fprintf(os.Stderr, "%s: the unit tests fail:\n%s\n", bug, failed(out))
		}
	}
	began := time.Now()
	seed, how := h.hunt(bug)
	took := time.Since(began).Seconds()
	caught := "-"
	if seed > 0 {
		caught = "seed " + strconv.Itoa(seed)
	}
	good := units != "FAIL" && (seed > 0) == (bug != "")
	note := ""
	if !good {
		note = "  NOT AS IT SHOULD BE"
	}
	fmt.Printf("%-26s %-12s %-10s %8.1f  %s%s\n", cmp.Or(string(bug), "(none)"), units, caught, took, how, note)
	return good
}

// hunt explores seeds one after the other until one finds something, and
// returns it with the first line of what it found; 0 if none does.
func (h *harness) hunt(bug mutant.Bug) (int, string) {
	out, err := h.command(bug, h.binary, "-test.run", "^TestHunt$", "-test.v", "-test.timeout", "10m")
	for line := range strings.Lines(string(out)) {
		if _, found, ok := strings.Cut(line, "caught: seed "); ok {
			number, how, _ := strings.Cut(strings.TrimSpace(found), " ")
			seed, err := strconv.Atoi(number)
			if err == nil {
				return seed, how[:min(len(how), 110)]
			}
		}
	}
	if err != nil {
		return 1, "the simulator itself failed: " + failed(out)
	}
	return 0, ""
}

// command runs a program with the bug on.
func (h *harness) command(bug mutant.Bug, name string, arguments ...string) ([]byte, error) {
	c := exec.CommandContext(context.Background(), name, arguments...)
	c.Env = append(os.Environ(), "DELTAIC_MUTANT="+string(bug), "SEEDS="+strconv.Itoa(h.budget))
	return c.CombinedOutput()
}

// rooms lists the packages whose unit tests see planted code: not the harness
// itself, and not the packages above the rooms, whose tests run the whole engine.
func rooms() ([]string, error) {
	out, err := exec.Command("go", "list", "-tags", "mutants", "-test", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("listing the packages: %w", err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		pkg, deps, _ := strings.Cut(strings.TrimSpace(line), " ")
		pkg, test := strings.CutSuffix(pkg, ".test")
		room := strings.TrimPrefix(pkg, module)
		if !test || room == "" || strings.HasPrefix(room, "/internal/") || strings.HasPrefix(room, "/cmd/") || strings.HasPrefix(room, "/benchmarks") || strings.HasPrefix(room, "/node") {
			continue
		}
		if slices.Contains(strings.Fields(deps), module+"/internal/mutant") {
			found = append(found, pkg)
		}
	}
	return found, nil
}

// failed keeps the lines that say what failed.
func failed(out []byte) string {
	var lines []string
	for line := range bytes.Lines(out) {
		text := strings.TrimSpace(string(line))
		if strings.Contains(text, "FAIL") || strings.Contains(text, "panic:") || strings.Contains(text, "_test.go:") {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines[:min(8, len(lines))], "\n")
}
