package stream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
	"github.com/deltaic/deltaic/windows"
)

// Grouped is a frame whose rows are grouped; Agg says what is computed of each group.
type Grouped struct {
	frame *Frame
	keys  []any
}

// GroupBy groups the rows by columns and expressions, and by at most one window: a
// windows.Spec such as windows.Tumbling(5*time.Minute).On("at"), or its SQL form, "window(at, '5 minutes')". Without
// keys all rows are one group.
func (d *Frame) GroupBy(keys ...any) *Grouped { return &Grouped{d, keys} }

// Count counts the rows of each group, as "count".
func (g *Grouped) Count() *Frame { return g.Agg("", "count(*) AS count") }

// Agg computes aggregates: "count(*) AS orders", "sum(amount) / count(*) AS mean", "count(DISTINCT user) FILTER (WHERE paid) AS payers".
// The result has the keys, in their order, and behind them the items. step is the step's name, under which its state is
// kept; "" is the default, <frame>-aggregate.
func (g *Grouped) Agg(step string, items ...string) *Frame {
	d := g.frame
	if d.broken {
		return d
	}
	if step != "" {
		d = d.Named(step)
	}
	a := aggregation{frame: d, name: d.stepName("aggregate"), items: items}
	if len(items) == 0 {
		d.flow.mistake(a.name, "INVALID_FLOW", "the aggregate computes nothing", "add an item such as \"count(*) AS n\"")
		return d.fail()
	}
	if err := a.group(g.keys); err != nil {
		d.flow.fault(a.name, err)
		return d.fail()
	}
	if err := a.narrow(); err != nil {
		d.flow.fault(a.name, err)
		return d.fail()
	}
	made, err := a.add()
	if err != nil {
		d.flow.fault(a.name, err)
		return d.fail()
	}
	return made
}

// aggregation is an aggregate on its way into the graph.
type aggregation struct {
	frame  *Frame // narrowed to what the aggregate reads, once it is
	name   string
	items  []string
	groups []expr.Item   // the keys, the window left out
	keys   []int         // their columns
	fields []batch.Field // the keys as they are in the result, the window among them
	said   []string
	spec   *windows.Spec // nil: no window
	at     int           // where among the keys the window stands
	hidden bool          // the window is not asked for: it closes groups by event time
}

// group binds the keys.
func (a *aggregation) group(keys []any) error {
	for _, key := range keys {
		spec, text, err := specOf(key)
		if err != nil {
			return err
		}
		if spec != nil {
			if err := a.window(*spec); err != nil {
				return err
			}
			continue
		}
		items, err := expr.BindSelect([]string{text}, a.frame.schema, a.frame.options())
		if err != nil {
			return err
		}
		for _, item := range items {
			a.fields = append(a.fields, batch.Field{Name: item.Name, Type: item.Type(), Nullable: item.Nullable()})
		}
		a.groups, a.said = append(a.groups, items...), append(a.said, text)
	}
	for i, f := range a.fields {
		if slices.ContainsFunc(a.fields[:i], func(o batch.Field) bool { return strings.EqualFold(o.Name, f.Name) }) {
			return refusal("COLUMN_ALREADY_EXISTS", fmt.Sprintf("two keys would be called %q", f.Name), "give one of them another name with AS")
		}
	}
	return nil
}

// specOf returns the window that a key is, or its text.
func specOf(key any) (*windows.Spec, string, error) {
	switch k := key.(type) {
	case windows.Spec:
		return &k, "", nil
	case string:
		spec, is, err := windows.Parse(k)
		if err != nil || !is {
			return nil, k, err
		}
		return &spec, "", nil
	}
	return nil, "", refusal("INVALID_FLOW", fmt.Sprintf("rows are grouped by expressions and windows, not by a %T", key), "write the key as text")
}

func refusal(class, message, hint string) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: class, Message: message, Hint: hint}
}

