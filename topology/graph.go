package topology

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/operators"
)

// DefaultKeyGroups is the number of key groups of a job that does not say.
const DefaultKeyGroups = 256

// Verb says what a step is.
type Verb string

// The verbs a plan distinguishes; what an operator does is its own affair.
const (
	VerbSource  Verb = "source"
	VerbOperate Verb = "operate"
	VerbUnion   Verb = "union"
	VerbSink    Verb = "sink"
)

// Step is one thing an author said.
type Step struct {
	Name   string // stable and unique in the graph
	Verb   Verb
	What   string // for people: "select", "where", "dropDuplicates(n)", "kafka"
	Inputs []int  // indexes of steps in the graph; they come earlier
	Schema *batch.Schema

	Source connectors.Source // VerbSource

	// VerbOperate: makes the operator of one task.
	Operator func() operators.Operator
	// Keys, if not nil, are the input columns by whose hash rows are exchanged
	// before this step; the step then runs once per range of key groups.
	Keys []int
	// Stateful steps keep keyed state in a checkpoint location; StateBound says
	// what bounds it, for people.
	Stateful   bool
	StateBound string
	// Fallible steps may reject rows: they are connected to the quarantine.
	Fallible bool
	// Needs says which input columns the step looks at when it is asked for these output columns. nil: all.
	Needs func(output []bool) []bool

	Sink connectors.Sink // VerbSink
	Mode connectors.OutputMode
}

// Graph is a flow's steps.
type Graph struct {
	Flow       string
	Steps      []*Step
	Quarantine int // index of the quarantine's sink step, -1 for none. It has no inputs.
	KeyGroups  int // 0: DefaultKeyGroups
	// Parallelism is the number of ranges of key groups and of shares of each
	// sink. 0: chosen by whoever runs.
	Parallelism int
	// ActorPerKeyGroup runs ranges of width one, whatever the parallelism.
	ActorPerKeyGroup bool
}

// Sources returns the indexes of the source steps.
func (g *Graph) Sources() []int { return g.indexes(VerbSource) }

// Sinks returns the indexes of the sink steps, the quarantine's included.
func (g *Graph) Sinks() []int { return g.indexes(VerbSink) }

func (g *Graph) indexes(v Verb) []int {
	var found []int
	for i, s := range g.Steps {
		if s.Verb == v {
			found = append(found, i)
		}
	}
	return found
}

// Stateful reports whether any step keeps keyed state.
func (g *Graph) Stateful() bool {
	for _, s := range g.Steps {
		if s.Stateful {
			return true
		}
	}
	return false
}
