package delta

import (
	"context"
	"time"

	"github.com/deltaic/deltaic/delta/log"
)

// Checksums are written at most this often: each costs a durable create, as much as the commit it belongs to.
// See docs/decisions/0013.
const checksumEvery = time.Second

// checksumReach is how many commits are read at most to learn what the files of a version come to.
const checksumReach = 64

// sums is what a table knows for its next checksum.
type sums struct {
	own     int64     // newest version that this table committed, and that has no checksum of ours; -1: none
	written time.Time // when the last one was written
	known   *log.Head // newest version whose total is known
}

// checksumDue returns the version to write a checksum of, nil if none is due.
func (t *Table) checksumDue() *Head {
	t.mu.Lock()
	defer t.mu.Unlock()
	// The newest version is durable only if it is this table's own commit, so those of others get none from us.
	if t.head == nil || t.head.Version != t.sums.own || t.o.Now().Sub(t.sums.written) < checksumEvery {
		return nil
	}
	t.sums.own, t.sums.written = -1, t.o.Now()
	return t.head
}

// checksum writes the newest version's checksum if it is this table's commit and the last one was a while ago. It is a
// help for whoever opens the table and never required: what goes wrong with it is nobody's failure.
func (t *Table) checksum(ctx context.Context) {
	head := t.checksumDue()
	if head == nil {
		return
	}
	if head.Total == nil {
		total, err := t.totalOf(ctx, head)
		if err != nil || total == nil {
			return
		}
		head = t.withTotal(head, total)
	}
	_ = t.log.WriteChecksum(ctx, head)
}

// withTotal returns the head with its total, and keeps it if it is the newest.
func (t *Table) withTotal(head *Head, total *log.Total) *Head {
	next := *head
	next.Total = total
	t.publish(&next, false)
	return &next
}

// totalOf counts from the newest version of which the total is known: one of this table's, the one before by its
// checksum, or none at all. Nil if that is far.
func (t *Table) totalOf(ctx context.Context, head *Head) (*log.Total, error) {
	t.mu.Lock()
	known := t.sums.known
	t.mu.Unlock()
	var total *log.Total
	from := head.Version - 1
	if known != nil && known.Metadata.ID == head.Metadata.ID && known.Version <= head.Version && head.Version-known.Version <= checksumReach {
		total, from = known.Total, known.Version
	} else if c, err := t.log.Checksum(ctx, from); err == nil && t.log.Confirm(ctx, from, c) == nil {
		total = &c.Total
	} else if head.Version < checksumReach {
		total, from = &log.Total{}, -1
	}
	for v := from + 1; v <= head.Version && total != nil; v++ {
		var adds []log.Add
		var removes []log.Remove
		restores := false
		if err := t.log.Commit(ctx, v, log.KindsFiles|log.KindCommitInfo, func(a *log.Action) error {
			switch {
			case a.Add != nil:
				adds = append(adds, *a.Add)
			case a.Remove != nil:
				removes = append(removes, *a.Remove)
			case a.CommitInfo != nil:
				restores = a.CommitInfo.Operation == "RESTORE"
			}
			return nil
		}); err != nil {
			return nil, err
		}
		total = after(total, adds, removes, restores)
	}
	return total, nil
}

// after is Total.After of a commit that may be anybody's: one that only tells files of the table anew, which shows in adds
// that change no data, and one that removes what was not there, cannot be counted. A restore adds none that is there, so its files may
// come back with vectors.
func after(total *log.Total, adds []log.Add, removes []log.Remove, restores bool) *log.Total {
	removed := map[string]bool{}
	for i := range removes {
		removed[log.FileKey(removes[i].Path, nil)] = true
	}
	for i := range adds {
		if !adds[i].DataChange && len(removes) == 0 || !restores && adds[i].DeletionVector != nil && !removed[log.FileKey(adds[i].Path, nil)] {
			return nil
		}
	}
	return total.After(adds, removes)
}

// Maintain is what a table's writer does beside its commits, now and then: the checksum of its newest version, and a checkpoint of
// the log if one is due.
func (t *Table) Maintain(ctx context.Context) error {
	t.checksum(ctx)
	if !t.CheckpointDue() {
		return nil
	}
	_, err := t.Checkpoint(ctx)
	return err
}
