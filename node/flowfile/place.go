package flowfile

import (
	"errors"

	"github.com/deltaic/deltaic/supervision"
)

// placed adds the value's place to an error that has none.
func placed(v *value, err error) error {
	var f *supervision.Failure
	if !errors.As(err, &f) {
		return v.fail("INVALID_FLOW_FILE", "%w", err)
	}
	if f.Path != "" {
		return err
	}
	p := *f
	p.Path, p.Line, p.Column = v.file, v.line, v.column
	return &p
}
