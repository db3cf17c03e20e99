package actors

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"go.uber.org/zap"
)

// event is something that happened, to be told to the job.
type event func(j *Job, now time.Time) []Order

// jobActor is the shell of a job: it carries out what the job orders.
type jobActor struct {
	config *Config
	handle *Handle
	job    *Job
	system *actor.ActorSystem
	pool   scheduler
	ctx    context.Context // of the job
	run    *run            // the attempt's, nil between attempts
	timer  *time.Timer
	self   *actor.PID

	watching sync.WaitGroup // see watch: a job has not ended while it looks

	before    time.Time // end of the last epoch
	positions map[string]connectors.Positions
}

// run is an attempt that runs.
type run struct {
	attempt    *attempt
	system     *actor.ActorSystem
	job        *actor.PID
	pids       []*actor.PID
	shells     []*taskActor
	pumps      map[string]*pump
	ctx        context.Context
	cancel     context.CancelFunc
	background sync.WaitGroup // work of tasks, and pumps
	errands    *errands

	maintaining atomic.Bool
}

// all sends every task a message and waits until each has taken it.
func (r *run) all(message func(*sync.WaitGroup) any) {
	var done sync.WaitGroup
	done.Add(len(r.pids))
	for _, pid := range r.pids {
		r.system.Root.Send(pid, message(&done))
	}
	done.Wait()
}

func (r *run) report(m Report) { r.system.Root.Send(r.job, m) }

// Receive tells the job what happened and carries out what follows.
func (a *jobActor) Receive(c actor.Context) {
	now := a.config.Now()
	var orders []Order
	switch m := c.Message().(type) {
	case *actor.Started:
		a.self = c.Self()
		a.before = now
		a.notes()
	case event:
		orders = m(a.job, now)
	case Acked:
		orders = a.job.Acked(m, now)
	case Seen:
		orders = a.job.Seen(m, now)
	case Failed:
		a.config.Logger.Error("a task failed", zap.String("task", m.Name), zap.Int64("attempt", m.Attempt), zap.Error(m.Err))
		orders = a.job.Failed(m, now)
	case *opened:
		orders = a.opened(c, m, now)
	default:
		return
	}
	for _, o := range orders {
		a.carryOut(o)
	}
	a.handle.observe(a.job)
}

// opened is what became of OpenAttempt.
type opened struct {
	attempt *attempt
	err     error
}

func (a *jobActor) opened(c actor.Context, m *opened, now time.Time) []Order {
	if m.err != nil {
		a.config.Logger.Error("an attempt could not begin", zap.Error(m.err))
		return a.job.OpenFailed(m.err, now)
	}
	a.run = a.start(c, m.attempt)
	a.positions = m.attempt.start
	a.config.Logger.Info("attempt running", zap.Int64("attempt", m.attempt.number()), zap.Int64("epoch", m.attempt.epoch()), zap.Int("tasks", len(m.attempt.tasks)))
	a.handle.claimed(m.attempt.entry.Incarnation, m.attempt.start)
	return a.job.Opened(m.attempt.opened(), now)
}

// opened describes the attempt to the job.
func (a *attempt) opened() Opened {
	o := Opened{Shape: a.shape(), Splits: a.splits, Due: map[epochs.TaskID]int64{}}
	for _, t := range a.tasks {
		if t.keyed != nil && len(t.keyed.stores) > 0 {
			o.Keyed = append(o.Keyed, t.ID)
		}
		if t.chain != nil {
			if due := t.chain.due(); due > 0 {
				o.Due[t.ID] = due
			}
		}
		o.Limited = o.Limited || t.source != nil && t.source.limited
	}
	return o
}

