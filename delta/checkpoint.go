package delta

import (
	"context"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
)

// A checkpoint is due, where the table does not say when, after so many
// commits or bytes of them, and not before they have become a share of what the last one held: a
// classic checkpoint is written whole, so its cost per commit stays bounded however many files the table has.
const (
	checkpointCommits = 100
	checkpointBytes   = 4 << 20
	checkpointShare   = 2   // commits: actions of the last checkpoint divided by this
	checkpointAction  = 256 // bytes: actions of the last checkpoint times this
)

// CheckpointDue reports whether the log after the newest checkpoint is as long as
// delta.checkpointInterval says, or without that property long enough to warrant one.
func (t *Table) CheckpointDue() bool { return t.overdue(1) }

func (t *Table) overdue(times int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.head == nil {
		return false
	}
	if n, err := strconv.ParseInt(t.head.Metadata.Configuration["delta.checkpointInterval"], 10, 64); err == nil && n > 0 {
		return t.head.Since >= n*times
	}
	return t.head.Since >= max(checkpointCommits, t.actions/checkpointShare)*times ||
		t.head.SinceBytes >= max(checkpointBytes, t.actions*checkpointAction)*times
}

// Checkpoint writes the checkpoint of the newest version, verifies it and
// points the hint at it, and cleans the log. It may run beside commits, and beside itself in other processes. If
// the clean-up alone fails, what the checkpoint holds is returned with the error.
func (t *Table) Checkpoint(ctx context.Context) (*log.CheckpointInfo, error) {
	info, err := t.checkpoint(ctx)
	if err == nil {
		_, err = t.CleanLog(ctx)
	}
	return info, err
}

func (t *Table) checkpoint(ctx context.Context) (*log.CheckpointInfo, error) {
	var info *log.CheckpointInfo
	err := t.log.Load(ctx, -1, func(seg *log.Segment) error {
		head, err := t.log.Head(ctx, seg)
		if err != nil {
			return err
		}
		now, all := t.o.Now(), int64(-1<<62)
		o := log.CheckpointOptions{Cutoff: all, TxnCutoff: all, Second: secondForm(head), NewID: t.newID}
		if keep := retained(&head.Metadata, "delta.deletedFileRetentionDuration", fileRetention); keep < forever {
			o.Cutoff = now.Add(-keep).UnixMilli()
		}
		if keep := retained(&head.Metadata, "delta.setTransactionRetentionDuration", forever); keep > 0 && keep < forever {
			o.TxnCutoff = now.Add(-keep).UnixMilli()
		}
		if o.Stats, err = checkpointColumns(head); err != nil {
			return err
		}
		info, err = t.log.WriteCheckpoint(ctx, seg, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	if t.actions = info.Actions; t.head != nil && secondForm(t.head) {
		t.actions = 0 // the next one's cost follows what is new
	}
	if h := t.head; h != nil && h.Version >= info.Version {
		next := *h
		if next.Since = h.Version - info.Version; next.Since == 0 {
			next.SinceBytes = 0
		} else {
			next.SinceBytes = min(h.SinceBytes, next.Since*(h.SinceBytes/max(h.Since, 1)))
		}
		t.head = &next
	}
	t.mu.Unlock()
	return info, nil
}

// secondForm reports whether the table asks for checkpoints of the second form.
func secondForm(h *Head) bool {
	return strings.EqualFold(h.Metadata.Configuration["delta.checkpointPolicy"], "v2") && h.Protocol.Supports("v2Checkpoint")
}
