package delta

import (
	"context"
	"maps"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// Only returns the snapshot with the i-th of its files alone.
func (s *Snapshot) Only(i int) *Snapshot {
	return &Snapshot{Head: s.Head, t: s.t, files: log.NewFileList().Update([]*log.Action{{Add: &s.Files()[i]}})}
}

// With returns the snapshot with other actions for some of its files.
func (s *Snapshot) With(adds []log.Add) *Snapshot {
	actions := []*log.Action{}
	for i := range adds {
		for _, old := range s.Files() {
			if old.Path == adds[i].Path {
				actions = append(actions, &log.Action{Remove: &log.Remove{Path: old.Path, DeletionVector: old.DeletionVector}})
			}
		}
		actions = append(actions, &log.Action{Add: &adds[i]})
	}
	return &Snapshot{Head: s.Head, t: s.t, files: s.files.Update(actions)}
}

// The bounds of strings, for tests.
var (
	TruncateMin = truncateMin
	TruncateMax = truncateMax
)

// PutTogether sets how many small files of a partition are put together.
func (s *Sink) PutTogether(files int) { s.upserts.index.small = files }

// StagedFiles returns the files of change rows that a share prepared.
func StagedFiles(p connectors.Prepared) ([]staged.File, error) {
	return stagedFiles([]connectors.Prepared{p})
}

// WriteMoved appends rows that have columns besides those of the table, as a writer does that keeps the numbers of rows.
func WriteMoved(ctx context.Context, s objstore.Store, b *batch.Batch, o Options) error {
	t := Open(s, o)
	head, err := t.Head(ctx)
	if err != nil {
		return err
	}
	with := *head
	with.Schema = b.Schema
	w, err := NewWriter(t, &with, WriterOptions{})
	if err != nil {
		return err
	}
	if err := w.Write(ctx, b); err != nil {
		return err
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		return err
	}
	_, err = t.Commit(ctx, Commit{Operation: "OPTIMIZE", Adds: adds})
	return err
}

// HoldsStart reports whether the source has the files of its start in memory.
func (s *Source) HoldsStart() bool { return s.start != nil }

// KeepInMind sets how many rows that came with a version are held against those that went; 0: none.
func (s *Source) KeepInMind(rows int64) { s.netRows = rows }

// SharedPlaces returns the places of which Tables share versions.
func SharedPlaces() []any {
	sharing.mu.Lock()
	defer sharing.mu.Unlock()
	return slices.Collect(maps.Keys(sharing.tables))
}

// KeepFiles sets how many files of the start are in memory at once, about.
func (s *Source) KeepFiles(files int64) { s.startAtOnce = files }

// KeptFiles is how many files of the start are in memory.
func (s *Source) KeptFiles() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.start == nil {
		return 0
	}
	return len(s.start.pieces)
}

// StartRows is how many rows each piece of the start is taken to have.
func (s *Source) StartRows() (rows []int64) {
	for i := range s.start.pieces {
		rows = append(rows, s.start.pieces[i].rows)
	}
	return rows
}
