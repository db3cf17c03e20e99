package stream

import (
	"fmt"
	"math"
	"time"

	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
	"github.com/deltaic/deltaic/windows"
)

// hiddenWindow is the name of the column of a window that nobody asked for.
const hiddenWindow = "closing window"

// close finds what ends groups when there is no window among the keys but event time: the column itself, or the window of an
// aggregate before. A window that fits once around each of its values does, and is not shown.
func (a *aggregation) close() error {
	if a.spec != nil {
		return nil
	}
	for _, k := range a.keys {
		e := a.frame.eventOf(k)
		if e == nil {
			continue
		}
		spec := windows.Tumbling(time.Duration(e.slide) * time.Microsecond).Offset(time.Duration(e.offset) * time.Microsecond).
			On(parse.QuoteName(a.frame.schema.Fields[k].Name)).As(hiddenWindow)
		bound, err := spec.Bind(a.frame.schema, a.frame.options())
		if err != nil {
			return err
		}
		a.spec, a.at, a.hidden = &spec, len(a.fields), true
		a.fields = append(a.fields, bound.Field())
		return nil
	}
	return nil
}

// windowed makes the step an aggregate by windows.
func (a *aggregation) windowed(step *topology.Step, final *agg.Plan) ([]topology.TableBound, error) {
	bound, err := a.spec.Bind(a.frame.schema, a.frame.options())
	if err != nil {
		return nil, err
	}
	e := a.event()
	o := windows.Options{Window: bound, Keys: a.keys, At: a.at, Plan: final, Before: true, Lateness: never}
	if e != nil {
		o.Lateness = e.lateness
	}
	schema := a.frame.schema
	if _, err := windows.NewAggregate(schema, o); err != nil {
		return nil, err
	}
	closes := e != nil || a.spec.Processing()
	step.Ruling = topology.AggregateRuling(closes)
	if a.spec.Kind() == windows.KindSession {
		step.Ruling = topology.SessionRuling(closes)
	}
	plans := a.plans(final)
	step.For = func(u topology.Use) (func() operators.Operator, error) {
		o, err := o, error(nil)
		o.Plan, err = plans(u)
		return made(func() (operators.Operator, error) { return windows.NewAggregate(schema, o) }), err
	}
	switch {
	case a.spec.Processing():
		return []topology.TableBound{{Table: "windows", Bound: "until the processing time passes the window's end", Ends: true}}, nil
	case e != nil:
		return []topology.TableBound{until("windows", "the window's end", e)}, nil
	}
	open := topology.TableBound{Table: "windows", Bound: "every window, never evicted: no watermark is set on " + a.spec.Time()}
	open.Advice = fmt.Sprintf("state of %s grows with every window: set a watermark on %s", a.name, a.spec.Time())
	if event := a.frame.watermarkColumn(); event != "" {
		open.Advice = fmt.Sprintf("%s makes windows over %s, and the watermark is on %s: no window is ever closed. Set the watermark on the column of the window", a.name, a.spec.Time(), event)
	}
	return []topology.TableBound{open}, nil
}

// never is the lateness, microseconds, of windows over a column that has no watermark: one that is on another
// column says nothing of them.
const never = math.MaxInt64 / 8

// event returns what is known of the window's event time, nil if it has no watermark.
func (a *aggregation) event() *event {
	if a.spec.Processing() {
		return nil
	}
	b, err := expr.Bind(a.spec.Time(), a.frame.schema, a.frame.options())
	if err != nil {
		return nil
	}
	return a.frame.eventOfExpression(b)
}

// watermarkColumn returns the column on which a watermark above the frame was set, "" if there is none.
func (d *Frame) watermarkColumn() string {
	s := d.above(func(s *topology.Step) bool { return s.Watermark != nil })
	if s == nil {
		return ""
	}
	return s.Schema.Fields[s.Watermark.Column].Name
}

// events returns what is known of the columns of the result.
func (a *aggregation) events(step *topology.Step) []*event {
	events := make([]*event, len(step.Schema.Fields))
	next := 0
	for i := range a.fields {
		if a.spec == nil || i != a.at {
			events[i] = a.frame.eventOf(a.keys[next])
			next++
			continue
		}
		if e := a.event(); e != nil && !a.hidden {
			w := *e
			w.window, w.slide, w.offset = true, timeBucket, 0
			if a.spec.Kind() == windows.KindSession {
				w.lateness++ // a session is told when the watermark is later than its end
			} else {
				p := windows.PanesOf(*a.spec)
				w.slide, w.offset = p.Slide, (p.Start+p.Size)%p.Slide
			}
			events[i] = &w
		}
	}
	return events
}

// shown leaves the hidden window out of the result.
func (a *aggregation) shown(d *Frame) *Frame {
	if !a.hidden {
		return d
	}
	var columns []int
	for i := range d.schema.Fields {
		if i != a.at {
			columns = append(columns, i)
		}
	}
	return d.picked(a.name+"-result", columns, nil)
}
