package windows

import (
	"fmt"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Options are what a windowed aggregate is made of.
type Options struct {
	Window *Bound
	// Keys are the group columns of the input beside the window.
	Keys []int
	// At is where among the group columns the window's column is.
	At int
	// Plan is the aggregates, bound to the group columns with the window's among them; see [Options.Groups].
	Plan *agg.Plan
	// Lateness is how much longer, in microseconds, windows are kept after the watermark has
	// passed their end. Results are final only then.
	Lateness int64
	// Before says that whoever reads the changes needs each old row, as UpdateBefore, in front of the new one.
	Before bool
}

// Groups returns the group columns of the output, as a plan is to be bound to them.
func (o Options) Groups(s *batch.Schema) []batch.Field {
	var fields []batch.Field
	for i, k := range o.Keys {
		if i == o.At {
			fields = append(fields, o.Window.Field())
		}
		fields = append(fields, s.Fields[k])
	}
	if o.At >= len(o.Keys) {
		fields = append(fields, o.Window.Field())
	}
	return fields
}

// check refuses what cannot be run.
func (o Options) check(s *batch.Schema) error {
	for _, k := range o.Keys {
		if k < 0 || k >= len(s.Fields) {
			return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "windowed aggregate: key column %d of %d", k, len(s.Fields))
		}
	}
	if o.At < 0 || o.At > len(o.Keys) || o.Lateness < 0 || o.Lateness > maxSpan {
		return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "windowed aggregate: window at %d of %d keys, lateness %d", o.At, len(o.Keys), o.Lateness)
	}
	return nil
}

// keys returns the key columns of the state tables.
func (o Options) keys(s *batch.Schema) []state.Column {
	columns := []state.Column{}
	for _, k := range o.Keys {
		columns = append(columns, state.Column{Name: s.Fields[k].Name, Type: s.Fields[k].Type})
	}
	return columns
}

// The tables of groups: by pane, and by window for the rows that came too late for some windows of their pane, or for
// all rows where panes cannot be merged.
const (
	ofPanes = iota
	ofWindows
	tables
)

// Aggregate keeps the aggregates of each group and window, tumbling or sliding.
// By PortFinal a window is told when the watermark has passed its end; by PortChanges what changed in each epoch, until then;
// by PortComplete all windows that there ever were, for which no row is too late if nobody reads the
// other ports.
type Aggregate struct {
	intake
	panes  Panes
	names  [tables]string
	sorter sorter

	tallies    [tables]*tally
	direct     bool  // a window's groups are in one segment
	told       int64 // closed.at when the changes were told last
	fold       fold  // of what is told as final; nil before the first window
	union      union
	stragglers []straggler
}

// NewAggregate returns the operator of one task, for an input with this schema.
func NewAggregate(s *batch.Schema, o Options) (operators.Operator, error) {
	if err := o.check(s); err != nil {
		return nil, err
	}
	if o.Window.Kind() == KindSession {
		return newSessions(s, o)
	}
	a := &Aggregate{intake: newIntake(s, o), panes: PanesOf(o.Window.Spec)}
	a.sorter.panes = a.panes
	for i, name := range []string{"panes", "windows"} { // part of the state's address: they never change
		a.names[i] = fmt.Sprintf("%s(%d,%d,%d)", name, a.panes.Size, a.panes.Slide, a.panes.Start)
	}
	return a, nil
}

// sliding reports whether a row is in several windows.
func (a *Aggregate) sliding() bool { return a.panes.Most() > 1 }

// expands reports whether a row is put into each of its windows: panes of distinct values cannot be merged
// unless values can be taken back, nor if somebody wants to know what changed.
func (a *Aggregate) expands(c *operators.Context) bool {
	p := a.o.Plan
	return a.sliding() && !p.Mergeable() && (!p.Slides() || c.Wanted[operators.PortChanges])
}

