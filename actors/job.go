package actors

import (
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/supervision"
)

// State is where a job is in its life.
type State string

// The states of a job.
const (
	Opening  State = "OPENING" // claiming, rolling forward, restoring
	Running  State = "RUNNING"
	Aborting State = "ABORTING" // an attempt is being taken down
	Waiting  State = "WAITING"  // for the next attempt
	Stopped  State = "STOPPED"  // ended as asked, or because there was nothing left to do
	Dead     State = "FAILED"
)

// Job is the coordinator of a running graph: it opens and closes epochs, has
// them decided and committed, aborts attempts and begins new ones. It is pure: every
// method takes the present time and returns orders.
type Job struct {
	trigger Trigger
	policy  supervision.Policy
	history supervision.History
	jitter  func() float64

	state    State
	attempt  int64
	book     *epochs.Coordinator
	splits   map[epochs.TaskID]*splitState
	sources  []epochs.TaskID // in order: what a job does follows from its messages alone
	keyed    []epochs.TaskID
	limited  bool
	fill     filled
	stats    map[int64]*EpochStats
	stopping bool // asked to end
	last     bool // the last barrier is on its way
	asked    int  // callers that wait for what is there now
	cause    error
	away     string // what the flow waits for since the last outage, "" once an epoch has been done after it
	retry    supervision.Decision
	orders   []Order

	from  map[string]connectors.Positions // of the limits asked for last
	until map[string]connectors.Positions // the limits of the filling epoch
	again time.Time                       // when they are asked for again; zero: no time is set

	clocks jobTime
	wake   time.Time // the earliest time that something waits for; zero: none
}

// limitsAgain is how long a job waits before it asks again how far an epoch may
// read whose limits have allowed nothing: there was nothing to read.
const limitsAgain = 200 * time.Millisecond

type splitState struct {
	SplitTask
	position connectors.Position
	end      connectors.Position
	bytes    int64
	moved    bool
	atLimit  bool
	clock    splitClock
}

// NewJob returns a job that has not begun.
func NewJob(t Trigger, p supervision.Policy, jitter func() float64) *Job {
	return &Job{trigger: t, policy: p, jitter: jitter, state: Opening}
}

// State returns where the job is.
func (j *Job) State() State { return j.state }

// Begin opens the first attempt.
func (j *Job) Begin() []Order {
	j.state = Opening
	return []Order{OpenAttempt{}}
}

func (j *Job) flush() []Order {
	if !j.wake.IsZero() && j.state == Running {
		j.order(WakeAt{Time: j.wake})
	}
	j.wake = time.Time{}
	o := j.orders
	j.orders = nil
	return o
}

// wakeAt asks for a tick at the time, unless an earlier one is asked for.
func (j *Job) wakeAt(t time.Time) {
	if j.wake.IsZero() || t.Before(j.wake) {
		j.wake = t
	}
}

func (j *Job) order(o ...Order) { j.orders = append(j.orders, o...) }

// Opened begins to run an attempt.
func (j *Job) Opened(o Opened, now time.Time) []Order {
	if j.stopping {
		j.state = Aborting
		j.attempt = o.Shape.Attempt
		return []Order{StopTasks{Attempt: j.attempt}}
	}
	j.state, j.attempt, j.last = Running, o.Shape.Attempt, false
	j.book = epochs.NewCoordinator(o.Shape)
	j.splits = make(map[epochs.TaskID]*splitState, len(o.Splits))
	j.sources, j.keyed = nil, o.Keyed
	for _, s := range o.Splits {
		j.splits[s.Task] = &splitState{SplitTask: s, position: o.Shape.Start[s.Source][s.Split], clock: newSplitClock(s.Clock, now)}
		j.sources = append(j.sources, s.Task)
		j.order(SendTask{To: s.Task, Message: Wake{Attempt: j.attempt}})
	}
	j.clocks = newJobTime(o)
	j.limited = o.Limited
	j.fill, j.stats = filled{}, map[int64]*EpochStats{}
	j.shareRestored(now)
	j.askLimits(o.Shape.Start)
	j.consider(now)
	return j.flush()
}

// OpenFailed ends an attempt that did not come to run.
func (j *Job) OpenFailed(err error, now time.Time) []Order {
	j.fail(err, now)
	j.stopped(now)
	return j.flush()
}

// Stop asks the job to end after a last barrier.
func (j *Job) Stop(now time.Time) []Order {
	if j.state == Stopped || j.state == Dead || j.stopping {
		return nil
	}
	j.stopping = true
	switch j.state {
	case Waiting:
		j.end(nil)
	case Running:
		j.consider(now)
	}
	return j.flush()
}

// Abort ends the job at once: what is not decided is not committed.
func (j *Job) Abort(cause error, now time.Time) []Order {
	switch j.state {
	case Stopped, Dead:
		return nil
	case Waiting:
		j.end(cause)
		return j.flush()
	}
	j.stopping = true
	j.fail(supervision.New(supervision.Fatal, "ABORTED", "the run was aborted: %w", cause), now)
	return j.flush()
}

