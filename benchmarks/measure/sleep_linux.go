package measure

import (
	"syscall"
	"time"
)

// SleepUntil waits for a time and blocks the thread meanwhile: time.Sleep may be a millisecond late where a process has nothing else to do.
func SleepUntil(at time.Time) {
	for {
		left := time.Until(at)
		if left <= 0 {
			return
		}
		pause := syscall.NsecToTimespec(left.Nanoseconds())
		_ = syscall.Nanosleep(&pause, nil) // a signal that ends it early is why it is in a loop
	}
}
