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
