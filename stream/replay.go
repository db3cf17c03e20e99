package stream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// Replay is what goes back into a flow out of its quarantine. Each row enters the step that rejected it, as the flow says it now, and goes on
// from there with the flow's own state into its own sinks; in the same epoch it is marked in the quarantine. The flow's sources stay where they are.
type Replay struct {
	// Rows are the rows, with the columns of topology.QuarantineSchema. nil: none go back, and the run only
	// finishes what an earlier one has decided.
	Rows connectors.Source
	// From names the steps that rejected them; of rows that were rejected before any step could be named, the sources.
	From []Rejecter
	// Repair are items of a select list over the columns that the step was given: each replaces the column of its name, and the others stay.
	Repair string
}

// Rejecter is a step that rejected rows, or, without a step, the source whose rows were rejected whole.
type Rejecter struct{ Step, Source string }

// ByKey is a sink that can also be written by key.
type ByKey interface {
	// ByKeys returns a sink of the same place that replaces rows by these columns.
	ByKeys(keys ...string) connectors.Sink
}

// Replay makes a flow one of which a run gives back what r names and reads nothing else.
func (f *Flow) Replay(r Replay) *Flow { f.replay = &r; return f }

// replayer changes a graph for a replay.
type replayer struct {
	flow    *Flow
	from    *topology.Graph
	to      *topology.Graph
	at      []int              // by step of from: in to
	before  map[int][]Rejecter // by step of from: whose rows enter before it
	behind  map[int][]Rejecter // by source
	source  int                // in to
	entries []entry
}

// entry is a way by which rows enter.
type entry struct {
	name         string
	read, repair *topology.Step // repair: nil if there is none
}

func (f *Flow) replayed(g *topology.Graph) (*topology.Graph, error) {
	for i, s := range g.Steps {
		if s.Verb == topology.VerbSource {
			c := *s
			c.Source = connectors.Frozen(s.Source)
			g.Steps[i] = &c
		}
	}
	if f.replay.Rows == nil {
		return g, nil
	}
	if g.Quarantine < 0 {
		return nil, f.unreplayable("the flow has no quarantine", "name the one that the rows are in")
	}
	r := f.replayer(g)
	if err := r.places(); err != nil {
		return nil, err
	}
	return r.run()
}

func (f *Flow) replayer(g *topology.Graph) *replayer {
	to := *g
	to.Steps = nil
	return &replayer{flow: f, from: g, to: &to, before: map[int][]Rejecter{}, behind: map[int][]Rejecter{}}
}

func (f *Flow) unreplayable(message, hint string) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "QUARANTINE_NOT_REPLAYABLE", Flow: f.name, Message: message, Hint: hint}
}

// places finds where the rows enter.
func (r *replayer) places() error {
	var names []string
	for _, s := range r.from.Steps {
		names = append(names, s.Name)
	}
	for _, of := range r.flow.replay.From {
		name := of.Step
		if name == "" {
			name = of.Source
		}
		at := slices.Index(names, name)
		if at < 0 {
			return r.flow.unreplayable(fmt.Sprintf("rows were rejected by %q, and the flow has no step of that name; there are %s", name, strings.Join(names, ", ")),
				"give the step its name back, or leave its rows out with --where")
		}
		switch s := r.from.Steps[at]; {
		case s.Verb == topology.VerbSource:
			r.behind[at] = append(r.behind[at], of)
			continue
		case s.Verb != topology.VerbOperate:
			return r.flow.unreplayable(fmt.Sprintf("step %q is a %s: no row can enter it", name, s.Verb), "leave its rows out with --where")
		}
		for folds(r.from.Steps[r.from.Steps[at].Inputs[0]]) {
			at = r.from.Steps[at].Inputs[0]
		}
		r.before[at] = append(r.before[at], of)
	}
	return nil
}

// folds reports whether the step folds rows before an exchange: what enters the step behind it has to be folded too.
func folds(s *topology.Step) bool {
	last := len(s.Schema.Fields) - 1
	return last >= 0 && s.Schema.Fields[last].Name == agg.FoldedField.Name && len(s.Inputs) == 1
}

