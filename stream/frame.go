package stream

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Frame is a stream of rows with a schema. Verbs return a new frame; the old
// one stays usable, so several may go on from it: the rows are then computed once.
type Frame struct {
	flow       *Flow
	name       string
	step       int
	schema     *batch.Schema
	qualifiers []string // by which each column may be called, "name.column"
	next       string   // name of the next step, "" for the default
	events     []*event // by column: what is known of it as an event time; nil: none is one
	broken     bool     // a mistake was noted: what follows cannot be checked
}

// Schema returns the columns.
func (d *Frame) Schema() *batch.Schema { return d.schema }

// As gives the frame a name: columns may be called "name.column", and the steps
// that follow are named after it.
func (d *Frame) As(name string) *Frame {
	c := *d
	c.name, c.qualifiers = name, all(name, d.schema)
	return &c
}

func (d *Frame) fail() *Frame {
	c := *d
	c.broken = true
	return &c
}

func (d *Frame) options() expr.Options {
	o := d.flow.options
	o.Qualifiers = d.qualifiers
	return o
}

// stepName returns a name for the next step that no other has.
func (d *Frame) stepName(verb string) string {
	base := d.name + "-" + verb
	if d.next != "" {
		base = d.next
		if slices.ContainsFunc(d.flow.graph.Steps, func(s *topology.Step) bool { return s.Name == base }) {
			d.flow.mistake(base, "DUPLICATE_NAME", fmt.Sprintf("there is a step called %q already", base), "state is addressed by the name: give each step its own")
		}
	}
	name := base
	for n := 2; slices.ContainsFunc(d.flow.graph.Steps, func(s *topology.Step) bool { return s.Name == name }); n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	return name
}

// Select computes columns: expressions, "expression AS name", "*", "o.*".
func (d *Frame) Select(items ...string) *Frame {
	if d.broken {
		return d
	}
	at, g, err := generated(items)
	if err != nil {
		d.flow.mistake(d.stepName("select"), "UNSUPPORTED_GENERATOR.MULTI_GENERATOR", err.Error(), "explode one collection, and the other behind it")
		return d.fail()
	}
	if at >= 0 {
		return d.selectGenerated(items, at, g)
	}
	name := d.stepName("select")
	bound, err := expr.BindSelect(items, d.schema, d.options())
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	return d.project(name, "select "+strings.Join(items, ", "), bound)
}

// project adds a step that computes the items.
func (d *Frame) project(name, what string, items []expr.Item) *Frame {
	schema := expr.Schema(items)
	for i, f := range schema.Fields {
		if j := schema.IndexFold(f.Name); j == -2 && d.clash(schema, i) {
			d.flow.mistake(name, "COLUMN_ALREADY_EXISTS", fmt.Sprintf("two columns would be called %q", f.Name), "give one of them another name with AS")
			return d.fail()
		}
	}
	fallible := slices.ContainsFunc(items, func(i expr.Item) bool { return i.CanReject() })
	step := d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: what, Inputs: []int{d.step}, Schema: schema, Fallible: fallible,
		Operator: func() operators.Operator { return operators.NewProject(items) }, Needs: needs(d.schema, bounds(items))})
	return &Frame{flow: d.flow, name: d.name, step: step, schema: schema, qualifiers: all(d.name, schema), events: d.eventsOf(items)}
}

// clash reports whether an earlier field has the name too, so that each
// clash is told once.
func (d *Frame) clash(s *batch.Schema, i int) bool {
	for _, f := range s.Fields[:i] {
		if strings.EqualFold(f.Name, s.Fields[i].Name) {
			return true
		}
	}
	return false
}

func bounds(items []expr.Item) []*expr.Bound {
	b := make([]*expr.Bound, len(items))
	for i := range items {
		b[i] = items[i].Bound
	}
	return b
}

// needs returns which columns the expressions read.
func needs(in *batch.Schema, bounds []*expr.Bound) func([]bool) []bool {
	want := make([]bool, len(in.Fields))
	for _, b := range bounds {
		for _, c := range b.Columns() {
			want[c] = true
		}
	}
	return func([]bool) []bool { return want }
}

// Where keeps the rows for which the condition is true: neither false nor null.
func (d *Frame) Where(condition string) *Frame {
	if d.broken {
		return d
	}
	return d.where(d.stepName("where"), condition)
}

