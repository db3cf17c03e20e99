package delta

import (
	"context"
	"slices"
	"time"

	"github.com/deltaic/deltaic/delta/log"
)

// Entry is a line of the table's history.
type Entry struct {
	Version int64
	Time    time.Time       // by which VersionAt goes: the time in the commit where the table has those, else that of its file
	Info    *log.CommitInfo // nil: the commit has none
}

// History calls each with the commits that are still there, the newest first,
// until it returns false.
func (t *Table) History(ctx context.Context, each func(Entry) bool) error {
	l, err := t.timeline(ctx)
	if err != nil {
		return err
	}
	for i, v := range slices.Backward(l.commits) {
		e, ms := Entry{Version: v.Version}, l.files[i]
		if err := t.log.Commit(ctx, v.Version, log.KindCommitInfo, func(a *log.Action) error {
			e.Info = a.CommitInfo
			return nil
		}); err != nil {
			return err
		}
		if v.Version >= l.inCommit {
			if ms, err = l.said(v.Version, e.Info); err != nil {
				return err
			}
		}
		if e.Time = time.UnixMilli(ms).UTC(); !each(e) {
			return nil
		}
	}
	return nil
}
