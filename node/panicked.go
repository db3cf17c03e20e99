package node

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/deltaic/deltaic/supervision"
)

// panicked makes an error of a panic that a command is recovering from: of planning and checking, for what tasks do is recovered where
// they run. It names the places in the code, innermost first, in one line.
func panicked(reason any) error {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	var places []string
	for more := true; more && len(places) < 6; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Line > 0 && !strings.HasPrefix(f.Function, "runtime.") {
			places = append(places, fmt.Sprintf("%s:%d", path.Base(f.File), f.Line))
		}
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "INTERNAL_ERROR",
		Message: fmt.Sprintf("panic: %v (at %s)", reason, strings.Join(places, ", ")),
		Hint:    "this is a bug of deltaic: please report it with this message and what it was given"}
}
