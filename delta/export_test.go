package delta

import (
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/delta/log"
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
