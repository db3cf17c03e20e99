package topology

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

// Reading says how a step reads an input whose result changes.
type Reading uint8

// The ways of reading.
const (
	// ReadAlike steps pass rows on: they read by the port by which they are read. A step that is
	// read by two ports runs once for each.
	ReadAlike Reading = iota
	// ReadChanges steps keep a result of their own up to date: they read the changes of their
	// input, and its final rows where their own result must be final.
	ReadChanges
	// ReadFinal steps decide once a row, for ever: they read rows that never change.
	ReadFinal
)

// Ruling says by which ports a step's result can be read. The zero value is
// that of a verb that passes rows on.
type Ruling struct {
	Reading Reading
	Refuses [operators.Ports]Refusal
}

// Refusal says why a step's result cannot be read by a port, and what to do instead; the zero
// value: it can.
type Refusal struct{ Why, Hint string }

// PortOf returns the port that a sink in this mode reads.
func PortOf(m connectors.OutputMode) int {
	return map[connectors.OutputMode]int{connectors.Update: operators.PortChanges, connectors.Complete: operators.PortComplete}[m]
}

// suffix tells the variants of a step apart by how they read their input. It is part of the
// address of state, so it depends on nothing else.
var suffix = [operators.Ports]string{operators.PortChanges: "-changes", operators.PortComplete: "-complete"}

// Resolve turns a graph as it was said into one that can be planned: each sink's mode becomes the
// port by which it reads, and so for every step above it; a step that has to be read in two ways
// and cannot do both at once becomes two. What no sink reads is left out. Refused are the
// modes that Spark refuses, less those that work here, each with a sentence why.
//
// A source that can give changes gives them if all that read it can take them; otherwise it is read as one whose rows never change.
func Resolve(g *Graph) (*Graph, error) {
	final := map[int]bool{} // sources of which somebody reads rows that never change
	for {
		known := len(final)
		resolved, err := resolve(g, final)
		if len(final) == known {
			return resolved, err
		}
	}
}

func resolve(g *Graph, final map[int]bool) (*Graph, error) {
	r := &resolver{graph: g, final: final, variants: make([][]*variant, len(g.Steps)), changing: make([]bool, len(g.Steps))}
	for i, s := range g.Steps {
		r.changing[i] = r.changes(i, s)
	}
	for _, i := range g.Sinks() {
		if err := r.sink(i); err != nil {
			return nil, err
		}
	}
	return r.emit()
}

// variant is a step as it runs: the same step over other ports of its inputs is another one.
type variant struct {
	inputs []reading
	class  int // the greatest among its inputs
	index  int // in the resolved graph
	read   [operators.Ports]bool
}

// reading is an input as it is read.
type reading struct {
	of    *variant
	port  int
	class int // the port of the step with a result of its own from which the rows come
}

type resolver struct {
	graph    *Graph
	final    map[int]bool // sources that are read as if their rows never changed
	variants [][]*variant // by step
	changing []bool       // by step: its result may be another tomorrow
}

// changes reports whether rows of the step may be taken back.
func (r *resolver) changes(i int, s *Step) bool {
	if s.Verb == VerbSource {
		return s.GivesChanges() && !r.final[i]
	}
	switch s.Ruling.Reading {
	case ReadChanges:
		return true
	case ReadFinal:
		return s.Ruling.Refuses[operators.PortChanges].Why == "" || s.Ruling.Refuses[operators.PortComplete].Why == ""
	}
	return slices.ContainsFunc(s.Inputs, func(in int) bool { return r.changing[in] })
}

func (r *resolver) sink(i int) error {
	s := r.graph.Steps[i]
	if err := r.takes(s); err != nil {
		return err
	}
	var inputs []reading
	for _, in := range s.Inputs {
		read, refusal := r.need(in, PortOf(s.Mode))
		if refusal != nil {
			return r.refuse(s, *refusal)
		}
		inputs = append(inputs, *read)
	}
	r.variant(i, inputs)
	return nil
}

// takes refuses a sink that cannot take the rows of its mode.
func (r *resolver) takes(s *Step) error {
	modes := []connectors.OutputMode{connectors.Append}
	if taker, is := s.Sink.(connectors.ModeTaker); is {
		modes = taker.Modes()
	}
	if s.Mode == "" || slices.Contains(modes, s.Mode) {
		return nil
	}
	words := make([]string, len(modes))
	for i, m := range modes {
		words[i] = string(m)
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE", Flow: r.graph.Flow, Step: s.Name,
		Message: fmt.Sprintf("the sink %s (%s) does not take output mode %s: it takes %s", s.Name, s.What, s.Mode, strings.Join(words, " and ")),
		Hint:    "choose a mode that it takes, or a sink that takes rows that change"}
}

func (r *resolver) refuse(sink *Step, why Refusal) error {
	mode := sink.Mode
	if mode == "" {
		mode = connectors.Append
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION", Flow: r.graph.Flow, Step: sink.Name,
		Message: fmt.Sprintf("the sink %s cannot be written in output mode %s: %s", sink.Name, mode, why.Why), Hint: why.Hint}
}

