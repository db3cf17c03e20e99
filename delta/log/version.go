package log

import (
	"context"
	"errors"
)

// Version loads the segment: its head, and its live files, reading each file of the log once.
func (l *Log) Version(ctx context.Context, seg *Segment) (*Head, *FileList, error) {
	h, files, err := l.version(ctx, seg)
	if err != nil && ctx.Err() == nil {
		// A feature that is not known may be why: that is said rather than what it led to.
		if _, first := l.Head(ctx, seg); first != nil {
			return nil, nil, first
		}
	}
	return h, files, err
}

func (l *Log) version(ctx context.Context, seg *Segment) (*Head, *FileList, error) {
	list, seen := newFileListBuilder(newFileSet()), newFileSet()
	var said []*Action // what the commits say besides files, the newest first
	if err := l.newFiles(ctx, seg, seen, KindsHead|KindsFiles, func(a *Action) error {
		switch {
		case a.Add != nil:
			list.add(a.Add)
		case a.Remove == nil:
			said = append(said, a)
		}
		return nil
	}); err != nil {
		return nil, nil, err
	}
	b := &headBuilder{txns: map[string]Txn{}, domains: map[string]Domain{}}
	if err := l.checkpoint(ctx, seg.Checkpoint, KindsHead|KindsFiles, func(a *Action) error {
		switch {
		case a.Add != nil:
			if !seen.has(a) {
				list.add(a.Add)
			}
		case a.Remove == nil:
			return b.apply(a)
		}
		return nil
	}); err != nil {
		return nil, nil, err
	}
	if len(seg.Checkpoint) > 0 && (b.protocol == nil || b.metadata == nil) {
		return nil, nil, &brokenError{seg.Checkpoint[0].Name, errNoHead}
	}
	for i := len(said) - 1; i >= 0; i-- {
		if err := b.apply(said[i]); err != nil {
			return nil, nil, err
		}
	}
	h, err := b.head(l, seg.Version)
	if err != nil {
		return nil, nil, err
	}
	h.Since, h.SinceBytes = seg.Version-seg.CheckpointVersion(), seg.Bytes()
	files := list.done()
	h.Total = &Total{Files: int64(files.Len()), Bytes: files.Bytes()}
	return h, files, nil
}

var errNoHead = errors.New("it holds no protocol or no metaData")