// run makes the graph.
func (r *replayer) run() (*topology.Graph, error) {
	r.source = r.add(&topology.Step{Name: topology.ReplaySource, Verb: topology.VerbSource, What: "quarantine", Schema: topology.QuarantineSchema, Source: r.flow.replay.Rows})
	marks, err := r.marks()
	if err != nil {
		return nil, err
	}
	for i, s := range r.from.Steps {
		c := *s
		c.Inputs = slices.Clone(s.Inputs)
		for n, in := range c.Inputs {
			c.Inputs[n] = r.at[in]
		}
		if of := r.before[i]; len(of) > 0 {
			port := operators.PortFinal
			if len(c.Ports) > 0 {
				port = c.Ports[0]
			}
			if c.Inputs[0], err = r.enter(r.from.Steps[s.Inputs[0]], c.Inputs[0], port, &c, of); err != nil {
				return nil, err
			}
			c.Ports = append([]int{operators.PortFinal}, c.Ports[min(1, len(c.Ports)):]...)
		}
		if i == r.from.Quarantine {
			if c.Sink, err = r.byKey(c.Sink); err != nil {
				return nil, err
			}
			c.Inputs, c.Ports, c.Mode = []int{marks}, nil, Update
			r.to.Quarantine = len(r.to.Steps)
		}
		at := r.add(&c)
		if i == r.from.LateSink-1 {
			r.to.LateSink = at + 1
		}
		if of := r.behind[i]; len(of) > 0 {
			if at, err = r.enter(s, at, operators.PortFinal, &c, of); err != nil {
				return nil, err
			}
		}
		r.at = append(r.at, at)
	}
	return r.to, nil
}

func (r *replayer) add(s *topology.Step) int {
	r.to.Steps = append(r.to.Steps, s)
	return len(r.to.Steps) - 1
}

func (r *replayer) byKey(s connectors.Sink) (connectors.Sink, error) {
	k, is := s.(ByKey)
	if !is {
		return nil, r.flow.unreplayable("the quarantine is no Delta table: rows cannot be marked in it", "")
	}
	return k.ByKeys(topology.QuarantineKey), nil
}

// marks adds the step that marks what goes back.
func (r *replayer) marks() (int, error) {
	items, err := expr.BindSelect([]string{"*"}, topology.QuarantineSchema, r.flow.options)
	if err != nil {
		return 0, err
	}
	now, err := expr.Bind("current_timestamp()", topology.QuarantineSchema, r.flow.options)
	if err != nil {
		return 0, err
	}
	items[topology.QuarantineSchema.Index("replayed_at")].Bound = now
	return r.add(&topology.Step{Name: "quarantine-mark", Verb: topology.VerbOperate, What: "mark what goes back", Inputs: []int{r.source}, Schema: topology.QuarantineSchema,
		Operator: func() operators.Operator { return operators.NewProject(items) }}), nil
}

// enter adds the steps that bring rows to a step, beside the one that gives them otherwise, and returns the union of both.
func (r *replayer) enter(gives *topology.Step, at, port int, to *topology.Step, of []Rejecter) (int, error) {
	name, updating := to.Name, to.Updating
	union := &topology.Step{Name: "quarantine-union-" + name, Verb: topology.VerbUnion, What: "union", Schema: gives.Schema, Inputs: []int{at}, Ports: []int{port}, Updating: updating}
	trees, made, err := r.repairs(gives, name)
	if err != nil {
		return 0, err
	}
	for n, who := range of {
		o := operators.ReviveOptions{Step: who.Step, Source: who.Source, Schema: gives.Schema, StepColumn: topology.QuarantineStep, SourceColumn: topology.QuarantineSource,
			Record: topology.QuarantineRecord, Value: topology.QuarantineValue, Version: topology.QuarantineVersion, Change: topology.QuarantineChange,
			Updating: updating, Made: made}
		if _, err := operators.NewRevive(o); err != nil {
			return 0, r.flow.unreplayable(fmt.Sprintf("the rows that %s was given cannot be read back: %v", name, err), "leave them out with --where")
		}
		suffix := name
		if n > 0 {
			suffix = fmt.Sprintf("%s-%d", name, n+1)
		}
		e := entry{name: name, read: &topology.Step{Name: "quarantine-read-" + suffix, Verb: topology.VerbOperate, What: "rows of " + name, Inputs: []int{r.source},
			Schema: gives.Schema, Updating: updating, Operator: revived(o)}}
		last := r.add(e.read)
		if len(trees) > 0 {
			if e.repair, err = r.repair(trees, last, gives, suffix, updating); err != nil {
				return 0, err
			}
			last = r.add(e.repair)
		}
		r.entries = append(r.entries, e)
		union.Inputs, union.Ports = append(union.Inputs, last), append(union.Ports, operators.PortFinal)
	}
	return r.add(union), nil
}

