package log

import (
	"context"
	"hash/maphash"
	"slices"
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
	if err := l.newFiles(ctx, seg, seen, KindsFiles, emit); err != nil {
		return err
	}
	return l.checkpoint(ctx, seg.Checkpoint, KindsFiles, func(a *Action) error {
		if seen.has(a) {
			return nil
		}
		return emit(a)
	})
}

// newFiles calls visit with the last word of the commits after the checkpoint about each file, which seen remembers, and with
// actions of the other wanted kinds as they come, the newest first.
func (l *Log) newFiles(ctx context.Context, seg *Segment, seen *fileSet, want Kinds, visit func(*Action) error) error {
	// From the newest commit down: the first word about a file is the last.
	newest := slices.Clone(seg.replay)
	slices.Reverse(newest)
	return l.decodeAhead(ctx, newest, want, func(o Object, actions []*Action) error {
		if o.from == o.Version {
			slices.Reverse(actions) // so it is in a commit; a reconciled file that has several words has the newest first
		}
		for _, a := range actions {
			if (a.Add != nil || a.Remove != nil) && !seen.add(a) {
				continue
			}
			if err := visit(a); err != nil {
				return err
			}
		}
		return nil
	})
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