// whole returns the table of which a segment is a window, if there is one.
func (a *Aggregate) whole() *tally {
	if a.sliding() {
		return a.tallies[ofWindows]
	}
	return a.tallies[ofPanes]
}

// Open opens the tables.
func (a *Aggregate) Open(c *operators.Context) error {
	if err := a.begin(c, a.o.Plan.New(c.Pool)); err != nil {
		return err
	}
	a.told = a.closed.at
	spec := state.Spec{Keys: a.o.keys(a.schema), Values: a.o.Plan.Values(), Windowed: true, Version: 1}
	expands := a.expands(c)
	a.direct = expands || !a.sliding()
	for i, name := range a.names {
		if i == ofPanes && expands || i == ofWindows && !a.sliding() {
			continue
		}
		var err error
		if spec.Name = name; expands {
			spec.Name = "each " + name
		}
		if a.tallies[i], err = a.openTally(spec); err != nil {
			return err
		}
	}
	a.union = union{pool: c.Pool, accumulators: a.accumulators}
	return nil
}

// openTally opens a table of groups, and those of their distinct values.
func (a *Aggregate) openTally(spec state.Spec) (*tally, error) {
	t := &tally{accumulators: a.accumulators, logging: a.Context.Wanted[operators.PortChanges], logs: map[int64]*log{}}
	var err error
	if t.table, err = a.Context.State.Table(spec); err != nil {
		return nil, err
	}
	for _, set := range a.o.Plan.Sets() {
		of := operators.SetSpec(spec, set)
		of.Name = spec.Name + " " + of.Name
		table, err := a.Context.State.Table(of)
		if err != nil {
			return nil, err
		}
		t.sets = append(t.sets, table)
	}
	return t, nil
}

// open makes the writer of a task.
func (w *writer) open(c *operators.Context, o Options, accumulators *agg.Accumulators, s *batch.Schema) {
	*w = writer{plan: o.Plan, accumulators: accumulators, pool: c.Pool, step: c.Step, window: o.Window.Type(), at: o.At, schema: o.Plan.Schema(), groups: &batch.Schema{}}
	for _, k := range o.Keys {
		w.groups.Fields = append(w.groups.Fields, s.Fields[k])
	}
	w.expression.Pool = c.Pool
}

// drops reports whether rows can be too late: not if only the complete result is read, as in Spark.
func drops(c *operators.Context) bool {
	return c.Wanted[operators.PortFinal] || c.Wanted[operators.PortChanges] || !c.Wanted[operators.PortComplete]
}

// Process takes the rows into their panes.
func (a *Aggregate) Process(in *batch.Batch, _ int, out operators.Output) error {
	if in.Rows() == 0 {
		return nil
	}
	if err := a.catchUp(a.close, out); err != nil {
		return err
	}
	if err := a.read(in, out); err != nil {
		return err
	}
	a.stragglers = a.stragglers[:0]
	if a.o.Window.Processing() {
		a.clock.notBefore(a.closed.at)
	} else if drops(a.Context) {
		a.stragglers = a.sieve.sift(&a.clock, a.panes, in, a.closed.at, a.stragglers)
		if err := a.sieve.tell(in, out); err != nil {
			return err
		}
	}
	if len(a.clock.keep)+len(a.stragglers) == 0 {
		return nil
	}
	return a.take(in, out)
}

// take evaluates the arguments of the rows that are left, and updates their groups.
func (a *Aggregate) take(in *batch.Batch, out operators.Output) error {
	input, err := a.evaluate(in, a.clock.rest(in, a.stragglers), out)
	if err != nil {
		return err
	}
	defer input.Release()
	defer a.taken()
	if len(a.expression.Rejected) > 0 {
		fine := a.fine(in.N)
		a.stragglers = slices.DeleteFunc(a.stragglers, func(s straggler) bool { return !fine(int(s.row)) })
	}
	for _, s := range a.sorter.share(a.clock.times, a.clock.keep) {
		sel := s.sel
		if len(sel) == in.N {
			sel = nil
		}
		if err := a.takeShare(s.pane, sel, input); err != nil {
			return failure(err, a.Context.Step, a.writer.groups, a.columns)
		}
	}
	return a.takeStragglers(in, input)
}

