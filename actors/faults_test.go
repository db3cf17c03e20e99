package actors

import (
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

// wild is a clock that goes anywhere at any time.
type wild struct {
	mu     sync.Mutex
	random *rand.Rand
	at     time.Time
	jumps  int
}

func (c *wild) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jumps++
	switch c.random.IntN(6) {
	case 0:
		c.at = c.at.Add(time.Hour)
	case 1:
		c.at = c.at.Add(-time.Hour)
	case 2:
		c.at = c.at.AddDate(1, 0, 0)
	case 3:
		c.at = c.at.AddDate(-1, 0, 0)
	default:
		c.at = c.at.Add(time.Duration(c.random.IntN(100)) * time.Millisecond)
	}
	return c.at
}

// TestResultsDoNotFollowTheClock: whatever the wall clock does, an hour or a year ahead or back at each look, the windows of event time are
// those of a clock that goes right, and the flow comes to its end.
func TestResultsDoNotFollowTheClock(t *testing.T) {
	run := func(now func() time.Time) map[string]int {
		f := newTimed(2, 3)
		for i := range 500 {
			if err := f.source.AddRows(i%2, []any{int64(i), int64(i % 5)}); err != nil {
				t.Fatal(err)
			}
		}
		f.source.Finish()
		c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 2)
		c.Now = now
		h, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		return count(t, f.sink.Rows())
	}
	want := run(nil)
	if len(want) < 100 {
		t.Fatalf("%d windows", len(want))
	}
	for seed := range uint64(20) {
		c := &wild{random: rand.New(rand.NewPCG(seed, 7)), at: time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)}
		if got := run(c.now); !maps.Equal(got, want) {
			t.Fatalf("seed %d: %d windows, want %d", seed, len(got), len(want))
		}
		if c.jumps == 0 {
			t.Fatal("nobody asked the clock")
		}
	}
}

// TestBarriersThatGoAstray: a barrier that comes twice, one of the epoch after next, rows that were lost before a barrier, and rows that come
// twice are told, and end the attempt; a barrier that never comes holds back nothing but its epoch.
func TestBarriersThatGoAstray(t *testing.T) {
	rows := func() *batch.Batch {
		b, err := memory.Build(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}), []any{int64(1)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	data := func(n uint64) Data { return Data{Sequence: n, Batch: rows(), Bytes: 1} }
	for name, c := range map[string]struct {
		messages []Message
		lost     bool
	}{
		"in order":        {[]Message{data(1), Barrier{Epoch: 1, Count: 1, Rows: 1}, data(2), Barrier{Epoch: 2, Count: 1, Rows: 1}}, false},
		"duplicated":      {[]Message{data(1), Barrier{Epoch: 1, Count: 1, Rows: 1}, Barrier{Epoch: 1, Count: 1, Rows: 1}}, true},
		"overtaken":       {[]Message{Barrier{Epoch: 2}}, true},
		"rows lost":       {[]Message{Barrier{Epoch: 1, Count: 1, Rows: 1}}, true},
		"rows twice":      {[]Message{data(1), data(1)}, true},
		"rows out of row": {[]Message{data(2)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			task := &Task{Name: "t", inputs: []input{{next: 1}}, chain: &chain{}, epoch: &operators.Epoch{Number: 1}, acks: map[int64]*owed{}}
			var out Effects
			var err error
			for _, m := range c.messages {
				if err = task.Step(m, &out); err != nil {
					break
				}
			}
			var f *supervision.Failure
			if c.lost != (err != nil) || err != nil && (!errors.As(err, &f) || f.Kind != supervision.Restart) {
				t.Errorf("%v, want lost %v", err, c.lost)
			}
		})
	}
	two := &Task{Name: "t", inputs: []input{{next: 1}, {next: 1}}, chain: &chain{}, epoch: &operators.Epoch{Number: 1}, acks: map[int64]*owed{}}
	var out Effects
	for _, m := range []Message{Barrier{Epoch: 1}, data(1)} { // the other input's barrier is delayed
		if err := two.Step(m, &out); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.Report) != 0 || two.epoch.Number != 1 || len(two.inputs[0].queue) != 1 {
		t.Errorf("an epoch ended without all barriers, or rows of the next went into it: %v", out.Report)
	}
}
