package actors

import (
	"context"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
)

// Attempt is one attempt in the hands of a driver that is not protoactor: the
// simulator. It carries out a [Job]'s orders with the same code as the real
// driver, one call at a time, and steps the attempt's tasks itself.
type Attempt struct{ a *attempt }

// Complete fills in what the configuration leaves open, as [Start] does.
func (c *Config) Complete(workers int) { c.defaults(workers) }

// NewAttempt carries out an OpenAttempt order: claim, roll forward, restore, open.
func NewAttempt(ctx context.Context, c *Config) (*Attempt, error) {
	a, err := openAttempt(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Attempt{a}, nil
}

// Opened is what the job is told of the attempt.
func (a *Attempt) Opened() Opened { return a.a.opened() }

// Tasks returns the attempt's tasks by their number.
func (a *Attempt) Tasks() []*Task { return a.a.tasks }

// Reader returns the open reader of a source.
func (a *Attempt) Reader(source string) connectors.Reader { return a.a.readers[source] }

// Decide carries out a DecideEpoch order.
func (a *Attempt) Decide(ctx context.Context, d *epochs.Decision) (connectors.Committed, error) {
	return a.a.decide(ctx, d)
}

// Commit carries out a CommitSink order.
func (a *Attempt) Commit(ctx context.Context, c epochs.SinkCommit) (connectors.Committed, error) {
	return a.a.commit(ctx, c)
}

// Limits carries out an AskLimits order.
func (a *Attempt) Limits(ctx context.Context, from map[string]connectors.Positions) (map[string]connectors.Positions, error) {
	return a.a.limits(ctx, from)
}

// Ends carries out an AskEnds order.
func (a *Attempt) Ends(ctx context.Context, splits map[string][]connectors.SplitID) map[string]connectors.Positions {
	return a.a.endsOf(ctx, splits)
}

// Collect returns what an epoch that is done leaves to be removed, as work that
// may be done at any time; nil if there is nothing.
func (a *Attempt) Collect(m *epochs.Manifest) func(context.Context) {
	names := a.a.unneededAfter(m)
	if len(names) == 0 {
		return nil
	}
	return func(ctx context.Context) { a.a.remove(ctx, names) }
}

// Close ends tasks and readers.
func (a *Attempt) Close() { a.a.close() }

// SourceSplit names the split that the task reads; ok is false if it reads none.
func (t *Task) SourceSplit() (source string, split connectors.SplitID, ok bool) {
	if t.source == nil {
		return "", "", false
	}
	return t.source.name, t.source.split, true
}

// IsData reports whether the message travels behind the data sent before it on
// its channel; others may overtake.
func IsData(m Message) bool { return m.lane() == LaneData }

// Discard gives back what a message holds that nobody will process.
func Discard(m Message) { release(m) }

// FetchesAhead is how many fetches of a split a driver may hand to its task
// beyond those that [Effects.Take] has given back.
const FetchesAhead = fetchesAhead