// takeShare puts rows of one pane into it, or into each of its windows if panes cannot be merged.
func (a *Aggregate) takeShare(pane int64, sel []int32, input *agg.Input) error {
	if !a.sliding() || !a.direct {
		return a.tallies[ofPanes].take(pane, a.columns, a.hashes, sel, input)
	}
	first, last := a.panes.Windows(pane)
	for start := first; start <= last; start += a.panes.Slide {
		if err := a.tallies[ofWindows].take(start, a.columns, a.hashes, sel, input); err != nil {
			return err
		}
	}
	return nil
}

// takeStragglers puts rows that are too late for some of their windows into each of the others.
func (a *Aggregate) takeStragglers(in *batch.Batch, input *agg.Input) error {
	if mutant.On(mutant.StragglersDropped) && mutant.Late(number(a.Context)) {
		return nil
	}
	for _, s := range a.stragglers {
		sel := []int32{s.row}
		if err := a.closed.mark(a.columns, sel, in.N, a.hashes); err != nil {
			return err
		}
		_, last := a.panes.Windows(a.clock.times[s.row])
		for start := a.panes.Open(s.horizon); start <= last; start += a.panes.Slide {
			if err := a.tallies[ofWindows].take(start, a.columns, a.hashes, sel, input); err != nil {
				return failure(err, a.Context.Step, a.writer.groups, a.columns)
			}
		}
	}
	return nil
}

// Advance closes the windows that the watermark has passed.
func (a *Aggregate) Advance(watermark int64, out operators.Output) error {
	if err := a.catchUp(a.close, out); err != nil || a.o.Window.Processing() && watermark != math.MaxInt64 {
		return err
	}
	return a.close(less(watermark, a.o.Lateness), out)
}

// close closes the windows that end by to.
func (a *Aggregate) close(to int64, out operators.Output) error {
	if to <= a.closed.at || !drops(a.Context) {
		return nil
	}
	from := a.closed.at
	a.closed.at = to
	if a.Context.Wanted[operators.PortFinal] {
		a.setNow()
		if err := a.tellFinal(from, to, out); err != nil {
			return err
		}
	}
	if a.Context.Wanted[operators.PortChanges] || a.Context.Wanted[operators.PortComplete] {
		return nil // Flush still needs them
	}
	return a.evict()
}

// Flush tells what the epoch has changed, and all results to who wants them.
func (a *Aggregate) Flush(out operators.Output) error {
	if err := a.catchUp(a.close, out); err != nil {
		return err
	}
	if a.o.Window.Processing() && a.Context.Epoch != nil {
		if err := a.close(a.Context.Epoch.Next, out); err != nil {
			return err
		}
	}
	a.setNow()
	if a.Context.Wanted[operators.PortChanges] {
		if err := a.tellChanges(out); err != nil {
			return err
		}
		a.told = a.closed.at
		for _, t := range a.tallies {
			if t != nil {
				t.forget()
			}
		}
	}
	if a.Context.Wanted[operators.PortComplete] {
		if err := a.tellAll(out); err != nil {
			return err
		}
	} else if err := a.evict(); err != nil {
		return err
	}
	return a.closed.save()
}

// NextDue returns when the next window on processing time ends.
func (a *Aggregate) NextDue() (int64, bool) {
	if !a.o.Window.Processing() || !a.Context.Wanted[operators.PortFinal] {
		return 0, false
	}
	return a.dueAt()
}

// Close gives the memory of the fold back.
func (a *Aggregate) Close() error {
	if a.fold != nil {
		a.fold.release()
	}
	a.writer.close()
	return nil
}
