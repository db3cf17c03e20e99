package stream

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Union is the rows of all frames: they have the same columns by position, as
// in Spark; the first one's names hold.
func (d *Frame) Union(others ...*Frame) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("union")
	inputs := []int{d.step}
	for _, o := range others {
		if o.broken {
			return o
		}
		if o.flow != d.flow {
			d.flow.mistake(name, "INVALID_FLOW", fmt.Sprintf("frame %s belongs to another flow", o.name), "")
			return d.fail()
		}
		if !d.unites(name, o) {
			return d.fail()
		}
		inputs = append(inputs, o.step)
	}
	schema := d.unitedSchema(others)
	c := d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbUnion, What: "union", Inputs: inputs, Schema: schema}))
	c.schema, c.events = schema, make([]*event, len(schema.Fields))
	for i := range c.events {
		c.events[i] = unitedEvent(d, others, i)
	}
	return c
}

// unitedSchema is the first frame's schema, nullable where any other's is.
func (d *Frame) unitedSchema(others []*Frame) *batch.Schema {
	s := &batch.Schema{Fields: append([]batch.Field(nil), d.schema.Fields...)}
	for i := range s.Fields {
		for _, o := range others {
			s.Fields[i].Nullable = s.Fields[i].Nullable || o.schema.Fields[i].Nullable
		}
	}
	return s
}

// unitedEvent is what all frames know of a column: an event time only if it is
// one in each, with the longest delay.
func unitedEvent(d *Frame, others []*Frame, column int) *event {
	e := d.eventOf(column)
	for _, o := range others {
		other := o.eventOf(column)
		if e == nil || other == nil || e.window != other.window || e.window && (e.slide != other.slide || e.offset != other.offset) {
			return nil
		}
		both := *e
		both.delay, both.lateness = max(e.delay, other.delay), max(e.lateness, other.lateness)
		e = &both
	}
	return e
}

func (d *Frame) unites(name string, o *Frame) bool {
	if len(o.schema.Fields) != len(d.schema.Fields) {
		d.flow.mistake(name, "NUM_COLUMNS_MISMATCH", fmt.Sprintf("%s has %d columns, %s has %d", d.name, len(d.schema.Fields), o.name, len(o.schema.Fields)), "select the same columns on both sides")
		return false
	}
	for i, f := range d.schema.Fields {
		if other := o.schema.Fields[i]; !other.Type.Equal(f.Type) {
			d.flow.mistake(name, "INCOMPATIBLE_COLUMN_TYPE", fmt.Sprintf("column %d is %s %s in %s and %s %s in %s", i+1, f.Name, f.Type, d.name, other.Name, other.Type, o.name), "cast one of them")
			return false
		}
	}
	return true
}

// UnionByName is the rows of all frames, columns matched by name. allowMissing: a column that a frame
// lacks is null there, and columns that only later frames have come last.
func (d *Frame) UnionByName(allowMissing bool, others ...*Frame) *Frame {
	all := d
	for _, o := range others {
		if all = all.unionByName(allowMissing, o); all.broken {
			return all
		}
	}
	return all
}

func (d *Frame) unionByName(allowMissing bool, o *Frame) *Frame {
	if d.broken || o.broken {
		return d.fail()
	}
	left, right, err := operators.UnionByName(d.schema, o.schema, allowMissing, d.options(), o.options())
	if err != nil {
		d.flow.fault(d.stepName("union"), err)
		return d.fail()
	}
	return d.arranged(left).Union(o.arranged(right))
}

// arranged computes the columns, unless they are what there is.
func (d *Frame) arranged(items []expr.Item) *Frame {
	same := len(items) == len(d.schema.Fields)
	said := make([]string, len(items))
	for i, item := range items {
		same = same && item.Column() == i && item.Name == d.schema.Fields[i].Name
		said[i] = item.Name
	}
	if same {
		return d
	}
	return d.project(d.stepName("select"), "select "+strings.Join(said, ", "), items)
}
