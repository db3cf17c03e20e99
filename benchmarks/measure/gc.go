package measure

import "runtime/debug"

// GC is what collecting garbage has cost this process.
type GC struct {
	Collections int64   `json:"collections"`
	Pauses      float64 `json:"pauses_ms"` // all of them together
}

// Collected returns the cost so far.
func Collected() GC {
	var s debug.GCStats
	debug.ReadGCStats(&s)
	return GC{s.NumGC, float64(s.PauseTotal.Microseconds()) / 1e3}
}
