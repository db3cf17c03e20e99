package stream

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// The ways of counting the first rows of a key.
const (
	RowNumber = "row_number" // one after the other: N rows, of equal ones the earlier
	Rank      = "rank"       // equal rows have the same rank: all whose rank is at most N
)

// Top says which rows TopN keeps.
type Top struct {
	Keys []string // by which rows are grouped; none: all rows are one group
	By   []string // the order, best first: "price DESC"
	N    int
	Rank string // RowNumber, the default, or Rank
	As   string // name of a column with the number or rank, "": none
}

// TopN keeps the first N rows of each key by an order. If a window or the event time is among the keys the rows are final when
// the watermark passes it; else the result changes with every better row, and is written in output mode update or complete.
func (d *Frame) TopN(t Top) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("topN")
	if t.Rank != "" && t.Rank != RowNumber && t.Rank != Rank {
		d.flow.mistake(name, "INVALID_FLOW", fmt.Sprintf("rank is %q; want row_number or rank", t.Rank), "")
		return d.fail()
	}
	keys, ok := d.indexes(name, t.Keys)
	if !ok {
		return d.fail()
	}
	by, ok := d.orders(name, t.By)
	if !ok {
		return d.fail()
	}
	if t.As != "" && d.schema.IndexFold(t.As) != -1 {
		d.flow.mistake(name, "COLUMN_ALREADY_EXISTS", fmt.Sprintf("there is a column %q already", t.As), "give the rank another name")
		return d.fail()
	}
	o := operators.TopOptions{Keys: keys, By: by, N: t.N, Ties: t.Rank == Rank, Rank: t.As, Window: d.closing(keys)}
	what := fmt.Sprintf("top %d by %s", t.N, strings.Join(t.By, ", "))
	if len(t.Keys) > 0 {
		what += " of each " + strings.Join(t.Keys, ", ")
	}
	return d.top(name, what, o)
}

// KeepLatest keeps the row of each key that is last by an order, such as "version" or "at, offset"; of equal
// ones the one that came last. The result changes with every newer row: it is written in output mode update or complete.
func (d *Frame) KeepLatest(by string, keys ...string) *Frame {
	if d.broken {
		return d
	}
	const verb = "keepLatest"
	name := d.stepName(verb)
	if len(keys) == 0 {
		d.flow.mistake(name, "INVALID_FLOW", "keepLatest without keys would keep one row", "say by which columns: KeepLatest(\"version\", \"id\")")
		return d.fail()
	}
	places, ok := d.indexes(name, keys)
	if !ok {
		return d.fail()
	}
	order, ok := d.orders(name, []string{by})
	if !ok {
		return d.fail()
	}
	schema := d.schema
	if _, err := operators.NewKeepLatest(schema, order, false, places...); err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	what := fmt.Sprintf("latest by %s of each %s", by, strings.Join(keys, ", "))
	return d.then(d.stateful(&topology.Step{Name: name, What: what, Schema: schema, Keys: places, Ruling: topology.TopRuling(false, true), Fallible: fallible(order),
		For: func(u topology.Use) (func() operators.Operator, error) {
			return made(func() (*operators.Top, error) {
				return operators.NewKeepLatest(schema, order, u.Input == operators.PortChanges, places...)
			}), nil
		}}, d.forever("top", verb, places)))
}

func (d *Frame) top(name, what string, o operators.TopOptions) *Frame {
	schema := d.schema
	op, err := operators.NewTop(schema, o)
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	bound := d.forever("top", "topN", o.Keys)
	if o.Window >= 0 {
		bound = until("top", schema.Fields[o.Keys[o.Window]].Name, &event{})
	}
	c := d.then(d.stateful(&topology.Step{Name: name, What: what, Schema: op.Schema(), Keys: o.Keys, Ruling: topology.TopRuling(o.Window >= 0, true), Fallible: fallible(o.By),
		For: func(u topology.Use) (func() operators.Operator, error) {
			o := o
			o.Updating = u.Input == operators.PortChanges
			return made(func() (*operators.Top, error) { return operators.NewTop(schema, o) }), nil
		}}, bound))
	if o.Rank != "" {
		c.schema, c.events = op.Schema(), append(append([]*event(nil), d.padded()...), nil)
		c.qualifiers = append(append([]string(nil), d.qualifiers...), d.name)
	}
	return c
}

// padded returns what is known of each column.
func (d *Frame) padded() []*event {
	events := make([]*event, len(d.schema.Fields))
	copy(events, d.events)
	return events
}

func fallible(by []operators.SortKey) bool {
	for _, k := range by {
		if k.By.CanReject() {
			return true
		}
	}
	return false
}