// need returns how to read a step's result by a port, or why that cannot be.
func (r *resolver) need(i, port int) (*reading, *Refusal) {
	s := r.graph.Steps[i]
	if !r.changing[i] {
		if no := s.Ruling.Refuses[port]; port == operators.PortComplete && no.Why == "" {
			return nil, &Refusal{Why: fmt.Sprintf("no step before %s keeps a result that could be written as a whole", s.Name), Hint: "use append, or aggregate before the sink"}
		}
		if port == operators.PortChanges {
			port = operators.PortFinal // rows that never change are their own changes
		}
	}
	if no := s.Ruling.Refuses[port]; no.Why != "" {
		return nil, &Refusal{Why: s.Name + " (" + s.What + ") " + no.Why, Hint: no.Hint}
	}
	if s.Verb == VerbSource && r.changing[i] {
		return r.source(i, port)
	}
	inputs := make([]reading, 0, len(s.Inputs))
	for _, in := range s.Inputs {
		read, refusal := r.input(s, in, port)
		if refusal != nil {
			return nil, refusal
		}
		inputs = append(inputs, *read)
	}
	v := r.variant(i, inputs)
	if s.Ruling.Reading == ReadAlike {
		v.read[operators.PortFinal] = true
		return &reading{v, operators.PortFinal, v.class}, nil
	}
	v.read[port] = true
	return &reading{v, port, port}, nil
}

// source returns how a source that can give changes is read. Where it cannot be read so, the flow is resolved anew.
func (r *resolver) source(i, port int) (*reading, *Refusal) {
	if port == operators.PortComplete {
		return nil, &Refusal{Why: fmt.Sprintf("no step after %s keeps a result that could be written as a whole", r.graph.Steps[i].Name), Hint: "use append or update, or aggregate before the sink"}
	}
	if port == operators.PortFinal {
		r.final[i] = true
	}
	v := r.variant(i, nil)
	v.class = operators.PortChanges
	return &reading{v, operators.PortFinal, operators.PortChanges}, nil
}

// input returns how a step that is read by a port reads its input.
func (r *resolver) input(s *Step, in, port int) (*reading, *Refusal) {
	switch {
	case s.Ruling.Reading == ReadAlike:
		return r.need(in, port)
	case s.Ruling.Reading == ReadFinal:
		read, refusal := r.need(in, operators.PortFinal)
		if refusal != nil { // whatever the mode, so a hint at another one would not help
			refusal = &Refusal{Why: fmt.Sprintf("%s (%s) reads rows that never change, and %s", s.Name, s.What, refusal.Why),
				Hint: "set a watermark and group by a window over its column, or leave " + s.Name + " out"}
		}
		return read, refusal
	case port == operators.PortFinal:
		return r.need(in, operators.PortFinal)
	}
	read, refusal := r.need(in, operators.PortChanges)
	if refusal == nil {
		return read, nil
	}
	// An input that has no changes, such as sessions, may have final rows.
	if read, err := r.need(in, operators.PortFinal); err == nil {
		return read, nil
	}
	return nil, refusal
}

// variant returns the step over these inputs, made if it is the first time.
func (r *resolver) variant(i int, inputs []reading) *variant {
	for _, v := range r.variants[i] {
		if slices.Equal(v.inputs, inputs) {
			return v
		}
	}
	v := &variant{inputs: inputs}
	for _, in := range inputs {
		v.class = max(v.class, in.class)
	}
	r.variants[i] = append(r.variants[i], v)
	return v
}

// emit makes the graph of the variants, in the order in which steps were said.
func (r *resolver) emit() (*Graph, error) {
	g := *r.graph
	g.Steps = nil
	g.Quarantine, g.LateSink = -1, 0
	for i, s := range r.graph.Steps {
		if s.Verb == VerbSource && len(r.variants[i]) == 0 {
			r.variant(i, nil) // read or not, a source is part of the flow
		}
		slices.SortFunc(r.variants[i], func(a, b *variant) int { return a.class - b.class })
		for _, v := range r.variants[i] {
			v.index = len(g.Steps)
			step, err := r.step(i, v)
			if err != nil {
				return nil, err
			}
			g.Steps = append(g.Steps, step)
		}
		if i == r.graph.Quarantine {
			g.Quarantine = len(g.Steps) - 1
		}
		if i == r.graph.LateSink-1 {
			g.LateSink = len(g.Steps)
		}
	}
	return &g, nil
}

func (r *resolver) step(i int, v *variant) (*Step, error) {
	s := *r.graph.Steps[i]
	s.Inputs, s.Ports, s.Updating = nil, nil, false
	for _, in := range v.inputs {
		s.Inputs = append(s.Inputs, in.of.index)
		s.Ports = append(s.Ports, in.port)
		s.Updating = s.Updating || in.class == operators.PortChanges
	}
	s.Updating = s.Updating || s.Verb == VerbSource && v.class == operators.PortChanges
	if v.read[operators.PortComplete] {
		s.Tables, s.StateBound = whole(&s)
	}
	if s.For != nil {
		var err error
		if s.Operator, err = s.For(Use{Input: v.class, Read: v.read}); err != nil {
			return nil, r.graph.named(err, s.Name)
		}
	}
	if len(r.variants[i]) > 1 || s.Stateful {
		s.Name += suffix[v.class]
	}
	if len(r.variants[i]) > 1 && s.Observe != nil {
		s.Observe = &Observe{As: s.Observe.As + suffix[v.class], Merge: s.Observe.Merge}
	}
	return &s, nil
}

// named adds flow and step to an error that does not say them.
func (g *Graph) named(err error, step string) error {
	var known *supervision.Failure
	if !errors.As(err, &known) {
		return planError(g, "step %s: %v", step, err)
	}
	f := *known
	f.Flow, f.Step = g.Flow, cmp.Or(f.Step, step)
	return &f
}

// whole says that tables which time would empty are kept, because a sink wants the whole result.
func whole(s *Step) ([]TableBound, string) {
	tables, bound := slices.Clone(s.Tables), s.StateBound
	for i, t := range tables {
		if t.Ends {
			tables[i] = TableBound{Table: t.Table, Bound: "every window and group, never evicted: a sink in output mode complete has the whole result",
				Advice: "state of " + s.Name + " grows with every window: output mode append or update lets the watermark drop what is over"}
			bound = tables[i].Bound
		}
	}
	return tables, bound
}
