package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"os"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/stream"
)

// sample is how a process stood at one moment.
type sample struct {
	At         float64 `json:"at"` // seconds since the process began to sample
	Resident   float64 `json:"rss_bytes"`
	Heap       float64 `json:"heap_bytes"` // live after the last collection
	Goroutines float64 `json:"goroutines"`
	Files      float64 `json:"open_files"`
	StateRows  float64 `json:"state_rows"`
	StateBytes float64 `json:"state_bytes"`
	Commit     float64 `json:"commit_p99_ms"` // of the epochs since the sample before: from closed to committed everywhere
	Epochs     int     `json:"epochs"`        // since the sample before
}

// series are the samples' numbers that should not grow.
var series = []struct {
	name string
	of   func(sample) float64
}{
	{"rss_bytes", func(s sample) float64 { return s.Resident }},
	{"heap_bytes", func(s sample) float64 { return s.Heap }},
	{"goroutines", func(s sample) float64 { return s.Goroutines }},
	{"open_files", func(s sample) float64 { return s.Files }},
	{"state_rows", func(s sample) float64 { return s.StateRows }},
	{"state_bytes", func(s sample) float64 { return s.StateBytes }},
	{"commit_p99_ms", func(s sample) float64 { return s.Commit }},
}

// meter takes samples of this process.
type meter struct {
	mu      sync.Mutex
	commits []float64
	last    stream.Progress
}

func (m *meter) progress(p stream.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := p.DurationMs
	m.commits = append(m.commits, float64(d["addBatch"]+d["walCommit"]+d["commitOffsets"]))
	m.last = p
}

func (m *meter) run(ctx context.Context, every time.Duration, to *json.Encoder) {
	begun, tick := time.Now(), time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if to.Encode(m.sample(time.Since(begun))) != nil {
			return
		}
	}
}

func (m *meter) sample(at time.Duration) sample {
	read := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(read)
	s := sample{At: at.Seconds(), Resident: float64(measure.Resident()), Heap: float64(read[0].Value.Uint64()), Goroutines: float64(read[1].Value.Uint64())}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.Files = float64(len(open) - 1)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.last.StateOperators {
		s.StateRows += float64(o.NumRowsTotal)
		s.StateBytes += float64(o.MemoryUsedBytes)
	}
	if s.Epochs = len(m.commits); s.Epochs > 0 {
		s.Commit = measure.Quantile(m.commits, 0.99)
	}
	m.commits = m.commits[:0]
	return s
}

// readSamples reads what a process left, in which the last line may be cut.
func readSamples(path string) ([]sample, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []sample
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var s sample
		if json.Unmarshal(lines.Bytes(), &s) == nil {
			all = append(all, s)
		}
	}
	return all, nil
}

// Drift is how a series went over time.
type Drift struct {
	Median float64 `json:"median"`
	Grew   float64 `json:"grew"`  // over the time that was looked at: the line through the samples, the median of the slopes between any two
	Noise  float64 `json:"noise"` // within which four of five samples are around that line
	Flat   bool    `json:"flat"`  // it grew by no more than the noise, or by a twentieth of the median
}

// driftOf looks at values at times.
func driftOf(at, values []float64) Drift {
	if len(values) < 3 {
		return Drift{Flat: true}
	}
	var slopes []float64
	for i := range values {
		for j := i + 1; j < len(values); j++ {
			slopes = append(slopes, (values[j]-values[i])/(at[j]-at[i]))
		}
	}
	slope := measure.Quantile(slopes, 0.5)
	rest := make([]float64, len(values))
	for i, v := range values {
		rest[i] = v - slope*at[i]
	}
	slices.Sort(rest)
	d := Drift{Median: measure.Quantile(values, 0.5), Grew: slope * (at[len(at)-1] - at[0]), Noise: measure.Quantile(rest, 0.9) - measure.Quantile(rest, 0.1)}
	d.Flat = d.Grew <= math.Max(d.Noise, d.Median/20)
	d.Median, d.Grew, d.Noise = measure.Round(d.Median), measure.Round(d.Grew), measure.Round(d.Noise)
	return d
}
