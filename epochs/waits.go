package epochs

import "slices"

// Waits is what an epoch on its way to being done still needs: one of the fields behind Epoch is set.
type Waits struct {
	Epoch    int64
	Tasks    []TaskID // that have not acked it
	Decision bool     // by the ledger
	Sinks    []string // that have not committed it
}

// Waits says what the oldest epoch waits for that is closed and not done; false if there is none.
func (c *Coordinator) Waits() (Waits, bool) {
	switch {
	case c.current != nil:
		w := Waits{Epoch: c.current.epoch}
		for sink := range c.pending {
			w.Sinks = append(w.Sinks, sink)
		}
		slices.Sort(w.Sinks)
		return w, true
	case c.deciding != nil:
		return Waits{Epoch: c.deciding.epoch, Decision: true}, true
	case c.closing != nil:
		w := Waits{Epoch: c.closing.epoch}
		for _, task := range c.shape.Tasks {
			if _, acked := c.closing.acks[task]; !acked {
				w.Tasks = append(w.Tasks, task)
			}
		}
		return w, true
	}
	return Waits{}, false
}
