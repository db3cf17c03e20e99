package stream

import (
	"context"
	"errors"

	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// Progress is what happened in one epoch, field for field Spark's.
type Progress = topology.Progress

// Runner is a graph that runs. actors satisfies it through the root package.
type Runner interface {
	// ID is the flow's incarnation: it stays over restarts. "" until the first claim.
	ID() string
	// RunID is the identity of this run of the process; each start has its own.
	RunID() string
	// Phase is where the job is in its life, such as RUNNING.
	Phase() string
	// Waiting says what the job waits for outside of the process, "" if for nothing.
	Waiting() string
	// Setback says why the newest attempt failed, from then until the next one is made, "" otherwise.
	Setback() string
	// Stuck names tasks and epochs that have not got on for long, "" if there are none.
	Stuck() string
	// Done is closed when the job has ended and everything it started has.
	Done() <-chan struct{}
	// Err is why the job ended: nil after a clean stop, and while it runs.
	Err() error
	// Stop closes a last epoch, decides it and ends the job, or gives up with the context's error.
	Stop(context.Context) error
	// ProcessAllAvailable returns when all rows that the sources have now are in a decided epoch.
	ProcessAllAvailable(context.Context) error
	// RecentProgress returns the newest epochs, oldest first; the caller owns the slice.
	RecentProgress() []Progress
	// Watermarks says how far event time has come, and which splits it waits for.
	Watermarks(context.Context) []topology.StepWatermark
	// Offsets are the positions behind the newest decided epoch, by source.
	Offsets() map[string]any
}

// Query is the handle of a flow that runs, as Spark's StreamingQuery.
type Query struct {
	name  string
	run   Runner
	graph *topology.Graph
}

// NewQuery returns the handle of a running graph. Authors get theirs from Start.
func NewQuery(g *topology.Graph, r Runner) *Query { return &Query{name: g.Flow, run: r, graph: g} }

// Name returns the flow's name.
func (q *Query) Name() string { return q.name }

// ID returns the query's identity, which stays over restarts; "" until it has
// claimed its ledger for the first time.
func (q *Query) ID() string { return q.run.ID() }

// RunID returns the identity of this run.
func (q *Query) RunID() string { return q.run.RunID() }

// IsActive reports whether the query has not ended.
func (q *Query) IsActive() bool {
	select {
	case <-q.run.Done():
		return false
	default:
		return true
	}
}

// Status is what a query does now, as Spark shows it.
type Status struct {
	Message         string     `json:"message"`
	IsDataAvailable bool       `json:"isDataAvailable"`
	IsTriggerActive bool       `json:"isTriggerActive"`
	State           string     `json:"state"`
	Waiting         string     `json:"waiting,omitempty"` // for what is outside: brokers that are away
	Stuck           string     `json:"stuck,omitempty"`   // tasks and epochs that have not got on for 20 s, by name
	Exception       *Exception `json:"exception,omitempty"`
	Offsets         any        `json:"offsets,omitempty"` // behind the newest decided epoch, by source
}

// Exception says why a query ended.
type Exception struct {
	Class   string `json:"class"`
	Message string `json:"message"`
	Cause   string `json:"cause,omitempty"`
	Offsets any    `json:"offsets,omitempty"` // behind the newest decided epoch, by source
}

// Status returns what the query does now.
func (q *Query) Status() Status {
	s := Status{State: q.run.Phase(), Offsets: q.run.Offsets(), Exception: q.Exception(), Stuck: q.run.Stuck()}
	switch s.State {
	case "OPENING":
		s.Message = "Initializing sources"
	case "RUNNING":
		s.Message, s.IsTriggerActive = "Waiting for data to arrive", true
		if p := q.LastProgress(); p != nil && lag(p) {
			s.Message, s.IsDataAvailable = "Processing new data", true
		}
	case "ABORTING", "WAITING":
		s.Message = "Restarting from the last checkpoint"
		if why := q.run.Setback(); why != "" {
			s.Message += " after: " + why
		}
	case "STOPPED":
		s.Message = "Stopped"
	case "FAILED":
		s.Message = "Terminated with exception"
		if s.Exception != nil {
			s.Message += ": " + s.Exception.Message
		}
	}
	if s.State != "STOPPED" && s.State != "FAILED" {
		if s.Waiting = q.run.Waiting(); s.Waiting != "" {
			s.Message = "Waiting for " + s.Waiting
		}
	}
	return s
}

func lag(p *Progress) bool {
	for _, s := range p.Sources {
		if m := s.Metrics["maxOffsetsBehindLatest"]; m != "" && m != "0" {
			return true
		}
	}
	return false
}

// Exception returns why the query failed, nil if it did not.
func (q *Query) Exception() *Exception {
	err := q.run.Err()
	if err == nil {
		return nil
	}
	e := &Exception{Class: "INTERNAL_ERROR", Message: err.Error(), Offsets: q.run.Offsets()}
	var f *supervision.Failure
	if errors.As(err, &f) {
		if f.Class != "" {
			e.Class = f.Class
		}
		if f.Cause != nil {
			e.Cause = f.Cause.Error()
		}
	}
	return e
}

// Watermarks says how far event time has come for each step that makes a watermark, which split everything
// waits for and why. It is what `deltaic explain NAME watermark` shows.
func (q *Query) Watermarks(ctx context.Context) []topology.StepWatermark {
	return q.run.Watermarks(ctx)
}

// LastProgress returns the progress of the last epoch, nil before the first.
func (q *Query) LastProgress() *Progress {
	all := q.run.RecentProgress()
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1]
}

// RecentProgress returns the progress of the last 100 epochs, oldest first.
func (q *Query) RecentProgress() []Progress { return q.run.RecentProgress() }

// AwaitTermination waits until the query has ended and returns why: nil if it
// was stopped or had nothing left to do.
func (q *Query) AwaitTermination(ctx context.Context) error {
	select {
	case <-q.run.Done():
		return q.run.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends the query after a last epoch, and waits for it.
func (q *Query) Stop(ctx context.Context) error { return q.run.Stop(ctx) }

// ProcessAllAvailable waits until everything that the sources hold now is in
// every sink.
func (q *Query) ProcessAllAvailable(ctx context.Context) error {
	return q.run.ProcessAllAvailable(ctx)
}

// Graph returns the steps of the flow.
func (q *Query) Graph() *topology.Graph { return q.graph }

// Explain describes how the flow runs: stages, what is fused, exchanges, what bounds each state.
func (q *Query) Explain() string { return Explain(q.graph) }

// Explain describes how a graph runs.
func Explain(g *topology.Graph) string {
	p, err := topology.MakePlan(g)
	if err != nil {
		return err.Error()
	}
	return p.String()
}
