package actors

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/deltaic/deltaic/supervision"
)

// outage says of an error, wherever it came from, that what the flow needs is away, if that is so: the attempt is over, and the next
// ones wait for it. Other errors come back as they are.
func outage(err error) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) || supervision.KindOf(err) == supervision.Fatal {
		return err
	}
	f := &supervision.Failure{Kind: supervision.Outage, Class: "DISK_FULL", Message: "there is no room on the disk", Hint: "make room: the flow goes on by itself", Cause: err}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		f.Path, f.Cause = path.Path, path.Err // what lies between says the same at length
	}
	if inner := (*supervision.Failure)(nil); errors.As(err, &inner) {
		f.Flow, f.Step = inner.Flow, inner.Step
	}
	return f
}
