package node

import (
	"sync"
	"time"

	"github.com/deltaic/deltaic/actors"
)

// totals is what a flow has done in this run.
type totals struct {
	mu          sync.Mutex
	epochs      int64
	rowsIn      int64
	bytesIn     int64
	rowsOut     map[string]int64 // by sink
	quarantined int64
	late        int64
	leftOut     int64     // by expectations
	first       time.Time // when the first rows were committed; zero before
	last        actors.Progress
	lastAt      time.Time
}

// add counts an epoch that is done.
func (t *totals) add(p actors.Progress, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rowsOut == nil {
		t.rowsOut = map[string]int64{}
	}
	t.epochs++
	t.rowsIn += p.NumInputRows
	t.bytesIn += p.BytesIn
	t.quarantined += p.Rejected
	t.leftOut += p.LeftOut
	for _, s := range p.Sinks {
		t.rowsOut[s.Name] += max(0, s.NumOutputRows)
		if s.NumOutputRows > 0 && t.first.IsZero() {
			t.first = now
		}
	}
	for _, s := range p.StateOperators {
		t.late += s.NumRowsDroppedByWatermark
	}
	t.last, t.lastAt = p, now
}

// view is a copy of the counts.
type view struct {
	epochs, rowsIn, bytesIn, quarantined, late, leftOut int64
	rowsOut                                             map[string]int64
	first, lastAt                                       time.Time
	last                                                actors.Progress
}

func (t *totals) view() view {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := view{epochs: t.epochs, rowsIn: t.rowsIn, bytesIn: t.bytesIn, quarantined: t.quarantined, late: t.late, leftOut: t.leftOut,
		rowsOut: map[string]int64{}, first: t.first, lastAt: t.lastAt, last: t.last}
	for k, n := range t.rowsOut {
		v.rowsOut[k] = n
	}
	return v
}

// out returns the rows that all sinks but the quarantine have taken.
func (v view) out() int64 {
	var n int64
	for name, rows := range v.rowsOut {
		if name != "quarantine" {
			n += rows
		}
	}
	return n
}
