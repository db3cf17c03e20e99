package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore"
)

// CheckpointInfo describes a checkpoint that was written.
type CheckpointInfo struct {
	Version int64
	Actions int64 // rows
	Adds    int64
	Bytes   int64
}

// checkpointRows is how many actions are held in memory while one is written.
const checkpointRows = 4096

// WriteCheckpoint writes the classic checkpoint of the segment's version, reads it back to
// verify it, and points the hint at it. Tombstones deleted before the cutoff
// (milliseconds since 1970) are left out, and so are txns last updated before txnCutoff.
// Memory follows the commits since the last checkpoint, not the table. An existing checkpoint is kept.
func (l *Log) WriteCheckpoint(ctx context.Context, seg *Segment, cutoff, txnCutoff int64) (*CheckpointInfo, error) {
	head, err := l.Head(ctx, seg)
	if err != nil {
		return nil, err
	}
	info := &CheckpointInfo{Version: seg.Version}
	if seg.CheckpointVersion() != seg.Version {
		err := l.writeCheckpoint(ctx, seg, head, info, cutoff, txnCutoff)
		if errors.Is(err, objstore.ErrExists) {
			*info, err = CheckpointInfo{Version: seg.Version}, nil // another writer's is as good
		}
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", CheckpointName(seg.Version), err)
		}
	}
	made := []Object{{Name: CheckpointName(seg.Version), Version: seg.Version}}
	if seg.CheckpointVersion() == seg.Version {
		made = seg.Checkpoint
	}
	if err := l.verify(ctx, made, info); err != nil {
		return nil, err
	}
	if made[0].Name != CheckpointName(seg.Version) {
		return info, nil // of another form: its writer's hint says more than ours would
	}
	o := begin(nil)
	o.int("version", info.Version)
	o.int("size", info.Actions)
	o.int("sizeInBytes", info.Bytes)
	o.int("numOfAddFiles", info.Adds)
	if hinted, err := l.hint(ctx); err != nil || hinted.version > info.Version {
		return info, err // somebody has gone further
	}
	if err := l.Store.Put(ctx, HintName, o.end()); err != nil {
		return nil, fmt.Errorf("write the hint: %w", err)
	}
	return info, nil
}

func (l *Log) writeCheckpoint(ctx context.Context, seg *Segment, head *Head, info *CheckpointInfo, cutoff, txnCutoff int64) error {
	w, err := l.Store.Create(ctx, CheckpointName(seg.Version))
	if err != nil {
		return err
	}
	defer w.Abort()
	p, err := parquet.NewWriter(w, checkpointSchema, parquet.WriterOptions{RowGroupBytes: 16 << 20})
	if err != nil {
		return err
	}
	defer p.Discard()
	rows := newCheckpointBuilder(l.Pool)
	defer rows.release()
	put := func(a *Action) error {
		rows.append(a)
		info.Actions++
		if rows.n < checkpointRows {
			return nil
		}
		return rows.flush(p)
	}
	if err := l.checkpointActions(ctx, seg, head, info, cutoff, txnCutoff, put); err != nil {
		return err
	}
	if err := rows.flush(p); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	return w.Close()
}

func (l *Log) checkpointActions(ctx context.Context, seg *Segment, head *Head, info *CheckpointInfo, cutoff, txnCutoff int64, put func(*Action) error) error {
	if err := put(&Action{Protocol: &head.Protocol}); err != nil {
		return err
	}
	if err := put(&Action{Metadata: &head.Metadata}); err != nil {
		return err
	}
	for _, k := range sortedKeys(head.Txns) {
		t := head.Txns[k]
		if t.LastUpdated != nil && *t.LastUpdated < txnCutoff {
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
	return l.Files(ctx, seg, func(a *Add) error {
		kept := *a
		kept.DataChange = false
		info.Adds++
		return put(&Action{Add: &kept})
	}, func(r *Remove) error {
		if r.DeletionTimestamp == nil || *r.DeletionTimestamp < cutoff {
			return nil
		}
		kept := *r
		kept.DataChange = false
		return put(&Action{Remove: &kept})
	})
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
