//go:build !unix

package measure

// Usage is what this process has cost since it began.
type Usage struct {
	CPU     float64 `json:"cpu_seconds"`    // user and system
	User    float64 `json:"user_seconds"`   // user alone
	PeakRSS int64   `json:"peak_rss_bytes"` // the most that was resident at any time
}

// Used returns zeros: this system's costs are not known.
func Used() Usage { return Usage{} }
