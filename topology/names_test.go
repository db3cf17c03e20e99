package topology

import (
	"fmt"
	"strings"
	"testing"
)

// named is a graph whose steps have these names.
func named(flow string, steps ...string) *Graph {
	g := &Graph{Flow: flow, Quarantine: -1, Steps: []*Step{source("in")}}
	for _, name := range steps {
		s := sinkOf(name, 0)
		g.Steps = append(g.Steps, s)
	}
	return g
}

// A name is part of the names of files: it may be none that leads elsewhere, or among the files of another step.
func TestNamesThatAreNone(t *testing.T) {
	for _, g := range []*Graph{named("..", "a"), named("f", "a/../b"), named("f", "a//b"), named("f", "."), named("f", "a\nb"), named("f", "a\xffb"),
		named("f", strings.Repeat("a", 201)), named(strings.Repeat("a", 201), "a"), named("f", "a", "a/staged"), named("f", "a/b/c", "a"), named("f", "/a")} {
		if err := Validate(g); err == nil {
			t.Errorf("the flow %q with the step %q is valid", g.Flow, g.Steps[1].Name)
		}
	}
	if err := Validate(named("one/flow ü", "a/b", "a/c", "ab", strings.Repeat("a", 200))); err != nil {
		t.Error(err)
	}
}

// Unions of unions would run as 2^n steps.
func TestPlansAreBounded(t *testing.T) {
	between := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{source("in")}}
	direct := &Graph{Flow: "f", Quarantine: -1, Steps: []*Step{source("in")}}
	for i := range 60 {
		last := len(between.Steps) - 1
		between.Steps = append(between.Steps, &Step{Name: fmt.Sprint("u", i), Verb: VerbUnion, Inputs: []int{last, last}, Schema: columns},
			&Step{Name: fmt.Sprint("w", i), Verb: VerbOperate, Inputs: []int{last + 1}, Schema: columns})
		direct.Steps = append(direct.Steps, &Step{Name: fmt.Sprint("u", i), Verb: VerbUnion, Inputs: []int{i, i}, Schema: columns})
	}
	for _, g := range []*Graph{between, direct} {
		g.Steps = append(g.Steps, sinkOf("out", len(g.Steps)-1))
		if _, err := MakePlan(g); err == nil || !strings.Contains(err.Error(), "union") {
			t.Errorf("%v", err)
		}
	}
	many := named("f")
	for i := range 1000 {
		many.Steps = append(many.Steps, sinkOf(fmt.Sprint("s", i), 0))
	}
	if err := Validate(many); err == nil || !strings.Contains(err.Error(), "1001 steps") {
		t.Error(err)
	}
}
