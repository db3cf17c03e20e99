package actors

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	memstore "github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
	"go.uber.org/zap/zaptest"
)

// register is a ledger in memory.
type register struct {
	mu      sync.Mutex
	text    string
	version int64
	swaps   []string
	fail    func(next string) error // before the swap
}

func (r *register) Load(context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text, nil
}

func (r *register) Swap(_ context.Context, previous, next string, _ *connectors.Commit) (connectors.Committed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(next); err != nil {
			return connectors.Committed{}, err
		}
	}
	if r.text != previous {
		return connectors.Committed{}, fmt.Errorf("register: %w", epochs.ErrFenced)
	}
	r.text = next
	r.version++
	r.swaps = append(r.swaps, next)
	return connectors.Committed{Version: r.version}, nil
}

func (r *register) URI() string { return "register" }

var numbers = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "s", Type: batch.StringType, Nullable: true})

// flow is a test's graph: source -> [dropDuplicates n] -> sink.
type flow struct {
	source  *memory.Source
	sink    *memory.Sink
	ledger  *register
	objects objstore.Store
	into    connectors.Sink                           // instead of sink, if there is one
	reads   func(connectors.Source) connectors.Source // what is read instead of source, nil: itself
	dedup   bool
	wide    bool
	uniques atomic.Int64
	pool    *batch.Pool
	account *batch.Account
}

func newFlow(splits int) *flow {
	account := batch.NewAccount("test", 0)
	return &flow{source: memory.NewSource(numbers, splits), sink: memory.NewSink("out"), ledger: &register{}, objects: memstore.New(memstore.Options{}),
		account: account, pool: batch.NewPoolOf(account)}
}

func (f *flow) graph() *topology.Graph {
	g := &topology.Graph{Flow: "test", Quarantine: -1, KeyGroups: 16, ActorPerKeyGroup: f.wide}
	var source connectors.Source = f.source
	if f.reads != nil {
		source = f.reads(source)
	}
	g.Steps = append(g.Steps, &topology.Step{Name: "in", Verb: topology.VerbSource, Schema: f.source.Schema(), Source: source})
	last := 0
	if f.dedup {
		g.Steps = append(g.Steps, &topology.Step{Name: "once", Verb: topology.VerbOperate, Inputs: []int{0}, Schema: f.source.Schema(), Keys: []int{0}, Stateful: true,
			Operator: func() operators.Operator {
				op, err := operators.NewDropDuplicates(numbers, 0)
				if err != nil {
					panic(err)
				}
				return op
			}})
		last = 1
	}
	var sink connectors.Sink = f.sink
	if f.into != nil {
		sink = f.into
	}
	g.Steps = append(g.Steps, &topology.Step{Name: "out", Verb: topology.VerbSink, Inputs: []int{last}, Schema: f.source.Schema(), Sink: sink, Mode: connectors.Append})
	return g
}

func (f *flow) config(t *testing.T, trigger Trigger, parallelism int) Config {
	plan, err := topology.MakePlan(f.graph())
	if err != nil {
		t.Fatal(err)
	}
	return Config{Plan: plan, Ledger: f.ledger, Objects: f.objects, Trigger: trigger, Parallelism: parallelism, BatchRows: 64,
		Account: f.account, Pool: f.pool, Logger: zaptest.NewLogger(t), Unique: func() string { return "u" + strconv.FormatInt(f.uniques.Add(1), 10) }}
}

func (f *flow) add(t *testing.T, split, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := f.source.AddRows(split, []any{int64(n), "s" + strconv.Itoa(n)}); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, rows []string) map[string]int {
	t.Helper()
	m := map[string]int{}
	for _, r := range rows {
		m[r]++
	}
	return m
}

func TestAvailableNowMovesEveryRowOnceAndEnds(t *testing.T) {
	for _, dedup := range []bool{false, true} {
		for _, parallelism := range []int{1, 2, 7} {
			t.Run(fmt.Sprintf("dedup=%v parallelism=%d", dedup, parallelism), func(t *testing.T) {
				f := newFlow(3)
				f.dedup = dedup
				for s := range 3 {
					f.add(t, s, s*1000, s*1000+1000)
				}
				h, err := Start(t.Context(), f.config(t, Trigger{Kind: TriggerAvailableNow}, parallelism))
				if err != nil {
					t.Fatal(err)
				}
				if err := h.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				rows := count(t, f.sink.Rows())
				if len(rows) != 3000 || f.sink.Len() != 3000 {
					t.Fatalf("%d rows, %d distinct, want 3000 of each", f.sink.Len(), len(rows))
				}
			})
		}
	}
}

