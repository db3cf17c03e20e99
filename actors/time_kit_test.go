package actors

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

var events = batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true}, batch.Field{Name: "k", Type: batch.BigIntType})

var bucketSchema = batch.NewSchema(batch.Field{Name: "start", Type: batch.TimestampType}, batch.Field{Name: "k", Type: batch.BigIntType}, batch.Field{Name: "n", Type: batch.BigIntType})

// width is that of the test's windows, microseconds.
const width = 10

type bucket struct{ start, k int64 }

// buckets counts rows by window and key, without state that lasts: what a windowed aggregate is to its task.
type buckets struct {
	operators.Base
	counts  map[bucket]int64
	touched map[bucket]bool
	now     int64
}

func (b *buckets) Process(in *batch.Batch, _ int, out operators.Output) error {
	var late []int32
	for i := range in.Rows() {
		r := in.Row(i)
		at := in.Columns[0].I64[r]
		key := bucket{at - ((at%width)+width)%width, in.Columns[1].I64[r]}
		passed := b.now
		if in.Behind != nil {
			passed = max(passed, in.Behind[r])
		}
		if key.start+width <= passed {
			late = append(late, int32(r))
			continue
		}
		b.counts[key]++
		b.touched[key] = true
	}
	return out.Late(in, late, b.now)
}

func (b *buckets) rows(all []bucket) *batch.Batch {
	slices.SortFunc(all, func(x, y bucket) int { return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.k, y.k)) })
	c := [3]*batch.Builder{batch.NewBuilder(batch.TimestampType, b.Context.Pool), batch.NewBuilder(batch.BigIntType, b.Context.Pool), batch.NewBuilder(batch.BigIntType, b.Context.Pool)}
	for _, k := range all {
		c[0].Int64(k.start)
		c[1].Int64(k.k)
		c[2].Int64(b.counts[k])
	}
	made := batch.NewBatch(bucketSchema, len(all))
	for _, x := range c {
		made.Columns = append(made.Columns, x.Finish())
		x.Release()
	}
	return made
}

func (b *buckets) Advance(watermark int64, out operators.Output) error {
	b.now = watermark
	var closed []bucket
	for k := range b.counts {
		if k.start+width <= watermark {
			closed = append(closed, k)
		}
	}
	err := out.Emit(b.rows(closed))
	for _, k := range closed {
		delete(b.counts, k)
	}
	return err
}

func (b *buckets) Flush(out operators.Output) error {
	var changed, all []bucket
	for k := range b.counts {
		all = append(all, k)
		if b.touched[k] {
			changed = append(changed, k)
		}
	}
	clear(b.touched)
	if b.Context.Wanted[operators.PortChanges] {
		rows := b.rows(changed)
		rows.Kinds = make([]batch.RowKind, rows.N)
		for i := range rows.Kinds {
			rows.Kinds[i] = batch.UpdateAfter
		}
		if err := out.EmitTo(operators.PortChanges, rows); err != nil {
			return err
		}
	}
	if b.Context.Wanted[operators.PortComplete] {
		return out.EmitTo(operators.PortComplete, b.rows(all))
	}
	return nil
}

// timed is a test's flow: source -> watermark -> buckets by key -> sink.
type timedFlow struct {
	flow
	spec   topology.WatermarkSpec
	late   *memory.Sink
	update *memory.Sink
	whole  *memory.Sink
	skew   int64
}

func newTimed(splits int, delay int64) *timedFlow {
	f := &timedFlow{flow: *newFlow(1), spec: topology.WatermarkSpec{Delay: delay, IdleAfter: -1, Lead: -1}}
	f.flow.source = memory.NewSource(events, splits)
	return f
}

func (f *timedFlow) graph() *topology.Graph {
	g := &topology.Graph{Flow: "timed", Quarantine: -1, KeyGroups: 16}
	add := func(s *topology.Step) int { g.Steps = append(g.Steps, s); return len(g.Steps) - 1 }
	in := add(&topology.Step{Name: "in", Verb: topology.VerbSource, Schema: events, Source: f.source})
	made := add(&topology.Step{Name: "clock", Verb: topology.VerbOperate, Inputs: []int{in}, Schema: events, Watermark: &f.spec,
		Operator: func() operators.Operator {
			w, err := operators.NewWatermark(events, operators.WatermarkOptions{Delay: f.spec.Delay, Shared: f.spec.Splits == "max", MaxFutureSkew: f.skew})
			if err != nil {
				panic(err)
			}
			return w
		}})
	windows := add(&topology.Step{Name: "windows", Verb: topology.VerbOperate, Inputs: []int{made}, Schema: bucketSchema, Keys: []int{1}, Stateful: f.late != nil,
		Operator: func() operators.Operator {
			return &buckets{counts: map[bucket]int64{}, touched: map[bucket]bool{}, now: math.MinInt64}
		}})
	add(&topology.Step{Name: "out", Verb: topology.VerbSink, Inputs: []int{windows}, Schema: bucketSchema, Sink: f.sink, Mode: connectors.Append})
	if f.update != nil {
		add(&topology.Step{Name: "update", Verb: topology.VerbSink, Inputs: []int{windows}, Ports: []int{operators.PortChanges}, Schema: bucketSchema, Sink: f.update, Mode: connectors.Update})
	}
	if f.whole != nil {
		add(&topology.Step{Name: "whole", Verb: topology.VerbSink, Inputs: []int{windows}, Ports: []int{operators.PortComplete}, Schema: bucketSchema, Sink: f.whole, Mode: connectors.Complete})
	}
	if f.late != nil {
		g.LateSink = add(&topology.Step{Name: "late", Verb: topology.VerbSink, Schema: topology.LateSchema, Sink: f.late, Mode: connectors.Append}) + 1
	}
	return g
}

func (f *timedFlow) config(t *testing.T, trigger Trigger, parallelism int) Config {
	t.Helper()
	c := f.flow.config(t, trigger, parallelism)
	plan, err := topology.MakePlan(f.graph())
	if err != nil {
		t.Fatal(err)
	}
	c.Plan = plan
	return c
}

// run runs the flow to its end.
func (f *timedFlow) run(t *testing.T, parallelism int) *Handle {
	t.Helper()
	h, err := Start(t.Context(), f.config(t, Trigger{Kind: TriggerAvailableNow}, parallelism))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

func (f *timedFlow) event(t *testing.T, split int, at, k int64) {
	t.Helper()
	if err := f.source.AddRows(split, []any{at, k}); err != nil {
		t.Fatal(err)
	}
}

// row is a row of the buckets as the sink shows it.
func (f *timedFlow) row(k bucket, n int64) string {
	b := &buckets{counts: map[bucket]int64{k: n}}
	b.Context = &operators.Context{}
	rows := b.rows([]bucket{k})
	defer rows.Release()
	return string(batch.AppendRowJSON(nil, rows, 0))
}

func sorted(rows []string) []string {
	slices.Sort(rows)
	return rows
}

func lateRows(t *testing.T, h *Handle) (n int64) {
	t.Helper()
	for _, p := range h.Recent() {
		n += p.Dropped
		for _, s := range p.StateOperators {
			if s.NumRowsDroppedByWatermark > 0 && s.OperatorName != "windows" {
				t.Fatalf("rows dropped by %s", s.OperatorName)
			}
		}
	}
	return n
}
