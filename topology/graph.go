package topology

import (
	"encoding/json"

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
	// Ports is the port of each input that is read (operators.PortFinal and its
	// like); nil: PortFinal of all.
	Ports  []int
	Schema *batch.Schema

	Source connectors.Source // VerbSource

	// VerbOperate: makes the operator of one task.
	Operator func() operators.Operator
	// For, if not nil, gives Operator once it is resolved how the step is read, or an error why
	// it cannot be read so.
	For func(Use) (func() operators.Operator, error)
	// Ruling says how the step's result may be read, and how it reads its inputs.
	Ruling Ruling
	// Keys, if not nil, are the input columns by whose hash rows are exchanged
	// before this step; the step then runs once per range of key groups.
	Keys []int
	// Stateful steps keep keyed state in a checkpoint location; StateBound says
	// what bounds it, for people.
	Stateful   bool
	StateBound string
	// Tables are the state tables of the step with what bounds them, for explain.
	Tables []TableBound
	// Advice is what an author should know and may want to change, a sentence each.
	Advice []string
	// Updating says that the rows this step reads or passes on have kinds: a
	// changing result.
	Updating bool
	// Watermark is set for the steps that make one.
	Watermark *WatermarkSpec
	// Observe is set for the steps that tell something of each epoch's rows.
	Observe *Observe
	// Fallible steps may reject rows: they are connected to the quarantine.
	Fallible bool
	// Needs says which input columns the step looks at when it is asked for these output columns. nil: all.
	Needs func(output []bool) []bool

	Sink connectors.Sink // VerbSink
	Mode connectors.OutputMode
}

// port returns the port of an input that is read.
func (s *Step) port(input int) int {
	if input < len(s.Ports) {
		return s.Ports[input]
	}
	return operators.PortFinal
}

// GivesChanges reports whether the step is a source that has rows of every kind for those who can take them.
func (s *Step) GivesChanges() bool {
	c, is := s.Source.(connectors.Changing)
	return is && c.Changing()
}

// Use is how a step is read and reads.
type Use struct {
	// Input is the port from which what it reads comes: with PortChanges it is given rows that take back earlier
	// ones, with PortComplete a whole result in each epoch.
	Input int
	// Read says which ports of it are read.
	Read [operators.Ports]bool
}

// Observe says how what the tasks of an operators.Observing tell is put together.
type Observe struct {
	As    string // key in Progress.ObservedMetrics, unique in the flow
	Merge func(parts [][]byte) (Observation, error)
}

// Observation is what a step tells of an epoch.
type Observation struct {
	Metrics      json.RawMessage
	Expectations []Expectation
	Dropped      int64 // rows that expectations left out
}

// TableBound says what bounds a state table.
type TableBound struct {
	Table  string
	Bound  string // for people: "until the watermark passes the window's end"
	Advice string // what to do if it is not bounded, "" if it is
	Ends   bool   // time ends what is in it, unless somebody wants the whole result
}

// WatermarkSpec is how a step makes a watermark.
type WatermarkSpec struct {
	Column int   // of the step's input
	Delay  int64 // microseconds
	// Splits says which split's event time counts: "" or "min", or "max" as Spark has it.
	Splits string
	// IdleAfter is how long, in microseconds, a split that is proved caught up must
	// be quiet to be idle; 0: DefaultIdleAfter, negative: never.
	IdleAfter int64
	// Lead is how far, in microseconds, a split may run ahead of the slowest; 0: DefaultLead, negative: no bound.
	Lead int64
}

// DefaultIdleAfter is how long a split that has nothing left to read is waited for.
const DefaultIdleAfter = 5_000_000

// DefaultLead is how far a split may run ahead of the slowest one, beyond the delay.
const DefaultLead = 3600_000_000

// Graph is a flow's steps.
type Graph struct {
	Flow       string
	Steps      []*Step
	Quarantine int // index of the quarantine's sink step, -1 for none. It has no inputs.
	// LateSink is one more than the index of the sink step for late rows, 0 for none. It has no inputs.
	LateSink int
	// WatermarkPolicy says how the watermarks of several inputs meet: "" or "min", or "max".
	WatermarkPolicy string
	KeyGroups       int // 0: DefaultKeyGroups
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
