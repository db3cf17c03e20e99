package sim

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
)

// process is one process of a world: a job and its attempt, and everything that
// is on its way inside it. Each thing that can happen next is an event that the world
// may choose.
type process struct {
	world  *World
	id     int
	fs     *FS
	config *actors.Config
	job    *actors.Job

	attempt *actors.Attempt // nil between attempts
	number  int64
	ctx     context.Context
	cancel  context.CancelFunc
	tasks   []*actors.Task
	broken  map[epochs.TaskID]bool // panicked: whatever comes is only given back
	room    map[connectors.SplitID]int
	splits  []splitOfTask

	routes  []*route
	reports [][]actors.Report // by task
	jobs    []pending         // orders that do I/O
	works   []pendingWork
	removal []func(context.Context)
	wake    time.Time

	busy    bool // in the middle of a call: rivals run, it does not
	ended   bool
	err     error
	epochs  int  // done
	faulted bool // something was done to it

	requests *requests   // to the world's bucket
	harmed   atomic.Bool // something was done to one of them
	rivaled  bool        // another process was there
	harm     *harm
	plain    bool // its death is no power cut
}

type splitOfTask struct {
	task   epochs.TaskID
	source string
	split  connectors.SplitID
}

// route is a queue of messages to a task that keep their order.
type route struct {
	from, to epochs.TaskID
	data     bool
	queue    []actors.Message
}

// Senders that are no tasks.
const (
	fromJob epochs.TaskID = -1 - iota
	fromReader
	fromWork
)

// pending is an order that does I/O; run does it and returns what to tell the job.
type pending struct {
	kind string
	run  func(context.Context) func(time.Time) []actors.Order
}

type pendingWork struct {
	task epochs.TaskID
	work actors.Work
}

// category groups events that a seed makes fast or slow together.
type category int

const (
	deliver category = iota
	report
	order
	work
	fetch
	remove
	tick
	categories
)

// event is something that can happen next.
type event struct {
	category category
	happen   func()
}

func (p *process) gone() bool { return p.ended || p.fs.Dead() }

// events lists what can happen next in the process.
func (p *process) events(list []event) []event {
	if p.gone() || p.busy {
		return list
	}
	for _, r := range p.routes {
		if len(r.queue) > 0 {
			list = append(list, event{deliver, func() { p.deliver(r) }})
		}
	}
	for i := range p.reports {
		if len(p.reports[i]) > 0 {
			list = append(list, event{report, func() { p.report(i) }})
		}
	}
	for i := range p.jobs {
		list = append(list, event{order, func() { p.runOrder(i) }})
	}
	for i := range p.works {
		list = append(list, event{work, func() { p.runWork(i) }})
	}
	for i := range p.removal {
		list = append(list, event{remove, func() { p.runRemoval(i) }})
	}
	for _, s := range p.splits {
		r := p.attempt.Reader(s.source).(*reader)
		if p.room[s.split] > 0 && r.ready(s.split) {
			list = append(list, event{fetch, func() { p.fetch(r, s) }})
		}
	}
	if !p.wake.IsZero() && !p.world.now.Before(p.wake) {
		list = append(list, event{tick, p.tick})
	}
	return list
}

func (p *process) send(from, to epochs.TaskID, m actors.Message) {
	for _, r := range p.routes {
		if r.from == from && r.to == to && r.data == actors.IsData(m) {
			r.queue = append(r.queue, m)
			return
		}
	}
	p.routes = append(p.routes, &route{from: from, to: to, data: actors.IsData(m), queue: []actors.Message{m}})
}

func (p *process) deliver(r *route) {
	m := r.queue[0]
	r.queue = r.queue[1:]
	if p.broken[r.to] {
		actors.Discard(m)
		return
	}
	t := p.tasks[r.to]
	if p.world.chance(p.world.panics) {
		p.faulted = true
		p.world.count("task-panic")
		actors.Discard(m)
		p.fail(r.to, fmt.Errorf("panic: injected"))
		return
	}
	var e actors.Effects
	var err error
	p.call("run", func() { err = p.step(t, m, &e) })
	if p.gone() {
		p.strand(e)
		return
	}
	for _, s := range e.Sends {
		p.send(r.to, s.To, s.Message)
	}
	p.reports[r.to] = append(p.reports[r.to], e.Report...)
	for _, w := range e.Work {
		p.works = append(p.works, pendingWork{r.to, w})
	}
	if e.Take > 0 {
		_, split, _ := t.SourceSplit()
		p.room[split] += e.Take
	}
	if err != nil {
		p.fail(r.to, err)
	}
}

