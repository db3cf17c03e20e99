package delta

import (
	"context"
	"errors"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// Error classes of time travel, as Delta spells them.
const (
	ClassTimestampEarlier = "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"
	ClassTimestampGreater = "DELTA_TIMESTAMP_GREATER_THAN_COMMIT"
)

// timeline says when each version was committed: by the time in the commit from the version on from which the table has
// those, before it by the time of the file, which is put right where it runs backwards.
type timeline struct {
	t        *Table
	commits  []log.Object
	files    []int64 // milliseconds since 1970 of the commits' files, rising
	inCommit int64   // the first version whose commit says its time; math.MaxInt64: none
	since    int64   // and that time; math.MinInt64: all have it
}

func (t *Table) timeline(ctx context.Context) (*timeline, error) {
	head, err := t.Head(ctx)
	if err != nil {
		return nil, err
	}
	l := &timeline{t: t, inCommit: math.MaxInt64, since: math.MaxInt64}
	if l.commits, err = t.log.Versions(ctx); err != nil {
		return nil, err
	}
	before := int64(math.MinInt64)
	for _, c := range l.commits {
		before = max(before+1, c.ModTime.UnixMilli())
		l.files = append(l.files, before)
	}
	config := head.Metadata.Configuration
	if !head.Protocol.Supports("inCommitTimestamp") || !strings.EqualFold(config["delta.enableInCommitTimestamps"], "true") {
		return l, nil
	}
	l.inCommit, l.since = 0, math.MinInt64
	version, e1 := strconv.ParseInt(config["delta.inCommitTimestampEnablementVersion"], 10, 64)
	since, e2 := strconv.ParseInt(config["delta.inCommitTimestampEnablementTimestamp"], 10, 64)
	if e1 == nil && e2 == nil {
		l.inCommit, l.since = version, since
	}
	return l, nil
}

// at returns the time of the i-th commit in milliseconds since 1970.
func (l *timeline) at(ctx context.Context, i int) (int64, error) {
	version := l.commits[i].Version
	if version < l.inCommit {
		return l.files[i], nil
	}
	var info *log.CommitInfo
	err := l.t.log.Commit(ctx, version, log.KindCommitInfo, func(a *log.Action) error {
		info = a.CommitInfo
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	return l.said(version, info)
}

var errEnough = errors.New("enough of the commit was read")

// said returns the time that a commit says, which it must.
func (l *timeline) said(version int64, info *log.CommitInfo) (int64, error) {
	if info == nil || info.InCommitTimestamp == nil {
		return 0, l.t.failure(supervision.Fatal, log.ClassBroken, version, "the table has in-commit timestamps, and the commit of version %d has none", version)
	}
	return *info.InCommitTimestamp, nil
}

// VersionAt returns the version that was the newest at a time. A time before the oldest commit that is still there, or
// after the newest version, is an error.
func (t *Table) VersionAt(ctx context.Context, at time.Time) (int64, error) {
	l, err := t.timeline(ctx)
	if err != nil {
		return -1, err
	}
	if len(l.commits) == 0 {
		return -1, t.failure(supervision.Fatal, ClassTimestampEarlier, -1, "the log has a checkpoint and no commit, so it tells no times")
	}
	// In milliseconds rounded down, as commits have them.
	wanted := at.UnixMilli()
	low, high := 0, len(l.commits)
	split := sort.Search(high, func(i int) bool { return l.commits[i].Version >= l.inCommit })
	if wanted >= l.since {
		low = split
	} else if l.since > math.MinInt64 {
		high = split
	}
	first := low + sort.Search(high-low, func(i int) bool {
		if err != nil {
			return true
		}
		var ms int64
		ms, err = l.at(ctx, low+i)
		return ms > wanted
	})
	if err != nil {
		return -1, err
	}
	last := len(l.commits) - 1
	switch {
	case first == 0:
		return -1, l.outside(ctx, ClassTimestampEarlier, at, 0, "before the oldest commit of the log")
	case first <= last:
		return l.commits[first-1].Version, nil
	}
	newest, err := l.at(ctx, last)
	if err != nil {
		return -1, err
	}
	if wanted > newest {
		return -1, l.outside(ctx, ClassTimestampGreater, at, last, "after the newest version")
	}
	return l.commits[last].Version, nil
}

func (l *timeline) outside(ctx context.Context, class string, at time.Time, i int, where string) error {
	ms, err := l.at(ctx, i)
	if err != nil {
		return err
	}
	f := l.t.failure(supervision.Fatal, class, l.commits[i].Version, "%s is %s, version %d of %s", at.UTC().Format(time.RFC3339Nano), where,
		l.commits[i].Version, time.UnixMilli(ms).UTC().Format(time.RFC3339Nano))
	f.Hint = "take a time between those of the oldest and the newest version; the table's history tells them"
	return f
}
