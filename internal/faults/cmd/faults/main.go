// Command faults runs the tests of the fault matrix, each to its whole extent, and writes what they came to into docs/FAULTS.md. It is
// run in the folder of the module, and exits with 1 if a test failed or did not run.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/deltaic/deltaic/internal/faults"
)

func main() {
	page := flag.String("page", "docs/FAULTS.md", "the page to write")
	slice := flag.Bool("slice", false, "run the tests to the extent to which plain go test does")
	flag.Parse()
	outcomes := map[string]faults.Outcome{}
	for _, folder := range faults.Folders() {
		if err := run(folder, *slice, outcomes); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if err := os.WriteFile(*page, []byte(faults.Page(outcomes)), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := 0
	for _, folder := range faults.Folders() {
		for _, name := range faults.TestsOf(folder) {
			if o := outcomes[folder+" "+name]; o.Result != "pass" {
				fmt.Printf("%s %s: %s\n", folder, name, o.Result)
				if o.Result != "skip" {
					status = 1
				}
			}
		}
	}
	os.Exit(status)
}

// run runs the tests of a folder and notes what they came to.
func run(folder string, slice bool, outcomes map[string]faults.Outcome) error {
	c := exec.Command("go", "test", "./"+folder, "-count=1", "-json", "-timeout", "60m", "-run", "^("+strings.Join(faults.TestsOf(folder), "|")+")$")
	c.Env = os.Environ()
	if !slice {
		c.Env = append(c.Env, "DELTAIC_TEST_FAULTS=all")
	}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var event struct {
			Action, Test, Output string
			Elapsed              float64
		}
		if json.Unmarshal(line, &event) != nil || event.Test == "" {
			continue
		}
		switch event.Action {
		case "pass", "fail", "skip":
			if !strings.Contains(event.Test, "/") {
				outcomes[folder+" "+event.Test] = faults.Outcome{Result: event.Action, Seconds: event.Elapsed}
			}
		case "output":
			if strings.Contains(event.Output, "--- FAIL") || strings.Contains(event.Output, "_test.go:") {
				fmt.Print(event.Output)
			}
		}
	}
	return c.Wait()
}
