//go:build !linux

package measure

import "time"

// SleepUntil waits for a time.
func SleepUntil(at time.Time) { time.Sleep(time.Until(at)) }
