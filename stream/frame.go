package stream

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/expr"
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
	return &Frame{flow: d.flow, name: d.name, step: step, schema: schema, qualifiers: all(d.name, schema)}
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
	name := d.stepName("where")
	b, err := expr.Bind(condition, d.schema, d.options())
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	if b.Type().Kind != batch.Boolean {
		d.flow.mistake(name, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", fmt.Sprintf("the condition %s is of type %s, not boolean", b.SQL(), b.Type()), "compare it with something")
		return d.fail()
	}
	reads := needs(d.schema, []*expr.Bound{b})(nil)
	step := d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: "where " + condition, Inputs: []int{d.step}, Schema: d.schema, Fallible: b.CanReject(),
		Operator: func() operators.Operator { return operators.NewFilter(b) },
		Needs: func(out []bool) []bool {
			want := slices.Clone(reads)
			for i := range want {
				want[i] = want[i] || i < len(out) && out[i]
			}
			return want
		}})
	return d.then(step)
}

// Filter is Where.
func (d *Frame) Filter(condition string) *Frame { return d.Where(condition) }

// then is the frame behind a step that leaves the columns as they are.
func (d *Frame) then(step int) *Frame {
	c := *d
	c.step = step
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
	return d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbUnion, What: "union", Inputs: inputs, Schema: d.schema}))
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

// DropDuplicates keeps the first row of each key; without columns the whole
// row is the key. The keys are kept for ever: see Explain for what bounds the state.
func (d *Frame) DropDuplicates(columns ...string) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("dropDuplicates")
	keys := make([]int, 0, len(columns))
	for _, c := range columns {
		at := d.schema.IndexFold(c)
		if at < 0 {
			d.flow.mistake(name, "UNRESOLVED_COLUMN", fmt.Sprintf("there is no column %q; there are %s", c, d.schema), "")
			return d.fail()
		}
		keys = append(keys, at)
	}
	if len(columns) == 0 {
		for i := range d.schema.Fields {
			keys = append(keys, i)
		}
	}
	if _, err := operators.NewDropDuplicates(d.schema, keys...); err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	schema := d.schema
	return d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: "dropDuplicates " + strings.Join(columns, ", "), Inputs: []int{d.step}, Schema: d.schema,
		Keys: keys, Stateful: true, StateBound: "every key, never evicted: no event time is among the keys",
		Operator: func() operators.Operator {
			op, err := operators.NewDropDuplicates(schema, keys...)
			if err != nil {
				panic(err) // checked above
			}
			return op
		}}))
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
