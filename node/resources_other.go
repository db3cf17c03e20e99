//go:build !unix

package node

import (
	"runtime"
	"time"
)

// resources returns what the runtime knows where the system is not asked: no CPU
// time, and the memory obtained from the system.
func resources() (cpu time.Duration, peak int64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return 0, int64(m.Sys)
}
