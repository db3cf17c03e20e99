package topology

import (
	"fmt"
	"strings"
	"time"
)

// StepWatermark is how far event time has come for one step that makes a watermark, and who holds it back.
type StepWatermark struct {
	Step      string           `json:"step"`
	Watermark string           `json:"watermark,omitempty"` // ISO 8601, UTC; "": none yet
	WaitsFor  string           `json:"waitsFor,omitempty"`  // the split that everything waits for, "source/split"
	Why       string           `json:"why"`
	Splits    []SplitWatermark `json:"splits"`
}

// SplitState is what a split does, as far as event time is concerned.
type SplitState string

// The states of splits.
const (
	SplitReading  SplitState = "reading"  // it has more to read
	SplitCaughtUp SplitState = "caughtUp" // it has nothing to read, and is not idle yet
	SplitIdle     SplitState = "idle"     // proved caught up and quiet: nobody waits for it
	SplitHeld     SplitState = "held"     // too far ahead of the slowest one
	SplitDone     SplitState = "done"     // at the end of a bounded run
)

// SplitWatermark is one split's event time.
type SplitWatermark struct {
	Source    string     `json:"source"`
	Split     string     `json:"split"`
	Watermark string     `json:"watermark,omitempty"`
	State     SplitState `json:"state"`
	Since     string     `json:"since"`              // when it was last heard of, or fell idle
	IdleAt    string     `json:"idleAt,omitempty"`   // when it is idle if nothing comes
	Position  string     `json:"position,omitempty"` // behind the last row
	End       string     `json:"end,omitempty"`      // of the split as last heard
}

// Instant writes microseconds as Spark's progress does.
func Instant(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000Z")
}

// ExplainWatermarks says for people what event time waits for.
func ExplainWatermarks(steps []StepWatermark) string {
	if len(steps) == 0 {
		return "no step of this flow makes a watermark\n"
	}
	var s strings.Builder
	for _, step := range steps {
		at := "there is no watermark yet"
		if step.Watermark != "" {
			at = "the watermark is " + step.Watermark
		}
		fmt.Fprintf(&s, "%s: %s; %s\n", step.Step, at, step.Why)
		for _, k := range step.Splits {
			mark := " "
			if step.WaitsFor == k.Source+"/"+k.Split {
				mark = ">"
			}
			fmt.Fprintf(&s, "%s %s %s  %s  %s\n", mark, k.Source, k.Split, orElse(k.Watermark, "no event time"), k.sentence())
		}
	}
	return s.String()
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// sentence says what the split does.
func (k SplitWatermark) sentence() string {
	switch k.State {
	case SplitIdle:
		return "idle since " + k.Since
	case SplitHeld:
		return "held: it is too far ahead of the slowest split"
	case SplitDone:
		return "at the end of this run"
	case SplitReading:
		return fmt.Sprintf("at %s, its end is %s", orElse(k.Position, "its start"), k.End)
	}
	return "caught up, quiet since " + k.Since + k.Patience()
}

// Patience says how long a split that has nothing to read is waited for.
func (k SplitWatermark) Patience() string {
	if k.IdleAt == "" {
		return "; it is waited for until a row comes"
	}
	return "; it is waited for until " + k.IdleAt + " if the source has no more of it"
}
