package stream

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// event is what is known of a column that holds event time. It stays with the
// column through projections, renames, unions and joins.
type event struct {
	column   string // as the watermark was set on it
	delay    int64  // microseconds
	lateness int64
	window   bool // the column is a window, over when the watermark passes its end
	// Windows of this size, begun at this offset, hold one value of the column each, or few that lie near to one another.
	slide, offset int64
}

// timeBucket is how far apart, in microseconds, event times may lie that end groups together.
const timeBucket = 60_000_000

// WatermarkOption says more about a watermark.
type WatermarkOption func(*watermark)

type watermark struct {
	spec     topology.WatermarkSpec
	skew     int64
	lateness int64
}

// MaxFutureSkew rejects rows whose event time is further ahead of the epoch's time than this: one
// clock that is wrong would otherwise make everybody else's rows late. They go to the quarantine.
func MaxFutureSkew(d time.Duration) WatermarkOption {
	return func(w *watermark) { w.skew = d.Microseconds() }
}

// IdleAfter says how long a split that is proved caught up must be quiet until the others no longer wait for it;
// negative: for ever. 5 seconds if not set.
func IdleAfter(d time.Duration) WatermarkOption {
	return func(w *watermark) { w.spec.IdleAfter = signed(d) }
}

// signed returns the time in microseconds; one shorter than that does not become 0, which says something else.
func signed(d time.Duration) int64 {
	switch {
	case d < 0:
		return min(d.Microseconds(), -1)
	case d > 0:
		return max(d.Microseconds(), 1)
	}
	return 0
}

// SplitsMax lets the split that is furthest ahead make the watermark, as Spark does: what slower
// splits bring behind it is late.
func SplitsMax() WatermarkOption { return func(w *watermark) { w.spec.Splits = "max" } }

// MaxLead says how far a split may run ahead of the slowest one, beyond the delay, before it is held; negative: any
// far. An hour if not set.
func MaxLead(d time.Duration) WatermarkOption {
	return func(w *watermark) { w.spec.Lead = signed(d) }
}

// AllowedLateness keeps windows this much longer than the watermark asks for: late rows correct what sinks
// in update or complete mode have. A sink in append mode is given a window when that time is over too.
func AllowedLateness(d time.Duration) WatermarkOption {
	return func(w *watermark) { w.lateness = d.Microseconds() }
}

// WithWatermark says that the column is the event time and that rows come at most delay behind the
// greatest one seen. It belongs before the first step that keeps state. Where the column goes, through projections, renames,
// unions and joins, what is known of it goes too.
func (d *Frame) WithWatermark(column string, delay time.Duration, options ...WatermarkOption) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("watermark")
	at, ok := d.indexes(name, []string{column})
	if !ok || !d.maySetWatermark(name, at[0]) {
		return d.fail()
	}
	w := watermark{spec: topology.WatermarkSpec{Column: at[0], Delay: delay.Microseconds()}}
	for _, set := range options {
		set(&w)
	}
	if w.lateness < 0 {
		d.flow.mistake(name, "INVALID_FLOW", "the allowed lateness of the watermark is negative", "give a time that is not negative")
		return d.fail()
	}
	field, schema := d.schema.Fields[at[0]], d.schema
	o := operators.WatermarkOptions{Column: at[0], Delay: w.spec.Delay, MaxFutureSkew: w.skew, Shared: w.spec.Splits == "max"}
	if _, err := operators.NewWatermark(schema, o); err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	step := d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: w.String(field.Name), Inputs: []int{d.step}, Schema: d.schema,
		Watermark: &w.spec, Fallible: w.skew > 0, Needs: also(len(schema.Fields), at), Operator: made(func() (*operators.Watermark, error) { return operators.NewWatermark(schema, o) })})
	c := d.then(step)
	c.events = make([]*event, len(d.schema.Fields))
	copy(c.events, d.events)
	c.events[at[0]] = &event{column: field.Name, delay: w.spec.Delay, lateness: w.lateness, slide: timeBucket}
	return c
}

