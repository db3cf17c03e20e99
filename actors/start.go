package actors

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/topology"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

// recent is how many epochs' progress is kept.
const recent = 100

// Handle is a job that was started.
type Handle struct {
	runID  string
	config *Config
	system *actor.ActorSystem
	job    *actor.PID
	done   chan struct{} // closed when the job has ended
	ended  func()        // ends actors and workers, once

	mu       sync.Mutex
	state    State
	away     string
	setback  string // why the newest attempt failed, until the next one is made
	hangs    string // what has taken too long
	attempt  int64
	progress []Progress
	at       map[string]connectors.Positions // behind the newest epoch that is done, of this run or before; nil until an attempt is open
	changed  chan struct{}                   // closed and replaced at each epoch and each attempt
	err      error
	id       string
}

// Start begins to run the plan and returns at once. The job ends when ctx ends
// (aborted), when Stop is called, when a bounded run has done its work, or when
// it fails for good.
func Start(ctx context.Context, c Config) (*Handle, error) {
	if c.Plan == nil || c.Ledger == nil || c.Unique == nil {
		return nil, errors.New("actors: Config needs Plan, Ledger and Unique")
	}
	pool := c.scheduler
	if pool == nil {
		pool = newDispatcher(0)
	}
	c.defaults(pool.size())
	logger := slog.New(zapslog.NewHandler(c.Logger.Core()))
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return logger }))
	ctx, cancel := context.WithCancel(ctx)
	h := &Handle{runID: c.Unique(), config: &c, system: system, done: make(chan struct{}), changed: make(chan struct{}), state: Opening}
	shell := &jobActor{config: &c, handle: h, system: system, pool: pool, ctx: ctx,
		job: NewJob(c.Trigger, c.Policy, c.Jitter)}
	h.job = system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return shell }, actor.WithMailbox(newMailbox), actor.WithDispatcher(pool),
		actor.WithSupervisor(escalate{shell})))
	stop := context.AfterFunc(ctx, func() { h.tell(func(j *Job, now time.Time) []Order { return j.Abort(context.Cause(ctx), now) }) })
	h.ended = sync.OnceFunc(func() {
		stop()
		cancel()
		go func() {
			_ = system.Root.StopFuture(h.job).Wait()
			system.Shutdown()
			pool.close()
			for _, i := range c.Plan.Graph.Sources() {
				_ = c.Plan.Graph.Steps[i].Source.Close()
			}
			for _, i := range c.Plan.Graph.Sinks() {
				_ = c.Plan.Graph.Steps[i].Sink.Close()
			}
			if err := c.Image.Close(); err != nil {
				c.Logger.Warn("the local image of the state was not closed", zap.Error(err))
			}
			shell.watching.Wait()
			close(h.done)
		}()
	})
	h.tell(func(j *Job, _ time.Time) []Order { return j.Begin() })
	return h, nil
}

func (h *Handle) tell(e event) { h.system.Root.Send(h.job, e) }

// RunID returns the name of this run, new at every start.
func (h *Handle) RunID() string { return h.runID }

// Done is closed when the job has ended and everything it held is closed.
func (h *Handle) Done() <-chan struct{} { return h.done }

// Err returns why the job ended: nil while it runs and when it ended as asked.
func (h *Handle) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// State returns where the job is.
func (h *Handle) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// Stop asks for a last barrier and waits until the job has ended. When ctx
// ends first it returns ctx's error and the job goes on stopping.
func (h *Handle) Stop(ctx context.Context) error {
	h.tell(func(j *Job, now time.Time) []Order { return j.Stop(now) })
	return h.Wait(ctx)
}

// Wait waits until the job has ended, and returns why.
func (h *Handle) Wait(ctx context.Context) error {
	select {
	case <-h.done:
		return h.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Waiting says which sources and sinks wait for what is outside, and for what, and that the job does since its last epoch; "" if nothing does.
func (h *Handle) Waiting() string {
	var all []string
	h.mu.Lock()
	if h.away != "" {
		all = append(all, h.away)
	}
	h.mu.Unlock()
	g := h.config.Plan.Graph
	for _, s := range g.Steps {
		for _, end := range [2]any{s.Source, s.Sink} {
			if w, ok := end.(connectors.Waiter); ok {
				if why := w.Waiting(); why != "" {
					all = append(all, s.Name+": "+why)
				}
			}
		}
	}
	return strings.Join(all, "; ")
}

// Setback says why the newest attempt failed, from then until the next one is made; "" otherwise.
func (h *Handle) Setback() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.setback
}

// Stuck says what has taken too long: tasks that have not come back for 20 s, and what an epoch has waited for as long; "" if nothing has.
func (h *Handle) Stuck() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hangs
}

// stuck sets what Stuck says and returns what it said before.
func (h *Handle) stuck(text string) (before string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, h.hangs = h.hangs, text
	return before
}

