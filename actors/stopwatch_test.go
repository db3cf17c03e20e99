package actors

import (
	"testing"
	"time"
)

// A node's time is its own: what it hands its batches to is measured apart.
func TestTheStopwatchMeasuresEachNodeAlone(t *testing.T) {
	var at time.Duration
	w := newStopwatch(func() time.Time { return time.Time{}.Add(at) }, 3)
	w.on = true
	pass := func(d time.Duration) { at += d }
	first := w.turn(0, updating)
	pass(3)
	second := w.turn(2, updating)
	pass(40)
	w.back(second)
	pass(5)
	w.back(first)
	pass(1000) // nobody's
	first = w.turn(0, removing)
	pass(7)
	w.back(first)
	c := &chain{watch: w, nodes: []chainNode{{name: "a"}, {name: "b"}, {name: "c"}}}
	all := c.spent()
	for i, want := range [][2]time.Duration{{8, 7}, {}, {40, 0}} {
		if s := all[i]; s.Updating != want[0] || s.Removing != want[1] {
			t.Errorf("node %d took %d and %d, want %d", i, s.Updating, s.Removing, want)
		}
	}
	if again := c.spent()[0]; again.Updating != 0 {
		t.Errorf("told twice: %v", again)
	}
}
