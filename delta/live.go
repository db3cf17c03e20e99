package delta

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
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
	added(ctx context.Context, a log.Add) error
}

func (l *liveFiles) reload(ctx context.Context, t *Table, head *Head, w fileWatcher) error {
	s, err := t.SnapshotAt(ctx, head.Version)
	if err != nil {
		return err
	}
	files := s.Files()
	for i := range files {
		if files[i].DeletionVector != nil {
			return t.vectorRefused(&files[i], head.Version)
		}
	}
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
	for _, a := range actions {
		if a.Remove == nil {
			continue
		}
		key := log.FileKey(a.Remove.Path, a.Remove.DeletionVector)
		if old, ok := l.files[key]; ok {
			if w != nil {
				w.removed(old)
			}
			delete(l.files, key)
		}
	}
	for _, a := range actions {
		if a.Add == nil {
			continue
		}
		key := fileKey(a.Add)
		if _, known := l.files[key]; !known && w != nil {
			if err := w.added(ctx, *a.Add); err != nil {
				return err
			}
		}
		l.files[key] = *a.Add // a second add of a file gives it other statistics
	}
	return nil
}

// fileActions returns the files that a commit added and removed. objstore.ErrNotFound if it is gone.
func (t *Table) fileActions(ctx context.Context, version int64) ([]*log.Action, error) {
	var actions []*log.Action
	err := t.log.Commit(ctx, version, log.KindsFiles, func(a *log.Action) error {
		if a.Add != nil && a.Add.DeletionVector != nil {
			return t.vectorRefused(a.Add, version)
		}
		actions = append(actions, a)
		return nil
	})
	return actions, err
}

// vectorRefused says that files with deletion vectors are not rewritten.
func (t *Table) vectorRefused(a *log.Add, version int64) error {
	f := t.failure(supervision.Fatal, log.ClassWrite, version, "file %s has a deletion vector, and such files cannot be rewritten yet", a.Path)
	f.Hint = "purge the table's deletion vectors with the engine that made them, or append to the table instead"
	return f
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