// revived makes the operator that reads rows back. That it can be made has been seen.
func revived(o operators.ReviveOptions) func() operators.Operator {
	return made(func() (*operators.Revive, error) { return operators.NewRevive(o) })
}

// repairs returns what the repair says, and the columns that it makes: not nil if there is something to repair.
func (r *replayer) repairs(gives *topology.Step, name string) (trees []expr.Tree, columns []string, err error) {
	if r.flow.replay.Repair == "" {
		return nil, nil, nil
	}
	if trees, err = selectList(r.flow.replay.Repair); err != nil {
		return nil, nil, err
	}
	columns = []string{}
	for _, t := range trees {
		if _, all := t.Node.(*parse.Star); all {
			continue
		}
		column := expr.ItemName(t.Node)
		if gives.Schema.IndexFold(column) < 0 {
			return nil, nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNRESOLVED_COLUMN", Flow: r.flow.name, Step: name,
				Message: fmt.Sprintf("the repair makes a column %q, and the step was given %s", column, gives.Schema), Hint: "name a column of the step with AS, or choose the rows of another step with --where"}
		}
		columns = append(columns, column)
	}
	return trees, columns, nil
}

// repair makes the step that repairs rows. It is not fallible: a row that it cannot repair is to wait on as it is, so it ends the run.
func (r *replayer) repair(trees []expr.Tree, at int, gives *topology.Step, name string, updating bool) (*topology.Step, error) {
	items, err := expr.BindSelect([]string{"*"}, gives.Schema, r.flow.options)
	if err != nil {
		return nil, err
	}
	for _, t := range trees {
		if _, all := t.Node.(*parse.Star); all {
			continue
		}
		i := gives.Schema.IndexFold(expr.ItemName(t.Node))
		if a, is := t.Node.(*parse.Alias); is {
			t.Node = a.X
		}
		if items[i].Bound, err = expr.BindNode(&parse.Cast{X: t.Node, Type: gives.Schema.Fields[i].Type}, t.Text, gives.Schema, r.flow.options); err != nil {
			return nil, err
		}
	}
	return &topology.Step{Name: "quarantine-repair-" + name, Verb: topology.VerbOperate, What: "repair " + r.flow.replay.Repair, Inputs: []int{at}, Schema: gives.Schema, Updating: updating,
		Operator: func() operators.Operator { return operators.NewProject(items) }}, nil
}

// selectList reads items with commas between, as they stand in a SELECT; the word itself, and a FROM behind them, may be there.
func selectList(text string) ([]expr.Tree, error) {
	p, err := parse.NewParser(text)
	if err == nil {
		_, err = p.Accept("SELECT")
	}
	var trees []expr.Tree
	for more := true; err == nil && more; {
		var n parse.Node
		if n, err = p.Item(); err == nil {
			trees = append(trees, expr.Tree{Node: n, Text: text})
			more, err = p.Accept(",")
		}
	}
	if err == nil {
		var from bool
		if from, err = p.Accept("FROM"); from && err == nil {
			_, err = p.Name("a name")
		}
	}
	if err == nil {
		err = p.Done()
	}
	return trees, err
}