// Hurry makes the job close epochs as soon as they have rows, until it is
// called with -1 as often as with 1.
func (j *Job) Hurry(by int, now time.Time) []Order {
	j.asked += by
	j.consider(now)
	return j.flush()
}

// Seen takes a source task's report.
func (j *Job) Seen(s Seen, now time.Time) []Order {
	if j.stale(s.Attempt) {
		return nil
	}
	if t := j.splits[s.Task]; t != nil {
		t.AtBound = s.AtBound
		t.stands(s.At, s.End, now)
		j.timeSeen(t, s, now)
		if s.Epoch == j.book.Filling() {
			t.bytes, t.moved, t.atLimit = s.Bytes, s.Moved, s.AtLimit
			if (s.Moved || s.Timed) && j.fill.first.IsZero() {
				j.fill.first = now
			}
			j.fill.full = j.fill.full || s.Full
		}
	}
	j.consider(now)
	return j.flush()
}

// Acked takes a task's ack.
func (j *Job) Acked(a Acked, now time.Time) []Order {
	if j.stale(a.Attempt) {
		return nil
	}
	act, err := j.book.Ack(a.Ack)
	if err != nil {
		j.fail(err, now)
		return j.flush()
	}
	if s := j.stats[a.Ack.Epoch]; s != nil {
		s.Prepared = now
	}
	j.timeAcked(a.Ack, now)
	j.act(act, now)
	return j.flush()
}

// Decided takes the answer to DecideEpoch.
func (j *Job) Decided(attempt, epoch int64, done connectors.Committed, now time.Time) []Order {
	if j.stale(attempt) {
		return nil
	}
	s := j.stats[epoch]
	s.Decided, s.Version, s.Ledger = now, done.Version, done
	j.act(j.book.Decided(epoch, done), now)
	return j.flush()
}

// SinkCommitted takes the answer to CommitSink.
func (j *Job) SinkCommitted(attempt, epoch int64, sink string, done connectors.Committed, now time.Time) []Order {
	if j.stale(attempt) {
		return nil
	}
	j.stats[epoch].Committed[sink] = done
	j.act(j.book.Committed(epoch, sink, done), now)
	return j.flush()
}

// CommitFailed takes the failure of a decision or commit: the attempt is over,
// and the next one finds out from the ledger what became of it.
func (j *Job) CommitFailed(attempt int64, err error, now time.Time) []Order {
	if j.stale(attempt) {
		return nil
	}
	j.fail(err, now)
	return j.flush()
}

// Limits takes the answer to AskLimits.
func (j *Job) Limits(attempt, epoch int64, until map[string]connectors.Positions, err error, now time.Time) []Order {
	if j.stale(attempt) {
		return nil
	}
	if err != nil {
		j.fail(err, now)
		return j.flush()
	}
	if epoch == j.book.Filling() {
		j.until = until
	}
	for _, id := range j.sources {
		s := j.splits[id]
		limit := until[s.Source][s.Split]
		if limit != j.from[s.Source][s.Split] {
			s.atLimit = false
		}
		j.order(SendTask{To: id, Message: SetLimit{Attempt: attempt, Epoch: epoch, Until: limit}})
	}
	j.consider(now)
	return j.flush()
}

// Failed takes a task's failure.
func (j *Job) Failed(f Failed, now time.Time) []Order {
	if f.Attempt != j.attempt || j.state != Running {
		return nil
	}
	j.fail(stepError(f.Name, f.Err), now)
	return j.flush()
}

// TasksStopped takes the answer to StopTasks.
func (j *Job) TasksStopped(attempt int64, now time.Time) []Order {
	if attempt != j.attempt || j.state != Aborting {
		return nil
	}
	j.stopped(now)
	return j.flush()
}

// Tick takes the passing of time.
func (j *Job) Tick(now time.Time) []Order {
	switch j.state {
	case Waiting:
		j.state = Opening
		j.order(OpenAttempt{})
	case Running:
		j.consider(now)
	}
	return j.flush()
}

func (j *Job) stale(attempt int64) bool { return attempt != j.attempt || j.state != Running }

// act carries the coordinator's actions on.
func (j *Job) act(a epochs.Actions, now time.Time) {
	if a.Done > 0 {
		s := j.stats[a.Done]
		delete(j.stats, a.Done)
		s.Done, j.away = now, ""
		j.order(EpochDone{Manifest: j.book.Manifest(), Acks: a.Acks, Stats: *s, Watermarks: j.Watermarks(), More: j.clocks.more[a.Done]})
		delete(j.clocks.more, a.Done)
		j.fill.full = false
		for _, id := range j.sources {
			j.order(SendTask{To: id, Message: Wake{Attempt: j.attempt}})
		}
		for _, id := range j.keyed {
			j.order(SendTask{To: id, Message: Durable{Attempt: j.attempt, Epoch: j.book.Manifest().Epoch, State: j.book.Manifest().State}})
		}
	}
	if a.Decision != nil {
		j.askLimits(a.Decision.Manifest.Positions)
		j.order(DecideEpoch{Attempt: j.attempt, Decision: a.Decision})
	}
	for _, c := range a.Commits {
		j.order(CommitSink{Attempt: j.attempt, SinkCommit: c})
	}
	j.consider(now)
}

