package delta

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// liveFiles follows which files a table has, commit by commit, for commits that rest on
// them. The zero value knows nothing yet. It is used by one goroutine at a time.
type liveFiles struct {
	version int64 // that files is of
	files   map[string]log.Add
}

// follow brings the list to the version of head and tells what has changed since the last
// call: removed files first, commit by commit. It reads the whole list the first time, and when
// commits in between are gone; then reset is called before each file is added.
func (l *liveFiles) follow(ctx context.Context, t *Table, head *Head, w fileWatcher) error {
	if l.files == nil || head.Version < l.version {
		return l.reload(ctx, t, head, w)
	}
	for l.version < head.Version {
		actions, err := t.fileActions(ctx, l.version+1)
		if errors.Is(err, objstore.ErrNotFound) {
			return l.reload(ctx, t, head, w)
		}
		if err != nil {
			return err
		}
		if err := l.apply(ctx, actions, w); err != nil {
			l.files = nil // half applied
			return err
		}
		l.version++
	}
	return nil
}

// fileWatcher is told how a list of files changes. Nil is fine for whoever does not care.
type fileWatcher interface {
	reset(head *Head)
	removed(a log.Add)
	// added tells of a file, after what else its commit did.
	added(ctx context.Context, a log.Add) error
	// changed tells that a file has got another deletion vector, or lost it.
	changed(ctx context.Context, old, a log.Add) error
}

func (l *liveFiles) reload(ctx context.Context, t *Table, head *Head, w fileWatcher) error {
	s, err := t.SnapshotAt(ctx, head.Version)
	if err != nil {
		return err
	}
	files := s.Files()
	l.files = nil
	if w != nil {
		w.reset(head)
		for i := range files {
			if err := w.added(ctx, files[i]); err != nil {
				return err
			}
		}
	}
	l.version, l.files = head.Version, make(map[string]log.Add, len(files))
	for i := range files {
		l.files[fileKey(&files[i])] = files[i]
	}
	return nil
}

func (l *liveFiles) apply(ctx context.Context, actions []*log.Action, w fileWatcher) error {
	stay := map[string]log.Add{} // what was removed and comes again with other rows gone, by path
	for _, a := range actions {
		if a.Add != nil {
			stay[log.FileKey(a.Add.Path, nil)] = log.Add{}
		}
	}
	for _, a := range actions {
		if a.Remove == nil {
			continue
		}
		key := log.FileKey(a.Remove.Path, a.Remove.DeletionVector)
		old, live := l.files[key]
		if !live {
			continue
		}
		delete(l.files, key)
		path := log.FileKey(a.Remove.Path, nil)
		if _, stays := stay[path]; stays {
			stay[path] = old
		} else if w != nil {
			w.removed(old)
		}
	}
	var fresh []log.Add
	for _, a := range actions {
		if a.Add == nil {
			continue
		}
		key := fileKey(a.Add)
		_, known := l.files[key] // a second add of a file gives it other statistics
		l.files[key] = *a.Add
		if known || w == nil {
			continue
		}
		if old := stay[log.FileKey(a.Add.Path, nil)]; old.Path == "" {
			fresh = append(fresh, *a.Add)
		} else if err := w.changed(ctx, old, *a.Add); err != nil {
			return err
		}
	}
	for _, a := range fresh {
		if err := w.added(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// fileActions returns the files that a commit added and removed. objstore.ErrNotFound if it is gone.
func (t *Table) fileActions(ctx context.Context, version int64) ([]*log.Action, error) {
	var actions []*log.Action
	err := t.log.Commit(ctx, version, log.KindsFiles, func(a *log.Action) error {
		actions = append(actions, a)
		return nil
	})
	return actions, err
}

func fileKey(a *log.Add) string { return log.FileKey(a.Path, a.DeletionVector) }

// sorted returns the files in the order of their paths.
func (l *liveFiles) sorted() []log.Add {
	out := make([]log.Add, 0, len(l.files))
	for _, a := range l.files {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b log.Add) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// remove returns the action that takes the file out of the table.
func (t *Table) remove(a *log.Add) log.Remove {
	now, size := t.o.Now().UnixMilli(), a.Size
	return log.Remove{Path: a.Path, DeletionTimestamp: &now, DataChange: true, Extended: true, Partition: a.Partition, Size: &size,
		Tags: a.Tags, DeletionVector: a.DeletionVector, BaseRowID: a.BaseRowID, DefaultRowCommitVersion: a.DefaultRowCommitVersion}
}
