package deltaic

import (
	"runtime/debug"
	"sync"
	"time"

	"github.com/deltaic/deltaic/stream"
	"go.uber.org/zap"
)

// Listener is told what happens to the queries of a [Streams], as Spark's StreamingQueryListener. Functions that are nil are
// not called. Calls come one at a time, for each query in the order of what happened. A listener can neither hold up nor end
// a query: it is called beside them, a panic is logged and it goes on being called, and where it falls behind by more than
// 10,000 events the oldest ones of progress and idleness are left out, which is logged.
type Listener struct {
	Started    func(QueryStarted)
	Progress   func(stream.Progress)
	Idle       func(QueryIdle)
	Terminated func(QueryTerminated)
}

// QueryStarted says that a query has been started. Its ID is not known yet if the flow has never run before.
type QueryStarted struct {
	Query *stream.Query
	Time  time.Time
}

// QueryIdle says that a query has closed no epoch for a while ([StreamsOptions]): nothing came in.
type QueryIdle struct {
	Query *stream.Query
	Time  time.Time
}

// QueryTerminated says that a query has ended.
type QueryTerminated struct {
	Query     *stream.Query
	Time      time.Time
	Exception *stream.Exception // nil: it was stopped, or had nothing left to do
}

// mostEvents is how far a listener may fall behind.
const mostEvents = 10_000

// event is what a listener is called with.
type event struct {
	call    func(*Listener)
	passing bool // may be left out
}

// audience is a listener with what it has not been told yet.
type audience struct {
	listener Listener
	logger   *zap.Logger

	mu     sync.Mutex
	queue  []event
	left   int  // events that were left out since the last call
	busy   bool // a goroutine delivers
	closed bool
}

// tell queues an event and returns at once.
func (a *audience) tell(e event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	if len(a.queue) >= mostEvents {
		a.leaveOut()
	}
	a.queue = append(a.queue, e)
	if !a.busy {
		a.busy = true
		go a.deliver()
	}
}

// leaveOut makes room by leaving out the oldest event that may be.
func (a *audience) leaveOut() {
	for i, e := range a.queue {
		if e.passing {
			a.queue = append(a.queue[:i], a.queue[i+1:]...)
			a.left++
			return
		}
	}
}

// deliver calls the listener until it has been told everything.
func (a *audience) deliver() {
	for {
		a.mu.Lock()
		if len(a.queue) == 0 || a.closed {
			a.busy, a.queue = false, nil
			a.mu.Unlock()
			return
		}
		e, left := a.queue[0], a.left
		a.queue, a.left = a.queue[1:], 0
		a.mu.Unlock()
		if left > 0 {
			a.logger.Warn("a listener of queries is too slow: events of progress were left out", zap.Int("events", left))
		}
		a.guarded(e)
	}
}

func (a *audience) guarded(e event) {
	defer func() {
		if p := recover(); p != nil {
			a.logger.Error("a listener of queries panicked", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
		}
	}()
	e.call(&a.listener)
}

// close ends the calls: one that is under way ends by itself.
func (a *audience) close() {
	a.mu.Lock()
	a.closed, a.queue = true, nil
	a.mu.Unlock()
}
