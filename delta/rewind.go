package delta

import (
	"context"
	"errors"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

var (
	_ connectors.Restorer = (*Sink)(nil)
	_ epochs.Historian    = (*Ledger)(nil)
)

// History calls each with the flow's entries that the log still has, the newest first.
func (l *Ledger) History(ctx context.Context, each func(entry string) bool) error {
	versions, err := l.table.log.Versions(ctx)
	if err != nil {
		return err
	}
	for i := len(versions) - 1; i >= 0; i-- {
		text := ""
		err := l.table.log.Commit(ctx, versions[i].Version, log.KindDomain, func(a *log.Action) error {
			if a.Domain.Domain == ledgerDomain+l.flow && !a.Domain.Removed {
				text = a.Domain.Configuration
			}
			return nil
		})
		if errors.Is(err, objstore.ErrNotFound) {
			return nil // cleaned up since it was listed
		}
		if err != nil || text != "" && !each(text) {
			return err
		}
	}
	return nil
}

// EpochVersion returns the version of the table that holds the epochs of an incarnation up to the one given and none after it:
// the one before the first of those. Where there is none after it, that is the newest.
func (t *Table) EpochVersion(ctx context.Context, flow, incarnation string, epoch int64) (int64, error) {
	head, err := t.Head(ctx)
	if err != nil {
		return -1, err
	}
	app := AppID(flow, incarnation)
	if head.Txns[app].Version <= epoch {
		return head.Version, nil
	}
	versions, err := t.log.Versions(ctx)
	if err != nil {
		return -1, err
	}
	after := head.Version + 1
	for i := len(versions) - 1; i >= 0; i-- {
		found := int64(-1)
		if err := t.log.Commit(ctx, versions[i].Version, log.KindTxn, func(a *log.Action) error {
			if a.Txn.AppID == app {
				found = a.Txn.Version
			}
			return nil
		}); err != nil {
			return -1, err
		}
		if found > epoch {
			after = versions[i].Version
		} else if found >= 0 {
			return after - 1, nil
		}
	}
	if len(versions) > 0 && versions[0].Version == 0 {
		return max(0, after-1), nil // all its epochs are later ones
	}
	f := t.failure(supervision.Fatal, log.ClassVersionNotFound, after, "the log does not reach back to epoch %d of flow %s", epoch, flow)
	f.Hint = "its older commits were cleaned up; go back to a later epoch"
	return -1, f
}

// restoreTries is how often a restore begins anew because others wrote to the table meanwhile.
const restoreTries = 16

// Restore takes the table back to a version from which the flow goes on as another incarnation.
func (s *Sink) Restore(ctx context.Context, flow, incarnation string, epoch, version int64) error {
	t, exists, err := s.Open(ctx)
	if err != nil || !exists {
		return errors.Join(err, notThere(s.path, exists))
	}
	return t.RestoreEpoch(ctx, flow, incarnation, epoch, version)
}

func notThere(path string, exists bool) error {
	if exists {
		return nil
	}
	f := supervision.New(supervision.Fatal, log.ClassNotFound, "the table to be restored is not there")
	f.Path = path
	return f
}

// RestoreEpoch is Restore for a flow that is taken back: the transaction of its next incarnation stands in the same commit, so
// that a repeat is a no-op.
func (t *Table) RestoreEpoch(ctx context.Context, flow, incarnation string, epoch, version int64) error {
	for try := 1; ; try++ {
		c, err := t.PlanRestore(ctx, version)
		if err != nil {
			return err
		}
		app := AppID(flow, incarnation)
		c.Txns = []log.Txn{{AppID: app, Version: epoch}}
		c.Check = func(newest *Head) error {
			if _, done := newest.Txns[app]; done {
				return errRepeat
			}
			return nil
		}
		_, err = t.Commit(ctx, c)
		var f *supervision.Failure
		switch {
		case errors.Is(err, errRepeat):
			return nil
		case errors.As(err, &f) && strings.HasPrefix(f.Class, "DELTA_CONCURRENT") && try < restoreTries:
			continue
		}
		return err
	}
}

// Rewind replaces the newest entry by one that takes the flow back. If a sink's table is the ledger, the
// same commit restores it to the version; otherwise version is not looked at.
func (l *Ledger) Rewind(ctx context.Context, previous, next string, version int64) error {
	e, err := epochs.DecodeEntry(next, l.flow, l.URI())
	if err != nil {
		return err
	}
	c := Commit{Operation: "STREAMING UPDATE", Parameters: []log.Parameter{StringParameter("outputMode", "Append"), StringParameter("kind", "rewind")}}
	if version >= 0 {
		if c, err = l.table.PlanRestore(ctx, version); err != nil {
			return err
		}
	}
	domain := ledgerDomain + l.flow
	c.Txns = []log.Txn{{AppID: AppID(l.flow, e.Incarnation), Version: e.Epoch}}
	c.Domains = []log.Domain{{Domain: domain, Configuration: next}}
	_, err = l.table.CompareAndCommit(ctx, domain, previous, c)
	return err
}
