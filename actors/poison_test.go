package actors

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// picky is a step of a user that panics or fails at some rows.
type picky struct {
	operators.Base
	panics func(n int64) bool
	fails  func(n int64) error
}

func (p *picky) Process(in *batch.Batch, _ int, out operators.Output) error {
	for i := range in.Rows() {
		n := in.Columns[0].I64[in.Row(i)]
		if p.panics != nil && p.panics(n) {
			panic("no " + strconv.FormatInt(n, 10))
		}
		if p.fails != nil {
			if err := p.fails(n); err != nil {
				return err
			}
		}
	}
	return out.Emit(in.Retain())
}

// with puts the step before the sink, and a quarantine beside it.
func (f *flow) with(t *testing.T, p picky, quarantine *memory.Sink) *topology.Plan {
	g := f.graph()
	sink := g.Steps[len(g.Steps)-1]
	at := len(g.Steps) - 1
	g.Steps[at] = &topology.Step{Name: "picky", Verb: topology.VerbOperate, Inputs: []int{at - 1}, Schema: numbers, Fallible: true,
		Operator: func() operators.Operator { c := p; return &c }}
	sink.Inputs = []int{at}
	g.Steps = append(g.Steps, sink)
	if quarantine != nil {
		g.Quarantine = len(g.Steps)
		g.Steps = append(g.Steps, &topology.Step{Name: "quarantine", Verb: topology.VerbSink, Schema: topology.QuarantineSchema, Sink: quarantine, Mode: connectors.Append})
	}
	plan, err := topology.MakePlan(g)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// A row that makes a stateless chain panic is found and quarantined alone: the
// rows beside it in the batch go on, each once.
func TestARowThatPanicsIsQuarantinedAlone(t *testing.T) {
	f := newFlow(2)
	f.add(t, 0, 0, 500)
	f.add(t, 1, 500, 1000)
	quarantine := memory.NewSink("quarantine")
	c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 2)
	c.Plan = f.with(t, picky{panics: func(n int64) bool { return n%100 == 7 }}, quarantine)
	h, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.sink.Len(); n != 990 {
		t.Errorf("%d rows arrived, want 990", n)
	}
	rows := quarantine.Rows()
	if len(rows) != 10 {
		t.Fatalf("%d rows in quarantine, want 10: %v", len(rows), rows)
	}
	for _, r := range rows {
		if !strings.Contains(r, `"rule":"process","error_class":"PANIC"`) || !strings.Contains(r, `"source":"in"`) {
			t.Errorf("a quarantined row does not say what it failed: %s", r)
		}
	}
	if last, _ := h.Last(); last.Rejected == 0 && len(h.Recent()) == 1 {
		t.Error("the epoch's progress does not count the rejected rows")
	}
	if used := f.account.Used(); used != 0 {
		t.Errorf("%d bytes are still charged", used)
	}
}

// Behind a stateful step a panic restores the last checkpoint; if it comes again
// and again the job fails, loudly, and nothing was doubled.
func TestAPanicBehindStateAbortsTheAttempt(t *testing.T) {
	f := newFlow(2)
	f.dedup = true
	f.add(t, 0, 0, 100)
	f.add(t, 1, 50, 150)
	panics := 0
	c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 2)
	c.Policy.First = 1
	c.Plan = f.with(t, picky{panics: func(n int64) bool { panics++; return panics == 40 }}, nil)
	c.Parallelism = 1
	h, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := count(t, f.sink.Rows()); len(rows) != 150 || f.sink.Len() != 150 {
		t.Fatalf("%d rows, %d distinct, want 150", f.sink.Len(), len(rows))
	}
	if used := f.account.Used(); used != 0 {
		t.Errorf("%d bytes are still charged", used)
	}
}

func TestAJobThatCannotGoOnFailsAndSaysWhy(t *testing.T) {
	f := newFlow(1)
	f.add(t, 0, 0, 10)
	c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 1)
	c.Plan = f.with(t, picky{fails: func(n int64) error {
		if n == 3 {
			return supervision.New(supervision.Fatal, "TOO_ODD", "three is refused")
		}
		return nil
	}}, nil)
	h, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var failure *supervision.Failure
	if err := h.Wait(t.Context()); !errors.As(err, &failure) || failure.Class != "TOO_ODD" {
		t.Fatalf("ended with %v", err)
	}
	if h.State() != Dead || f.sink.Len() != 0 {
		t.Fatalf("state %s, %d rows", h.State(), f.sink.Len())
	}
}

// A row that fails in one branch is quarantined for that branch; the other
// branches and the raw rows keep it, once.
func TestARowThatFailsInOneBranchStaysInTheOthers(t *testing.T) {
	f := newFlow(1)
	f.add(t, 0, 0, 300)
	raw, other, quarantine := memory.NewSink("raw"), memory.NewSink("other"), memory.NewSink("quarantine")
	c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 1)
	plan := f.with(t, picky{panics: func(n int64) bool { return n == 250 }}, quarantine)
	g := plan.Graph
	calm := *g.Steps[1]
	calm.Name, calm.Operator = "calm", func() operators.Operator { return &picky{} }
	at := len(g.Steps)
	g.Steps = append(g.Steps, &topology.Step{Name: "raw", Verb: topology.VerbSink, Inputs: []int{0}, Schema: numbers, Sink: raw, Mode: connectors.Append}, &calm,
		&topology.Step{Name: "other", Verb: topology.VerbSink, Inputs: []int{at + 1}, Schema: numbers, Sink: other, Mode: connectors.Append})
	var err error
	if c.Plan, err = topology.MakePlan(g); err != nil {
		t.Fatal(err)
	}
	h, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for sink, want := range map[*memory.Sink]int{raw: 300, other: 300, f.sink: 299, quarantine: 1} {
		if rows := count(t, sink.Rows()); len(rows) != want || sink.Len() != int64(want) {
			t.Errorf("%s: %d rows, %d distinct, want %d", sink.Name(), sink.Len(), len(rows), want)
		}
	}
	if used := f.account.Used(); used != 0 {
		t.Errorf("%d bytes are still charged", used)
	}
}
