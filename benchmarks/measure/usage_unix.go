//go:build unix

package measure

import (
	"runtime"
	"syscall"
)

// Usage is what this process has cost since it began.
type Usage struct {
	CPU     float64 `json:"cpu_seconds"`    // user and system
	User    float64 `json:"user_seconds"`   // user alone
	PeakRSS int64   `json:"peak_rss_bytes"` // the most that was resident at any time
}

// Used returns the cost of this process so far.
func Used() Usage {
	u := used(syscall.RUSAGE_SELF)
	// What getrusage tells is the most of the parent too, up to when this program was started.
	if own := kibibytes(field("/proc/self/status", "VmHWM")); own > 0 {
		u.PeakRSS = own
	}
	return u
}

func used(who int) Usage {
	var r syscall.Rusage
	if syscall.Getrusage(who, &r) != nil {
		return Usage{}
	}
	user, system := seconds(r.Utime), seconds(r.Stime)
	peak := int64(r.Maxrss)
	if runtime.GOOS != "darwin" {
		peak <<= 10 // kibibytes elsewhere
	}
	return Usage{CPU: user + system, User: user, PeakRSS: peak}
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
