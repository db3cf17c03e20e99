package delta

import (
	"context"
	"iter"
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

// History gives the commits that are still there, the newest first.
func (t *Table) History(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l, err := t.timeline(ctx)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for i, v := range slices.Backward(l.commits) {
			e, ms := Entry{Version: v.Version}, l.files[i]
			err := t.log.Commit(ctx, v.Version, log.KindCommitInfo, func(a *log.Action) error {
				e.Info = a.CommitInfo
				return nil
			})
			if err == nil && v.Version >= l.inCommit {
				ms, err = l.said(v.Version, e.Info)
			}
			if e.Time = time.UnixMilli(ms).UTC(); !yield(e, err) || err != nil {
				return
			}
		}
	}
}
