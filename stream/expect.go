package stream

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Action is what becomes of a row that violates an expectation.
type Action = operators.Action

// What becomes of a row that violates an expectation.
const (
	Warn       = operators.Warn       // it goes on and is counted
	Drop       = operators.Drop       // it is left out
	Quarantine = operators.Quarantine // it goes to the flow's quarantine
	Fail       = operators.Fail       // it ends the flow, and its epoch is rolled back
)

// Expectation is a rule that rows satisfy: a condition that is true for them. A row for which it is false or null,
// or cannot be computed, violates it.
type Expectation struct {
	Name        string
	Constraint  string // a boolean expression
	OnViolation Action
	// Sample is how many of the violating rows of an epoch progress shows, with where they came from. Rows may hold what
	// nobody should see, so there are none unless somebody asks.
	Sample int
}

// maxSample bounds what progress may hold.
const maxSample = 100

// Expect counts the rows that violate a rule; they go on.
func (d *Frame) Expect(name, constraint string) *Frame {
	return d.Expectations(Expectation{Name: name, Constraint: constraint})
}

// ExpectOrDrop leaves out the rows that violate a rule.
func (d *Frame) ExpectOrDrop(name, constraint string) *Frame {
	return d.Expectations(Expectation{Name: name, Constraint: constraint, OnViolation: Drop})
}

// ExpectOrFail ends the flow with the first row that violates a rule; nothing of its epoch is ever seen.
func (d *Frame) ExpectOrFail(name, constraint string) *Frame {
	return d.Expectations(Expectation{Name: name, Constraint: constraint, OnViolation: Fail})
}

// ExpectOrQuarantine sends the rows that violate a rule to the flow's quarantine, in the same epoch.
func (d *Frame) ExpectOrQuarantine(name, constraint string) *Frame {
	return d.Expectations(Expectation{Name: name, Constraint: constraint, OnViolation: Quarantine})
}

// ExpectAll is Expect for a set of rules: constraints by name.
func (d *Frame) ExpectAll(rules map[string]string) *Frame { return d.expectAll(rules, Warn) }

// ExpectAllOrDrop leaves out the rows that violate any rule of a set.
func (d *Frame) ExpectAllOrDrop(rules map[string]string) *Frame { return d.expectAll(rules, Drop) }

// ExpectAllOrFail is ExpectOrFail for a set of rules.
func (d *Frame) ExpectAllOrFail(rules map[string]string) *Frame { return d.expectAll(rules, Fail) }

// ExpectAllOrQuarantine is ExpectOrQuarantine for a set of rules. A row that violates several goes there once, and says them all.
func (d *Frame) ExpectAllOrQuarantine(rules map[string]string) *Frame {
	return d.expectAll(rules, Quarantine)
}

func (d *Frame) expectAll(rules map[string]string, action Action) *Frame {
	set := make([]Expectation, 0, len(rules))
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		set = append(set, Expectation{Name: name, Constraint: rules[name], OnViolation: action})
	}
	return d.Expectations(set...)
}

// Expectations is a set of rules: all see the same rows, each is counted, and of what they ask for a row gets the gravest:
// fail before quarantine before drop before warn.
func (d *Frame) Expectations(set ...Expectation) *Frame {
	if d.broken || len(set) == 0 {
		return d
	}
	name := d.stepName("expect")
	rules, ok := d.rules(name, set)
	if !ok {
		return d.fail()
	}
	var columns []int
	whole, quarantines := false, false
	said := make([]string, len(rules))
	for i, r := range rules {
		columns = append(columns, r.Condition.Columns()...)
		whole = whole || r.Action >= Quarantine || r.Samples > 0 // a row that is shown or kept is shown whole
		quarantines = quarantines || r.Action == Quarantine
		said[i] = fmt.Sprintf("%s (%s) or %s", r.Name, r.Condition.SQL(), r.Action)
	}
	if quarantines && d.flow.quarantine == nil {
		d.flow.mistake(name, "INVALID_FLOW", "an expectation quarantines, and the flow has no quarantine",
			"name one before the steps: Flow.Quarantine, or quarantine: {path: ...} in a flow file")
		return d.fail()
	}
	step := &topology.Step{Name: name, Verb: topology.VerbOperate, What: "expect " + strings.Join(said, "; "), Inputs: []int{d.step}, Schema: d.schema,
		Fallible: quarantines, Operator: func() operators.Operator { return operators.NewExpect(rules) },
		Observe: &topology.Observe{As: name, Merge: expectations(d.name, rules)}}
	if !whole {
		step.Needs = also(len(d.schema.Fields), columns)
	}
	if !d.observes(name, name) {
		return d.fail()
	}
	return d.then(d.flow.add(step))
}

