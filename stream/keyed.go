package stream

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Named gives the step that the next verb makes a name of its own: state is addressed by it, so it
// keeps its state when other steps come and go. "" is the default, <frame>-<verb>.
func (d *Frame) Named(step string) *Frame {
	c := *d
	c.next = step
	return &c
}

// orders binds the expressions of an ORDER BY, such as "price DESC" or "at ASC NULLS LAST".
func (d *Frame) orders(step string, by []string) ([]operators.SortKey, bool) {
	keys := make([]operators.SortKey, 0, len(by))
	for _, text := range by {
		more, err := parseOrders(text)
		if err != nil {
			d.flow.fault(step, err)
			return nil, false
		}
		for _, o := range more {
			b, err := expr.BindNode(o.by, text, d.schema, d.options())
			if err != nil {
				d.flow.fault(step, err)
				return nil, false
			}
			keys = append(keys, operators.SortKey{By: b, Order: o.order})
		}
	}
	return keys, true
}

type ordering struct {
	by    parse.Node
	order batch.Order
}

// parseOrders reads "a DESC, b NULLS LAST".
func parseOrders(text string) ([]ordering, error) {
	p, err := parse.NewParser(text)
	if err != nil {
		return nil, err
	}
	var all []ordering
	for {
		one, err := parseOrder(p)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if more, err := p.Accept(","); err != nil || !more {
			if err == nil {
				err = p.Done()
			}
			return all, err
		}
	}
}

func parseOrder(p *parse.Parser) (ordering, error) {
	by, err := p.Expr()
	if err != nil {
		return ordering{}, err
	}
	o := ordering{by, batch.Ascending}
	if down, err := p.Accept("DESC"); err != nil {
		return o, err
	} else if down {
		o.order = batch.Descending
	} else if _, err := p.Accept("ASC"); err != nil {
		return o, err
	}
	nulls, err := p.Accept("NULLS")
	if err != nil || !nulls {
		return o, err
	}
	last, err := p.Accept("LAST")
	if err == nil && !last {
		err = p.Expect("FIRST")
	}
	o.order.NullsLast = last
	return o, err
}

// closing returns the place among the keys of the event time or window that ends what is kept for a
// key when the watermark passes it, -1 if there is none.
func (d *Frame) closing(keys []int) int {
	for i, k := range keys {
		if d.eventOf(k) != nil {
			return i
		}
	}
	return -1
}

// forever is the bound of a table whose keys are never dropped, with what to do about it.
func (d *Frame) forever(table, verb string, keys []int) topology.TableBound {
	b := topology.TableBound{Table: table, Bound: "every key, never evicted: no event time is among the keys"}
	var names []string
	for _, k := range keys {
		names = append(names, d.schema.Fields[k].Name)
	}
	event := ""
	for i := range d.schema.Fields {
		if e := d.eventOf(i); e != nil && !e.window {
			event = d.schema.Fields[i].Name
		}
	}
	switch {
	case event == "" && !d.watermarked():
		b.Advice = fmt.Sprintf("state of %s by %s grows with every new key: set a watermark, or keep the number of keys bounded", verb, strings.Join(names, ", "))
	case event == "":
		b.Advice = fmt.Sprintf("the watermark's column has been dropped before %s by %s, whose state grows with every new key: keep the column", verb, strings.Join(names, ", "))
	default:
		b.Advice = fmt.Sprintf("state of %s by %s grows with every new key although there is a watermark on %s", verb, strings.Join(names, ", "), event)
	}
	return b
}

// until is the bound of a table whose keys end with the watermark.
func until(table, what string, e *event) topology.TableBound {
	bound := "until the watermark passes " + what
	if e.lateness > 0 {
		bound += " by more than " + micros(e.lateness)
	}
	return topology.TableBound{Table: table, Bound: bound, Ends: true}
}

// stateful adds a step that keeps tables by key.
func (d *Frame) stateful(s *topology.Step, tables ...topology.TableBound) int {
	s.Verb, s.Stateful, s.Tables = topology.VerbOperate, true, tables
	if s.Inputs == nil {
		s.Inputs = []int{d.step}
	}
	bounds := make([]string, len(tables))
	for i, t := range tables {
		bounds[i] = t.Bound
		if len(tables) > 1 {
			bounds[i] = t.Table + ": " + t.Bound
		}
	}
	s.StateBound = strings.Join(bounds, "; ")
	return d.flow.add(s)
}