// Recent returns the progress of the last epochs, oldest first.
func (h *Handle) Recent() []Progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Progress(nil), h.progress...)
}

// Last returns the progress of the last epoch.
func (h *Handle) Last() (Progress, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.progress) == 0 {
		return Progress{}, false
	}
	return h.progress[len(h.progress)-1], true
}

// ProcessAllAvailable waits until everything that the sources hold now is in
// every sink.
func (h *Handle) ProcessAllAvailable(ctx context.Context) error {
	h.tell(func(j *Job, now time.Time) []Order { return j.Hurry(1, now) })
	defer h.tell(func(j *Job, now time.Time) []Order { return j.Hurry(-1, now) })
	ends, err := h.ends(ctx, nil)
	if err != nil {
		return err
	}
	for {
		h.mu.Lock()
		changed := h.changed
		last := len(h.progress) - 1
		at := h.at
		reached := h.at != nil && (last < 0 || !h.progress[last].More) && reached(h.config.Plan.Graph, h.at, ends)
		h.mu.Unlock()
		if reached {
			return nil
		}
		if strange(at, ends) { // the attempt has divided the sources otherwise than they would be now
			if ends, err = h.ends(ctx, at); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-h.done:
			return h.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// strange reports whether the flow has positions of a source and lacks some that are waited for.
func strange(at, ends map[string]connectors.Positions) bool {
	for source, end := range ends {
		for split := range end {
			if _, known := at[source][split]; !known && len(at[source]) > 0 {
				return true
			}
		}
	}
	return false
}

// ends asks the sources where they end now, given where they are known to be read from.
func (h *Handle) ends(ctx context.Context, known map[string]connectors.Positions) (map[string]connectors.Positions, error) {
	ends := map[string]connectors.Positions{}
	for _, i := range h.config.Plan.Graph.Sources() {
		step := h.config.Plan.Graph.Steps[i]
		at, err := step.Source.Start(ctx, known[step.Name])
		if err != nil {
			return nil, stepError(step.Name, err)
		}
		if ends[step.Name], err = step.Source.End(ctx, splitsOf(at)); err != nil {
			return nil, stepError(step.Name, err)
		}
	}
	return ends, nil
}

func reached(g *topology.Graph, at, ends map[string]connectors.Positions) bool {
	for _, i := range g.Sources() {
		step := g.Steps[i]
		for split, end := range ends[step.Name] {
			if p, ok := at[step.Name][split]; !ok || step.Source.Behind(p, end) > 0 {
				return false
			}
		}
	}
	return true
}

// observe takes over what others may ask for.
func (h *Handle) observe(j *Job) {
	h.mu.Lock()
	h.state, h.attempt, h.away, h.setback = j.state, j.attempt, j.away, j.setback()
	h.mu.Unlock()
}

func (h *Handle) add(p Progress) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.id = p.ID
	if len(h.progress) == recent {
		copy(h.progress, h.progress[1:])
		h.progress = h.progress[:recent-1]
	}
	h.progress, h.at = append(h.progress, p), p.Positions
	h.turn()
}

// claimed notes the flow's incarnation once its ledger is claimed, and where the attempt begins.
func (h *Handle) claimed(incarnation string, at map[string]connectors.Positions) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.id, h.at = incarnation, at
	h.turn()
}

// turn wakes those who wait for a change.
func (h *Handle) turn() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *Handle) end(err error) {
	h.mu.Lock()
	h.err = err
	h.turn()
	h.mu.Unlock()
	h.ended()
}

// ID returns the flow's incarnation: it stays over restarts. It is "" until this
// run has claimed the ledger.
func (h *Handle) ID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id
}

// Phase returns where the job is, as text.
func (h *Handle) Phase() string { return string(h.State()) }

// Watermarks says how far event time has come and which splits it waits for; nil
// if no step makes a watermark, or the job has ended.
func (h *Handle) Watermarks(ctx context.Context) []topology.StepWatermark {
	answer := make(chan []topology.StepWatermark, 1)
	h.tell(func(j *Job, _ time.Time) []Order {
		answer <- j.Watermarks()
		return nil
	})
	select {
	case all := <-answer:
		return all
	case <-h.done:
	case <-ctx.Done():
	}
	return nil
}

// RecentProgress returns what users see of the last epochs, oldest first.
func (h *Handle) RecentProgress() []topology.Progress {
	all := h.Recent()
	seen := make([]topology.Progress, len(all))
	for i := range all {
		seen[i] = all[i].Progress
	}
	return seen
}

// Offsets returns the positions behind the newest epoch of this run that is
// done, by source, as the source shows them.
func (h *Handle) Offsets() map[string]any {
	p, ok := h.Last()
	if !ok {
		return nil
	}
	shown := map[string]any{}
	for _, i := range h.config.Plan.Graph.Sources() {
		step := h.config.Plan.Graph.Steps[i]
		shown[step.Name] = step.Source.Offsets(p.Positions[step.Name])
	}
	return shown
}
