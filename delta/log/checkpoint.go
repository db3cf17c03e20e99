package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/deltaic/deltaic/objstore"
)

// CheckpointInfo describes a checkpoint that was written.
type CheckpointInfo struct {
	Version int64
	Actions int64 // rows
	Adds    int64
	Bytes   int64
}

// CheckpointOptions say what a checkpoint holds and how.
type CheckpointOptions struct {
	Cutoff    int64                  // milliseconds since 1970: tombstones of files deleted before are left out
	TxnCutoff int64                  // likewise: applications last updated before are left out
	Second    bool                   // of the second form, with sidecars
	NewID     func() (string, error) // a UUID for names; needed for the second form

	Stats StatsColumns

	SidecarActions int64 // files and tombstones of a full sidecar; default 200,000
	SmallSidecars  int   // so many are kept that are under 8 MiB, more become one; default 32
}

func (o *CheckpointOptions) defaults() {
	if o.SidecarActions <= 0 {
		o.SidecarActions = 200_000
	}
	if o.SmallSidecars <= 0 {
		o.SmallSidecars = 32
	}
}

// WriteCheckpoint writes the checkpoint of the segment's version, reads it back to verify it, and points the hint at it.
// Memory follows the commits since the last checkpoint, not the table. An existing checkpoint is kept.
func (l *Log) WriteCheckpoint(ctx context.Context, seg *Segment, o CheckpointOptions) (*CheckpointInfo, error) {
	head, err := l.Head(ctx, seg)
	if err != nil {
		return nil, err
	}
	o.defaults()
	info := &CheckpointInfo{Version: seg.Version}
	made := []Object{{Name: CheckpointName(seg.Version), Version: seg.Version}}
	var second *secondHint
	switch {
	case seg.CheckpointVersion() == seg.Version:
		made = seg.Checkpoint
	case o.Second:
		if made[0].Name, second, err = l.writeSecond(ctx, seg, head, info, o); err != nil {
			return nil, fmt.Errorf("write the checkpoint of version %d: %w", seg.Version, err)
		}
	default:
		err := l.writeClassic(ctx, seg, head, info, o)
		if errors.Is(err, objstore.ErrExists) {
			*info, err = CheckpointInfo{Version: seg.Version}, nil // another writer's is as good
		}
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", CheckpointName(seg.Version), err)
		}
	}
	if second == nil {
		if err := l.verify(ctx, made, info); err != nil {
			return nil, err
		}
		if made[0].Name != CheckpointName(seg.Version) {
			return info, nil // of another form: its writer's hint says more than ours would
		}
	}
	return info, l.point(ctx, info, second)
}

// point makes the hint tell of a checkpoint.
func (l *Log) point(ctx context.Context, info *CheckpointInfo, second *secondHint) error {
	o := begin(nil)
	o.int("version", info.Version)
	o.int("size", info.Actions)
	o.int("sizeInBytes", info.Bytes)
	o.int("numOfAddFiles", info.Adds)
	if second != nil {
		o.key("v2Checkpoint")
		o.b = second.append(o.b)
	}
	if hinted, err := l.hint(ctx); err != nil || hinted.version > info.Version {
		return err // somebody has gone further
	}
	if err := l.Store.Put(ctx, HintName, o.end()); err != nil {
		return fmt.Errorf("write the hint: %w", err)
	}
	return nil
}

func (l *Log) writeClassic(ctx context.Context, seg *Segment, head *Head, info *CheckpointInfo, o CheckpointOptions) error {
	f, err := l.checkpointFile(ctx, CheckpointName(seg.Version), checkpointSchema, &o)
	if err != nil {
		return err
	}
	defer f.discard()
	if err := headActions(head, o, f.put); err != nil {
		return err
	}
	if err := l.fileActions(ctx, seg, o, f.put); err != nil {
		return err
	}
	info.Actions, info.Adds = f.actions, f.adds
	return f.close()
}

// headActions calls put with everything that is not a file.
func headActions(head *Head, o CheckpointOptions, put func(*Action) error) error {
	if err := put(&Action{Protocol: &head.Protocol}); err != nil {
		return err
	}
	if err := put(&Action{Metadata: &head.Metadata}); err != nil {
		return err
	}
	for _, k := range sortedKeys(head.Txns) {
		t := head.Txns[k]
		if t.LastUpdated != nil && *t.LastUpdated < o.TxnCutoff {
			continue
		}
		if err := put(&Action{Txn: &t}); err != nil {
			return err
		}
	}
	for _, k := range sortedKeys(head.Domains) {
		d := head.Domains[k]
		if err := put(&Action{Domain: &d}); err != nil {
			return err
		}
	}
	return nil
}

// fileActions calls put with the files and tombstones of the segment.
func (l *Log) fileActions(ctx context.Context, seg *Segment, o CheckpointOptions, put func(*Action) error) error {
	return l.Files(ctx, seg, func(a *Add) error { return put(storedAdd(a)) }, func(r *Remove) error {
		if o.expired(r) {
			return nil
		}
		return put(storedRemove(r))
	})
}

// expired reports that a tombstone need not be kept.
func (o *CheckpointOptions) expired(r *Remove) bool {
	return r.DeletionTimestamp == nil || *r.DeletionTimestamp < o.Cutoff
}

// storedAdd is a file as checkpoints have it: that it was there before is no change.
func storedAdd(a *Add) *Action {
	kept := *a
	kept.DataChange = false
	return &Action{Add: &kept}
}

func storedRemove(r *Remove) *Action {
	kept := *r
	kept.DataChange = false
	return &Action{Remove: &kept}
}

// verify reads a checkpoint and compares its counts with what was written. Of
// one that was there already it fills in the counts.
func (l *Log) verify(ctx context.Context, parts []Object, info *CheckpointInfo) error {
	got := CheckpointInfo{Version: info.Version}
	for _, p := range parts {
		stat, err := l.Store.Head(ctx, p.Name)
		if err != nil {
			return err
		}
		got.Bytes += stat.Size
	}
	var protocols, metadatas int
	err := l.checkpoint(ctx, parts, KindsAll, func(a *Action) error {
		got.Actions++
		switch {
		case a.Add != nil:
			got.Adds++
		case a.Protocol != nil:
			protocols++
		case a.Metadata != nil:
			metadatas++
		}
		return nil
	})
	if err == nil && (protocols != 1 || metadatas != 1 || info.Actions > 0 && (got.Actions != info.Actions || got.Adds != info.Adds)) {
		err = &brokenError{parts[0].Name, fmt.Errorf("it holds %d actions with %d files, %d protocols and %d metaData; written were %d with %d",
			got.Actions, got.Adds, protocols, metadatas, info.Actions, info.Adds)}
	}
	if err != nil {
		return err
	}
	*info = got
	return nil
}
