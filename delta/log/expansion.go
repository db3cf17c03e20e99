package log

import (
	"fmt"

	"github.com/deltaic/deltaic/formats/parquet"
)

// What a file of a checkpoint may become. In real ones a path holds a UUID, which does not shrink, so that the text is about ten
// times what is stored, thirty at most.
const (
	smallText  = 16 << 20 // bytes, however small the file is
	mostShrunk = 100      // and so many times its size beyond that
)

// checkpointLimits bound what is in memory at once of a file of a checkpoint.
var checkpointLimits = parquet.Limits{PageBytes: 64 << 20, BatchBytes: 32 << 20}

// expansion is what a file of a checkpoint may still become. A small file that says much is refused before it has filled
// memory or taken a minute.
type expansion struct{ rows, text int64 }

func (e *expansion) takeRows(n int64) error {
	if e.rows -= n; e.rows < 0 {
		return fmt.Errorf("it says that it has %d rows, which its size does not allow", n)
	}
	return nil
}

// take counts the text of an action.
func (e *expansion) take(a *Action) error {
	switch {
	case a.Add != nil:
		e.text -= int64(len(a.Add.Path) + len(a.Add.Stats))
		for _, v := range a.Add.Partition {
			e.text -= int64(len(v.Value))
		}
		for k, v := range a.Add.Tags {
			e.text -= int64(len(k) + len(v))
		}
		if d := a.Add.DeletionVector; d != nil {
			e.text -= int64(len(d.PathOrInline))
		}
	case a.Remove != nil:
		e.text -= int64(len(a.Remove.Path))
		for _, v := range a.Remove.Partition {
			e.text -= int64(len(v.Value))
		}
	case a.Txn != nil:
		e.text -= int64(len(a.Txn.AppID))
	case a.Domain != nil:
		e.text -= int64(len(a.Domain.Domain) + len(a.Domain.Configuration))
	case a.Metadata != nil:
		e.text -= int64(len(a.Metadata.SchemaString))
	case a.Sidecar != nil:
		e.text -= int64(len(a.Sidecar.Path))
	}
	if e.text < 0 {
		return fmt.Errorf("its text is more than %d times its size", mostShrunk)
	}
	return nil
}
