package stream

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
	"github.com/deltaic/deltaic/windows"
)

// folded puts a step before the exchange that folds rows of one group into one, if the aggregates and what is
// above allow it, and returns the plan of the aggregate behind it.
func (a *aggregation) folded(final *agg.Plan) (*agg.Plan, error) {
	d := a.frame
	keeps := d.above(func(s *topology.Step) bool {
		return s.Stateful || s.Ruling.Reading != topology.ReadAlike || s.GivesChanges()
	})
	o, can, err := a.panes()
	if err != nil || !can || keeps != nil || !final.Foldable() || o.Time >= 0 && d.flow.judgesRowsBehindTheExchange() {
		return final, err
	}
	schema := d.schema
	fold, err := operators.NewPreaggregate(schema, final, o)
	if err != nil {
		return nil, err
	}
	c := *d
	c.schema, c.qualifiers, c.events = fold.Schema(), append(slices.Clone(d.qualifiers), ""), append(slices.Clone(d.events), nil)
	reads := append(final.Columns(), a.keys...)
	if o.Time >= 0 {
		reads = append(reads, o.Time)
	}
	c.step = d.flow.add(&topology.Step{Name: a.name + "-fold", Verb: topology.VerbOperate, What: "fold rows of one group before the exchange",
		Inputs: []int{d.step}, Schema: c.schema, Needs: also(len(schema.Fields), reads),
		Operator: made(func() (*operators.Preaggregate, error) { return operators.NewPreaggregate(schema, final, o) })})
	a.frame = &c
	return fold.Merging(), nil
}

// judgesRowsBehindTheExchange reports whether each row must reach the step that may find it late, though its own split does
// not know it to be: where the fastest input makes the watermark, and where late rows are kept, for a split that was idle
// is measured by what the others have come to meanwhile. Of folded rows one would be told for many.
func (f *Flow) judgesRowsBehindTheExchange() bool {
	return f.graph.WatermarkPolicy == "max" || f.late != nil
}

// panes returns how rows fold for the aggregate's window, and whether they do: not for windows whose bounds depend
// on other rows or on the clock.
func (a *aggregation) panes() (operators.PreaggregateOptions, bool, error) {
	o := operators.PreaggregateOptions{Keys: a.keys, Time: -1}
	if a.spec == nil {
		return o, true, nil
	}
	bound, err := a.spec.Bind(a.frame.schema, a.frame.options())
	if err != nil || a.spec.Kind() == windows.KindSession || a.spec.Processing() || bound.EventTime() < 0 {
		return o, false, err
	}
	o.Time = bound.EventTime()
	panes := windows.PanesOf(*a.spec)
	o.Pane = func(t int64) (int64, int64) {
		if t < windows.MinTime || t > windows.MaxTime {
			return t, t // it is in no window
		}
		return panes.Pane(t)
	}
	k := a.frame.schema.Fields[o.Time].Type.Kind
	return o, k == batch.Timestamp || k == batch.TimestampNTZ, nil
}
