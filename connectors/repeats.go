package connectors

import "sync"

// Repeats remembers which epochs of which flow a sink has committed, for sinks
// whose output lives in the process only. Neighbouring epochs are kept as one
// range, so it stays small; an epoch that was never noted is never taken for a
// repeat, whatever was noted after it. The zero value is ready, and it is safe
// for concurrent use.
type Repeats struct {
	mu   sync.Mutex
	seen map[string][]epochs // by flow and incarnation, ascending
}

// epochs is first..last, both included.
type epochs struct{ first, last int64 }

// Note reports whether the epoch of c was noted before, and notes it.
func (r *Repeats) Note(c Commit) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string][]epochs{}
	}
	key := c.Flow + "\x00" + c.Incarnation
	ranges := r.seen[key]
	i := 0
	for i < len(ranges) && ranges[i].last < c.Epoch {
		i++
	}
	if i < len(ranges) && ranges[i].first <= c.Epoch {
		return true
	}
	joinsLeft := i > 0 && ranges[i-1].last+1 == c.Epoch
	joinsRight := i < len(ranges) && ranges[i].first-1 == c.Epoch
	switch {
	case joinsLeft && joinsRight:
		ranges[i-1].last = ranges[i].last
		ranges = append(ranges[:i], ranges[i+1:]...)
	case joinsLeft:
		ranges[i-1].last = c.Epoch
	case joinsRight:
		ranges[i].first = c.Epoch
	default:
		ranges = append(ranges[:i], append([]epochs{{c.Epoch, c.Epoch}}, ranges[i:]...)...)
	}
	r.seen[key] = ranges
	return false
}
