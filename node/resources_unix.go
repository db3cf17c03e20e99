//go:build unix

package node

import (
	"runtime"
	"syscall"
	"time"
)

// resources returns what the process has used: CPU time, user and system, and
// its largest resident set in bytes.
func resources() (cpu time.Duration, peak int64) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, 0
	}
	peak = int64(u.Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		peak *= 1024
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), peak
}