// consider closes the filling epoch if it is due, or ends the run if nothing
// is left to do.
func (j *Job) consider(now time.Time) {
	if j.state != Running {
		return
	}
	j.passTime(now)
	if j.last {
		if j.book.Idle() {
			j.finish()
		}
		return
	}
	if !j.book.CanClose() {
		return
	}
	j.gather()
	if j.fill.first.IsZero() {
		j.timerDue(now)
	}
	if j.fill.first.IsZero() {
		if j.book.Idle() && (j.stopping || j.trigger.Bounded() && j.fill.atBound) {
			j.finish()
		} else if j.book.Idle() && j.stuck() { // a source may tell then why it does not go on, which ends the attempt: all before is to be decided
			j.limitAgain(now)
		}
		return
	}
	due := j.trigger.due(j.fill, now)
	if j.stopping {
		due = now
	}
	if due.After(now) {
		j.wakeAt(due)
		return
	}
	if !due.IsZero() {
		j.close(now)
	}
}

// gather sums up what the splits have reported of the filling epoch.
func (j *Job) gather() {
	f := &j.fill
	f.bytes, f.atBound, f.atLimit, f.asked = 0, true, j.limited, j.asked > 0
	for _, s := range j.splits {
		f.bytes += s.bytes
		f.atBound = f.atBound && s.AtBound
		f.atLimit = f.atLimit && (s.atLimit || s.AtBound || s.clock.held)
	}
}

func (j *Job) close(now time.Time) {
	j.last = j.stopping
	closed := j.fill.number
	first := j.fill.first
	act := j.book.Close(now.UnixMicro())
	j.stats[act.Barrier] = &EpochStats{FirstRow: first, Closed: now, Committed: map[string]connectors.Committed{}}
	for _, id := range j.sources {
		s := j.splits[id]
		s.bytes, s.moved, s.atLimit = 0, false, false
		j.order(SendTask{To: id, Message: CloseEpoch{Attempt: j.attempt, Epoch: act.Barrier, NextNow: now.UnixMicro(), Last: j.last}})
	}
	j.fill = filled{number: closed + 1}
}

// askLimits asks how far the filling epoch may read beyond these positions.
func (j *Job) askLimits(from map[string]connectors.Positions) {
	j.from, j.until, j.again = from, nil, time.Time{}
	if j.limited {
		j.order(AskLimits{Attempt: j.attempt, Epoch: j.book.Filling(), From: from})
	}
}

// stuck reports whether the limits keep every split that has one from moving, though the run
// may go on: they were made when there was nothing to read.
func (j *Job) stuck() bool {
	some := false
	for _, s := range j.splits {
		if _, limited := j.until[s.Source]; !limited || s.AtBound {
			continue
		}
		if !s.atLimit && !s.clock.held {
			return false
		}
		some = true
	}
	return some
}

// limitAgain asks for the limits of an epoch without rows once more, after a while.
func (j *Job) limitAgain(now time.Time) {
	if j.again.IsZero() {
		j.again = now.Add(limitsAgain)
	}
	if now.Before(j.again) {
		j.wakeAt(j.again)
		return
	}
	j.askLimits(j.from)
}

func (j *Job) finish() {
	j.state = Aborting
	j.cause = nil
	j.order(StopTasks{Attempt: j.attempt})
}

// fail begins to take the attempt down, or notes why it could not begin.
func (j *Job) fail(err error, now time.Time) {
	if j.state == Aborting {
		return
	}
	err = outage(err)
	j.cause = err
	if supervision.KindOf(err) == supervision.Outage {
		j.away = err.Error()
	}
	j.retry = j.policy.Decide(&j.history, supervision.KindOf(err), now, j.jitter())
	if j.state == Running {
		j.order(StopTasks{Attempt: j.attempt})
	}
	j.state = Aborting
}

// stopped goes on when nothing of the attempt runs any more.
func (j *Job) stopped(now time.Time) {
	if j.cause == nil || j.stopping && j.retry.Retry {
		j.end(j.cause)
		return
	}
	if !j.retry.Retry {
		j.end(j.cause)
		return
	}
	j.state = Waiting
	j.order(WakeAt{Time: now.Add(j.retry.Wait)})
}

// setback says what an attempt that is given up failed of, "" of others.
func (j *Job) setback() string {
	if j.cause == nil || j.state != Aborting && j.state != Waiting {
		return ""
	}
	return j.cause.Error()
}

func (j *Job) end(err error) {
	j.state = Stopped
	if err != nil {
		j.state = Dead
	}
	j.order(Ended{Err: err})
}