func (d *Frame) rules(step string, set []Expectation) ([]operators.Rule, bool) {
	rules, names := make([]operators.Rule, 0, len(set)), map[string]bool{}
	for _, e := range set {
		wrong := ""
		switch {
		case e.Name == "":
			wrong = "an expectation has no name"
		case names[e.Name]:
			wrong = fmt.Sprintf("two expectations are called %q", e.Name)
		case e.OnViolation > Fail:
			wrong = fmt.Sprintf("expectation %s: what becomes of a row that violates it is not known", e.Name)
		case e.Sample < 0 || e.Sample > maxSample:
			wrong = fmt.Sprintf("expectation %s: a sample of %d rows is not between 0 and %d", e.Name, e.Sample, maxSample)
		}
		if wrong != "" {
			d.flow.mistake(step, "INVALID_FLOW", wrong, "")
			return nil, false
		}
		names[e.Name] = true
		b, err := expr.Bind(e.Constraint, d.schema, d.options())
		if err != nil {
			d.flow.fault(step, err)
			return nil, false
		}
		if k := b.Type().Kind; k != batch.Boolean {
			d.flow.mistake(step, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", fmt.Sprintf("expectation %s: %s is of type %s, not boolean", e.Name, b.SQL(), b.Type()), "compare it with something")
			return nil, false
		}
		rules = append(rules, operators.Rule{Name: e.Name, Condition: b, Action: e.OnViolation, Samples: e.Sample})
	}
	return rules, true
}

// observes reports whether nothing else is told under the name.
func (d *Frame) observes(step, name string) bool {
	for _, s := range d.flow.graph.Steps {
		if s.Observe != nil && s.Observe.As == name {
			d.flow.mistake(step, "DUPLICATED_METRICS_NAME", fmt.Sprintf("two steps tell what they observe as %q", name), "give each a name of its own")
			return false
		}
	}
	return true
}

// expected is the metrics of a set of rules: data_quality of the event log of Delta Live Tables.
type expected struct {
	Dropped      int64                  `json:"dropped_records"`
	Quarantined  int64                  `json:"quarantined_records"`
	Expectations []topology.Expectation `json:"expectations"`
}

// expectations puts together what the tasks have counted.
func expectations(dataset string, rules []operators.Rule) func([][]byte) (topology.Observation, error) {
	return func(parts [][]byte) (topology.Observation, error) {
		all, err := operators.MergeExpected(parts, rules)
		if err != nil {
			return topology.Observation{}, err
		}
		m := expected{Dropped: all.Dropped, Quarantined: all.Quarantined}
		for i, r := range rules {
			m.Expectations = append(m.Expectations, topology.Expectation{Name: r.Name, Dataset: dataset, PassedRecords: all.Rows - all.Failed[i],
				FailedRecords: all.Failed[i], OnViolation: r.Action.String(), Sample: all.Samples[i]})
		}
		text, err := json.Marshal(m)
		return topology.Observation{Metrics: text, Expectations: m.Expectations, Dropped: all.Dropped}, err
	}
}
