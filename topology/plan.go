package topology

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

// Role says what begins or ends a stage, and so how many tasks it has.
type Role uint8

// The roles of stages.
const (
	RoleSource Role = iota // one task per split
	RoleKeyed              // one task per range of key groups
	RoleSink               // one task per share
)

// String returns the role's name.
func (r Role) String() string { return [...]string{"source", "keyed", "sink"}[r] }

// EdgeKind says which task of the next stage a row goes to.
type EdgeKind uint8

// The kinds of edges between stages.
const (
	Hash      EdgeKind = iota // by key group
	Rebalance                 // all rows of a task to one task, tasks spread evenly
)

// Node is a fused step in a stage.
type Node struct {
	Step int // index in the graph
	// Out names what reads each port of the node.
	Out [operators.Ports]Readers
	// Reject is the edge to the quarantine, Late that to the late sink; -1 for none.
	Reject, Late int
}

// Readers are the nodes of the same stage and the edges that read something.
type Readers struct {
	Nodes []int // indexes of Stage.Nodes
	Edges []int // indexes of Plan.Edges
}

// Stage is a fused chain (a tree, where several steps read one): what one task
// runs.
type Stage struct {
	Name  string
	Role  Role
	Step  int // the source's or sink's step; -1 for keyed
	Nodes []Node
	// Heads are the nodes that read what enters the stage, and HeadEdges the
	// edges that read it directly (a source written to a sink as it is).
	Heads     []int
	HeadEdges []int
	Inputs    []int // edges that end here
	// Columns says which columns of the source are looked at (RoleSource).
	Columns []bool
	Origins bool // rows carry their origin, for a quarantine or late rows further down
	// Makers are the nodes that make a watermark (RoleSource).
	Makers []int
}

// Edge connects two stages.
type Edge struct {
	From, To int
	Kind     EdgeKind
	Keys     []int // columns, for Hash
	Schema   *batch.Schema
	Side     bool // carries rejected or late rows, not results
	// Clock says what made the watermark that travels on the edge: edges with the same one
	// belong together. [NoClock] if nothing did.
	Clock int
}

// NoClock is the clock of rows for which no watermark is made.
const NoClock = -1

// Plan is a graph cut into stages.
type Plan struct {
	Graph  *Graph
	Stages []Stage
	Edges  []Edge
}

// MakePlan validates and fuses the graph. Stateless steps join the stage of
// what they read; a step with keys begins a stage; a sink is a stage. A union
// vanishes: what reads it reads each of its inputs.
func MakePlan(g *Graph) (*Plan, error) {
	if err := Validate(g); err != nil {
		return nil, err
	}
	reads, err := readers(g)
	if err != nil {
		return nil, err
	}
	p := &planner{plan: &Plan{Graph: g}, stageOf: map[int]int{}, readers: reads}
	for i, s := range g.Steps {
		switch {
		case s.Verb == VerbSource:
			p.addStage(s.Name, RoleSource, i)
		case s.Verb == VerbSink:
			p.addStage(s.Name, RoleSink, i)
		case s.Keys != nil:
			p.addStage(s.Name, RoleKeyed, i)
		}
	}
	for i := range p.plan.Stages {
		p.fill(i)
	}
	if p.parts > mostReads {
		return nil, planError(g, "the flow runs as more than %d steps, for those behind a union run once for each of its inputs", mostReads)
	}
	if err := p.clocks(); err != nil {
		return nil, err
	}
	p.prune()
	return p.plan, nil
}

// Validate refuses a graph whose steps do not fit together.
func Validate(g *Graph) error {
	if err := checkNames(g); err != nil {
		return err
	}
	for i, s := range g.Steps {
		for n, in := range s.Inputs {
			if in < 0 || in >= i {
				return planError(g, "step %s reads step %d, which does not come before it", s.Name, in)
			}
			if port := s.port(n); port < 0 || port >= operators.Ports {
				return planError(g, "step %s reads port %d of step %s", s.Name, port, g.Steps[in].Name)
			}
		}
		want := map[Verb]bool{VerbSource: len(s.Inputs) == 0, VerbOperate: len(s.Inputs) == 1,
			VerbUnion: len(s.Inputs) > 0, VerbSink: len(s.Inputs) == 1 || i == g.Quarantine || i == g.LateSink-1}
		if !want[s.Verb] {
			return planError(g, "step %s (%s) has %d inputs", s.Name, s.Verb, len(s.Inputs))
		}
	}
	if len(g.Sources()) == 0 {
		return planError(g, "the flow has no source")
	}
	if len(g.Sinks()) == 0 {
		return planError(g, "the flow has no sink")
	}
	return nil
}

func planError(g *Graph, format string, args ...any) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW", Flow: g.Flow, Message: fmt.Sprintf(format, args...)}
}

// reader is a step that reads a port of another.
type reader struct{ step, port int }

// readers returns, for each step, what reads it, unions replaced by their own
// readers.
func readers(g *Graph) ([][]reader, error) {
	direct := make([][]reader, len(g.Steps))
	all := 0
	for i := len(g.Steps) - 1; i >= 0; i-- {
		s := g.Steps[i]
		if all += len(s.Inputs) * max(1, len(direct[i])); all > mostReads {
			return nil, planError(g, "more than %d steps read each other by way of unions", mostReads)
		}
		for n, in := range s.Inputs {
			if s.Verb != VerbUnion {
				direct[in] = append(direct[in], reader{i, s.port(n)})
				continue
			}
			for _, r := range direct[i] {
				direct[in] = append(direct[in], reader{r.step, s.port(n)})
			}
		}
	}
	for i := range direct {
		slices.SortStableFunc(direct[i], func(a, b reader) int { return cmp.Compare(a.step, b.step) })
	}
	return direct, nil
}

