// Package measure is what the suites share: the report that every suite prints, the
// cost of a process, order statistics, and child processes that run one side of a
// comparison so that its cost is its own.
//
// [Report] is the contract of `deltaic bench`; [Usage] what a process has cost; [Spread] the
// order statistics of a series; [Child] one side in a process of its own.
//
// The caller interleaves what it compares: the package keeps no clock and
// decides nothing about order.
package measure

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Report is what a suite prints: {"suite","case","settings","metrics","anchors","ratios","verified"}.
type Report struct {
	Suite    string             `json:"suite"`
	Case     string             `json:"case"`
	Settings map[string]any     `json:"settings"`
	Metrics  map[string]any     `json:"metrics"`
	Anchors  map[string]any     `json:"anchors"`
	Ratios   map[string]float64 `json:"ratios"`
	Verified bool               `json:"verified"`
	Faults   []string           `json:"faults,omitempty"` // what was wrong with the output
	Machine  Machine            `json:"machine"`
}

// NewReport returns a report without values.
func NewReport(suite, name string) *Report {
	return &Report{Suite: suite, Case: name, Settings: map[string]any{}, Metrics: map[string]any{}, Anchors: map[string]any{},
		Ratios: map[string]float64{}, Machine: Facts()}
}

// ErrWrong says that the output of a run was wrong: the report says how.
var ErrWrong = errors.New("the output is wrong")

// Print writes the report as one line of JSON, or indented, and returns [ErrWrong] if
// its output was not verified.
func (r *Report) Print(w io.Writer, indent bool) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if indent {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(r); err != nil {
		return err
	}
	if !r.Verified {
		return ErrWrong
	}
	return nil
}

// Fault notes something wrong with the output.
func (r *Report) Fault(text string) { r.Faults = append(r.Faults, text) }

// Machine is the facts about the machine that numbers depend on; no names.
type Machine struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	CPU        string `json:"cpu,omitempty"`
	Processors int    `json:"processors"`
	Memory     int64  `json:"memory_bytes,omitempty"`
	Kernel     string `json:"kernel,omitempty"`
	Go         string `json:"go"`
	Load       string `json:"load,omitempty"` // of the last minute, when the report was begun
}

// Facts looks at this machine. What cannot be found out is left empty.
func Facts() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Processors: runtime.NumCPU(), Go: runtime.Version()}
	m.CPU = field("/proc/cpuinfo", "model name")
	m.Memory = kibibytes(field("/proc/meminfo", "MemTotal"))
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(b), " ")
	}
	return m
}

// field returns the first line's value of a file of "name: value" lines.
func field(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kibibytes reads a value such as "1234 kB" and returns bytes, 0 if it is none.
func kibibytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
