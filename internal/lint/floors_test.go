package lint

import (
	"fmt"
	"strings"
	"testing"
)

// floors is the house of DESIGN section 2: a room imports only rooms on lower
// floors. The root package is the room "".
var floors = map[string]int{
	"cmd/node": 13, "cmd/deltaic": 13, // DESIGN has them beside benchmarks; mains wire, and bench commands are among what they wire
	"benchmarks": 12,
	"":           11,
	"node":       10,
	"pipelines":  9, "cluster": 9,
	"sql": 8, "actors": 8,
	"stream": 7, "catalog": 7,
	"topology": 6, "delta": 6,
	"windows":   5,
	"operators": 4, "epochs": 4,
	"connectors": 3, "expr": 3,
	"persistence": 2, "formats": 2,
	"objstore": 1,
	"batch":    0, "supervision": 0,
}

// foundations are rooms of internal that every room may import: they import
// nothing themselves.
var foundations = map[string]bool{"internal/invariant": true, "internal/mutant": true, "internal/pem": true}

// strangers are pairs that must not meet although their floors would let them.
var strangers = []struct{ room, other, reason string }{
	{"actors", "stream", "saying and running meet in the front door only; both know topology"},
	{"delta", "actors", "delta is usable alone"},
	{"delta", "stream", "delta is usable alone"},
	{"delta", "node", "delta is usable alone"},
}

// judges are packages whose word counts only while they share no code with the
// rooms they judge; each with what it may import of the module.
var judges = map[string][]string{
	"internal/oracle": nil,
	"node/demo":       {"internal/oracle"},
	// What Nexmark queries must hold, from the records of the generator alone.
	"benchmarks/nexmark/recompute": {"benchmarks/nexmark"},
}

// roomOf returns the room that a folder of the module belongs to; rooms of
// internal are their own.
func roomOf(dir string) (string, bool) {
	if dir == "" {
		return "", true
	}
	parts := strings.Split(dir, "/")
	if len(parts) > 1 && (parts[0] == "internal" || parts[0] == "cmd") {
		room := parts[0] + "/" + parts[1]
		_, known := floors[room]
		return room, known || parts[0] == "internal"
	}
	_, known := floors[parts[0]]
	return parts[0], known
}

// inModule returns the folder of an import of this module.
func inModule(name string) (string, bool) {
	if name == module {
		return "", true
	}
	return strings.CutPrefix(name, module+"/")
}

// ruleFloors: imports go down. Test files may look up, as far as Go lets them.
func ruleFloors(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		room, known := roomOf(s.dir())
		if !known {
			found = append(found, finding{rule: "floors", path: s.path, line: 1, text: fmt.Sprintf("%q is not a room of the house; give it a floor in floors_test.go and a row in docs/ARCHITECTURE.md", s.dir())})
			continue
		}
		for name, line := range s.imports() {
			other, ours := inModule(name)
			if !ours {
				continue
			}
			if reason := forbidden(s, room, other); reason != "" {
				found = append(found, finding{rule: "floors", path: s.path, line: line, text: fmt.Sprintf("imports %q: %s", other, reason)})
			}
		}
	}
	return found
}

// forbidden returns why a file must not import a folder of the module, "" if it may.
func forbidden(s *source, room, dir string) string {
	if allowed, judge := judges[s.dir()]; judge && !s.test() {
		for _, a := range allowed {
			if a == dir {
				return ""
			}
		}
		return "a judge shares no code with what it judges"
	}
	other, _ := roomOf(dir)
	if s.test() || room == other || foundations[other] {
		return ""
	}
	if foundations[room] {
		return "every room imports this one, so it imports none"
	}
	for _, pair := range strangers {
		if pair.room == room && pair.other == other {
			return pair.reason
		}
	}
	if strings.HasPrefix(room, "internal/") {
		return ""
	}
	if strings.HasPrefix(other, "internal/") {
		if floors[room] >= floors["node"] && room != "" {
			return ""
		}
		return "tools of internal are for tests, commands and benchmarks"
	}
	if strings.HasSuffix(dir, "test") {
		return "kits for tests are for tests"
	}
	if floors[other] >= floors[room] {
		return fmt.Sprintf("imports go down, and %q (floor %d) is not below %q (floor %d)", other, floors[other], room, floors[room])
	}
	return ""
}

func TestImportsGoDown(t *testing.T) { hold(t, "floors", ruleFloors) }
