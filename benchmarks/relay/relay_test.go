package relay

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSchedule: every row is due at the first tick by whose end it is sent.
func TestSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Rate: rapid.IntRange(1, 200_000).Draw(t, "rate"), Duration: time.Duration(rapid.IntRange(1, 2000).Draw(t, "ms")) * time.Millisecond}
		s := o.schedule(time.UnixMilli(1000))
		n := 0
		for tick := 0; n < s.rows; tick++ {
			for ; n < s.until(tick); n++ {
				if want := s.start.Add(time.Duration(tick) * tickEvery); !s.due(n).Equal(want) {
					t.Fatalf("row %d is due at %s, and sent at %s", n, s.due(n), want)
				}
			}
		}
	})
}
