package topology

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a graph: what an author writes is bounded, as all that comes from outside.
const (
	mostSteps = 1000    // verbs, sources and sinks
	mostReads = 20000   // of steps by others, a union's readers counted for each of its inputs
	mostPaths = 100_000 // from sources to a step, over unions
	mostName  = 200     // bytes
)

// checkNames makes sure that every step has a name of its own that may stand in the names of files, where state, staged rows
// and positions lie below it.
func checkNames(g *Graph) error {
	if len(g.Steps) > mostSteps {
		return planError(g, "the flow has %d steps, with sources, verbs and sinks; at most %d run as one flow", len(g.Steps), mostSteps)
	}
	if why := wrongName(g.Flow); why != "" {
		return planError(g, "the flow is called %.80q, which %s", g.Flow, why)
	}
	names := map[string]bool{}
	for i, s := range g.Steps {
		if s.Name == "" || names[s.Name] {
			return planError(g, "step %d is called %q; every step needs a name of its own", i, s.Name)
		}
		if why := wrongName(s.Name); why != "" {
			return planError(g, "a step is called %.80q, which %s", s.Name, why)
		}
		names[s.Name] = true
	}
	if err := checkPaths(g); err != nil {
		return err
	}
	for _, s := range g.Steps {
		for at := path.Dir(s.Name); at != "." && at != "/"; at = path.Dir(at) {
			if names[at] {
				return planError(g, "the files of step %q would lie among those of step %q; call one of them otherwise", s.Name, at)
			}
		}
	}
	return nil
}

// wrongName says why a name cannot be one, "" if it can.
func wrongName(name string) string {
	switch {
	case len(name) > mostName:
		return "is too long: a name has at most 200 bytes"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "has characters that cannot be seen"
	case path.Clean("/"+name) != "/"+name:
		return "is no name of a file: it has an empty part, or . or .. as one"
	}
	return ""
}

// checkPaths refuses unions of unions by which a step is reached in more ways than can be looked at.
func checkPaths(g *Graph) error {
	ways := make([]int, len(g.Steps))
	for i, s := range g.Steps {
		for _, in := range s.Inputs {
			if in >= 0 && in < i {
				ways[i] += max(1, ways[in])
			}
		}
		if ways[i] > mostPaths {
			return planError(g, "step %s is reached from its sources in more than %d ways, by way of unions", s.Name, mostPaths)
		}
	}
	return nil
}
