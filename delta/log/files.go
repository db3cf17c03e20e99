package log

import (
	"context"
	"hash/maphash"
)

// Files streams the live files of the segment to add, and the tombstones to
// remove unless that is nil, in no order. Memory follows the commits after the checkpoint, not the table.
func (l *Log) Files(ctx context.Context, seg *Segment, add func(*Add) error, remove func(*Remove) error) error {
	seen := newFileSet()
	emit := func(a *Action) error {
		switch {
		case a.Add != nil:
			return add(a.Add)
		case a.Remove != nil && remove != nil:
			return remove(a.Remove)
		}
		return nil
	}
	// From the newest commit down: the first word about a file is the last.
	for i := len(seg.replay) - 1; i >= 0; i-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		actions, err := l.fileActions(ctx, seg.replay[i])
		if err != nil {
			return err
		}
		for _, a := range actions {
			if !seen.add(a) {
				continue
			}
			if err := emit(a); err != nil {
				return err
			}
		}
	}
	return l.checkpoint(ctx, seg.Checkpoint, KindsFiles, func(a *Action) error {
		if seen.has(a) {
			return nil
		}
		return emit(a)
	})
}

// FileList loads the live files of the segment.
func (l *Log) FileList(ctx context.Context, seg *Segment) (*FileList, error) {
	b := newFileListBuilder(newFileSet())
	if err := l.Files(ctx, seg, func(a *Add) error { b.add(a); return nil }, nil); err != nil {
		return nil, err
	}
	return b.done(), nil
}

// fileActions returns the files of a commit, or of several that come reconciled in one file, so that the first word
// about a file holds. In a commit that is the last one. A reconciled file should have only one; those that are
// met with more have the newest first.
func (l *Log) fileActions(ctx context.Context, o Object) ([]*Action, error) {
	var actions []*Action
	if err := l.replayed(ctx, o, KindsFiles, func(a *Action) error {
		actions = append(actions, a)
		return nil
	}); err != nil {
		return nil, err
	}
	if o.from == o.Version {
		for i, j := 0, len(actions)-1; i < j; i, j = i+1, j-1 {
			actions[i], actions[j] = actions[j], actions[i]
		}
	}
	return actions, nil
}

// replayed calls visit with the wanted actions of a commit, or of several that come reconciled in one file.
func (l *Log) replayed(ctx context.Context, o Object, want Kinds, visit func(*Action) error) error {
	if o.from == o.Version {
		return l.Commit(ctx, o.Version, want, visit)
	}
	if err := l.part(ctx, o.Name, want, visit); err != nil {
		return brokenBy(o.Name, err)
	}
	return nil
}

// fileSet remembers files by two hashes of their key, whose seeds nobody knows: a million takes 40 MB, and
// none is held alive by the collector.
type fileSet struct {
	seeds [2]maphash.Seed
	keys  map[fileHash]struct{}
}

// fileHash stands for a file's key.
type fileHash [2]uint64

func newFileSet() *fileSet {
	return &fileSet{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, keys: map[fileHash]struct{}{}}
}

func (f *fileSet) keyOf(path string, dv *DeletionVector) fileHash {
	key := FileKey(path, dv)
	return fileHash{maphash.String(f.seeds[0], key), maphash.String(f.seeds[1], key)}
}

func (f *fileSet) hash(a *Action) fileHash {
	if a.Add != nil {
		return f.keyOf(a.Add.Path, a.Add.DeletionVector)
	}
	return f.keyOf(a.Remove.Path, a.Remove.DeletionVector)
}

func (f *fileSet) has(a *Action) bool {
	if len(f.keys) == 0 {
		return false
	}
	_, ok := f.keys[f.hash(a)]
	return ok
}

// add reports whether the file is new.
func (f *fileSet) add(a *Action) bool {
	n := len(f.keys)
	f.keys[f.hash(a)] = struct{}{}
	return len(f.keys) > n
}