// String describes the watermark for people.
func (w *watermark) String(column string) string {
	text := fmt.Sprintf("watermark %s, delay %s", column, micros(w.spec.Delay))
	if w.spec.Splits == "max" {
		text += ", of the split furthest ahead"
	}
	if w.skew > 0 {
		text += ", at most " + micros(w.skew) + " in the future"
	}
	if w.lateness > 0 {
		text += ", allowed lateness " + micros(w.lateness)
	}
	return text
}

func micros(n int64) string { return (time.Duration(n) * time.Microsecond).String() }

func (d *Frame) maySetWatermark(name string, at int) bool {
	f := d.schema.Fields[at]
	for _, e := range d.events {
		if e != nil {
			d.flow.mistake(name, "EVENT_TIME_WATERMARK_REDEFINED", fmt.Sprintf("there is a watermark on %s already", e.column), "set one watermark, on the column by which windows are made")
			return false
		}
	}
	if stateful := d.above(func(s *topology.Step) bool { return s.Keys != nil || s.Stateful }); stateful != nil {
		d.flow.mistake(name, "INVALID_FLOW", fmt.Sprintf("the watermark on %s comes behind %s, which keeps state", f.Name, stateful.Name), "a watermark is made where rows come in: set it before the first step that keeps state")
		return false
	}
	return true
}

// above returns a step at or above the frame for which the question is true, nil if there is none.
func (d *Frame) above(is func(*topology.Step) bool) *topology.Step {
	seen := map[int]bool{}
	var walk func(int) *topology.Step
	walk = func(i int) *topology.Step {
		if seen[i] {
			return nil
		}
		seen[i] = true
		s := d.flow.graph.Steps[i]
		if is(s) {
			return s
		}
		for _, in := range s.Inputs {
			if found := walk(in); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(d.step)
}

// watermarked reports whether a watermark reaches the frame.
func (d *Frame) watermarked() bool {
	return d.above(func(s *topology.Step) bool { return s.Watermark != nil }) != nil
}

// eventOf returns what is known of a column as an event time, nil if it is none.
func (d *Frame) eventOf(column int) *event {
	if column < 0 || column >= len(d.events) {
		return nil
	}
	return d.events[column]
}

// eventsOf returns what is known of the columns of a select list.
func (d *Frame) eventsOf(items []expr.Item) []*event {
	events := make([]*event, len(items))
	for i := range items {
		events[i] = d.eventOfExpression(items[i].Bound)
	}
	return events
}

// eventOfExpression knows a column that is passed on as it is, and window_time of a window, which is the
// event time of the window's row.
func (d *Frame) eventOfExpression(b *expr.Bound) *event {
	if at := b.Column(); at >= 0 {
		return d.eventOf(at)
	}
	if len(b.Columns()) != 1 {
		return nil
	}
	e := d.eventOf(b.Columns()[0])
	if e == nil || !e.window {
		return nil
	}
	ast, err := parse.Expr(b.SQL())
	if call, is := ast.(*parse.Call); err == nil && is && strings.EqualFold(call.Name, "window_time") {
		plain := *e
		plain.window = false
		return &plain
	}
	return nil
}

// made makes the operators of a step whose first one was made without a mistake.
func made[O operators.Operator](construct func() (O, error)) func() operators.Operator {
	return func() operators.Operator {
		o, err := construct()
		if err != nil {
			panic(err) // the same arguments made one before
		}
		return o
	}
}

// also returns the needs of a step that looks at these columns and passes all on.
func also(n int, columns []int) func([]bool) []bool {
	return func(out []bool) []bool {
		want := make([]bool, n)
		for i := range want {
			want[i] = i < len(out) && out[i] || slices.Contains(columns, i)
		}
		return want
	}
}
