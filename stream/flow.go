package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/registry/client"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// The output modes of a sink.
const (
	Append   = connectors.Append
	Update   = connectors.Update
	Complete = connectors.Complete
)

// Flow is what an author writes: steps with names that stay, because state and
// ledger belong to them. It is not safe for concurrent use.
type Flow struct {
	name       string
	graph      topology.Graph
	mistakes   []error
	options    expr.Options
	aggregates *agg.Registry // written in Go; nil: none
	quarantine connectors.Sink
	late       connectors.Sink
	sources    map[string]bool
	replay     *Replay // nil: the flow reads its sources
}

// New returns an empty flow. The name is its identity.
func New(name string) *Flow {
	f := &Flow{name: name, options: expr.NewOptions(), sources: map[string]bool{}}
	f.options.Registry, f.options.ReadFile = client.Open, readFile
	f.options.Schemas = openSchemas
	f.graph.Flow, f.graph.Quarantine = name, -1
	if name == "" {
		f.mistake("", "INVALID_FLOW", "the flow has no name", "a name is the flow's identity: state and ledger belong to it")
	}
	return f
}

// Name returns the flow's name.
func (f *Flow) Name() string { return f.name }

// SessionZone sets the time zone of casts and formats; UTC if never called.
func (f *Flow) SessionZone(z *time.Location) *Flow { f.options.Zone = z; return f }

// ANSI switches Spark's ANSI mode, which is on: off, a cast that fails and a
// division by zero give null.
func (f *Flow) ANSI(on bool) *Flow { f.options.ANSI = on; return f }

// Parallelism sets the number of ranges of key groups and of shares of each
// sink. It may differ from run to run.
func (f *Flow) Parallelism(n int) *Flow {
	if n < 1 || n > 4096 {
		f.mistake("", "INVALID_FLOW", fmt.Sprintf("parallelism %d is not between 1 and 4096", n), "")
		return f
	}
	f.graph.Parallelism = n
	return f
}

// KeyGroups sets the number of key groups: fixed at the flow's first start.
func (f *Flow) KeyGroups(n int) *Flow {
	if n < 1 || n > 1<<15 {
		f.mistake("", "INVALID_FLOW", fmt.Sprintf("%d key groups are not between 1 and 32768", n), "")
		return f
	}
	f.graph.KeyGroups = n
	return f
}

// ActorPerKeyGroup runs every key group in an actor of its own.
func (f *Flow) ActorPerKeyGroup() *Flow { f.graph.ActorPerKeyGroup = true; return f }

// Quarantine names the sink for rows that cannot be decoded or computed. It
// is to be called before the frames are made. Its rows have topology.QuarantineSchema.
func (f *Flow) Quarantine(s connectors.Sink) *Flow {
	if f.quarantine != nil {
		f.mistake("quarantine", "INVALID_FLOW", "the flow has a quarantine already", "")
	}
	f.quarantine, f.options.Quarantine = s, true
	return f
}

// QuarantineSink returns the flow's quarantine, nil if it has none.
func (f *Flow) QuarantineSink() connectors.Sink { return f.quarantine }

// Late names the sink for rows that came behind the watermark and were dropped: with where they came from,
// which step dropped them and by which watermark. Its rows have topology.LateSchema. It is to be called before the frames are
// made: rows then keep all of their columns on the way to the steps that may drop them.
func (f *Flow) Late(s connectors.Sink) *Flow {
	if f.late != nil {
		f.mistake("late", "INVALID_FLOW", "the flow has a sink for late rows already", "")
	}
	f.late = s
	return f
}

// MultipleWatermarkPolicy says how the watermarks of several inputs meet: "min", the default, waits for the slowest
// input; "max" goes with the fastest, and rows of the others that come behind it are late.
func (f *Flow) MultipleWatermarkPolicy(policy string) *Flow {
	if policy != "min" && policy != "max" {
		f.mistake("", "INVALID_FLOW", fmt.Sprintf("multipleWatermarkPolicy is %q; want min or max", policy), "")
		return f
	}
	f.graph.WatermarkPolicy = policy
	return f
}

// From begins a frame with the rows of a source, whose name is stable: its
// positions are kept under it.
func (f *Flow) From(name string, s connectors.Source) *Frame {
	if f.sources[name] {
		f.mistake(name, "DUPLICATE_NAME", fmt.Sprintf("there are two sources called %q", name), "give each a name of its own")
	}
	f.sources[name] = true
	step := f.add(&topology.Step{Name: name, Verb: topology.VerbSource, What: s.Description(), Schema: s.Schema(), Source: s})
	return &Frame{flow: f, name: name, step: step, schema: s.Schema(), qualifiers: all(name, s.Schema())}
}

func all(name string, s *batch.Schema) []string {
	q := make([]string, len(s.Fields))
	for i := range q {
		q[i] = name
	}
	return q
}

func (f *Flow) add(s *topology.Step) int {
	s.What = parse.Mask(s.What)
	f.graph.Steps = append(f.graph.Steps, s)
	return len(f.graph.Steps) - 1
}

// mistake notes what is wrong with a step.
func (f *Flow) mistake(step, class, message, hint string) {
	f.mistakes = append(f.mistakes, &supervision.Failure{Kind: supervision.Fatal, Class: class, Flow: f.name, Step: step, Message: parse.Mask(message), Hint: parse.Mask(hint)})
}

// fault notes an error of a lower room.
func (f *Flow) fault(step string, err error) {
	var known *supervision.Failure
	if errors.As(err, &known) {
		named := *known
		named.Flow, named.Message, named.Hint = f.name, parse.Mask(named.Message), parse.Mask(named.Hint)
		if named.Step == "" {
			named.Step = step
		}
		f.mistakes = append(f.mistakes, &named)
		return
	}
	f.mistake(step, "INVALID_FLOW", err.Error(), "")
}

// Build returns the flow's graph, or every mistake that was made, joined.
func (f *Flow) Build() (*topology.Graph, error) {
	g := f.graph
	g.Steps = append([]*topology.Step(nil), f.graph.Steps...)
	if f.quarantine != nil {
		g.Quarantine = len(g.Steps)
		g.Steps = append(g.Steps, &topology.Step{Name: "quarantine", Verb: topology.VerbSink, What: f.quarantine.Description(),
			Schema: topology.QuarantineSchema, Sink: f.quarantine, Mode: Append})
	}
	if f.late != nil {
		g.Steps = append(g.Steps, &topology.Step{Name: "late", Verb: topology.VerbSink, What: f.late.Description(),
			Schema: topology.LateSchema, Sink: f.late, Mode: Append})
		g.LateSink = len(g.Steps)
	}
	if len(f.mistakes) > 0 {
		return nil, errors.Join(f.mistakes...)
	}
	if err := topology.Validate(&g); err != nil {
		return nil, err
	}
	resolved, err := topology.Resolve(&g)
	if err != nil {
		return nil, err
	}
	if f.replay != nil {
		if resolved, err = f.replayed(resolved); err != nil {
			return nil, err
		}
	}
	if _, err := topology.MakePlan(resolved); err != nil {
		return nil, err
	}
	return resolved, nil
}

// Mistakes returns what is wrong with the flow so far.
func (f *Flow) Mistakes() []error { return f.mistakes }