// start spawns the attempt's tasks and begins to read.
func (a *jobActor) start(c actor.Context, at *attempt) *run {
	ctx, cancel := context.WithCancel(a.ctx)
	r := &run{attempt: at, system: a.system, job: a.self, pumps: map[string]*pump{}, ctx: ctx, cancel: cancel, errands: newErrands(a.config.Now)}
	for _, t := range at.tasks {
		shell := &taskActor{task: t, run: r, errand: r.errands.task(t.Name)}
		props := actor.PropsFromProducer(func() actor.Actor { return shell }, actor.WithMailbox(newMailbox), actor.WithDispatcher(a.pool))
		r.shells = append(r.shells, shell)
		r.pids = append(r.pids, c.Spawn(props))
	}
	a.begin(r)
	a.watch(r)
	return r
}

// begin starts the readers, when every task has its address.
func (a *jobActor) begin(r *run) {
	byStep := map[string]map[connectors.SplitID]*actor.PID{}
	for _, s := range r.attempt.splits {
		if byStep[s.Source] == nil {
			byStep[s.Source] = map[connectors.SplitID]*actor.PID{}
		}
		byStep[s.Source][s.Split] = r.pids[s.Task]
	}
	for name, reader := range r.attempt.readers {
		pids := byStep[name]
		p := newPump(reader, splitsOf(r.attempt.start[name]))
		p.post = func(s connectors.SplitID, f connectors.Fetch) {
			a.system.Root.Send(pids[s], Fetched{Attempt: r.attempt.number(), Fetch: f})
		}
		p.failed = r.fails(name)
		r.pumps[name] = p
	}
	for name, p := range r.pumps {
		r.background.Add(1)
		go func() {
			defer r.background.Done()
			defer a.contain("reading "+name, p.failed)
			p.run(r.ctx)
		}()
	}
}

// tell posts an event to the job.
func (a *jobActor) tell(e event) { a.system.Root.Send(a.self, e) }

func (a *jobActor) carryOut(o Order) {
	switch o := o.(type) {
	case OpenAttempt:
		go a.open()
	case DecideEpoch:
		a.async(func(r *run) event { return a.decide(r, o) })
	case CommitSink:
		a.async(func(r *run) event { return a.commit(r, o) })
	case AskLimits:
		a.async(func(r *run) event {
			until, err := r.attempt.limits(r.ctx, o.From)
			return func(j *Job, now time.Time) []Order { return j.Limits(o.Attempt, o.Epoch, until, err, now) }
		})
	case AskEnds:
		a.async(func(r *run) event {
			ends := r.attempt.endsOf(r.ctx, o.Splits)
			return func(j *Job, now time.Time) []Order { return j.Ends(o.Attempt, ends, now) }
		})
	case SendTask:
		if a.run == nil {
			return
		}
		a.system.Root.Send(a.run.pids[o.To], o.Message)
	case StopTasks:
		a.stopTasks(o)
	case WakeAt:
		a.wakeAt(o.Time)
	case EpochDone:
		a.epochDone(o)
	case Ended:
		a.ended(o)
	}
}

// open makes an attempt and brings it back.
func (a *jobActor) open() {
	defer a.contain("opening an attempt", func(err error) { a.system.Root.Send(a.self, &opened{nil, err}) })
	at, err := openAttempt(a.ctx, a.config)
	a.system.Root.Send(a.self, &opened{at, err})
}

// async runs I/O beside the actor and posts what became of it.
func (a *jobActor) async(f func(*run) event) {
	r := a.run
	r.background.Add(1)
	go func() {
		defer r.background.Done()
		defer a.contain("work beside the tasks", r.fails(""))
		a.tell(f(r))
	}()
}

func (a *jobActor) decide(r *run, o DecideEpoch) event {
	epoch := o.Decision.Manifest.Epoch
	done, err := r.attempt.decide(r.ctx, o.Decision)
	return func(j *Job, now time.Time) []Order {
		if err != nil {
			return j.CommitFailed(o.Attempt, err, now)
		}
		return j.Decided(o.Attempt, epoch, done, now)
	}
}

func (a *jobActor) commit(r *run, o CommitSink) event {
	done, err := r.attempt.commit(r.ctx, o.SinkCommit)
	return func(j *Job, now time.Time) []Order {
		if err != nil {
			return j.CommitFailed(o.Attempt, err, now)
		}
		return j.SinkCommitted(o.Attempt, o.Commit.Epoch, o.Sink, done, now)
	}
}

