package delta

import (
	"context"
	"errors"
	"time"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Snapshot is a version of the table with its live files. It is immutable.
type Snapshot struct {
	*Head
	t     *Table
	files *log.FileList
}

// Snapshot returns the newest version. If this process has loaded one of the table before, by whichever Table, and it is still in use, only
// the commits since are read.
func (t *Table) Snapshot(ctx context.Context) (*Snapshot, error) { return t.SnapshotAt(ctx, -1) }

// SnapshotAt returns the version; -1 is the newest.
func (t *Table) SnapshotAt(ctx context.Context, version int64) (*Snapshot, error) {
	select { // who comes while another loads wants most of what that one loads
	case t.shared.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	base, err := t.base(ctx)
	if err != nil || base != nil && version >= 0 && version < base.Version {
		<-t.shared.loading
		if err != nil {
			return nil, err
		}
		return t.load(ctx, version)
	}
	defer func() { <-t.shared.loading }()
	if base != nil {
		s, err := t.follow(ctx, base, version)
		if err == nil || !errors.Is(err, objstore.ErrNotFound) {
			return s, err
		}
	}
	s, err := t.load(ctx, version)
	if err != nil {
		return nil, err
	}
	if version < 0 {
		t.publish(s.Head, true)
	}
	if base == nil || s.Version > base.Version || version < 0 {
		t.share(ctx, s)
	}
	return s, nil
}

// load reads a version from the log alone.
func (t *Table) load(ctx context.Context, version int64) (*Snapshot, error) {
	s := &Snapshot{t: t}
	err := t.log.Load(ctx, version, func(seg *log.Segment) (err error) {
		s.Head, s.files, err = t.log.Version(ctx, seg)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// together is how many files of several commits are brought into a list at once.
const together = 1000

// follow returns a later version by the commits after base. objstore.ErrNotFound if one of them is not there, which it
// may have been before.
func (t *Table) follow(ctx context.Context, base *Snapshot, version int64) (*Snapshot, error) {
	s := &Snapshot{Head: base.Head, t: t, files: base.files}
	var files []*log.Action
	for version < 0 || s.Version < version {
		next, actions, err := t.advance(ctx, s.Head, log.KindsHead|log.KindsFiles)
		if version < 0 && errors.Is(err, objstore.ErrNotFound) {
			if err := t.atEnd(ctx, s.Version); err != nil {
				return nil, err
			}
			break
		}
		if err != nil {
			return nil, err
		}
		if s.Version == base.Version && !t.same(ctx, t.trusted) {
			return nil, objstore.ErrNotFound // the table was made anew
		}
		s.Head = next
		for _, a := range actions {
			if a.Add != nil || a.Remove != nil {
				files = append(files, a)
			}
		}
		if len(files) >= together {
			s.files, files = s.files.Update(files), nil
		}
	}
	if s.Version == base.Version {
		return base, nil
	}
	if len(files) > 0 {
		s.files = s.files.Update(files)
	}
	s.Head.Total = &log.Total{Files: int64(s.files.Len()), Bytes: s.files.Bytes()}
	t.publish(s.Head, false)
	t.share(ctx, s)
	return s, nil
}

// atEnd makes sure now and then that what seems to be the newest version is not followed by a gap that log cleanup left.
func (t *Table) atEnd(ctx context.Context, version int64) error {
	t.mu.Lock()
	recent := t.o.Now().Sub(t.checked) < relist
	t.mu.Unlock()
	if recent {
		return nil
	}
	newest, err := t.log.Latest(ctx, version)
	if err != nil {
		return err
	}
	if newest > version {
		return objstore.ErrNotFound
	}
	t.mu.Lock()
	t.checked = t.o.Now()
	t.mu.Unlock()
	return nil
}

// Files returns the live files in the order of their paths.
func (s *Snapshot) Files() []log.Add { return s.files.Sorted() }

// Each calls visit with the live files until it returns false. It takes little memory, however many there are.
func (s *Snapshot) Each(visit func(*log.Add) bool) { s.files.Each(visit) }

// Len returns the number of live files.
func (s *Snapshot) Len() int { return s.files.Len() }

// Bytes returns the size of the live files.
func (s *Snapshot) Bytes() int64 { return s.files.Bytes() }

// Rows returns the number of rows, those of deletion vectors not counted, if the statistics of every file tell it.
func (s *Snapshot) Rows() (int64, bool) { return s.files.Rows() }

// Disturbed returns an error if a version after the given one restored, replaced or overwrote
// the table: what a flow believes to be in it may be gone.
func (t *Table) Disturbed(ctx context.Context, after int64) error {
	for v := after + 1; ; v++ {
		err := t.log.Commit(ctx, v, log.KindCommitInfo, func(a *log.Action) error { return t.disturbing(v, a.CommitInfo) })
		if errors.Is(err, objstore.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *Table) disturbing(version int64, info *log.CommitInfo) error {
	replaced := info.Operation == "RESTORE" || info.Operation == "REPLACE TABLE" || info.Operation == "REPLACE TABLE AS SELECT" ||
		info.Operation == "CREATE OR REPLACE TABLE" || info.Operation == "CREATE OR REPLACE TABLE AS SELECT"
	for _, p := range info.Parameters {
		replaced = replaced || p.Name == "mode" && p.Value == `"Overwrite"` || p.Name == "outputMode" && p.Value == `"Complete"`
	}
	if !replaced {
		return nil
	}
	f := t.failure(supervision.Fatal, "DELTAIC_TABLE_REPLACED", version,
		"the operation %s of %s changed what the flow has written", info.Operation, time.UnixMilli(info.Timestamp).UTC().Format(time.RFC3339))
	f.Hint = "start the flow with a new checkpoint location, or restore the table to the version before"
	return f
}
