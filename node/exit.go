package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// The exit codes of every command.
const (
	ExitOK      = 0
	ExitFailed  = 1 // failed while running, or a verification found a difference
	ExitUsage   = 2 // wrong usage
	ExitInvalid = 3 // invalid flow, SQL, configuration, or a refused plan
	ExitExpect  = 4 // an expectation with FAIL ended the flow
	ExitDrain   = 5 // the drain deadline passed
)

// ExitError ends a command with a code. Err is printed; nil prints nothing,
// because the command's output has said it already.
type ExitError struct {
	Code int
	Err  error
}

// Error returns the cause's text.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// invalid marks an error of what was given: flow, SQL, configuration.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return &ExitError{Code: ExitInvalid, Err: err}
}

func usage(format string, args ...any) error {
	return &ExitError{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}

// violated reports whether an expectation ended a flow.
func violated(err error) bool {
	var f *supervision.Failure
	return errors.As(err, &f) && f.Class == operators.ClassExpectation
}

// finish prints what went wrong and returns the exit code.
func (p *process) finish(command *cobra.Command, err error) int {
	if err == nil {
		return ExitOK
	}
	var exit *ExitError
	code := ExitFailed
	switch {
	case violated(err):
		code = ExitExpect
	case errors.As(err, &exit):
		code = exit.Code
		if exit.Err == nil {
			return code
		}
	case !p.began:
		code = ExitUsage
	case errors.Is(err, context.Canceled) && p.signal.code.Load() != 0:
		return int(p.signal.code.Load()) // ended by a signal before it was done; whoever sent it knows
	}
	if code == ExitUsage {
		err = usageFailure(command, err)
	}
	p.report(err)
	return code
}
