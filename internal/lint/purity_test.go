package lint

import (
	"fmt"
	"go/ast"
	"testing"
)

// pure rooms have no goroutine, clock, logger or I/O except through interfaces
// handed to them, so that the same task steps under a seed.
var pure = map[string]bool{"batch": true, "expr": true, "operators": true, "windows": true, "topology": true, "stream": true,
	"sql": true, "pipelines": true, "supervision": true, "epochs": true}

// onCall rooms do I/O when they are called; clock and randomness are injected
// and goroutines are joined before the call returns.
var onCall = map[string]bool{"objstore": true, "formats": true, "connectors": true, "delta": true, "persistence": true, "catalog": true}

// clocks are the functions of package time that read the clock or wait on it.
var clocks = map[string]bool{"Now": true, "Since": true, "Until": true, "After": true, "AfterFunc": true, "NewTimer": true,
	"NewTicker": true, "Tick": true, "Sleep": true}

// world lists the packages with which a room reaches outside on its own.
var world = map[string]string{
	"os": "files", "os/exec": "programs", "os/signal": "signals", "os/user": "the machine", "io/ioutil": "files", "net": "the network", "net/http": "the network",
	"syscall": "the operating system", "log": "a logger", "log/slog": "a logger", "math/rand": "randomness", "math/rand/v2": "randomness", "crypto/rand": "randomness",
}

// files says which rooms may name package os at all: every other durable
// write goes through objstore, so that it can fail, tear or be the last one.
// The front door ends the process with the exit code of its main.
var files = map[string]bool{"": true, "objstore": true, "node": true, "cmd/node": true, "cmd/deltaic": true, "benchmarks": true}

// rulePure: pure rooms do not reach outside.
func rulePure(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		room, _ := roomOf(s.dir())
		if s.test() || !pure[room] {
			continue
		}
		for name, line := range s.imports() {
			if what := world[name]; what != "" {
				found = append(found, finding{rule: "pure", path: s.path, line: line, text: fmt.Sprintf("a pure room has %s handed to it, it does not import %s", what, name)})
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = append(found, finding{rule: "pure", path: s.path, line: s.line(n.Pos()), text: "a pure room starts no goroutine"})
			case *ast.SelectorExpr:
				if name := selected(s, n, "time"); clocks[name] {
					found = append(found, finding{rule: "pure", path: s.path, line: s.line(n.Pos()), text: "a pure room has its clock handed to it: time." + name})
				}
			}
			return true
		})
	}
	return found
}

// ruleOnCall: rooms that do I/O when called ask no clock of their own; naming
// time.Now as a default is how a clock is injected, so only calls count.
// Goroutines need an excuse that says who joins them.
func ruleOnCall(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		room, _ := roomOf(s.dir())
		if s.test() || !onCall[room] {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = append(found, finding{rule: "oncall", path: s.path, line: s.line(n.Pos()), text: "a goroutine: say in the excuse who joins it before the call returns"})
			case *ast.CallExpr:
				sel, _ := n.Fun.(*ast.SelectorExpr)
				if sel == nil {
					break
				}
				if name := selected(s, sel, "time"); clocks[name] {
					found = append(found, finding{rule: "oncall", path: s.path, line: s.line(n.Pos()), text: "clocks are injected: time." + name})
				}
				if name := selected(s, sel, "math/rand/v2", "math/rand"); name != "" && ast.IsExported(name) && name[:1] != "N" {
					found = append(found, finding{rule: "oncall", path: s.path, line: s.line(n.Pos()), text: "randomness is injected: rand." + name})
				}
			}
			return true
		})
	}
	return found
}

// ruleFiles: durable I/O goes through objstore; no program is started by the service.
func ruleFiles(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		room, _ := roomOf(s.dir())
		if s.test() || roomOfInternal(room) {
			continue
		}
		for name, line := range s.imports() {
			switch {
			case name == "os/exec" && room != "benchmarks":
				found = append(found, finding{rule: "files", path: s.path, line: line, text: "no program is ever started by the service"})
			case name == "os" && !files[room]:
				found = append(found, finding{rule: "files", path: s.path, line: line, text: "all durable I/O goes through objstore or Pebble's vfs, so that every write can fail, tear or be the last one"})
			}
		}
		if room == "node" || room == "benchmarks" || room == "cmd/node" || room == "cmd/deltaic" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if sel, is := n.(*ast.SelectorExpr); is {
				if name := selected(s, sel, "fmt"); name == "Print" || name == "Println" || name == "Printf" {
					found = append(found, finding{rule: "files", path: s.path, line: s.line(n.Pos()), text: "a library writes nothing to standard output: fmt." + name})
				}
			}
			return true
		})
	}
	return found
}

func roomOfInternal(room string) bool { return len(room) > 9 && room[:9] == "internal/" }

// ruleSleep: a test waits for an event or on a virtual clock. Inside
// testing/synctest a sleep is virtual, so files that import it may sleep.
func ruleSleep(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		if _, virtual := s.imports()["testing/synctest"]; virtual || !s.test() {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if sel, is := n.(*ast.SelectorExpr); is && selected(s, sel, "time") == "Sleep" {
				found = append(found, finding{rule: "sleep", path: s.path, line: s.line(n.Pos()), text: "a test waits for an event or in testing/synctest, it does not sleep"})
			}
			return true
		})
	}
	return found
}

// selected returns the name that an expression takes out of one of the packages,
// "" if it is about something else.
func selected(s *source, sel *ast.SelectorExpr, packages ...string) string {
	id, is := sel.X.(*ast.Ident)
	if !is {
		return ""
	}
	for _, spec := range s.ast.Imports {
		for _, p := range packages {
			if spec.Path.Value != `"`+p+`"` {
				continue
			}
			name := baseName(p)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if id.Name == name {
				return sel.Sel.Name
			}
		}
	}
	return ""
}

// baseName is the name under which a package of the standard library is used.
func baseName(p string) string {
	switch p {
	case "math/rand/v2", "math/rand":
		return "rand"
	}
	return p
}

func TestPureRoomsArePure(t *testing.T)             { hold(t, "pure", rulePure) }
func TestRoomsThatDoIOWhenCalled(t *testing.T)      { hold(t, "oncall", ruleOnCall) }
func TestDurableWritesGoThroughStores(t *testing.T) { hold(t, "files", ruleFiles) }
func TestTestsDoNotSleep(t *testing.T)              { hold(t, "sleep", ruleSleep) }
