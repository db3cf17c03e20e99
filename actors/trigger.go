package actors

import (
	"fmt"
	"time"
)

// TriggerKind says when epochs close.
type TriggerKind uint8

// The kinds of triggers.
const (
	TriggerDefault        TriggerKind = iota // the first epoch at its first row, later ones a second after theirs or at 128 MiB
	TriggerProcessingTime                    // at multiples of Interval; 0: back to back
	TriggerAvailableNow                      // what there is at the start, in as many epochs as limits and Interval ask for; then the run ends
	TriggerOnce                              // what there is at the start, in one epoch, limits ignored; then the run ends
	TriggerContinuous                        // every Interval
	TriggerManual                            // when ProcessAllAvailable is called
)

// Trigger is when epochs close.
type Trigger struct {
	Kind     TriggerKind
	Interval time.Duration
}

// The default cadence.
const (
	defaultInterval = time.Second
	defaultBytes    = 128 << 20
)

// Bounded reports whether a run under the trigger ends by itself.
func (t Trigger) Bounded() bool { return t.Kind == TriggerAvailableNow || t.Kind == TriggerOnce }

// String returns the trigger as Spark writes it.
func (t Trigger) String() string {
	switch t.Kind {
	case TriggerProcessingTime:
		return fmt.Sprintf("ProcessingTimeTrigger(%d)", t.Interval.Milliseconds())
	case TriggerAvailableNow:
		return "AvailableNowTrigger"
	case TriggerOnce:
		return "OneTimeTrigger"
	case TriggerContinuous:
		return fmt.Sprintf("ContinuousTrigger(%d)", t.Interval.Milliseconds())
	case TriggerManual:
		return "ManualTrigger"
	}
	return "DefaultTrigger"
}

// filled is what a job knows of the epoch that rows go into.
type filled struct {
	first   time.Time // when the first row was heard of; zero: none yet
	bytes   int64
	number  int64 // of epochs closed by this attempt
	atLimit bool  // every split has come to the epoch's limit
	full    bool  // memory is full
	atBound bool  // every split is at its bound
	asked   bool  // somebody waits for what is there now
	timer   bool  // the processing time has come that an operator waits for
}

// due says when the epoch is to be closed: now if due is not after now; zero for not yet
// known.
func (t Trigger) due(f filled, now time.Time) time.Time {
	if f.first.IsZero() {
		return time.Time{}
	}
	paced := (t.Kind == TriggerProcessingTime || t.Kind == TriggerContinuous) && t.Interval > 0
	if f.full || f.asked || f.atLimit && !paced { // rows that a limit holds back wait for the interval: that is how sources are throttled
		return now
	}
	switch t.Kind {
	case TriggerProcessingTime, TriggerContinuous:
		if t.Interval <= 0 {
			return now
		}
		return f.first.Truncate(t.Interval).Add(t.Interval)
	case TriggerAvailableNow, TriggerOnce:
		if f.atBound {
			return now
		}
		if t.Kind == TriggerAvailableNow && t.Interval > 0 {
			return f.first.Add(t.Interval)
		}
		return time.Time{}
	case TriggerManual:
		return time.Time{}
	}
	if f.number == 0 || f.timer || f.bytes >= defaultBytes {
		return now
	}
	return f.first.Add(defaultInterval)
}
