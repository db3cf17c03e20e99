package actors

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// needy passes rows on, and fails if what it asked for was not done for their epoch.
type needy struct {
	operators.Base
	ready atomic.Int64
	done  *atomic.Int64
}

func (n *needy) Prepare(epoch int64) func(context.Context) error {
	return func(context.Context) error {
		n.ready.Store(epoch)
		n.done.Add(1)
		return nil
	}
}

func (n *needy) Process(in *batch.Batch, _ int, out operators.Output) error {
	if ready := n.ready.Load(); ready != n.Context.Epoch.Number {
		return fmt.Errorf("rows of epoch %d, prepared for %d", n.Context.Epoch.Number, ready)
	}
	return out.Emit(in.Retain())
}

// stepped is source -> operator [by key] -> sink.
func stepped(f *flow, keys []int, operator func() operators.Operator) *topology.Graph {
	g := &topology.Graph{Flow: "test", Quarantine: -1, KeyGroups: 16}
	g.Steps = append(g.Steps, &topology.Step{Name: "in", Verb: topology.VerbSource, Schema: numbers, Source: f.source},
		&topology.Step{Name: "step", Verb: topology.VerbOperate, Inputs: []int{0}, Schema: numbers, Keys: keys, Operator: operator},
		&topology.Step{Name: "out", Verb: topology.VerbSink, Inputs: []int{1}, Schema: numbers, Sink: f.sink, Mode: connectors.Append})
	return g
}

func (f *flow) start(t *testing.T, g *topology.Graph, trigger Trigger) *Handle {
	t.Helper()
	c := f.config(t, trigger, 2)
	plan, err := topology.MakePlan(g)
	if err != nil {
		t.Fatal(err)
	}
	c.Plan = plan
	h, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWhatAnOperatorNeedsIsDoneBeforeTheFirstRowOfEachEpoch(t *testing.T) {
	for _, keys := range [][]int{nil, {0}} {
		f := newFlow(2)
		var done atomic.Int64
		h := f.start(t, stepped(f, keys, func() operators.Operator { return &needy{done: &done} }), Trigger{Kind: TriggerManual})
		for round := range 3 {
			f.add(t, 0, round*10, round*10+10)
			f.add(t, 1, round*10, round*10+10)
			if err := h.ProcessAllAvailable(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.sink.Len() != 60 || done.Load() < 6 {
			t.Fatalf("%d rows, %d times prepared", f.sink.Len(), done.Load())
		}
	}
}

// alarm emits a row a while after each that it was given, on processing time.
type alarm struct {
	operators.Base
	due  int64
	rows *batch.Batch
}

func (a *alarm) Process(in *batch.Batch, _ int, _ operators.Output) error {
	a.rows.Release()
	a.rows, a.due = in.Retain(), a.Context.Epoch.Now+20_000
	return nil
}

func (a *alarm) Flush(out operators.Output) error {
	if a.due == 0 || a.due > a.Context.Epoch.Next {
		return nil
	}
	rows := a.rows
	a.rows, a.due = nil, 0
	return out.Emit(rows)
}

func (a *alarm) NextDue() (int64, bool) { return a.due, a.due != 0 }

func (a *alarm) Close() error { a.rows.Release(); return nil }

func TestAnOperatorIsWokenWhenItsTimeHasCome(t *testing.T) {
	f := newFlow(1)
	h := f.start(t, stepped(f, []int{0}, func() operators.Operator { return &alarm{} }), Trigger{})
	begin := time.Now()
	f.add(t, 0, 0, 1)
	for f.sink.Len() == 0 {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		if f.sink.Len() > 0 {
			break
		}
		select {
		case <-changed:
		case <-h.done:
			t.Fatal(h.Err())
		}
	}
	if took := time.Since(begin); took < 20*time.Millisecond {
		t.Fatalf("after %v", took)
	}
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// keeper is a sink that keeps files of its own.
type keeper struct {
	*memory.Sink
	bound, prefix string
}

func (k *keeper) UseState(_ objstore.Store, prefix string) { k.prefix = prefix }

func (k *keeper) Bind(ctx context.Context, s *batch.Schema, m connectors.OutputMode) error {
	k.bound = k.prefix
	return k.Sink.Bind(ctx, s, m)
}

func TestASinkIsToldWhereItsFilesBelongBeforeItIsBound(t *testing.T) {
	f := newFlow(1)
	g := f.graph()
	k := &keeper{Sink: f.sink}
	g.Steps[1].Sink = k
	f.add(t, 0, 0, 10)
	if err := f.start(t, g, Trigger{Kind: TriggerAvailableNow}).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if k.bound != "sinks/out/" {
		t.Fatalf("bound with %q", k.bound)
	}
}

// watched is a sink whose writers are told the watermark.
type watched struct {
	*memory.Sink
	told *atomic.Int64
}

func (w *watched) Writer(ctx context.Context, s connectors.Share) (connectors.Writer, error) {
	inner, err := w.Sink.Writer(ctx, s)
	return &watchedWriter{inner, w.told, noWatermark}, err
}

type watchedWriter struct {
	connectors.Writer
	told *atomic.Int64
	last int64
}

func (w *watchedWriter) Advance(watermark int64) error {
	if w.last >= watermark {
		return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "told %d after %d", watermark, w.last)
	}
	w.last = watermark
	w.told.Store(watermark)
	return nil
}

func TestWritersAreToldTheWatermarkOfWhatTheyWrite(t *testing.T) {
	f := newTimed(1, 5)
	w := &watched{f.sink, new(atomic.Int64)}
	w.told.Store(noWatermark)
	g := f.graph()
	g.Steps[3].Sink = w
	for at := range int64(50) {
		f.event(t, 0, at, 1)
	}
	h := f.start(t, g, Trigger{Kind: TriggerManual})
	if err := h.ProcessAllAvailable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.told.Load() != 44 {
		t.Fatalf("told %d, want 44", w.told.Load())
	}
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