// window takes the window among the keys.
func (a *aggregation) window(spec windows.Spec) error {
	if a.spec != nil {
		return refusal("UNSUPPORTED_MULTIPLE_WINDOWS", "rows are grouped by at most one window", "aggregate by the smaller window first, and by the larger one behind it")
	}
	bound, err := spec.Bind(a.frame.schema, a.frame.options())
	if err != nil {
		return err
	}
	a.spec, a.at = &spec, len(a.fields)
	a.fields, a.said = append(a.fields, bound.Field()), append(a.said, spec.SQL())
	return nil
}

// narrow puts a projection before the aggregate: what crosses the exchange is the keys and the columns that are
// aggregated, and keys that are computed are computed once.
func (a *aggregation) narrow() error {
	d := a.frame
	plan, err := agg.Bind(a.items, a.fields, d.schema, d.aggregating(false))
	if err != nil {
		return err
	}
	reads := plan.Columns()
	if a.spec != nil {
		bound, err := a.spec.Bind(d.schema, d.options())
		if err != nil {
			return err
		}
		reads = append(reads, bound.Reads()...)
	}
	computed := false
	for _, g := range a.groups {
		if g.Column() >= 0 {
			reads = append(reads, g.Column())
		}
		computed = computed || g.Column() < 0
	}
	slices.Sort(reads)
	reads = slices.Compact(reads)
	if d.flow.late != nil { // a late row is kept whole
		for i := range d.schema.Fields {
			reads = append(reads, i)
		}
		slices.Sort(reads)
		reads = slices.Compact(reads)
	}
	if len(reads) == 0 && !computed {
		reads = []int{0} // rows are counted, and have to have a column
	}
	a.keys = make([]int, len(a.groups))
	behind := len(reads)
	for i, g := range a.groups {
		if a.keys[i] = slices.Index(reads, g.Column()); g.Column() < 0 {
			a.keys[i] = behind
			behind++
		}
	}
	if computed || len(reads) < len(d.schema.Fields) {
		a.frame = d.picked(a.name+"-columns", reads, a.groups)
	}
	return nil
}

// picked is the frame of these columns, as they are and as they are called, and behind them of the items that are computed.
func (d *Frame) picked(name string, columns []int, items []expr.Item) *Frame {
	c := *d
	c.schema, c.qualifiers, c.events = &batch.Schema{}, nil, nil
	var list []expr.Item
	var said []string
	for _, at := range columns {
		f := d.schema.Fields[at]
		list = append(list, expr.Item{Name: f.Name, Bound: d.column(at)})
		said = append(said, f.Name)
		c.schema.Fields, c.qualifiers, c.events = append(c.schema.Fields, f), append(c.qualifiers, d.qualifiers[at]), append(c.events, d.eventOf(at))
	}
	for i, item := range items {
		if item.Column() >= 0 {
			continue
		}
		f := batch.Field{Name: fmt.Sprintf("key %d: %s", i+1, item.Name), Type: item.Type(), Nullable: item.Nullable()}
		list = append(list, expr.Item{Name: f.Name, Bound: item.Bound})
		said = append(said, item.SQL())
		c.schema.Fields, c.qualifiers, c.events = append(c.schema.Fields, f), append(c.qualifiers, ""), append(c.events, d.eventOfExpression(item.Bound))
	}
	c.step = d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: "select " + strings.Join(said, ", "), Inputs: []int{d.step}, Schema: c.schema,
		Fallible: slices.ContainsFunc(list, func(i expr.Item) bool { return i.CanReject() }),
		Operator: func() operators.Operator { return operators.NewProject(list) }, Needs: needs(d.schema, bounds(list))})
	return &c
}

// column is a column as an expression.
func (d *Frame) column(at int) *expr.Bound {
	unique := &batch.Schema{Fields: slices.Clone(d.schema.Fields)}
	for i := range unique.Fields {
		unique.Fields[i].Name = fmt.Sprintf("c%d", i) // a name that is there twice would be ambiguous
	}
	b, err := expr.Bind(unique.Fields[at].Name, unique, d.flow.options)
	if err != nil {
		panic(err) // the name is there once
	}
	return b
}