func (d *Frame) where(name, condition string) *Frame {
	b, err := expr.Bind(condition, d.schema, d.options())
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	if b.Type().Kind != batch.Boolean {
		d.flow.mistake(name, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", fmt.Sprintf("the condition %s is of type %s, not boolean", b.SQL(), b.Type()), "compare it with something")
		return d.fail()
	}
	step := d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: "where " + condition, Inputs: []int{d.step}, Schema: d.schema, Fallible: b.CanReject(),
		Operator: func() operators.Operator { return operators.NewFilter(b) },
		Needs:    also(len(d.schema.Fields), b.Columns())})
	return d.then(step)
}

// Filter is Where.
func (d *Frame) Filter(condition string) *Frame { return d.Where(condition) }

// indexes returns the places of columns by name. A name that is not there is a mistake of the step.
func (d *Frame) indexes(step string, columns []string) ([]int, bool) {
	places := make([]int, 0, len(columns))
	for _, c := range columns {
		at := d.schema.IndexFold(c)
		if at < 0 {
			d.unresolved(step, c)
			return nil, false
		}
		if !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	return places, true
}

func (d *Frame) unresolved(step, column string) {
	names := make([]string, len(d.schema.Fields))
	for i, f := range d.schema.Fields {
		names[i] = f.Name
	}
	hint := ""
	if near := parse.Nearest(column, names, 1); len(near) > 0 {
		hint = "did you mean " + near[0] + "?"
	}
	d.flow.mistake(step, "UNRESOLVED_COLUMN", fmt.Sprintf("there is no column %q; there are %s", column, strings.Join(names, ", ")), hint)
}

// then is the frame behind a step that leaves the columns as they are.
func (d *Frame) then(step int) *Frame {
	c := *d
	c.step, c.next = step, ""
	return &c
}

// WithColumn adds a column, or replaces the one of that name.
func (d *Frame) WithColumn(name, expression string) *Frame {
	if d.broken {
		return d
	}
	step := d.stepName("withColumn")
	b, err := expr.Bind(expression, d.schema, d.options())
	if err != nil {
		d.flow.fault(step, err)
		return d.fail()
	}
	items, ok := d.columns(step)
	if !ok {
		return d.fail()
	}
	at := d.schema.IndexFold(name)
	if at >= 0 {
		items[at].Bound = b
	} else {
		items = append(items, expr.Item{Name: name, Bound: b})
	}
	return d.project(step, "withColumn "+name+" = "+expression, items)
}

// columns returns every column as it is.
func (d *Frame) columns(step string) ([]expr.Item, bool) {
	items, err := expr.BindSelect([]string{"*"}, d.schema, d.options())
	if err != nil {
		d.flow.fault(step, err)
		return nil, false
	}
	return items, true
}

// WithColumnRenamed renames a column. As in Spark, one that is not there is no
// mistake.
func (d *Frame) WithColumnRenamed(from, to string) *Frame {
	if d.broken || d.schema.IndexFold(from) < 0 {
		return d
	}
	step := d.stepName("withColumnRenamed")
	items, ok := d.columns(step)
	if !ok {
		return d.fail()
	}
	items[d.schema.IndexFold(from)].Name = to
	return d.project(step, "rename "+from+" to "+to, items)
}

// Drop leaves columns out. As in Spark, one that is not there is no mistake.
func (d *Frame) Drop(names ...string) *Frame {
	if d.broken {
		return d
	}
	step := d.stepName("drop")
	items, ok := d.columns(step)
	if !ok {
		return d.fail()
	}
	kept := slices.DeleteFunc(items, func(i expr.Item) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, i.Name) })
	})
	if len(kept) == 0 {
		d.flow.mistake(step, "INVALID_FLOW", "no column is left", "keep at least one")
		return d.fail()
	}
	return d.project(step, "drop "+strings.Join(names, ", "), kept)
}

// To writes the rows to a sink. The name is stable: the sink's part of every
// epoch is kept under it.
func (d *Frame) To(name string, s connectors.Sink, mode connectors.OutputMode) {
	if d.broken {
		return
	}
	for _, other := range d.flow.graph.Steps {
		if other.Name == name {
			d.flow.mistake(name, "DUPLICATE_NAME", fmt.Sprintf("there is a step called %q already", name), "give the sink a name of its own")
			return
		}
	}
	d.flow.add(&topology.Step{Name: name, Verb: topology.VerbSink, What: s.Description(), Inputs: []int{d.step}, Schema: d.schema, Sink: s, Mode: mode})
}
