package topology

import (
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/operators"
)

func maker(name string, input int) *Step {
	s := operate(name, input)
	s.Watermark = &WatermarkSpec{}
	return s
}

// clocks returns the clock of each edge that leads to a stage.
func clocks(p *Plan, stage string) (found []int) {
	for _, e := range p.Edges {
		if p.Stages[e.To].Name == stage {
			found = append(found, e.Clock)
		}
	}
	slices.Sort(found)
	return found
}

func TestTheClockOfAnEdgeIsWhatMadeItsWatermark(t *testing.T) {
	const a, b, ma, mb, raw, both = 0, 1, 2, 3, 4, 5
	steps := []*Step{source("a"), source("b"), maker("ma", a), maker("mb", b), operate("raw", b),
		{Name: "both", Verb: VerbUnion, Inputs: []int{ma, mb, raw}, Schema: columns}}
	steps = append(steps, keyed("keyed", both, 0), sinkOf("out", 6), sinkOf("beside", raw))
	p := plan(t, &Graph{Flow: "f", Quarantine: -1, Steps: steps})
	if got := clocks(p, "keyed"); !slices.Equal(got, []int{NoClock, ma, mb}) {
		t.Errorf("clocks into the keyed step: %v", got)
	}
	if got := clocks(p, "beside"); !slices.Equal(got, []int{NoClock}) {
		t.Errorf("clocks of a branch without a watermark: %v", got)
	}
	if got := clocks(p, "out"); len(got) != 1 || got[0] < len(steps) {
		t.Errorf("behind the step in which two clocks meet: %v, want a clock of its own", got)
	}
	if got := p.Stages[0].Makers; len(got) != 1 || p.Graph.Steps[p.Stages[0].Nodes[got[0]].Step].Name != "ma" {
		t.Errorf("makers of the first source: %v", got)
	}
}

// A watermark made behind a union is one clock, whatever the sources.
func TestAWatermarkBehindAUnionIsOneClock(t *testing.T) {
	steps := []*Step{source("a"), source("b"), {Name: "both", Verb: VerbUnion, Inputs: []int{0, 1}, Schema: columns}, maker("m", 2)}
	steps = append(steps, keyed("keyed", 3, 0), sinkOf("out", 4))
	p := plan(t, &Graph{Flow: "f", Quarantine: -1, Steps: steps})
	if got := clocks(p, "keyed"); !slices.Equal(got, []int{3, 3}) {
		t.Errorf("clocks %v", got)
	}
	if got := clocks(p, "out"); !slices.Equal(got, []int{3}) {
		t.Errorf("clocks behind the keyed step %v", got)
	}
}

func TestAWatermarkBehindAnExchangeIsRefused(t *testing.T) {
	steps := []*Step{source("a"), keyed("keyed", 0, 0), maker("m", 1), sinkOf("out", 2)}
	if _, err := MakePlan(&Graph{Flow: "f", Quarantine: -1, Steps: steps}); err == nil || !strings.Contains(err.Error(), "splits can no longer be told apart") {
		t.Fatal(err)
	}
}

func TestPortsHaveTheirOwnReaders(t *testing.T) {
	steps := []*Step{source("a"), keyed("keyed", 0, 0), sinkOf("final", 1), sinkOf("changes", 1), operate("more", 1), sinkOf("whole", 4)}
	steps[3].Ports, steps[4].Ports = []int{operators.PortChanges}, []int{operators.PortComplete}
	p := plan(t, &Graph{Flow: "f", Quarantine: -1, Steps: steps})
	var node *Node
	for i := range p.Stages {
		if p.Stages[i].Name == "keyed" {
			node = &p.Stages[i].Nodes[0]
		}
	}
	for port, want := range [operators.Ports][2]int{{0, 1}, {0, 1}, {1, 0}} {
		if got := node.Out[port]; len(got.Nodes) != want[0] || len(got.Edges) != want[1] {
			t.Errorf("port %d is read by %+v", port, got)
		}
	}
	steps[3].Ports = []int{operators.Ports}
	if _, err := MakePlan(&Graph{Flow: "f", Quarantine: -1, Steps: steps}); err == nil {
		t.Error("a port that there is not was planned")
	}
}
