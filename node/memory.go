package node

import (
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// The default of memory_limit: a quarter of what the process may use, within bounds. The
// other three quarters are for the runtime, the page cache and others on the machine.
const (
	leastMemory = 128 << 20
	mostMemory  = 1 << 30
)

// available returns how much memory the process may use: its control group's
// limit, else the machine's.
func available() int64 {
	n, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil || n > 1<<50 {
		return 0
	}
	return int64(n)
}

// memoryLimit is the memory_limit of flows that set none, in bytes, for all together.
func memoryLimit() int64 {
	return max(leastMemory, min(available()/4, mostMemory))
}

// limitRuntime sets GOMEMLIMIT to 90 % of what the process may use, unless the
// environment says otherwise.
func limitRuntime() {
	_, _ = memlimit.Set(memlimit.WithRatio(0.9), memlimit.WithLogger(slog.New(slog.DiscardHandler)),
		memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)))
}
