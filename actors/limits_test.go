package actors

import (
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/supervision"
)

func asks(orders []Order) (n int) {
	for _, o := range orders {
		if _, ok := o.(AskLimits); ok {
			n++
		}
	}
	return n
}

// An epoch whose limits were made when the topic was empty asks for them again until
// there is something to read, and not any more once there is.
func TestLimitsOfAnEmptyTopicAreAskedForAgain(t *testing.T) {
	now := time.Unix(1_770_000_000, 0)
	at := map[string]connectors.Positions{"in": {"in/0": "0", "in/1": "0"}}
	task := func(share int) epochs.TaskID { return epochs.TaskID(share) }
	j := NewJob(Trigger{}, supervision.Policy{}, func() float64 { return 0 })
	j.Begin()
	orders := j.Opened(Opened{Shape: epochs.Shape{Attempt: 1, Start: at, Tasks: []epochs.TaskID{task(0), task(1)}}, Limited: true,
		Splits: []SplitTask{{Task: task(0), Source: "in", Split: "in/0"}, {Task: task(1), Source: "in", Split: "in/1"}}}, now)
	if asks(orders) != 1 {
		t.Fatalf("opened: %v", orders)
	}
	epoch := j.book.Filling()
	stop := func(share int) []Order {
		return j.Seen(Seen{Attempt: 1, Task: task(share), Epoch: epoch, AtLimit: true, At: "0"}, now)
	}
	j.Limits(1, epoch, at, nil, now)
	stop(0)
	woken := false
	for _, o := range stop(1) {
		_, is := o.(WakeAt)
		woken = woken || is
	}
	if !woken {
		t.Fatal("a job whose limits allow nothing sleeps for good")
	}
	for range 3 {
		now = now.Add(limitsAgain)
		if n := asks(j.Tick(now)); n != 1 {
			t.Fatalf("limits are asked for %d times", n)
		}
		j.Limits(1, epoch, at, nil, now)
	}
	now = now.Add(limitsAgain)
	j.Tick(now)
	j.Limits(1, epoch, map[string]connectors.Positions{"in": {"in/0": "0", "in/1": "5"}}, nil, now)
	now = now.Add(limitsAgain)
	if n := asks(j.Tick(now)); n != 0 {
		t.Fatal("limits are asked for though a split may go on")
	}
}

// What a source says when it is asked again may end the attempt: it is not asked while an epoch before is not decided.
func TestLimitsWaitForWhatIsNotDecided(t *testing.T) {
	now := time.Unix(1_770_000_000, 0)
	start, end := connectors.Positions{"in/0": "0"}, connectors.Positions{"in/0": "5"}
	j := NewJob(Trigger{}, supervision.Policy{}, func() float64 { return 0 })
	j.Begin()
	j.Opened(Opened{Shape: epochs.Shape{Attempt: 1, Start: map[string]connectors.Positions{"in": start}, Tasks: []epochs.TaskID{0}}, Limited: true,
		Splits: []SplitTask{{Task: 0, Source: "in", Split: "in/0"}}}, now)
	first := j.book.Filling()
	j.Limits(1, first, map[string]connectors.Positions{"in": end}, nil, now)
	closing := find[SendTask](j.Seen(Seen{Attempt: 1, Task: 0, Epoch: first, Rows: 5, Moved: true, AtLimit: true, At: "5"}, now))
	if len(closing) == 0 {
		t.Fatal("the epoch is not closed")
	}
	orders := j.Acked(Acked{Attempt: 1, Ack: epochs.Ack{Epoch: first, Task: 0, Source: "in", Split: "in/0", Position: "5"}}, now)
	if asks(orders) != 1 || len(find[DecideEpoch](orders)) != 1 {
		t.Fatalf("the epoch is to be decided, and the next one has limits: %v", orders)
	}
	next := j.book.Filling()
	j.Limits(1, next, map[string]connectors.Positions{"in": end}, nil, now)
	j.Seen(Seen{Attempt: 1, Task: 0, Epoch: next, AtLimit: true, At: "5"}, now)
	for range 3 {
		if now = now.Add(limitsAgain); asks(j.Tick(now)) != 0 {
			t.Fatal("the source is asked though the epoch is not decided")
		}
	}
}
