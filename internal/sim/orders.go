package sim

import (
	"context"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
)

// carryOut does what the job asks for, or makes it an event of its own if it does I/O.
func (p *process) carryOut(orders []actors.Order) {
	for _, o := range orders {
		if p.gone() {
			return
		}
		p.one(o)
	}
}

func (p *process) one(o actors.Order) {
	at := p.attempt
	switch o := o.(type) {
	case actors.OpenAttempt:
		p.jobs = append(p.jobs, pending{"open", p.open})
	case actors.DecideEpoch:
		p.jobs = append(p.jobs, pending{"decide", func(ctx context.Context) func(time.Time) []actors.Order {
			done, err := at.Decide(ctx, o.Decision)
			return func(now time.Time) []actors.Order {
				if err != nil {
					p.world.trace("process %d: epoch %d not decided: %v", p.id, o.Decision.Manifest.Epoch, err)
					p.world.unexplained(p, err)
					return p.job.CommitFailed(o.Attempt, err, now)
				}
				return p.job.Decided(o.Attempt, o.Decision.Manifest.Epoch, done, now)
			}
		}})
	case actors.CommitSink:
		p.jobs = append(p.jobs, pending{"commit", func(ctx context.Context) func(time.Time) []actors.Order {
			done, err := at.Commit(ctx, o.SinkCommit)
			return func(now time.Time) []actors.Order {
				if err != nil {
					p.world.trace("process %d: epoch %d not committed to %s: %v", p.id, o.Commit.Epoch, o.Sink, err)
					p.world.unexplained(p, err)
					return p.job.CommitFailed(o.Attempt, err, now)
				}
				return p.job.SinkCommitted(o.Attempt, o.Commit.Epoch, o.Sink, done, now)
			}
		}})
	case actors.AskLimits:
		p.jobs = append(p.jobs, pending{"limits", func(ctx context.Context) func(time.Time) []actors.Order {
			until, err := at.Limits(ctx, o.From)
			return func(now time.Time) []actors.Order { return p.job.Limits(o.Attempt, o.Epoch, until, err, now) }
		}})
	case actors.AskEnds:
		p.jobs = append(p.jobs, pending{"ends", func(ctx context.Context) func(time.Time) []actors.Order {
			ends := at.Ends(ctx, o.Splits)
			return func(now time.Time) []actors.Order { return p.job.Ends(o.Attempt, ends, now) }
		}})
	case actors.SendTask:
		if at != nil {
			if h, ok := o.Message.(actors.Hold); ok {
				if h.Until < 1<<62 {
					p.world.count("hold")
				} else {
					p.world.count("let-go")
				}
			}
			if _, ok := o.Message.(actors.Quiet); ok {
				p.world.count("quiet")
			}
			p.send(fromJob, o.To, o.Message)
		}
	case actors.StopTasks:
		p.stopTasks(o)
	case actors.WakeAt:
		p.wake = o.Time
	case actors.EpochDone:
		p.epochs++
		p.world.epochs++
		if remove := at.Collect(o.Manifest); remove != nil {
			p.removal = append(p.removal, remove)
		}
	case actors.Ended:
		p.ended, p.err = true, o.Err
		p.world.trace("process %d: ended: %v", p.id, o.Err)
	}
}

// open makes an attempt.
func (p *process) open(ctx context.Context) func(time.Time) []actors.Order {
	a, err := actors.NewAttempt(ctx, p.config)
	return func(now time.Time) []actors.Order {
		if err != nil {
			p.world.trace("process %d: an attempt could not begin: %v", p.id, err)
			p.world.unexplained(p, err)
			return p.job.OpenFailed(err, now)
		}
		opened := a.Opened()
		p.attempt, p.number, p.tasks = a, opened.Shape.Attempt, a.Tasks()
		p.ctx, p.cancel = context.WithCancel(context.Background())
		p.broken, p.room = map[epochs.TaskID]bool{}, map[connectors.SplitID]int{}
		p.reports = make([][]actors.Report, len(p.tasks))
		p.splits = nil
		for _, t := range p.tasks {
			if source, split, ok := t.SourceSplit(); ok {
				p.splits = append(p.splits, splitOfTask{t.ID, source, split})
				p.room[split] = actors.FetchesAhead
			}
		}
		p.world.trace("process %d: attempt %d with %d tasks", p.id, p.number, len(p.tasks))
		return p.job.Opened(opened, now)
	}
}

// stopTasks ends the attempt. I/O that was under way ends before, during or
// after it: some of it still happens, and nobody hears of it.
func (p *process) stopTasks(o actors.StopTasks) {
	for len(p.jobs) > 0 {
		j := p.jobs[0]
		p.jobs = p.jobs[1:]
		if p.world.chance(2) && j.kind != "open" {
			p.world.trace("process %d: %s while stopping", p.id, j.kind)
			p.call(j.kind, func() { j.run(p.ctx) })
		}
	}
	for len(p.works) > 0 && !p.gone() && p.world.chance(2) {
		w := p.works[0]
		p.works = p.works[1:]
		p.call("prepare", func() { w.work(p.ctx) })
	}
	if p.gone() {
		return
	}
	p.cancel()
	p.call("stop", p.drop)
	if p.gone() {
		return
	}
	p.carryOut(p.job.TasksStopped(o.Attempt, p.world.now))
}
