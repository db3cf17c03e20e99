package actors

import (
	"fmt"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/deltaic/deltaic/epochs"
)

// taskActor is the shell of a task: it carries out what the task asks for.
type taskActor struct {
	task      *Task
	run       *run // of the attempt
	effects   Effects
	errand    *errand
	abandoned bool // the attempt is over: whatever comes is only given back
}

// abandon ends a task's work: it sends nothing any more.
type abandon struct{ done *sync.WaitGroup }

// leave comes behind all data that was on its way when every task was abandoned.
type leave struct{ done *sync.WaitGroup }

func (abandon) lane() Lane { return LaneControl }
func (leave) lane() Lane   { return LaneData }

// Receive steps the task.
func (t *taskActor) Receive(c actor.Context) {
	m, ok := c.Message().(Message)
	if !ok {
		return // protoactor's own: started, stopping, stopped
	}
	switch m := m.(type) {
	case abandon:
		t.abandoned = true
		m.done.Done()
		return
	case leave:
		m.done.Done()
		return
	}
	if t.abandoned {
		release(m)
		return
	}
	e := &t.effects
	t.errand.begin(t.run.errands.now())
	err := t.task.Step(m, e)
	t.errand.end()
	for i := range e.Sends {
		c.Send(t.run.pids[e.Sends[i].To], e.Sends[i].Message)
		e.Sends[i] = Send{}
	}
	for _, r := range e.Report {
		t.run.report(r)
	}
	for _, w := range e.Work {
		t.work(c.Self(), w)
	}
	if e.Take > 0 {
		s := t.task.source
		t.run.pumps[s.name].take(s.split, e.Take)
	}
	clear(e.Work)
	e.Sends, e.Report, e.Work, e.Take = e.Sends[:0], e.Report[:0], e.Work[:0], 0
	if err != nil {
		t.run.report(Failed{Attempt: t.run.attempt.number(), Task: t.task.ID, Name: t.task.Name, Err: err})
	}
}

// work runs background work and brings the result back.
func (t *taskActor) work(self *actor.PID, w Work) {
	r := t.run
	r.background.Add(1)
	go func() {
		defer r.background.Done()
		defer r.errands.runs(t.task.Name + ", work beside it")()
		defer func() {
			if p := recover(); p != nil {
				r.report(Failed{Attempt: r.attempt.number(), Task: t.task.ID, Name: t.task.Name, Err: panicked(p)})
			}
		}()
		r.system.Root.Send(self, w(r.ctx))
	}()
}

// escalate is the supervision of tasks: the job is told of a panic and aborts
// the attempt. The task that panicked is resumed only to give back what is
// still on its way to it; nothing is restarted in place.
type escalate struct{ job *jobActor }

// HandleFailure implements actor.SupervisorStrategy.
func (e escalate) HandleFailure(_ *actor.ActorSystem, s actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason any, _ any) {
	if r := e.job.run; r != nil {
		for i, pid := range r.pids {
			if pid.Id == child.Id {
				r.shells[i].abandoned = true
				r.shells[i].errand.end()
				r.report(Failed{Attempt: r.attempt.number(), Task: epochs.TaskID(i), Name: r.attempt.tasks[i].Name, Err: panicked(reason)})
			}
		}
	}
	s.ResumeChildren(child)
}

func panicked(reason any) error {
	if err, ok := reason.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %v", reason)
}
