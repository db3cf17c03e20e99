package lint

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// shown are the rooms in which authors say what they want, and whose verbs are the ways to say it: each is used in a
// file of examples, which run.
var shown = []string{"stream", "operators", "operators/typed", "operators/keyed", "windows"}

// plumbing are methods that the engine calls and no author: those of contracts, and of what a plan asks of a window.
var plumbing = map[string]bool{"Open": true, "Process": true, "Advance": true, "Flush": true, "Close": true, "Schema": true, "NextDue": true, "Prepare": true,
	"String": true, "Init": true, "Timer": true, "Reads": true}

// inside are functions and types of these rooms that serve other rooms of the engine, not authors.
var inside = map[string]bool{"operators.SetSpec": true, "operators.EqualRows": true, "operators.RowTimes": true, "operators.NewLateness": true,
	"stream.NewQuery": true, "windows.PanesOf": true, "windows.ParseNode": true, "windows.Panes": true}

// ruleShown: every exported function of these rooms, and every exported method of their types that is no plumbing, is called in a file
// that has examples. It looks at names: a method counts as used where one of that name is called.
func ruleShown(t tree) []finding {
	used := map[string]bool{}
	for _, s := range t.goFiles() {
		if strings.HasSuffix(s.path, "_test.go") && hasExamples(s.ast) {
			calls(s.ast, used)
		}
	}
	var found []finding
	for _, s := range t.goFiles() {
		if s.test() || !slices.Contains(shown, s.dir()) {
			continue
		}
		for _, d := range s.ast.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || !f.Name.IsExported() || !exportedReceiver(f) || f.Recv != nil && plumbing[f.Name.Name] {
				continue
			}
			name, kind, owner := "."+f.Name.Name, "method", path.Base(s.dir())+"."+receiver(f)
			if f.Recv == nil {
				name, kind = path.Base(s.dir())+name, "function"
				owner = name
			}
			if !used[name] && !inside[owner] {
				found = append(found, finding{rule: "shown", path: s.path, line: s.line(f.Pos()), text: fmt.Sprintf("the %s %s is in no file of examples: show how it is used in a runnable Example", kind, f.Name.Name)})
			}
		}
	}
	return found
}

// receiver is the name of the type that a method belongs to.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if p, is := kind.(*ast.StarExpr); is {
		kind = p.X
	}
	if name, is := kind.(*ast.Ident); is {
		return name.Name
	}
	return ""
}

func hasExamples(f *ast.File) bool {
	for _, d := range f.Decls {
		if f, is := d.(*ast.FuncDecl); is && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Example") {
			return true
		}
	}
	return false
}

// calls notes what a file names behind a point: "package.Name" and, as of any value, ".Name".
func calls(f *ast.File, used map[string]bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, is := n.(*ast.SelectorExpr); is {
			used["."+s.Sel.Name] = true
			if x, is := s.X.(*ast.Ident); is {
				used[x.Name+"."+s.Sel.Name] = true
			}
		}
		return true
	})
}

func TestEveryVerbIsShown(t *testing.T) { hold(t, "shown", ruleShown) }
