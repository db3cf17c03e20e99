package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/internal/mutant"
)

// unit is the tests of a package.
type unit struct {
	path, folder, binary string
	uses                 []string // packages
}

// sees reports whether the tests run code of a package.
func (u unit) sees(pkg string) bool { return u.path == pkg || slices.Contains(u.uses, pkg) }

// rooms lists the packages whose unit tests see planted code, and where each bug is planted: not the harness
// itself, nor packages above the rooms or with tests that run the whole engine through the front door.
func rooms() (found []unit, holders map[mutant.Bug]string, err error) {
	holders, names := map[mutant.Bug]string{}, map[string]mutant.Bug{}
	folder, err := list("{{.Dir}}", module+"/internal/mutant")
	if err != nil {
		return nil, nil, err
	}
	err = matches(strings.TrimSpace(folder), regexp.MustCompile(`(\w+)\s+Bug = "([^"]+)"`), func(m []string) { names[m[1]] = mutant.Bug(m[2]) })
	if err != nil {
		return nil, nil, err
	}
	packages, err := list(`{{.ImportPath}} {{.Dir}} {{join .Deps " "}}`, "-test", "./...")
	if err != nil {
		return nil, nil, err
	}
	for line := range strings.Lines(packages) {
		pkg, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		folder, deps, _ := strings.Cut(rest, " ")
		pkg, test := strings.CutSuffix(pkg, ".test")
		room := strings.TrimPrefix(pkg, module)
		if !test || slices.ContainsFunc([]string{"/internal/", "/benchmarks", "/node", "/cmd/"}, func(above string) bool { return strings.HasPrefix(room, above) }) {
			continue
		}
		u := unit{pkg, folder, strings.ReplaceAll(strings.TrimPrefix(room, "/"), "/", ".") + ".test", strings.Fields(deps)}
		if u.sees(module) || !u.sees(module+"/internal/mutant") {
			continue
		}
		found = append(found, u)
		err := matches(folder, regexp.MustCompile(`mutant\.On\(mutant\.(\w+)\)`), func(m []string) { holders[names[m[1]]] = pkg })
		if err != nil {
			return nil, nil, err
		}
	}
	for _, bug := range mutant.All {
		if holders[bug] == "" {
			return nil, nil, fmt.Errorf("the bug %s is planted nowhere", bug)
		}
	}
	return found, holders, nil
}

// list is go list with the bugs compiled in.
func list(format string, arguments ...string) (string, error) {
	out, err := exec.Command("go", append([]string{"list", "-tags", "mutants", "-f", format}, arguments...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return "", fmt.Errorf("listing the packages: %w", err)
	}
	return string(out), nil
}

// matches calls f for what matches in the Go files of a folder.
func matches(folder string, what *regexp.Regexp, f func(groups []string)) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range what.FindAllStringSubmatch(string(text), -1) {
			f(m)
		}
	}
	return nil
}
