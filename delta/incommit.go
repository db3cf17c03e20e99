package delta

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
)

// Properties of in-commit timestamps.
const (
	inCommitEnabled = "delta.enableInCommitTimestamps"
	inCommitVersion = "delta.inCommitTimestampEnablementVersion"
	inCommitSince   = "delta.inCommitTimestampEnablementTimestamp"
)

// inCommit reports whether commits of the table say their own time.
func inCommit(m *log.Metadata) bool {
	return strings.EqualFold(m.Configuration[inCommitEnabled], "true")
}

// stamp gives the commit after head its time, if the table has in-commit timestamps: later than the one before, whatever the clock says.
// A commit that switches them on notes since when the table has them; its metadata is returned, else that of c.
func (t *Table) stamp(ctx context.Context, c *Commit, head *Head, info *log.CommitInfo) (*log.Metadata, error) {
	after := &head.Metadata
	if c.Metadata != nil {
		after = c.Metadata
	}
	if !inCommit(after) {
		return c.Metadata, nil
	}
	before, err := t.timeOf(ctx, head)
	if err != nil {
		return nil, err
	}
	at := max(info.Timestamp, before+1)
	info.InCommitTimestamp = &at
	if inCommit(&head.Metadata) {
		return c.Metadata, nil
	}
	noted := *after
	noted.Configuration = maps.Clone(after.Configuration)
	noted.Configuration[inCommitVersion] = strconv.FormatInt(head.Version+1, 10)
	noted.Configuration[inCommitSince] = strconv.FormatInt(at, 10)
	return &noted, nil
}

// timeOf returns the time of a version: the one in its commit, or that of its file where commits have none yet.
func (t *Table) timeOf(ctx context.Context, head *Head) (int64, error) {
	if !inCommit(&head.Metadata) {
		o, err := t.Store().Head(ctx, log.CommitName(head.Version))
		return o.ModTime.UnixMilli(), err
	}
	t.mu.Lock()
	known, at := t.timed, t.time
	t.mu.Unlock()
	if known == head.Version && at != 0 {
		return at, nil
	}
	l := &timeline{t: t}
	var info *log.CommitInfo
	err := t.log.Commit(ctx, head.Version, log.KindCommitInfo, func(a *log.Action) error {
		info = a.CommitInfo
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	return l.said(head.Version, info)
}

// timedAt remembers the time of a version that this table committed.
func (t *Table) timedAt(version int64, info *log.CommitInfo) {
	if info.InCommitTimestamp == nil {
		return
	}
	t.mu.Lock()
	t.timed, t.time = version, *info.InCommitTimestamp
	t.mu.Unlock()
}
