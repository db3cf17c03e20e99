package supervision

import "time"

// Policy bounds how often a job starts a new attempt. The zero value is the
// default policy.
type Policy struct {
	First  time.Duration // wait before the first new attempt; default 200 ms
	Most   time.Duration // longest wait; default 30 s
	Window time.Duration // failures older than this are forgotten; default 10 min
	Limit  int           // failures within Window that end the job; default 20
}

// Decision is what follows from a failure of a job.
type Decision struct {
	Retry bool          // start a new attempt after Wait
	Wait  time.Duration // with jitter
	Count int           // failures within the window, this one included
}

// History is the failures that a policy still remembers. The zero value is
// empty.
type History struct {
	failures []time.Time
}

func (p Policy) withDefaults() Policy {
	if p.First == 0 {
		p.First = 200 * time.Millisecond
	}
	if p.Most == 0 {
		p.Most = 30 * time.Second
	}
	if p.Window == 0 {
		p.Window = 10 * time.Minute
	}
	if p.Limit == 0 {
		p.Limit = 20
	}
	return p
}

// Decide records a failure at now and says what follows: an outage ends no job. jitter is uniform in
// [0,1): the wait is between half and all of the exponential one, so that jobs
// that failed together do not come back together.
func (p Policy) Decide(h *History, kind Kind, now time.Time, jitter float64) Decision {
	p = p.withDefaults()
	kept := h.failures[:0]
	for _, t := range h.failures {
		if now.Sub(t) < p.Window {
			kept = append(kept, t)
		}
	}
	h.failures = append(kept, now)
	n := len(h.failures)
	if kind == Fatal || kind == Poison || n >= p.Limit && kind != Outage {
		return Decision{Count: n}
	}
	wait := p.First
	for i := 1; i < n && wait < p.Most; i++ {
		wait *= 2
	}
	wait = min(wait, p.Most)
	return Decision{Retry: true, Wait: wait/2 + time.Duration(float64(wait/2)*jitter), Count: n}
}
