package actors

import (
	"fmt"
	"runtime/debug"

	"github.com/deltaic/deltaic/supervision"
	"go.uber.org/zap"
)

// contain is deferred by what runs beside actors, where no supervisor sees a panic, which would end the process with all its flows: it
// becomes a failure of the attempt. what names the work.
func (a *jobActor) contain(what string, failed func(error)) {
	reason := recover()
	if reason == nil {
		return
	}
	a.config.Logger.Error("a panic beside the tasks", zap.String("work", what), zap.Any("panic", reason), zap.ByteString("stack", debug.Stack()))
	cause, _ := reason.(error)
	failed(&supervision.Failure{Kind: supervision.Restart, Class: "INTERNAL_ERROR", Message: fmt.Sprintf("%s: panic: %v", what, reason),
		Hint: "this is a bug of deltaic or of a connector: please report it with this message and the stack in the log", Cause: cause})
}

// fails reports that an attempt's work beside its tasks failed.
func (r *run) fails(what string) func(error) {
	return func(err error) { r.report(Failed{Attempt: r.attempt.number(), Task: -1, Name: what, Err: err}) }
}
