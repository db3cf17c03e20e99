package stream

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Sort orders the whole result: "revenue DESC", "name". It comes behind an aggregate that is written in output mode
// complete, since a stream that goes on has no order.
func (d *Frame) Sort(by ...string) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("sort")
	if len(by) == 0 {
		d.flow.mistake(name, "INVALID_FLOW", "sort by nothing", "say by what: Sort(\"revenue DESC\")")
		return d.fail()
	}
	keys, ok := d.orders(name, by)
	if !ok {
		return d.fail()
	}
	schema := d.schema
	return d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: "sort by " + strings.Join(by, ", "), Inputs: []int{d.step}, Schema: schema,
		Keys: []int{}, Ruling: topology.SortRuling(), Fallible: fallible(keys), Operator: func() operators.Operator { return operators.NewSort(schema, keys) }}))
}

// OrderBy is Sort.
func (d *Frame) OrderBy(by ...string) *Frame { return d.Sort(by...) }

// Limit keeps the first n rows: of the stream, for ever, in output mode append, and of each epoch's whole result in output mode complete.
func (d *Frame) Limit(n int64) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("limit")
	if _, err := operators.NewLimit(n); err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	return d.then(d.stateful(&topology.Step{Name: name, What: fmt.Sprintf("limit %d", n), Schema: d.schema, Keys: []int{}, Ruling: topology.LimitRuling(),
		For: func(u topology.Use) (func() operators.Operator, error) {
			if u.Input == operators.PortComplete {
				return made(func() (*operators.Limit, error) { return operators.NewLimitEach(n) }), nil
			}
			return made(func() (*operators.Limit, error) { return operators.NewLimit(n) }), nil
		}}, topology.TableBound{Table: "limit", Bound: "one number"}))
}

// Repartition sends the rows to tasks by the hash of columns, so that rows of a key are in one task and in the
// order in which their split brought them.
func (d *Frame) Repartition(columns ...string) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("repartition")
	if len(columns) == 0 {
		d.flow.mistake(name, "INVALID_FLOW", "repartition by nothing", "say by which columns: how many tasks there are is the flow's parallelism")
		return d.fail()
	}
	keys, ok := d.indexes(name, columns)
	if !ok {
		return d.fail()
	}
	return d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: "repartition by " + strings.Join(columns, ", "), Inputs: []int{d.step}, Schema: d.schema,
		Keys: keys, Needs: also(len(d.schema.Fields), keys), Operator: func() operators.Operator { return operators.NewPass() }}))
}
