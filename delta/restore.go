package delta

import (
	"context"
	"errors"
	"strconv"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// ClassMissingFiles is the class of the error of restoring a version whose files were removed from the store.
const ClassMissingFiles = "DELTA_MISSING_FILES_UNEXPECTED"

// Restored says what a restore did.
type Restored struct {
	Version        int64 // that the restore made
	Added, Removed int   // files
}

// Restore makes a new version that holds what an earlier one held, with its schema and properties: files that
// went since are added again and files that came since are removed; none is written. It is refused if a
// file is no longer in the store, and conflicts with whoever writes rows at the same time. The
// protocol stays what it is now: what needs it may be in the log for ever.
func (t *Table) Restore(ctx context.Context, version int64, txns ...log.Txn) (Restored, error) {
	c, err := t.PlanRestore(ctx, version)
	if err != nil {
		return Restored{Version: -1}, err
	}
	c.Txns = txns
	made, err := t.Commit(ctx, c)
	return Restored{Version: made, Added: len(c.Adds), Removed: len(c.Removes)}, err
}

// PlanRestore returns the commit of [Table.Restore], for callers who add to it or make it a condition.
func (t *Table) PlanRestore(ctx context.Context, version int64) (Commit, error) {
	now, err := t.Snapshot(ctx)
	if err != nil {
		return Commit{}, err
	}
	if version < 0 || version > now.Version {
		return Commit{}, t.failure(supervision.Fatal, log.ClassVersionNotFound, now.Version, "there is no version %d to restore: the newest is %d", version, now.Version)
	}
	then, err := t.SnapshotAt(ctx, version)
	if err != nil {
		return Commit{}, err
	}
	c := Commit{Operation: "RESTORE", Read: now.Head, ReadsTable: true,
		Parameters: []log.Parameter{StringParameter("version", strconv.FormatInt(version, 10)), {Name: "timestamp", Value: "null"}}}
	if !then.Metadata.Equal(&now.Metadata) {
		c.Metadata = &then.Metadata
	}
	return c, t.diff(ctx, &c, now, then)
}

// diff fills in the files that make one version the other.
func (t *Table) diff(ctx context.Context, c *Commit, now, then *Snapshot) error {
	live := make(map[string]struct{}, now.Len())
	now.Each(func(a *log.Add) bool { live[fileKey(a)] = struct{}{}; return true })
	var restored, removed int64
	wanted := make(map[string]struct{}, then.Len())
	for _, a := range then.Files() {
		key := fileKey(&a)
		wanted[key] = struct{}{}
		if _, there := live[key]; there {
			continue
		}
		if err := t.present(ctx, &a, then.Version); err != nil {
			return err
		}
		a.DataChange = true
		restored += a.Size
		c.Adds = append(c.Adds, a)
	}
	for _, a := range now.Files() {
		if _, keep := wanted[fileKey(&a)]; !keep {
			removed += a.Size
			c.Removes = append(c.Removes, t.remove(&a))
		}
	}
	setMetric(c, "tableSizeAfterRestore", then.Bytes())
	setMetric(c, "numOfFilesAfterRestore", int64(then.Len()))
	setMetric(c, "numRemovedFiles", int64(len(c.Removes)))
	setMetric(c, "numRestoredFiles", int64(len(c.Adds)))
	setMetric(c, "removedFilesSize", removed)
	setMetric(c, "restoredFilesSize", restored)
	return nil
}

// present refuses a file that is not in the store any more, or not as it was.
func (t *Table) present(ctx context.Context, a *log.Add, version int64) error {
	name, err := t.within(a.Path)
	if err != nil {
		return t.at(err, version)
	}
	info, err := t.Store().Head(ctx, name)
	if err == nil && info.Size == a.Size {
		return nil
	}
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	f := t.failure(supervision.Fatal, ClassMissingFiles, version, "version %d cannot be restored: its file %s is no longer in the store as it was", version, name)
	f.Cause, f.Hint = err, "a vacuum has removed what that version needs; restore a later version"
	return f
}