// stopTasks ends readers, tasks and background work, in that order.
func (a *jobActor) stopTasks(o StopTasks) {
	r := a.run
	a.run = nil
	go func() {
		r.cancel()
		r.all(func(done *sync.WaitGroup) any { return abandon{done} })
		r.background.Wait()
		r.all(func(done *sync.WaitGroup) any { return leave{done} })
		for _, pid := range r.pids {
			_ = r.system.Root.StopFuture(pid).Wait()
		}
		r.attempt.close()
		close(r.errands.over)
		a.tell(func(j *Job, now time.Time) []Order { return j.TasksStopped(o.Attempt, now) })
	}()
}

func (a *jobActor) wakeAt(t time.Time) {
	wait := max(0, t.Sub(a.config.Now()))
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer = time.AfterFunc(wait, func() {
		a.tell(func(j *Job, now time.Time) []Order { return j.Tick(now) })
	})
}

func (a *jobActor) epochDone(o EpochDone) {
	p := a.run.attempt.progress(a.handle.runID, a.positions, a.before, o)
	a.positions, a.before = o.Manifest.Positions, o.Stats.Done
	a.handle.add(p)
	a.run.attempt.collect(a.run, o.Manifest)
	a.maintain(a.run)
	a.losses()
	if a.config.OnEpoch != nil {
		a.config.OnEpoch(p)
	}
}

// maintainer is a sink or ledger with housekeeping that may run beside the
// stream, such as checkpoints of a table's log.
type maintainer interface {
	Maintain(context.Context) error
}

// maintain runs housekeeping in the background, once at a time.
func (a *jobActor) maintain(r *run) {
	if !r.maintaining.CompareAndSwap(false, true) {
		return
	}
	r.background.Add(1)
	go func() {
		defer r.background.Done()
		defer r.maintaining.Store(false)
		defer a.contain("housekeeping", r.fails(""))
		all := []any{a.config.Ledger}
		for _, i := range a.config.Plan.Graph.Sinks() {
			all = append(all, a.config.Plan.Graph.Steps[i].Sink)
		}
		for _, m := range all {
			if m, ok := m.(maintainer); ok {
				if err := m.Maintain(r.ctx); err != nil && r.ctx.Err() == nil {
					a.config.Logger.Warn("housekeeping failed and will be tried again", zap.Error(err))
				}
			}
		}
	}()
}

// noter is a source or sink with accepted options that have no effect, said once.
type noter interface{ Notes() []string }

func (a *jobActor) notes() {
	for _, i := range a.config.Plan.Graph.Sources() {
		step := a.config.Plan.Graph.Steps[i]
		if n, ok := step.Source.(noter); ok {
			for _, what := range n.Notes() {
				a.config.Logger.Warn("an option of the source has no effect", zap.String("source", step.Name), zap.String("note", what))
			}
		}
	}
	for _, i := range a.config.Plan.Graph.Sinks() {
		step := a.config.Plan.Graph.Steps[i]
		if n, ok := step.Sink.(noter); ok {
			for _, what := range n.Notes() {
				a.config.Logger.Warn("an option of the sink has no effect", zap.String("sink", step.Name), zap.String("note", what))
			}
		}
	}
}

// loser is a source that may have gone on behind rows that are no longer there.
type loser interface{ Lost() []string }

// losses logs what sources passed over since they were asked last.
func (a *jobActor) losses() {
	for _, i := range a.config.Plan.Graph.Sources() {
		step := a.config.Plan.Graph.Steps[i]
		if l, ok := step.Source.(loser); ok {
			for _, what := range l.Lost() {
				a.config.Logger.Warn("data was lost before it could be read", zap.String("source", step.Name), zap.String("lost", what))
			}
		}
	}
}

func (a *jobActor) ended(o Ended) {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.handle.end(o.Err)
}
