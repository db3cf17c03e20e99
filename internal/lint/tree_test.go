package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/deltaic/deltaic"

// source is one tracked file. Paths use slashes and are relative to the root.
type source struct {
	path string
	text string
	ast  *ast.File // nil: not Go
	fset *token.FileSet
}

// dir is the folder of the file, "" for the root.
func (s *source) dir() string {
	if d := path.Dir(s.path); d != "." {
		return d
	}
	return ""
}

// test says that the file is compiled into tests only: a test file, or a file of
// a kit for tests such as operators/operatortest.
func (s *source) test() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.HasSuffix(s.dir(), "test") && s.dir() != "internal/lint"
}

// line returns the line of a position.
func (s *source) line(p token.Pos) int { return s.fset.Position(p).Line }

// imports returns what the file imports, with the line of each.
func (s *source) imports() map[string]int {
	found := map[string]int{}
	for _, spec := range s.ast.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			found[name] = s.line(spec.Pos())
		}
	}
	return found
}

// tree is what the rules look at.
type tree []*source

// goFiles returns the parsed files of the module. Folders with a go.mod of their
// own hold heavy tools for tests, which are not the house.
func (t tree) goFiles() tree {
	var nested []string
	for _, s := range t {
		if path.Base(s.path) == "go.mod" && s.dir() != "" {
			nested = append(nested, s.dir())
		}
	}
	var files tree
	for _, s := range t {
		elsewhere := slices.ContainsFunc(nested, func(dir string) bool { return strings.HasPrefix(s.path, dir+"/") })
		if s.ast != nil && !elsewhere {
			files = append(files, s)
		}
	}
	return files
}

// finding is one breach of a rule.
type finding struct {
	rule string
	path string
	line int // 0: the whole file
	text string
	size int // of what is too long, for the rule "size"
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s: %s", f.path, f.line, f.rule, f.text) }

// newSource parses a file if it is Go.
func newSource(name, text string) (*source, error) {
	s := &source{path: name, text: text, fset: token.NewFileSet()}
	if !strings.HasSuffix(name, ".go") {
		return s, nil
	}
	file, err := parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	s.ast = file
	return s, err
}

// repository reads every tracked file once. Outside a git work tree (a module
// zip) it takes every file below the root.
var repository = sync.OnceValues(func() (tree, error) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return nil, err
	}
	names, err := tracked(root)
	if err != nil {
		return nil, err
	}
	var all tree
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			continue // deleted and not yet committed
		}
		if err != nil {
			return nil, err
		}
		s, err := newSource(name, string(data))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
})

func tracked(root string) ([]string, error) {
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = root
	if out, err := list.Output(); err == nil {
		return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
	}
	var names []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, p)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	return names, err
}

// hold runs a rule over the repository and fails on every finding that has no
// excuse, and on every excuse of the rule that excuses nothing.
func hold(t *testing.T, name string, rule func(tree) []finding) {
	t.Helper()
	files, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	if len(files.goFiles()) < 100 {
		t.Fatalf("only %d Go files found: is this the repository?", len(files.goFiles()))
	}
	found := rule(files)
	sort.Slice(found, func(i, j int) bool {
		return found[i].path < found[j].path || found[i].path == found[j].path && found[i].line < found[j].line
	})
	used := make([]bool, len(excuses))
	for _, f := range found {
		if f.rule != name {
			t.Errorf("%s: a finding of rule %q in the test of %q", f, f.rule, name)
		}
		if !excused(f, used) {
			t.Error(f)
		}
	}
	for i, e := range excuses {
		if e.rule == name && !used[i] {
			t.Errorf("excuses_test.go: nothing needs the excuse %s %s %q any more; take it out", e.rule, e.path, e.text)
		}
	}
}

// excused says whether a finding has a reason on the list, and marks it used.
func excused(f finding, used []bool) bool {
	for i, e := range excuses {
		if e.rule == f.rule && e.path == f.path && strings.Contains(f.text, e.text) && f.size <= e.most {
			used[i] = true
			return true
		}
	}
	return false
}
