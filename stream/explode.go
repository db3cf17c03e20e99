package stream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Explode makes a row of each element of an array, or each entry of a map, and adds it to the columns:
// as "col", or "key" and "value", unless names say otherwise. Rows without an element are dropped: see [Frame.ExplodeOuter].
func (d *Frame) Explode(collection string, names ...string) *Frame {
	return d.explodeAll(generator{verb: "explode", of: collection, names: names})
}

// ExplodeOuter is Explode that keeps rows without an element, with null for it.
func (d *Frame) ExplodeOuter(collection string, names ...string) *Frame {
	return d.explodeAll(generator{verb: "explode_outer", of: collection, names: names, outer: true})
}

// PosExplode is Explode with the place of each element, from 0, before it: "pos".
func (d *Frame) PosExplode(collection string, names ...string) *Frame {
	return d.explodeAll(generator{verb: "posexplode", of: collection, names: names, position: true})
}

// PosExplodeOuter is PosExplode that keeps rows without an element.
func (d *Frame) PosExplodeOuter(collection string, names ...string) *Frame {
	return d.explodeAll(generator{verb: "posexplode_outer", of: collection, names: names, position: true, outer: true})
}

// generator is a call that makes several rows of one.
type generator struct {
	verb, of        string
	names           []string
	outer, position bool
}

var generators = map[string]generator{"explode": {verb: "explode"}, "explode_outer": {verb: "explode_outer", outer: true},
	"posexplode": {verb: "posexplode", position: true}, "posexplode_outer": {verb: "posexplode_outer", position: true, outer: true}}

func (d *Frame) explodeAll(g generator) *Frame {
	if d.broken {
		return d
	}
	return d.explode(d.stepName(g.verb), g, nil)
}

// explode adds the step; carry are the columns that go along, nil for all.
func (d *Frame) explode(name string, g generator, carry []int) *Frame {
	of, err := expr.Bind(g.of, d.schema, d.options())
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	schema := d.schema
	e := operators.Explosion{Of: of, Outer: g.outer, Position: g.position, Names: g.names, Carry: carry}
	op, err := operators.NewExplode(schema, e)
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	if carry == nil {
		for i := range schema.Fields {
			carry = append(carry, i)
		}
	}
	out := op.Schema()
	for i := len(carry); i < len(out.Fields); i++ {
		if d.clash(out, i) {
			d.flow.mistake(name, "COLUMN_ALREADY_EXISTS", fmt.Sprintf("two columns would be called %q", out.Fields[i].Name), "name what is made of the elements")
			return d.fail()
		}
	}
	reads := of.Columns()
	c := d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: g.verb + " " + g.of, Inputs: []int{d.step}, Schema: out, Fallible: of.CanReject(),
		Operator: made(func() (*operators.Explode, error) { return operators.NewExplode(schema, e) }),
		Needs: func(wanted []bool) []bool {
			want := make([]bool, len(schema.Fields))
			for i, from := range carry {
				want[from] = i < len(wanted) && wanted[i]
			}
			for _, r := range reads {
				want[r] = true
			}
			return want
		}}))
	c.schema, c.qualifiers, c.events = out, make([]string, len(out.Fields)), make([]*event, len(out.Fields))
	for i, from := range carry {
		c.qualifiers[i], c.events[i] = d.qualifiers[from], d.eventOf(from)
	}
	return c
}

// generated finds the generator in a select list, -1 if there is none.
func generated(items []string) (at int, g generator, err error) {
	at = -1
	for i, text := range items {
		ast, err := parse.Item(text)
		if err != nil {
			return -1, g, nil // told where the list is bound
		}
		alias := ""
		if a, is := ast.(*parse.Alias); is {
			ast, alias = a.X, a.Name
		}
		call, is := ast.(*parse.Call)
		if !is {
			continue
		}
		known, is := generators[strings.ToLower(call.Name)]
		if !is {
			continue
		}
		if at >= 0 {
			return i, g, fmt.Errorf("only one generator is allowed per select list, there are two: %s and %s", items[at], text)
		}
		if len(call.Args) != 1 {
			return i, g, fmt.Errorf("%s takes one array or map", known.verb)
		}
		at, g = i, known
		g.of = parse.Render(call.Args[0])
		if alias != "" {
			g.names = []string{alias}
		}
	}
	return at, g, nil
}

// selectGenerated is a select list with a generator: the rows are made first, with the
// columns that the other items read, and the list is computed behind.
func (d *Frame) selectGenerated(items []string, at int, g generator) *Frame {
	name := d.stepName(g.verb)
	before, err := expr.BindSelect(items[:at], d.schema, d.options())
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	behind, err := expr.BindSelect(items[at+1:], d.schema, d.options())
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	names, ok := d.namesOf(name, g)
	if !ok {
		return d.fail()
	}
	carry := []int{}
	for _, o := range append(slices.Clone(before), behind...) {
		carry = append(carry, o.Columns()...)
	}
	slices.Sort(carry)
	g.names = nil
	var list []string
	for i := range names {
		g.names = append(g.names, fmt.Sprintf("generated column %d", i))
		list = append(list, parse.QuoteName(g.names[i])+" AS "+parse.QuoteName(names[i]))
	}
	all := append(append(texts(before), list...), texts(behind)...)
	return d.explode(name, g, slices.Compact(carry)).Select(all...)
}

// namesOf returns what the generator's columns are called in the end.
func (d *Frame) namesOf(step string, g generator) ([]string, bool) {
	of, err := expr.Bind(g.of, d.schema, d.options())
	var op *operators.Explode
	if err == nil {
		op, err = operators.NewExplode(d.schema, operators.Explosion{Of: of, Outer: g.outer, Position: g.position, Carry: []int{}})
	}
	if err != nil {
		d.flow.fault(step, err)
		return nil, false
	}
	var names []string
	for _, f := range op.Schema().Fields {
		names = append(names, f.Name)
	}
	if len(g.names) == 0 {
		return names, true
	}
	if len(names) > 1 {
		d.flow.mistake(step, "UDTF_ALIAS_NUMBER_MISMATCH", fmt.Sprintf("%s makes the columns %s, and there is one name for them, %s", g.verb, strings.Join(names, ", "), g.names[0]),
			"leave the name out and rename behind, or use the verb with a list of names")
		return nil, false
	}
	return g.names, true
}

// texts writes bound items as a select list.
func texts(items []expr.Item) []string {
	list := make([]string, len(items))
	for i, item := range items {
		list[i] = item.SQL() + " AS " + parse.QuoteName(item.Name)
	}
	return list
}
