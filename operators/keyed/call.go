package keyed

import (
	"math"
	"time"

	"github.com/deltaic/deltaic/operators/typed"
)

// Clock says by which time a timer goes.
type Clock uint8

// The clocks of timers.
const (
	EventTime      Clock = iota // the watermark
	ProcessingTime              // the engine's, as an epoch sees it
)

// Timer is a time at which the processor is called for a key.
type Timer struct {
	Clock Clock
	At    time.Time // to the microsecond
}

// Call is what a processor may do for the key at work. It is good until the call returns.
type Call[O any] struct {
	h       *Handle
	timers  *[2]*timers
	out     *typed.Encoder[O]
	late    *int64
	initial bool
	one     [1]O
}

// Emit passes a row on.
func (c *Call[O]) Emit(row O) {
	if c.initial {
		c.h.fail(errInitial)
		return
	}
	c.one[0] = row
	c.out.Add(c.one[:]...)
}

// Now returns the processing time, which is the same in the whole epoch.
func (c *Call[O]) Now() time.Time { return time.UnixMicro(c.h.epoch.Now).UTC() }

// Watermark returns how far event time is complete, and whether that is known.
func (c *Call[O]) Watermark() (time.Time, bool) {
	return time.UnixMicro(*c.late).UTC(), *c.late != math.MinInt64 && *c.late != math.MaxInt64
}

// SetTimer sets a timer for the key. One that is set already stays.
func (c *Call[O]) SetTimer(t Timer) { c.timers[t.Clock].set(t.At.UnixMicro()) }

// DeleteTimer takes a timer back, if it is set.
func (c *Call[O]) DeleteTimer(t Timer) { c.timers[t.Clock].clear(t.At.UnixMicro()) }

// Timers returns the timers of the key, the earliest first.
func (c *Call[O]) Timers(clock Clock) []Timer {
	var all []Timer
	for _, at := range c.timers[clock].list() {
		all = append(all, Timer{clock, time.UnixMicro(at).UTC()})
	}
	return all
}
