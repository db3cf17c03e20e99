package lint

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

// rulePackageComment: every package says its purpose, and a command its use.
func rulePackageComment(t tree) []finding {
	first := map[string]*source{}
	has := map[string]bool{}
	for _, s := range t.goFiles() {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		if first[s.dir()] == nil {
			first[s.dir()] = s
		}
		if s.ast.Doc != nil && strings.TrimSpace(s.ast.Doc.Text()) != "" {
			has[s.dir()] = true
		}
	}
	var found []finding
	for dir, s := range first {
		if !has[dir] {
			found = append(found, finding{rule: "package comment", path: s.path, line: 1, text: fmt.Sprintf("package %s has none: purpose, main types, the caller's duties, what it does not do", s.ast.Name.Name)})
		}
	}
	return found
}

// ruleDocumented: every exported identifier outside internal is explained:
// functions, methods of exported types, types, constants, variables, methods of
// exported interfaces. A comment on a group of constants or variables, or at the
// end of the line, counts.
func ruleDocumented(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		if strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "internal/") || s.ast.Name.Name == "main" {
			continue
		}
		missing := func(n ast.Node, name string) {
			found = append(found, finding{rule: "documented", path: s.path, line: s.line(n.Pos()), text: name + " is exported and has no comment"})
		}
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !fixed(d) {
					missing(d, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					undocumented(spec, d.Doc != nil, missing)
				}
			}
		}
	}
	return found
}

// undocumented calls missing for each exported name of a declaration that has no comment.
func undocumented(spec ast.Spec, group bool, missing func(ast.Node, string)) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		if !group && spec.Doc == nil && spec.Comment == nil {
			missing(spec, spec.Name.Name)
		}
		contract, is := spec.Type.(*ast.InterfaceType)
		if !is {
			return
		}
		said := "" // one comment may explain a pair: "Pause stops it, Resume lets it go on"
		for _, m := range contract.Methods.List {
			if len(m.Names) == 0 {
				continue
			}
			name := m.Names[0].Name
			said += m.Doc.Text()
			if ast.IsExported(name) && m.Doc == nil && m.Comment == nil && !strings.Contains(said, name) {
				missing(m, spec.Name.Name+"."+name)
			}
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && !group && spec.Doc == nil && spec.Comment == nil {
				missing(name, name.Name)
			}
		}
	}
}

// fixed says that a method's meaning is fixed by the language's own interfaces.
func fixed(d *ast.FuncDecl) bool {
	return d.Recv != nil && (d.Name.Name == "String" || d.Name.Name == "Error") && len(d.Type.Params.List) == 0
}

// exportedReceiver says that a function is not a method of a type that nobody
// outside can name.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	kind := d.Recv.List[0].Type
	for {
		switch k := kind.(type) {
		case *ast.StarExpr:
			kind = k.X
		case *ast.IndexExpr:
			kind = k.X
		case *ast.IndexListExpr:
			kind = k.X
		case *ast.Ident:
			return k.IsExported()
		default:
			return true
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T)       { hold(t, "package comment", rulePackageComment) }
func TestEverythingExportedIsExplained(t *testing.T) { hold(t, "documented", ruleDocumented) }
