package windows

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
)

func newSessions(_ *batch.Schema, o Options) (operators.Operator, error) {
	return nil, o.Window.failure("UNSUPPORTED_FEATURE", "sessions come with the next change")
}
