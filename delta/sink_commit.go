package delta

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/supervision"
)

// Adds returns the add-actions of what shares prepared.
func Adds(prepared []connectors.Prepared) ([]log.Add, error) {
	var all []log.Add
	for _, p := range prepared {
		if len(p.Data) == 0 || string(p.Data) == "null" {
			continue
		}
		adds, err := log.DecodeAdds(p.Data)
		if err != nil {
			return nil, supervision.New(supervision.Fatal, "DELTAIC_MANIFEST_CORRUPT", "the add-actions of a prepared epoch cannot be read: %w", err)
		}
		all = append(all, adds...)
	}
	return all, nil
}

// StreamingUpdate returns the commit of an epoch in append mode as Spark's sink makes it, with the
// txn that makes it exactly once.
func StreamingUpdate(c connectors.Commit) (Commit, error) {
	adds, err := Adds(c.Prepared)
	if err != nil {
		return Commit{}, err
	}
	var bytes int64
	for i := range adds {
		bytes += adds[i].Size
	}
	out := epochCommit(c, "Append")
	out.Adds = adds
	setMetric(&out, "numOutputBytes", bytes)
	setMetric(&out, "numAddedFiles", int64(len(adds)))
	return out, nil
}

// epochCommit is the part of an epoch's commit that does not depend on its rows.
func epochCommit(c connectors.Commit, mode string) Commit {
	var rows int64
	for _, p := range c.Prepared {
		rows += p.Rows
	}
	return Commit{
		Operation:  "STREAMING UPDATE",
		Parameters: []log.Parameter{StringParameter("outputMode", mode), StringParameter("queryId", c.QueryID), StringParameter("epochId", strconv.FormatInt(c.Epoch, 10))},
		Metrics:    []log.Parameter{StringParameter("numRemovedFiles", "0"), StringParameter("numOutputRows", strconv.FormatInt(rows, 10))},
		Txns:       []log.Txn{{AppID: AppID(c.Flow, c.Incarnation), Version: c.Epoch}},
	}
}

// streamingUpdate returns the commit of an epoch in the sink's mode, and in update mode what it is made of. A flow
// whose ledger is the table adds its domain and commits it itself, by CompareAndCommit.
func (s *Sink) streamingUpdate(c connectors.Commit) (commit Commit, e *upsertEpoch, err error) {
	keys, byKey, files := prepares(c)
	switch {
	case s.mode == connectors.Update && !files, byKey:
		commit = epochCommit(c, "Update")
		if e, err = s.upsertsBy(keys).epoch(c); err == nil {
			commit.Plan = e.plan
		}
	case s.mode == connectors.Complete:
		commit, err = StreamingUpdate(c)
		if err == nil {
			commit.Parameters[0], commit.Plan = StringParameter("outputMode", "Complete"), s.replaceAll
		}
	default:
		commit, err = StreamingUpdate(c)
	}
	commit.UserMetadata = s.o.UserMetadata
	commit.Seen = func(version int64, info *log.CommitInfo) error {
		if mine(info, c.QueryID) {
			return nil // an earlier attempt, not fenced yet
		}
		return s.table.disturbing(version, info)
	}
	return commit, e, err
}

// mine reports whether the commit is one of the query's epochs.
func mine(info *log.CommitInfo, query string) bool {
	want := StringParameter("queryId", query)
	return slices.Contains(info.Parameters, want)
}

// replaceAll makes the epoch's files the only ones of the table.
func (s *Sink) replaceAll(ctx context.Context, newest *Head, c *Commit) error {
	if err := s.live.follow(ctx, s.table, newest, nil); err != nil {
		return err
	}
	old := s.live.sorted()
	c.Removes = make([]log.Remove, len(old))
	var bytes int64
	for i := range old {
		c.Removes[i] = s.table.remove(&old[i])
		bytes += old[i].Size
	}
	setMetric(c, "numRemovedFiles", int64(len(old)))
	setMetric(c, "numRemovedBytes", bytes)
	return nil
}

// setMetric puts a number into the commit's operationMetrics.
func setMetric(c *Commit, name string, n int64) {
	p := StringParameter(name, strconv.FormatInt(n, 10))
	for i := range c.Metrics {
		if c.Metrics[i].Name == name {
			c.Metrics[i] = p
			return
		}
	}
	c.Metrics = append(c.Metrics, p)
}

// errRepeat ends a commit whose epoch is in the table already.
var errRepeat = errors.New("committed before")

// Commit commits the epoch unless the table has it. An epoch without files is
// committed too if the engine asks for it: its txn says that it is done.
func (s *Sink) Commit(ctx context.Context, c connectors.Commit) (connectors.Committed, error) {
	t, bound := s.Table()
	if bound == nil {
		return connectors.Committed{}, errUnbound
	}
	s.commits.Lock()
	defer s.commits.Unlock()
	commit, e, err := s.streamingUpdate(c)
	if err != nil {
		return connectors.Committed{}, t.at(err, -1)
	}
	defer e.release()
	repeatAt, newestEpoch := int64(-1), int64(0)
	commit.Check = func(newest *Head) error {
		last, ok := newest.Txns[AppID(c.Flow, c.Incarnation)]
		if ok && last.Version >= c.Epoch && !(mutant.On(mutant.CommitRepeated) && len(s.o.Keys) == 0 && c.Epoch >= 6) {
			repeatAt, newestEpoch = newest.Version, last.Version
			return errRepeat
		}
		return s.checkTable(t, bound, newest, c)
	}
	version, err := t.commit(ctx, &commit)
	if errors.Is(err, errRepeat) {
		e.done(ctx, c)
		return connectors.Committed{Version: repeatAt, Repeat: true, Newest: newestEpoch}, nil
	}
	if err != nil {
		return connectors.Committed{}, err
	}
	if t.overdue(4) { // nobody called Maintain in time
		_, _ = t.Checkpoint(ctx) // the epoch is committed whatever becomes of it
	}
	out := committed(version, &commit)
	e.count(&out)
	out.Changed = e.done(ctx, c)
	return out, nil
}

// checkTable makes sure that the table is the one that was bound, and that nobody else writes as this flow.
func (s *Sink) checkTable(t *Table, bound, newest *Head, c connectors.Commit) error {
	if newest.Metadata.ID != bound.Metadata.ID {
		f := t.failure(supervision.Fatal, "DELTAIC_TABLE_REPLACED", newest.Version, "the table %s was replaced by the table %s", bound.Metadata.ID, newest.Metadata.ID)
		f.Hint = "start the flow with a new checkpoint location"
		return f
	}
	return s.checkIncarnation(t, newest, c.Flow, c.Incarnation)
}

// committed tells what a commit did.
func committed(version int64, c *Commit) connectors.Committed {
	out := connectors.Committed{Version: version, Files: len(c.Adds), Removed: len(c.Removes)}
	for i := range c.Adds {
		out.Bytes += c.Adds[i].Size
	}
	return out
}
