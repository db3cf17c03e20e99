package actors

import (
	"testing"
	"time"
)

// TestLimitsAreThrottledByTheInterval: an epoch that has come to its limit closes at once, but not before its interval where the trigger
// has one: so many rows a trigger.
func TestLimitsAreThrottledByTheInterval(t *testing.T) {
	first := time.Date(2026, 3, 1, 10, 0, 0, 300e6, time.UTC)
	now, boundary := first.Add(time.Millisecond), first.Truncate(time.Second).Add(time.Second)
	for _, c := range []struct {
		trigger Trigger
		fill    filled
		want    time.Time
	}{
		{Trigger{Kind: TriggerProcessingTime, Interval: time.Second}, filled{atLimit: true}, boundary},
		{Trigger{Kind: TriggerContinuous, Interval: time.Second}, filled{atLimit: true}, boundary},
		{Trigger{Kind: TriggerProcessingTime, Interval: time.Second}, filled{atLimit: true, full: true}, now},
		{Trigger{Kind: TriggerProcessingTime, Interval: time.Second}, filled{atLimit: true, asked: true}, now},
		{Trigger{Kind: TriggerProcessingTime}, filled{atLimit: true}, now},
		{Trigger{}, filled{atLimit: true, number: 3}, now},
		{Trigger{}, filled{number: 3}, first.Add(time.Second)},
		{Trigger{Kind: TriggerAvailableNow}, filled{atLimit: true}, now},
	} {
		c.fill.first = first
		if got := c.trigger.due(c.fill, now); !got.Equal(c.want) {
			t.Errorf("%s, %+v: due %v, want %v", c.trigger, c.fill, got, c.want)
		}
	}
}
