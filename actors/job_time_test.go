package actors

import (
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// timedJob is a job of two splits with a lead and a time after which they are idle.
func timedJob(now time.Time) (*Job, []Order) {
	j := NewJob(Trigger{}, supervision.Policy{}, func() float64 { return 0 })
	j.Begin()
	clock := func() *SplitClock {
		return &SplitClock{Step: "clock", Watermark: noWatermark, IdleAfter: 1_000_000, Lead: 800}
	}
	return j, j.Opened(Opened{Shape: epochs.Shape{Flow: "f", Attempt: 1, Tasks: []epochs.TaskID{0, 1}},
		Splits: []SplitTask{{Task: 0, Source: "in", Split: "a", Clock: clock()}, {Task: 1, Source: "in", Split: "b", Clock: clock()}}}, now)
}

// find returns the orders of a kind.
func find[T any](orders []Order) (found []T) {
	for _, o := range orders {
		if s, ok := o.(SendTask); ok {
			if m, ok := s.Message.(T); ok {
				found = append(found, m)
			}
		}
		if m, ok := o.(T); ok {
			found = append(found, m)
		}
	}
	return found
}

func TestASplitIsAskedWhereItEndsOnceItIsQuiet(t *testing.T) {
	now := time.Unix(100, 0)
	j, _ := timedJob(now)
	j.Seen(Seen{Attempt: 1, Task: 0, Epoch: 1, Moved: true, At: "5", Watermark: 50}, now.Add(900*time.Millisecond))
	asked := find[AskEnds](j.Tick(now.Add(1100 * time.Millisecond)))
	if len(asked) != 1 || len(asked[0].Splits["in"]) != 1 || asked[0].Splits["in"][0] != "b" {
		t.Fatalf("asked for %v, want the end of b", asked)
	}
	if again := find[AskEnds](j.Tick(now.Add(1200 * time.Millisecond))); len(again) != 0 {
		t.Fatal("asked again while the answer is on its way")
	}
	quiet := find[Quiet](j.Ends(1, map[string]connectors.Positions{"in": {"b": "0"}}, now.Add(1300*time.Millisecond)))
	if len(quiet) != 1 || quiet[0].End != "0" {
		t.Fatalf("told %v", quiet)
	}
	// The task agrees: an epoch closes though no row came, and nobody asks it any more.
	orders := j.Seen(Seen{Attempt: 1, Task: 1, Epoch: 2, Idle: true, Timed: true, Watermark: noWatermark}, now.Add(1400*time.Millisecond))
	if len(find[WakeAt](orders)) == 0 && len(find[CloseEpoch](orders)) == 0 {
		t.Fatalf("no epoch is going to close: %v", orders)
	}
	for _, a := range find[AskEnds](j.Tick(now.Add(time.Minute))) {
		if len(a.Splits["in"]) != 1 || a.Splits["in"][0] != "a" {
			t.Fatalf("asked for %v", a)
		}
	}
}

func TestASplitIsHeldOnlyForOneThatHasMoreToRead(t *testing.T) {
	now := time.Unix(100, 0)
	j, _ := timedJob(now)
	tell := func(task epochs.TaskID, at, end connectors.Position, watermark int64, idle bool) []Hold {
		return find[Hold](j.Seen(Seen{Attempt: 1, Task: task, Epoch: 1, At: at, End: end, Watermark: watermark, Idle: idle}, now))
	}
	if held := tell(0, "10", "10", 100_000, false); len(held) != 0 {
		t.Fatalf("held for a split that has no row: %v", held)
	}
	if held := tell(1, "1", "9", 1000, false); len(held) != 2 || held[0].Until != 1800 {
		t.Fatalf("held %v, want both up to 1800", held)
	}
	if held := tell(1, "2", "9", 1050, false); len(held) != 0 {
		t.Fatalf("told of a small step: %v", held)
	}
	if held := tell(1, "3", "9", 1200, false); len(held) != 2 || held[0].Until != 2000 {
		t.Fatalf("held %v, want both up to 2000", held)
	}
	if held := tell(1, "9", "9", 1300, false); len(held) != 2 || held[0].Until != endOfInput {
		t.Fatalf("still held for a split that has nothing to read: %v", held)
	}
}

// While others are held for a split, it is asked where it stands, however long the epoch is.
func TestTheSlowSplitIsAskedWhereItStands(t *testing.T) {
	now := time.Unix(100, 0)
	j, _ := timedJob(now)
	j.Seen(Seen{Attempt: 1, Task: 1, Epoch: 1, At: "1", End: "9", Watermark: 1000}, now)
	orders := j.Seen(Seen{Attempt: 1, Task: 0, Epoch: 1, At: "9", End: "90", Watermark: 9000, Held: true}, now)
	if quiet := find[Quiet](orders); len(quiet) != 1 || quiet[0].End != "" {
		t.Fatalf("asked %v", quiet)
	}
	if quiet := find[Quiet](j.Tick(now.Add(tellAgain / 2))); len(quiet) != 0 {
		t.Fatal("asked too often")
	}
	if quiet := find[Quiet](j.Tick(now.Add(tellAgain))); len(quiet) != 1 {
		t.Fatal("not asked again")
	}
}

func TestAnEpochClosesWhenAnOperatorsTimeHasCome(t *testing.T) {
	now := time.Unix(100, 0)
	j := NewJob(Trigger{}, supervision.Policy{}, func() float64 { return 0 })
	j.Begin()
	due := now.Add(3 * time.Second)
	orders := j.Opened(Opened{Shape: epochs.Shape{Flow: "f", Attempt: 1, Tasks: []epochs.TaskID{0, 1}}, Splits: []SplitTask{{Task: 0, Source: "in", Split: "a"}},
		Due: map[epochs.TaskID]int64{1: due.UnixMicro()}}, now)
	if wake := find[WakeAt](orders); len(wake) != 1 || !wake[0].Time.Equal(due) {
		t.Fatalf("wakes at %v, want %v", wake, due)
	}
	if closed := find[CloseEpoch](j.Tick(due.Add(-time.Millisecond))); len(closed) != 0 {
		t.Fatal("closed too early")
	}
	if closed := find[CloseEpoch](j.Tick(due)); len(closed) != 1 {
		t.Fatal("not closed")
	}
	j.Acked(Acked{Attempt: 1, Ack: epochs.Ack{Task: 0, Epoch: 1, Source: "in", Split: "a"}}, due)
	again := due.Add(time.Second)
	if wake := find[WakeAt](j.Acked(Acked{Attempt: 1, Ack: epochs.Ack{Task: 1, Epoch: 1, Due: again.UnixMicro()}}, due)); len(wake) == 0 || !wake[len(wake)-1].Time.Equal(again) {
		t.Fatalf("wakes at %v, want %v", wake, again)
	}
}

func TestTheSplitThatEverythingWaitsForIsNamed(t *testing.T) {
	now := time.Unix(100, 0)
	j, _ := timedJob(now)
	j.Seen(Seen{Attempt: 1, Task: 0, Epoch: 1, At: "10", End: "10", Watermark: 5_000_000}, now)
	w := j.Watermarks()
	if len(w) != 1 || w[0].WaitsFor != "in/b" || w[0].Watermark != "" || w[0].Splits[1].State != topology.SplitCaughtUp || w[0].Splits[1].IdleAt == "" {
		t.Fatalf("%+v", w)
	}
	j.Seen(Seen{Attempt: 1, Task: 1, Epoch: 1, At: "1", End: "9", Watermark: 1_000_000}, now)
	j.Seen(Seen{Attempt: 1, Task: 0, Epoch: 1, At: "10", End: "20", Watermark: 5_000_000, Held: true}, now)
	text := topology.ExplainWatermarks(j.Watermarks())
	want := `clock: the watermark is 1970-01-01T00:00:01.000Z; everything waits for split b of in, which has more to read
  in a  1970-01-01T00:00:05.000Z  held: it is too far ahead of the slowest split
> in b  1970-01-01T00:00:01.000Z  at 1, its end is 9
`
	if text != want {
		t.Fatalf("got\n%swant\n%s", text, want)
	}
	j.Seen(Seen{Attempt: 1, Task: 1, Epoch: 1, At: "9", End: "9", Watermark: 1_000_000, Idle: true}, now)
	if w := j.Watermarks()[0]; w.WaitsFor != "in/a" || w.Watermark != "1970-01-01T00:00:05.000Z" || w.Splits[1].State != topology.SplitIdle {
		t.Fatalf("%+v", w)
	}
}
