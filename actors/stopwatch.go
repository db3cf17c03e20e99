package actors

import (
	"time"

	"github.com/deltaic/deltaic/epochs"
)

// stopwatch measures the nodes of a chain with state, each without those that it
// hands its batches to.
type stopwatch struct {
	on    bool
	now   func() time.Time
	at    moment // what runs
	since time.Time
	spent [][2]time.Duration // by node and work
}

// moment is the work of a node; the zero value is that of none.
type moment struct{ node, work int } // node: 1 more than its number

const (
	updating = iota
	removing
)

func newStopwatch(now func() time.Time, nodes int) stopwatch {
	return stopwatch{now: now, spent: make([][2]time.Duration, nodes)}
}

// turn says that the node works from here on, and returns what did before.
func (w *stopwatch) turn(node, work int) (was moment) {
	was = w.at
	w.to(moment{node + 1, work})
	return was
}

// back goes on with what turn interrupted.
func (w *stopwatch) back(was moment) { w.to(was) }

func (w *stopwatch) to(m moment) {
	if !w.on {
		return
	}
	now := w.now()
	if w.at.node > 0 {
		w.spent[w.at.node-1][w.at.work] += now.Sub(w.since)
	}
	w.at, w.since = m, now
}

// spent is what nodes took since it was asked last.
func (c *chain) spent() []epochs.Spent {
	if !c.watch.on {
		return nil
	}
	var all []epochs.Spent
	for i, n := range c.nodes {
		s := &c.watch.spent[i]
		all = append(all, epochs.Spent{Step: n.name, Updating: s[updating], Removing: s[removing]})
		*s = [2]time.Duration{}
	}
	return all
}