// strand gives back what a task asked for while its process died.
func (p *process) strand(e actors.Effects) {
	for _, s := range e.Sends {
		actors.Discard(s.Message)
	}
	for _, w := range e.Work {
		p.works = append(p.works, pendingWork{work: w})
	}
}

// step turns a panic into the end of the attempt, as the real driver does.
func (p *process) step(t *actors.Task, m actors.Message, e *actors.Effects) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.broken[t.ID] = true
			p.world.panicked = fmt.Sprintf("task %s: %v\n%s", t.Name, r, debug.Stack())
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return t.Step(m, e)
}

func (p *process) fail(task epochs.TaskID, err error) {
	p.broken[task] = true
	p.reports[task] = append(p.reports[task], actors.Failed{Attempt: p.number, Task: task, Name: p.tasks[task].Name, Err: err})
}

func (p *process) report(i int) {
	r := p.reports[i][0]
	p.reports[i] = p.reports[i][1:]
	now := p.world.now
	switch r := r.(type) {
	case actors.Acked:
		p.carryOut(p.job.Acked(r, now))
	case actors.Seen:
		if r.Held {
			p.world.count("held")
		}
		p.carryOut(p.job.Seen(r, now))
	case actors.Failed:
		p.world.trace("process %d: task %s failed: %v", p.id, r.Name, r.Err)
		p.world.unexplained(p, r.Err)
		p.carryOut(p.job.Failed(r, now))
	}
}

func (p *process) tick() {
	p.wake = time.Time{}
	p.carryOut(p.job.Tick(p.world.now))
}

func (p *process) fetch(r *reader, s splitOfTask) {
	p.room[s.split]--
	f := r.fetch(s.split, 1+p.world.intn(int64(p.world.fetchRows)))
	p.send(fromReader, s.task, actors.Fetched{Attempt: p.number, Fetch: f})
}

// call runs I/O in a phase: open, decide, commit, limits (orders of the job),
// prepare (background work for an ack), run (a step of a task), clean-up. Meanwhile
// other processes may run, this one may not.
func (p *process) call(phase string, f func()) {
	p.busy, p.fs.phase = true, phase
	defer func() { p.busy, p.fs.phase = false, "end" }()
	f()
}

func (p *process) runOrder(i int) {
	o := p.jobs[i]
	p.jobs = append(p.jobs[:i:i], p.jobs[i+1:]...)
	p.world.trace("process %d: %s", p.id, o.kind)
	ctx := p.ctx
	if o.kind == "open" {
		ctx = context.Background()
	}
	var tell func(time.Time) []actors.Order
	p.call(o.kind, func() { tell = o.run(ctx) })
	if p.gone() {
		return
	}
	p.carryOut(tell(p.world.now))
}

func (p *process) runWork(i int) {
	w := p.works[i]
	p.works = append(p.works[:i:i], p.works[i+1:]...)
	attempt := p.number
	var done actors.Finished
	p.call("prepare", func() { done = w.work(p.ctx) })
	if !p.gone() && p.attempt != nil && p.number == attempt {
		p.send(fromWork, w.task, done)
	}
}

func (p *process) runRemoval(i int) {
	f := p.removal[i]
	p.removal = append(p.removal[:i:i], p.removal[i+1:]...)
	p.call("clean-up", func() { f(p.ctx) })
}

// close gives back everything that a process which is gone still holds.
func (p *process) close() {
	if p.attempt != nil {
		p.drop()
	}
}

// drop ends the attempt: what is on its way inside is given back.
func (p *process) drop() {
	for _, r := range p.routes {
		for _, m := range r.queue {
			actors.Discard(m)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, w := range p.works {
		w.work(ended)
	}
	p.attempt.Close()
	p.attempt, p.routes, p.reports, p.works, p.jobs, p.removal, p.splits = nil, nil, nil, nil, nil, nil, nil
}
