package actors

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic/epochs"
	"go.uber.org/zap"
)

// stuckAfter is how long a task may be at one message, or an epoch on its way, until it is named. Nothing is ended for it: who is
// slow may be right, and who hangs in somebody's code cannot be ended.
const stuckAfter = 20 * time.Second

// errand is something that a task or the job is at, as others may look at it.
type errand struct {
	what  string
	since atomic.Int64 // when it was begun, nanoseconds of the wall clock; 0: nothing is being done
}

func (e *errand) begin(now time.Time) { e.since.Store(now.UnixNano()) }
func (e *errand) end()                { e.since.Store(0) }

// errands are those of an attempt: one for each task, and those beside them that come and go.
type errands struct {
	now func() time.Time

	mu     sync.Mutex
	tasks  []*errand
	beside map[*errand]bool
	over   chan struct{} // closed when nothing of the attempt runs any more
}

func newErrands(now func() time.Time) *errands {
	return &errands{now: now, beside: map[*errand]bool{}, over: make(chan struct{})}
}

// task adds the errand of a task.
func (l *errands) task(name string) *errand {
	e := &errand{what: name}
	l.mu.Lock()
	l.tasks = append(l.tasks, e)
	l.mu.Unlock()
	return e
}

// runs notes work beside the tasks until done is called.
func (l *errands) runs(what string) (done func()) {
	e := &errand{what: what}
	e.begin(l.now())
	l.mu.Lock()
	l.beside[e] = true
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		delete(l.beside, e)
		l.mu.Unlock()
	}
}

// long says which errands have taken too long.
func (l *errands) long() []string {
	now := l.now()
	var all []string
	look := func(e *errand) {
		if since := e.since.Load(); since != 0 {
			if took := now.Sub(time.Unix(0, since)); took >= stuckAfter {
				all = append(all, fmt.Sprintf("%s has been at it for %d s", e.what, int(took.Seconds())))
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.tasks {
		look(e)
	}
	for e := range l.beside {
		look(e)
	}
	return all
}

// watch looks every so often for what takes too long, until the attempt is over.
func (a *jobActor) watch(r *run) {
	if a.config.Watch <= 0 {
		return
	}
	a.watching.Go(func() {
		tick := time.NewTicker(a.config.Watch)
		defer tick.Stop()
		for {
			select {
			case <-r.errands.over:
				a.handle.stuck("")
				return
			case <-a.ctx.Done():
				return
			case <-tick.C:
			}
			all := r.errands.long()
			if len(all) > 0 {
				a.name(r, all) // the job itself may be what waits for a worker
				continue
			}
			a.tell(func(j *Job, now time.Time) []Order {
				if late := j.late(now, r.attempt.taskNames()); late != "" {
					all = append(all, late)
				}
				a.name(r, all)
				return nil
			})
		}
	})
}

// name says what takes too long, in the log once.
func (a *jobActor) name(r *run, all []string) {
	text := strings.Join(all, "; ")
	if before := a.handle.stuck(text); before == "" && text != "" {
		a.config.Logger.Warn("the flow does not get on", zap.Int64("attempt", r.attempt.number()), zap.String("stuck", text))
	}
}

func (a *attempt) taskNames() []string {
	all := make([]string, len(a.tasks))
	for i, t := range a.tasks {
		all[i] = t.Name
	}
	return all
}

// late says what the oldest epoch on its way waits for, if it has for too long.
func (j *Job) late(now time.Time, names []string) string {
	w, some := j.book.Waits()
	if !some || j.state != Running {
		return ""
	}
	took := now.Sub(j.stats[w.Epoch].Closed)
	if took < stuckAfter {
		return ""
	}
	return fmt.Sprintf("epoch %d was closed %d s ago and waits for %s", w.Epoch, int(took.Seconds()), waitsFor(w, names))
}

func waitsFor(w epochs.Waits, names []string) string {
	switch {
	case w.Decision:
		return "its decision in the ledger"
	case len(w.Sinks) > 0:
		return "the commits of " + strings.Join(w.Sinks, ", ")
	}
	var tasks []string
	for i, id := range w.Tasks {
		if i == 8 {
			return strings.Join(tasks, ", ") + fmt.Sprintf(" and %d more tasks", len(w.Tasks)-i)
		}
		tasks = append(tasks, names[id])
	}
	return strings.Join(tasks, ", ")
}
