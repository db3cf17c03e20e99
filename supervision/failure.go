// Package supervision holds the words for failure and what follows from one:
// the kinds, the failure itself, the policy of restarts. Its decisions
// are pure; nothing here waits, logs or stops anything.
package supervision

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a failure asks of whoever meets it.
type Kind uint8

// The kinds of failure. An error that carries none is Restart: state is
// suspect until shown otherwise.
const (
	Transient Kind = iota + 1 // the same call may succeed later: retry in place with backoff
	Poison                    // this row: drop, count or quarantine it
	Restart                   // abort the attempt and restore the last checkpoint
	Fatal                     // stop and keep the evidence; a new attempt would fail alike
	Outage                    // what the flow needs is away, such as room on a disk: wait for it, however long
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Transient:
		return "transient"
	case Poison:
		return "poison"
	case Restart:
		return "restart"
	case Fatal:
		return "fatal"
	case Outage:
		return "outage"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Failure is an error that crosses a border between rooms. All text fields may
// be empty; secrets never stand in any.
type Failure struct {
	Kind    Kind
	Class   string // Spark's or Delta's error class where one exists, else our own, upper snake case
	Message string // what was expected, what was there
	Hint    string // what to do

	Flow, Step string
	Path       string // file or table
	Line       int    // of Path, from 1; 0: unknown
	Column     int    // from 1
	Version    *int64 // of the table at Path
	Topic      string
	Partition  *int32
	Offset     *int64
	Cause      error
}

// Error returns "CLASS: message" with the place in front if there is one.
func (f *Failure) Error() string {
	var s strings.Builder
	if f.Path != "" {
		s.WriteString(f.Path)
		if f.Line > 0 {
			fmt.Fprintf(&s, ":%d", f.Line)
			if f.Column > 0 {
				fmt.Fprintf(&s, ":%d", f.Column)
			}
		}
		s.WriteString(": ")
	}
	if f.Step != "" {
		fmt.Fprintf(&s, "step %s: ", f.Step)
	}
	if f.Topic != "" && f.Partition != nil {
		fmt.Fprintf(&s, "%s[%d]", f.Topic, *f.Partition)
		if f.Offset != nil {
			fmt.Fprintf(&s, "@%d", *f.Offset)
		}
		s.WriteString(": ")
	}
	if f.Class != "" {
		s.WriteString(f.Class)
		s.WriteString(": ")
	}
	s.WriteString(f.Message)
	if f.Cause != nil && !strings.Contains(f.Message, f.Cause.Error()) {
		s.WriteString(": ")
		s.WriteString(f.Cause.Error())
	}
	return s.String()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Cause }

// KindOf returns the kind that err carries, or Restart if it carries none.
func KindOf(err error) Kind {
	var f *Failure
	if errors.As(err, &f) && f.Kind != 0 {
		return f.Kind
	}
	return Restart
}

// New returns a failure of the kind and class with a formatted message.
func New(k Kind, class, format string, args ...any) *Failure {
	e := fmt.Errorf(format, args...)
	return &Failure{Kind: k, Class: class, Message: e.Error(), Cause: errors.Unwrap(e)}
}