func TestDuplicatesAreDroppedAcrossRestartsAtAnotherParallelism(t *testing.T) {
	f := newFlow(3)
	f.dedup = true
	for round, parallelism := range []int{1, 2, 7, 16, 2} {
		f.wide = parallelism == 16
		for s := range 3 {
			f.add(t, s, 0, 500*(round+1)) // the old ones again, and 500 new ones, in every split
		}
		h, err := Start(t.Context(), f.config(t, Trigger{Kind: TriggerAvailableNow}, parallelism))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rows := count(t, f.sink.Rows()); len(rows) != 500*(round+1) || f.sink.Len() != int64(len(rows)) {
			t.Fatalf("round %d: %d rows, %d distinct, want %d", round, f.sink.Len(), len(rows), 500*(round+1))
		}
	}
}

func TestStopCommitsWhatWasSeenAndReturns(t *testing.T) {
	f := newFlow(2)
	h, err := Start(t.Context(), f.config(t, Trigger{}, 2))
	if err != nil {
		t.Fatal(err)
	}
	f.add(t, 0, 0, 100)
	f.add(t, 1, 100, 200)
	if err := h.ProcessAllAvailable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.sink.Len(); n != 200 {
		t.Fatalf("%d rows", n)
	}
	if h.State() != Stopped {
		t.Fatalf("state %s", h.State())
	}
}

func TestALaterAttemptFencesTheEarlierOne(t *testing.T) {
	f := newFlow(1)
	first, err := Start(t.Context(), f.config(t, Trigger{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	f.add(t, 0, 0, 10)
	if err := first.ProcessAllAvailable(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := Start(t.Context(), f.config(t, Trigger{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f.add(t, 0, 10, 20)
		if err := second.ProcessAllAvailable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	err = first.Wait(t.Context())
	if !errors.Is(err, epochs.ErrFenced) {
		t.Fatalf("the first run ended with %v", err)
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.sink.Len(); n != 40 {
		t.Fatalf("%d rows, want 40", n)
	}
}

func TestAFailedDecisionIsTriedAgainByTheNextAttempt(t *testing.T) {
	f := newFlow(2)
	var failures atomic.Int64
	f.ledger.fail = func(next string) error {
		if failures.Add(1)%3 == 0 {
			return errors.New("the disk hiccups")
		}
		return nil
	}
	f.add(t, 0, 0, 1000)
	f.add(t, 1, 1000, 2000)
	c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 2)
	c.Policy.First = 1
	h, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := count(t, f.sink.Rows()); len(rows) != 2000 || f.sink.Len() != 2000 {
		t.Fatalf("%d rows, %d distinct", f.sink.Len(), len(rows))
	}
	if used := f.account.Used(); used != 0 {
		t.Errorf("%d bytes are still charged", used)
	}
}

// Under a seeded dispatcher the actors take turns that a pool seldom makes.
func TestSeedsOfTheDispatcherGiveOneResult(t *testing.T) {
	for seed := range uint64(40) {
		f := newFlow(3)
		f.dedup = true
		for s := range 3 {
			f.add(t, s, 0, 200)
		}
		c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 3)
		c.Logger, c.BatchRows, c.scheduler = nil, 16, newSeeded(seed)
		h, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Wait(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if rows := count(t, f.sink.Rows()); len(rows) != 200 || f.sink.Len() != 200 {
			t.Fatalf("seed %d: %d rows, %d distinct", seed, f.sink.Len(), len(rows))
		}
	}
}

// The time of an attempt's first epoch is chosen once: tasks that are made one after the other have it from no barrier.
func TestAllTasksBeginAtOneTime(t *testing.T) {
	f := newFlow(3)
	f.dedup = true
	c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 2)
	var at atomic.Int64
	c.Now = func() time.Time { return time.UnixMilli(at.Add(1)) }
	c.defaults(1)
	a, err := openAttempt(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	for _, task := range a.tasks {
		if task.epoch.Now != a.tasks[0].epoch.Now {
			t.Errorf("%s begins at %d, %s at %d", task.Name, task.epoch.Now, a.tasks[0].Name, a.tasks[0].epoch.Now)
		}
	}
}
