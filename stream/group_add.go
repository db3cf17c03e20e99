package stream

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// add adds the step and returns the frame behind it.
func (a *aggregation) add() (*Frame, error) {
	if err := a.close(); err != nil {
		return nil, err
	}
	final, err := a.plan(false)
	if err != nil {
		return nil, err
	}
	if final, err = a.folded(final); err != nil {
		return nil, err
	}
	d := a.frame
	step := &topology.Step{Name: a.name, What: a.what(), Inputs: []int{d.step}, Keys: a.keys, Schema: final.Schema(), Fallible: true}
	var bounds []topology.TableBound
	if a.spec != nil {
		if bounds, err = a.windowed(step, final); err != nil {
			return nil, err
		}
	} else if bounds, err = a.grouped(step, final); err != nil {
		return nil, err
	}
	c := *d
	c.step, c.next, c.schema, c.name = d.stateful(step, bounds...), "", step.Schema, d.name
	c.qualifiers, c.events = all(d.name, step.Schema), a.events(step)
	return a.shown(&c), nil
}

// plan binds the aggregates, for an input that takes rows back if updating: an aggregate that cannot forget a
// row is refused then.
func (a *aggregation) plan(updating bool) (*agg.Plan, error) {
	return agg.Bind(a.items, a.fields, a.frame.schema, a.frame.aggregating(updating))
}

// plans returns what binds the plan once it is known how the input is read.
func (a *aggregation) plans(final *agg.Plan) func(topology.Use) (*agg.Plan, error) {
	return func(u topology.Use) (*agg.Plan, error) {
		if u.Input == operators.PortChanges {
			return a.plan(true)
		}
		return final, nil
	}
}

func (a *aggregation) what() string {
	what := "aggregate " + strings.Join(a.items, ", ")
	if len(a.said) > 0 {
		what += " by " + strings.Join(a.said, ", ")
	}
	return what
}

// grouped makes the step an aggregate without windows.
func (a *aggregation) grouped(step *topology.Step, final *agg.Plan) ([]topology.TableBound, error) {
	schema, keys, plans := a.frame.schema, a.keys, a.plans(final)
	if _, err := operators.NewAggregate(schema, keys, final, operators.AggregateOptions{}); err != nil {
		return nil, err
	}
	step.Ruling = topology.AggregateRuling(false)
	step.For = func(u topology.Use) (func() operators.Operator, error) {
		plan, err := plans(u)
		return made(func() (*operators.Aggregate, error) {
			return operators.NewAggregate(schema, keys, plan, operators.AggregateOptions{Before: true})
		}), err
	}
	bound := topology.TableBound{Table: "groups", Bound: "one group"}
	if len(keys) > 0 {
		bound.Bound = "every group, never evicted: neither event time nor a window is among the keys"
		bound.Advice = fmt.Sprintf("state of %s grows with every new group", a.name)
		if event := a.frame.eventColumn(); event != "" {
			bound.Advice += fmt.Sprintf(" although there is a watermark: group by a window over %s as well", event)
		}
	}
	return []topology.TableBound{bound}, nil
}