type planner struct {
	plan    *Plan
	stageOf map[int]int // of steps that begin a stage
	readers [][]reader
	parts   int // nodes and edges so far; beyond mostReads no more are made
}

func (p *planner) addStage(name string, role Role, step int) {
	p.stageOf[step] = len(p.plan.Stages)
	p.plan.Stages = append(p.plan.Stages, Stage{Name: name, Role: role, Step: step})
}

// fill adds to the stage every step that can run in it.
func (p *planner) fill(stage int) {
	s := &p.plan.Stages[stage]
	switch s.Role {
	case RoleSource:
		out := p.follow(stage, s.Step)
		s = &p.plan.Stages[stage]
		s.Heads, s.HeadEdges = out[operators.PortFinal].Nodes, out[operators.PortFinal].Edges
	case RoleKeyed:
		first := s.Step
		s.Step = -1
		s.Heads = []int{p.addNode(stage, first)}
	}
}

// follow returns the nodes and edges of the stage that read a step's output, by port.
func (p *planner) follow(stage, step int) (out [operators.Ports]Readers) {
	for _, r := range p.readers[step] {
		if p.parts++; p.parts > mostReads {
			return out
		}
		to := &out[r.port]
		if at, begins := p.stageOf[r.step]; begins {
			to.Edges = append(to.Edges, p.addEdge(stage, at, r.step, p.plan.Graph.Steps[step].Schema))
			continue
		}
		to.Nodes = append(to.Nodes, p.addNode(stage, r.step))
	}
	return out
}

func (p *planner) addNode(stage, step int) int {
	g := p.plan.Graph
	s := &p.plan.Stages[stage]
	at := len(s.Nodes)
	s.Nodes = append(s.Nodes, Node{Step: step, Reject: -1, Late: -1})
	if g.Quarantine >= 0 && g.Steps[step].Fallible {
		s.Nodes[at].Reject = p.sideEdge(stage, g.Quarantine)
	}
	if g.LateSink > 0 && g.Steps[step].Stateful {
		s.Nodes[at].Late = p.sideEdge(stage, g.LateSink-1)
	}
	out := p.follow(stage, step)
	p.plan.Stages[stage].Nodes[at].Out = out
	return at
}

func (p *planner) addEdge(from, to, step int, schema *batch.Schema) int {
	e := Edge{From: from, To: to, Kind: Rebalance, Schema: schema, Clock: NoClock}
	if keys := p.plan.Graph.Steps[step].Keys; keys != nil {
		e.Kind, e.Keys = Hash, keys
	}
	return p.connect(e)
}

// sideEdge returns the stage's edge to the sink of rejected or late rows, made at first use.
func (p *planner) sideEdge(stage, sink int) int {
	to := p.stageOf[sink]
	for i, e := range p.plan.Edges {
		if e.Side && e.From == stage && e.To == to {
			return i
		}
	}
	return p.connect(Edge{From: stage, To: to, Kind: Rebalance, Schema: p.plan.Graph.Steps[sink].Schema, Side: true, Clock: NoClock})
}

func (p *planner) connect(e Edge) int {
	at := len(p.plan.Edges)
	p.plan.Edges = append(p.plan.Edges, e)
	p.plan.Stages[e.To].Inputs = append(p.plan.Stages[e.To].Inputs, at)
	return at
}

// prune finds which columns of each source anything looks at.
func (p *planner) prune() {
	g := p.plan.Graph
	needs := make([][]bool, len(g.Steps))
	for i := len(g.Steps) - 1; i >= 0; i-- {
		s := g.Steps[i]
		out := needs[i]
		if s.Verb == VerbSink {
			out = all(s.Schema)
		}
		for _, in := range s.Inputs {
			want := out
			if s.Verb == VerbOperate {
				want = all(g.Steps[in].Schema)
				if s.Needs != nil {
					want = s.Needs(out)
				}
			}
			needs[in] = or(needs[in], want, len(g.Steps[in].Schema.Fields))
		}
	}
	for i := range p.plan.Stages {
		if s := &p.plan.Stages[i]; s.Role == RoleSource {
			s.Columns = or(nil, needs[s.Step], len(g.Steps[s.Step].Schema.Fields))
			s.Origins = g.Quarantine >= 0 || g.LateSink > 0
		}
	}
}

func all(s *batch.Schema) []bool {
	v := make([]bool, len(s.Fields))
	for i := range v {
		v[i] = true
	}
	return v
}

func or(a, b []bool, n int) []bool {
	v := make([]bool, n)
	for i := range v {
		v[i] = i < len(a) && a[i] || i < len(b) && b[i]
	}
	return v
}

// Range returns the key groups [lo, hi) of task i of n.
func Range(groups, n, i int) (lo, hi int) {
	return groups * i / n, groups * (i + 1) / n
}

// TaskOf returns, for each key group, the task of n that owns it.
func TaskOf(groups, n int) []int32 {
	of := make([]int32, groups)
	for i := range n {
		lo, hi := Range(groups, n, i)
		for g := lo; g < hi; g++ {
			of[g] = int32(i)
		}
	}
	return of
}
