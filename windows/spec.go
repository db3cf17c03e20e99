package windows

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

// Kind is how windows are laid out.
type Kind uint8

// The kinds of windows.
const (
	KindTumbling Kind = iota + 1 // one after the other
	KindSliding                  // a row is in several
	KindSession                  // as long as a key's rows follow each other
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindTumbling:
		return "tumbling"
	case KindSliding:
		return "sliding"
	case KindSession:
		return "session"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Names of the columns that windows make, unless an alias says otherwise.
const (
	WindowColumn  = "window"
	SessionColumn = "session_window"
)

// Spec says which windows there are. It is a value: its methods return another.
type Spec struct {
	kind       Kind
	size       int64 // microseconds, as all below
	slide      int64
	start      int64  // windows begin at this distance from 1970-01-01
	gap        int64  // of sessions, if it is the same for all rows
	gapText    string // else: an expression
	most       int64  // how long a session may last; 0: for ever
	on         string // event time: an expression
	processing bool   // on processing time
	alias      string
	text       string // what was parsed, so that a mistake can point into it
	at         int
	wrong      *supervision.Failure
}

// Tumbling returns windows of the size, one after the other.
func Tumbling(size time.Duration) Spec { return Sliding(size, size) }

// Sliding returns windows of the size of which one begins every slide.
func Sliding(size, slide time.Duration) Spec {
	return Spec{}.sliding(size.Microseconds(), slide.Microseconds(), 0)
}

// Session returns windows that last for as long as each row of a key follows another within the gap.
func Session(gap time.Duration) Spec {
	s := Spec{kind: KindSession, gap: gap.Microseconds()}
	if s.gap <= 0 || s.gap > maxSpan {
		return s.mistake("VALUE_OUT_OF_RANGE", "the gap of a session is %s, it must be at least a microsecond and at most %s", span(s.gap), span(maxSpan))
	}
	return s
}

// SessionExpr is Session with the gap computed for each row: an interval, or a text that is one.
// Rows whose gap is null, zero or negative are in no session.
func SessionExpr(gap string) Spec { return Spec{kind: KindSession, gapText: gap} }

// maxSpan bounds sizes, so that no sum of a time and a span overflows.
const maxSpan = math.MaxInt64 / 8

// sliding checks the numbers as Spark does.
func (s Spec) sliding(size, slide, start int64) Spec {
	s.kind, s.size, s.slide, s.start = KindSliding, size, slide, start
	if size == slide {
		s.kind = KindTumbling
	}
	switch {
	case size <= 0 || size > maxSpan:
		return s.mistake("VALUE_OUT_OF_RANGE", "the size of a window is %s, it must be at least a microsecond and at most %s", span(size), span(maxSpan))
	case slide <= 0:
		return s.mistake("VALUE_OUT_OF_RANGE", "the slide of a window is %s, it must be at least a microsecond", span(slide))
	case slide > size:
		return s.mistake("PARAMETER_CONSTRAINT_VIOLATION", "the slide of a window (%s) is larger than its size (%s): rows between windows would be lost", span(slide), span(size))
	case start <= -slide || start >= slide:
		return s.mistake("PARAMETER_CONSTRAINT_VIOLATION", "windows start %s from 1970-01-01, it must be less than the slide (%s)", span(start), span(slide))
	}
	return s
}

// mistake notes the first thing that is wrong with the spec; Bind returns it.
func (s Spec) mistake(class, format string, args ...any) Spec {
	if s.wrong == nil {
		s.wrong = s.failure("DATATYPE_MISMATCH."+class, fmt.Sprintf(format, args...))
	}
	return s
}

// failure points into the SQL text if the spec came from one.
func (s Spec) failure(class, message string) *supervision.Failure {
	if s.text != "" {
		return parse.At(s.text, s.at, class, message, "")
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: class, Message: message}
}

// Check returns what is wrong with the spec by itself, nil if nothing is.
func (s Spec) Check() error {
	if s.wrong != nil {
		return s.wrong
	}
	if s.kind == 0 {
		return s.failure("INVALID_WINDOW_SPEC", "a window needs a size: use windows.Tumbling, windows.Sliding or windows.Session")
	}
	return nil
}

// On returns the windows on the event time that an expression gives: a
// timestamp, or a window, whose last microsecond is taken. Windows on processing time become windows on event time.
func (s Spec) On(column string) Spec {
	s.on, s.processing = column, false
	return s
}

// OnProcessingTime returns the windows on the time at which a row's epoch began.
func (s Spec) OnProcessingTime() Spec {
	s.on, s.processing = "", true
	return s
}

// Offset returns the windows begun at a distance from 1970-01-01 that is less than the slide.
func (s Spec) Offset(start time.Duration) Spec {
	if s.kind == KindSession {
		return s.mistake("WRONG_NUM_ARGS", "sessions have no offset")
	}
	return s.sliding(s.size, s.slide, start.Microseconds())
}

// AtMost returns sessions that may last for so long: a longer one stops the flow with an error that
// names its key. Without it a key that never pauses has one session that never ends.
func (s Spec) AtMost(length time.Duration) Spec {
	if s.most = length.Microseconds(); s.kind != KindSession || s.most <= 0 {
		return s.mistake("VALUE_OUT_OF_RANGE", "only a session lasts at most for some time, at least a microsecond: this is a %s window and %s", s.kind, span(s.most))
	}
	return s
}

// As returns the windows with another name for their column.
func (s Spec) As(name string) Spec {
	s.alias = name
	return s
}

// Kind returns how the windows are laid out.
func (s Spec) Kind() Kind { return s.kind }

// Processing reports whether the windows are on processing time.
func (s Spec) Processing() bool { return s.processing }

// Column returns the name of the window's column.
func (s Spec) Column() string {
	switch {
	case s.alias != "":
		return s.alias
	case s.kind == KindSession:
		return SessionColumn
	}
	return WindowColumn
}

// Time returns the expression of the event time, "" on processing time.
func (s Spec) Time() string { return s.on }

// SQL returns the windows as SQL that parses to the same.
func (s Spec) SQL() string {
	on := s.on
	if s.processing {
		on = "processing_time()"
	}
	if s.kind == KindSession {
		if s.gapText != "" {
			return fmt.Sprintf("session_window(%s, %s)", on, s.gapText)
		}
		return fmt.Sprintf("session_window(%s, '%s')", on, span(s.gap))
	}
	parts := []string{on, "'" + span(s.size) + "'"}
	if s.kind == KindSliding || s.start != 0 {
		parts = append(parts, "'"+span(s.slide)+"'")
	}
	if s.start != 0 {
		parts = append(parts, "'"+span(s.start)+"'")
	}
	return "window(" + strings.Join(parts, ", ") + ")"
}

// span writes microseconds in the largest unit that fits.
func span(micros int64) string {
	for _, u := range []struct {
		name   string
		micros int64
	}{{"day", 86400e6}, {"hour", 3600e6}, {"minute", 60e6}, {"second", 1e6}, {"millisecond", 1e3}} {
		if micros != 0 && micros%u.micros == 0 {
			return plural(micros/u.micros, u.name)
		}
	}
	return plural(micros, "microsecond")
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
