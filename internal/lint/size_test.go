package lint

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

const (
	linesOfFile     = 500 // about 150 is the aim; at 500 a file holds more than one idea
	linesOfFunction = 70  // one screen
)

// ruleSize: no file and no function grows past its limit. Tests may have long
// tables, so their functions are not measured.
func ruleSize(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		if n := strings.Count(s.text, "\n"); n > linesOfFile {
			found = append(found, finding{rule: "size", path: s.path, line: 0, text: fmt.Sprintf("the file has %d lines, more than %d", n, linesOfFile), size: n})
		}
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		for _, d := range s.ast.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || f.Body == nil {
				continue
			}
			if n := s.line(f.End()) - s.line(f.Pos()) + 1; n > linesOfFunction {
				found = append(found, finding{rule: "size", path: s.path, line: s.line(f.Pos()), text: fmt.Sprintf("%s has %d lines, more than %d", f.Name.Name, n, linesOfFunction), size: n})
			}
		}
	}
	return found
}

func TestFilesAndFunctionsStaySmall(t *testing.T) { hold(t, "size", ruleSize) }
