//go:build unix

package json

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time of the process: on a machine that others
// use too it says more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
