package delta

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Snapshot is a version of the table with its live files. It is immutable.
type Snapshot struct {
	*Head
	t     *Table
	files []log.Add
}

// Snapshot loads the newest version.
func (t *Table) Snapshot(ctx context.Context) (*Snapshot, error) { return t.SnapshotAt(ctx, -1) }

// SnapshotAt loads the version; -1 is the newest.
func (t *Table) SnapshotAt(ctx context.Context, version int64) (*Snapshot, error) {
	s := &Snapshot{t: t}
	err := t.log.Load(ctx, version, func(seg *log.Segment) (err error) {
		s.files = nil
		if s.Head, err = t.log.Head(ctx, seg); err != nil {
			return err
		}
		return t.log.Files(ctx, seg, func(a *log.Add) error {
			s.files = append(s.files, *a)
			return nil
		}, nil)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.files, func(a, b log.Add) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	if version < 0 {
		t.publish(s.Head, true)
	}
	return s, nil
}

// Files returns the live files in the order of their paths. The caller does not change them.
func (s *Snapshot) Files() []log.Add { return s.files }

// Bytes returns the size of the live files.
func (s *Snapshot) Bytes() int64 {
	var n int64
	for i := range s.files {
		n += s.files[i].Size
	}
	return n
}

// Rows returns the number of rows, those of deletion vectors not counted, if the statistics of every file tell it.
func (s *Snapshot) Rows() (int64, bool) {
	var n int64
	for i := range s.files {
		rows, ok := log.NumRecords(s.files[i].Stats)
		if !ok {
			return 0, false
		}
		if dv := s.files[i].DeletionVector; dv != nil {
			rows -= dv.Cardinality
		}
		n += rows
	}
	return n, true
}

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
