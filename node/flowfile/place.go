package flowfile

import (
	"errors"
	"strings"

	"github.com/deltaic/deltaic/supervision"
)

// Place adds to what is wrong with a step or sink of the flow, and was found only when the
// flow was planned, where in the file the step is said.
func (f *File) Place(err error) error {
	failure, ok := err.(*supervision.Failure)
	if f == nil || !ok {
		return err
	}
	v, name := f.sinkPlaces[failure.Step], ""
	if v == nil {
		for step, at := range f.stepPlaces { // verbs are called <step>-<verb>
			if strings.HasPrefix(failure.Step+"-", step+"-") && len(step) > len(name) {
				v, name = at, step
			}
		}
	}
	if v == nil {
		return err
	}
	return placed(v, failure)
}

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
