package lint

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// A test that names what must not be named has to write it in pieces.
var (
	// absolute is a path below a folder that only some machine has. Slashes within
	// a longer path or an address ("a/home/b", "https://x/tmp/y") are not its start.
	absolute = regexp.MustCompile(`(^|[\s"'` + "`" + `(=:,\[<])(/(?:work|root|home|Users|tmp|mnt|opt|var|etc|usr|srv|private)/[\w.+-][^\s"'` + "`" + `)\]>]*)`)
	// upward is a relative path that begins by climbing.
	upward = regexp.MustCompile(`(?:\.\./)+[\w.-]*`)
	// registries are hosts of package registries: which one is used is a setting of the machine.
	registries = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
		`(?:proxy|sum)\.` + `golang\.org`, `goproxy\.` + `(?:io|cn)`, `py` + `pi\.org`, `files\.python` + `hosted\.org`, `(?:registry\.)?npm` + `js\.(?:org|com)`,
		`registry\.yarn` + `pkg\.com`, `repo1?\.maven(?:\.apache)?` + `\.org`, `(?:static\.|index\.)?crates` + `\.io`, `(?:deb|security|ftp)\.debian` + `\.org`, `ruby` + `gems\.org`,
	}, "|") + `)\b`)
	// habits are words about how a text came to be, which is nobody's concern.
	habits = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{`sub-?ag` + `ents?`, `(?:AI|coding) ag` + `ents?`, `work` + `place`, `chat` + `gpt`, `cla` + `ude`, `co` + `pilot`,
		`language mod` + `els?`, `this ses` + `sion of work`}, "|") + `)\b`)
	// unfinished marks what its author meant to come back to.
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|HA` + `CK)\b`)
)

// ci is the one file that knows what lies around the repository on a machine.
const ci = ".ci/run"

// ruleText: no tracked file names a path outside the repository or the host of
// a package registry, or speaks of how it was made.
func ruleText(t tree) []finding {
	var found []finding
	for _, s := range t {
		if !utf8.ValidString(s.text) || strings.Contains(s.path, "/testdata/") && !strings.HasSuffix(s.path, ".go") && !strings.HasSuffix(s.path, ".md") {
			continue // data made elsewhere
		}
		for i, line := range strings.Split(s.text, "\n") {
			add := func(format string, values ...any) {
				found = append(found, finding{rule: "text", path: s.path, line: i + 1, text: fmt.Sprintf(format, values...)})
			}
			if name := registries.FindString(line); name != "" {
				add("names %s, the host of a package registry", name)
			}
			if word := habits.FindString(line); word != "" {
				add("says %q", word)
			}
			if word := unfinished.FindString(line); word != "" && s.ast != nil {
				add("says %q: finish it or write an issue", word)
			}
			if s.path == ci || s.path == "go.sum" {
				continue
			}
			for _, name := range absolute.FindAllStringSubmatch(line, -1) {
				if name[2] != "/usr/bin/env" {
					add("names %s, a path of some machine", name[2])
				}
			}
			for _, name := range upward.FindAllString(line, -1) {
				if climbsOut(s.dir(), name) {
					add("names %s, a path outside the repository", name)
				}
			}
		}
	}
	return found
}

// climbsOut says that a path relative to a folder of the repository leaves it.
func climbsOut(dir, name string) bool {
	return strings.HasPrefix(path.Join(dir, name), "..")
}

// ruleModule: what is built is what go.mod names, for those who install it too.
func ruleModule(t tree) []finding {
	var found []finding
	for _, s := range t {
		if path.Base(s.path) != "go.mod" {
			continue
		}
		for i, line := range strings.Split(s.text, "\n") {
			word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if word == "replace" || word == "exclude" || strings.Contains(line, "=>") {
				found = append(found, finding{rule: "module", path: s.path, line: i + 1, text: word + ": go install refuses modules that have one"})
			}
		}
	}
	return found
}

// ruleLeftovers refuses what property tests leave behind when they fail: a case worth keeping becomes a test with a name.
func ruleLeftovers(t tree) []finding {
	var found []finding
	for _, s := range t {
		if strings.Contains("/"+s.path, "/testdata/rapid/") {
			found = append(found, finding{rule: "leftovers", path: s.path, text: "a failed case of a property test is not tracked: make it a test of its own"})
		}
	}
	return found
}

func TestNoLeftoversAreTracked(t *testing.T)            { hold(t, "leftovers", ruleLeftovers) }
func TestNoTrackedFileNamesWhatLiesAround(t *testing.T) { hold(t, "text", ruleText) }
func TestModuleFileIsPlain(t *testing.T)                { hold(t, "module", ruleModule) }
