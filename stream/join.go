package stream

import (
	"strings"

	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Static is a table that streams are joined with: in each epoch its newest version, or always the same.
type Static = operators.Static

// The types of a join with a static table. A right or full join would have to know which rows of
// the table no row of the stream will ever match.
const (
	Inner    = operators.InnerJoin
	Left     = operators.LeftJoin
	LeftSemi = operators.SemiJoin
	LeftAnti = operators.AntiJoin
)

// JoinOptions say how a stream is joined with a static table.
type JoinOptions struct {
	Type  operators.JoinType // Inner, the default, Left, LeftSemi or LeftAnti
	On    string             // the condition: "o.customer = c.id"
	Using []string           // or columns that both sides have, which come once in the result
	As    [2]string          // names of the two sides in the condition; the first is the frame's own by default
}

// JoinStatic joins each row with the rows of a table as it is in the row's epoch. It keeps no state of
// the stream. name is the table's, in Explain and before the point of its columns.
func (d *Frame) JoinStatic(name string, table Static, o JoinOptions) *Frame {
	if d.broken {
		return d
	}
	step := d.stepName("join")
	if (o.On == "") == (len(o.Using) == 0) {
		d.flow.mistake(step, "INVALID_FLOW", "a join needs a condition, or the columns that both sides have", "set either On or Using")
		return d.fail()
	}
	left, right := d.qualifiers, []string{name}
	if o.As[0] != "" {
		left = all(o.As[0], d.schema)
	}
	if o.As[1] != "" {
		right = []string{o.As[1]}
	}
	plan, err := operators.BindJoin(operators.Join{Type: o.Type, On: o.On, Using: o.Using, Stream: d.schema, Static: table.Schema(),
		StreamQualifiers: left, StaticQualifiers: right}, d.options())
	if err != nil {
		d.flow.fault(step, err)
		return d.fail()
	}
	on := o.On
	if on == "" {
		on = "using " + strings.Join(o.Using, ", ")
	}
	side := operators.NewStaticSide(table, plan.StaticKeys)
	c := d.then(d.flow.add(&topology.Step{Name: step, Verb: topology.VerbOperate, What: string(plan.Type) + " join with " + name + " " + on, Inputs: []int{d.step}, Schema: plan.Schema,
		Ruling: topology.StaticJoinRuling(), Fallible: canReject(plan), Operator: func() operators.Operator { return operators.NewStaticJoin(side, plan) }}))
	c.schema, c.qualifiers, c.events = plan.Schema, plan.Qualifiers, make([]*event, len(plan.Output))
	for i, from := range plan.Output {
		if from < len(d.schema.Fields) {
			c.events[i] = d.eventOf(from)
		}
	}
	return c
}

func canReject(p *operators.JoinPlan) bool {
	for _, b := range append([]*expr.Bound{p.Residual}, p.StreamKeys...) {
		if b != nil && b.CanReject() {
			return true
		}
	}
	return false
}
