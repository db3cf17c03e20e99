// Command mutants tests the harnesses: each planted bug must pass every unit
// test that runs the room it is planted in, and be caught by seeds of the simulator or by random
// flows within the budget. The build without a bug must raise no alarm on the same seeds.
package main

import (
	"bytes"
	"cmp"
	"context"
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
	folder   string // of binaries, with the bugs compiled in
	packages []unit
	holders  map[mutant.Bug]string // the package in which a bug is planted
	units    bool
	flows    bool // DELTAIC_DUCKDB names the program that random flows are compared with
}

func main() {
	var h harness
	only := flag.String("only", "", "some bugs, with commas between them; empty: all of them")
	flag.IntVar(&h.budget, "seeds", 60, "seeds within which a bug must be caught by the simulator, and four times as many by random flows")
	flag.BoolVar(&h.units, "units", true, "run the rooms' unit tests with each bug")
	flag.Parse()
	h.flows = os.Getenv("DELTAIC_DUCKDB") != ""
	if err := h.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (h *harness) run(only string) (err error) {
	if h.folder, err = os.MkdirTemp("", "deltaic-mutants-"); err != nil {
		return err
	}
	defer os.RemoveAll(h.folder)
	if err := h.build(); err != nil {
		return err
	}
	if !h.flows {
		fmt.Println("DELTAIC_DUCKDB is not set: random flows catch nothing")
	}
	bad, tried := 0, 0
	fmt.Printf("%-26s %-10s %-9s %-11s %8s  %s\n", "bug", "unit tests", "catcher", "seed", "seconds", "how")
	for _, bug := range slices.Concat([]mutant.Bug{""}, mutant.All) {
		if only != "" && !slices.Contains(strings.Split(only, ","), string(bug)) {
			continue
		}
		tried++
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
	fmt.Println("every bug was caught;")
	if only == "" {
		fmt.Println("no alarm on the clean build")
	}
	return nil
}

// build makes the binaries, once for all bugs.
func (h *harness) build() error {
	sources := map[string][]string{"sim.test": {"test", "-c", "-tags", "mutants", module + "/internal/sim"}}
	if h.flows {
		sources["flows"] = []string{"build", "-tags", "mutants", module + "/internal/flows/cmd/flows"}
	}
	if h.units {
		var err error
		if h.packages, h.holders, err = rooms(); err != nil {
			return err
		}
		for _, p := range h.packages {
			sources[p.binary] = []string{"test", "-c", "-tags", "mutants", p.path}
		}
	}
	for name, arguments := range sources {
		last := len(arguments) - 1
		arguments = slices.Insert(arguments, last, "-o", filepath.Join(h.folder, name))
		if out, err := h.command("", "", "go", arguments...); err != nil {
			return fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// try prints the line of a bug and reports whether all is as it should be. The
// empty one is no bug: no test and no seed may fail.
func (h *harness) try(bug mutant.Bug) bool {
	units := "not run"
	if h.units {
		units = "pass"
		for _, p := range h.packages {
			if bug != "" && !p.sees(h.holders[bug]) {
				continue
			}
			if out, err := h.command(bug, p.folder, filepath.Join(h.folder, p.binary)); err != nil {
				units = "FAIL"
				fmt.Fprintf(os.Stderr, "%s: the unit tests of %s fail:\n%s\n", bug, p.path, failed(out))
			}
		}
	}
	began := time.Now()
	catcher, seed, how := h.hunt(bug)
	took := time.Since(began).Seconds()
	caught := "-"
	if seed > 0 {
		caught = strconv.Itoa(seed)
	}
	good := units != "FAIL" && (seed > 0) == (bug != "")
	note := ""
	if !good {
		note = "  NOT AS IT SHOULD BE"
	}
	fmt.Printf("%-26s %-10s %-9s %-11s %8.1f  %s%s\n", cmp.Or(string(bug), "(none)"), units, catcher, caught, took, how, note)
	return good
}

// hunt lets the catchers look for a bug, and returns who found it, at which seed, and the first line of what it found; seed
// 0 if none does. All seeds begin with 1.
func (h *harness) hunt(bug mutant.Bug) (catcher string, seed int, how string) {
	if seed, how := h.simulate(bug); seed > 0 {
		return "simulator", seed, how
	}
	if h.flows {
		if seed, how := h.compare(bug); seed > 0 {
			return "flows", seed, how
		}
	}
	return "-", 0, ""
}

// simulate explores seeds of the simulator until one finds something.
func (h *harness) simulate(bug mutant.Bug) (int, string) {
	out, err := h.command(bug, "", filepath.Join(h.folder, "sim.test"), "-test.run", "^TestHunt$", "-test.v", "-test.timeout", "10m")
	for line := range strings.Lines(string(out)) {
		if _, found, ok := strings.Cut(line, "caught: seed "); ok {
			return located(found)
		}
	}
	if err != nil {
		return 1, "the simulator itself failed: " + failed(out)
	}
	return 0, ""
}

// compare runs random flows until one differs.
func (h *harness) compare(bug mutant.Bug) (int, string) {
	out, err := h.command(bug, "", filepath.Join(h.folder, "flows"), "-seeds", strconv.Itoa(4*h.budget), "-differences", "1", "-least", "0", "-jobs", "2")
	least, how := 0, ""
	for line := range strings.Lines(string(out)) {
		if found, ok := strings.CutPrefix(line, "seed "); ok {
			if seed, text := located(strings.Replace(found, ":", "", 1)); least == 0 || seed < least {
				least, how = seed, text
			}
		}
	}
	if least == 0 && err != nil {
		return 1, "the random flows themselves failed: " + failed(out)
	}
	return least, how
}

// located takes the seed off what a catcher says, and shortens the rest.
func located(text string) (seed int, how string) {
	number, how, _ := strings.Cut(strings.TrimSpace(text), " ")
	seed, err := strconv.Atoi(number)
	if err != nil {
		return 0, ""
	}
	return seed, how[:min(len(how), 110)]
}

// command runs a program with the bug on, in a folder.
func (h *harness) command(bug mutant.Bug, folder, name string, arguments ...string) ([]byte, error) {
	c := exec.CommandContext(context.Background(), name, arguments...)
	c.Dir = folder
	c.Env = append(os.Environ(), "DELTAIC_MUTANT="+string(bug), "SEEDS="+strconv.Itoa(h.budget))
	return c.CombinedOutput()
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
