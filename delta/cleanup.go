package delta

import (
	"context"
	"sort"
	"strings"
	"time"
)

// retention is how long a table's versions stay readable where it does not say (delta.logRetentionDuration).
const retention = 30 * 24 * time.Hour

// fileRetention is how long files that are no longer of a table stay where it does not say (delta.deletedFileRetentionDuration).
const fileRetention = 7 * 24 * time.Hour

// Cleaned is what a clean-up of the log did.
type Cleaned struct {
	First   int64    // the first version that can still be read; -1: nothing was removed
	Removed []string // names of objects
}

// CleanLog removes what is older than the table's retention from its log, as Spark does when it writes a checkpoint: the versions
// that were the newest at some time since midnight (UTC) before now less delta.logRetentionDuration stay readable. It removes
// nothing where delta.enableExpiredLogCleanup is false, where the table's checkpoints are protected (checkpointProtection),
// where a file's time is not known, and where what the table says of its retention cannot be read.
func (t *Table) CleanLog(ctx context.Context) (Cleaned, error) {
	none := Cleaned{First: -1}
	head, err := t.Head(ctx)
	if err != nil {
		return none, err
	}
	config := head.Metadata.Configuration
	if strings.EqualFold(config["delta.enableExpiredLogCleanup"], "false") || head.Protocol.Supports("checkpointProtection") {
		return none, nil
	}
	keep := retained(&head.Metadata, "delta.logRetentionDuration", retention)
	if keep == forever {
		return none, nil
	}
	now := t.o.Now().UTC()
	cutoff := now.Add(-keep).Truncate(24 * time.Hour)
	// Most tables have nothing that old, and one look shows it.
	oldest, err := t.log.Oldest(ctx)
	if err != nil || oldest == nil || oldest.ModTime.IsZero() || oldest.ModTime.After(cutoff) {
		return none, err
	}
	version, err := t.newestAt(ctx, cutoff)
	if err != nil || version < 0 {
		return none, err
	}
	out := none
	out.Removed, out.First, err = t.log.Clean(ctx, version, now)
	if len(out.Removed) == 0 {
		out.First = -1
	}
	return out, err
}

// newestAt returns the version that was the newest at a time, -1 if all that are there are younger, or one has no time.
func (t *Table) newestAt(ctx context.Context, at time.Time) (int64, error) {
	l, err := t.timeline(ctx)
	if err != nil {
		return -1, err
	}
	for _, c := range l.commits {
		if c.ModTime.IsZero() {
			return -1, nil
		}
	}
	var failed error
	// A version is older than the cutoff only if both its file and what it says of itself are: clocks of writers differ.
	after := sort.Search(len(l.commits), func(i int) bool {
		if failed != nil {
			return true
		}
		var ms int64
		ms, failed = l.at(ctx, i)
		return max(ms, l.files[i]) > at.UnixMilli()
	})
	if failed != nil || after == 0 {
		return -1, failed
	}
	return l.commits[after-1].Version, nil
}
