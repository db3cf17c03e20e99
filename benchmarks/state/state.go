package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic/benchmarks/keyed"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Keys          int           // default 50 000 000
	Updates       uint64        // behind those that make the keys; default as many as keys
	AnchorUpdates uint64        // of the anchor; default 1 000 000
	Distributions []string      // default uniform and zipf
	Epoch         time.Duration // default 1 s
	MemoryLimit   int64         // bytes that the engine may hold; default 512 MiB
	Process       int64         // bytes that the runtime keeps the process within; default nine tenths of what it may have
	Rounds        int           // of engine, anchor, anchor, engine; 0: engine, anchor
	Dir           string        // a folder on the disk to measure; default the folder for temporary files
	Profile       string        // file for a profile of processor time of the last engine's run
}

func (o *Options) defaults() {
	if o.Keys <= 0 {
		o.Keys = 50_000_000
	}
	if o.Updates == 0 {
		o.Updates = uint64(o.Keys)
	}
	if o.AnchorUpdates == 0 {
		o.AnchorUpdates = 1_000_000
	}
	if len(o.Distributions) == 0 {
		o.Distributions = []string{keyed.Uniform, keyed.Zipf}
	}
	if o.Epoch <= 0 {
		o.Epoch = time.Second
	}
	if o.MemoryLimit <= 0 {
		o.MemoryLimit = 512 << 20
	}
	if o.Process <= 0 {
		o.Process = o.MemoryLimit * 9 / 5
	}
}

// suite is one run of the benchmark.
type suite struct {
	o      Options
	dir    string
	number int
	report *measure.Report
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running, such as a worker that was killed.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	dir, err := os.MkdirTemp(o.Dir, "deltaic-state-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := &suite{o: o, dir: dir, report: measure.NewReport("state", "larger-than-memory")}
	for name, v := range map[string]any{"keys": o.Keys, "updates": o.Updates, "anchor_updates": o.AnchorUpdates, "epoch_seconds": o.Epoch.Seconds(),
		"memory_limit": o.MemoryLimit, "process_limit": o.Process, "rounds": o.Rounds} {
		s.report.Settings[name] = v
	}
	for _, d := range o.Distributions {
		if err := s.distribution(ctx, d); err != nil {
			return nil, err
		}
	}
	s.report.Verified = len(s.report.Faults) == 0
	return s.report, nil
}

// distribution runs engine and anchor in turn.
func (s *suite) distribution(ctx context.Context, d string) error {
	var runs []Result
	var rates, anchor []float64
	engine := func() error {
		r, err := s.engine(ctx, d)
		if err != nil {
			return err
		}
		runs, rates = append(runs, r), append(rates, perCPU(r.Updates))
		for _, f := range r.Faults {
			s.report.Fault(d + ": " + f)
		}
		return nil
	}
	points := func() error {
		var r PointsResult
		err := s.worker(ctx, d, s.o.AnchorUpdates, "points", &r)
		anchor = append(anchor, float64(r.Updates)/r.CPU)
		return err
	}
	order := []func() error{engine, points}
	for i := range s.o.Rounds {
		if i > 0 {
			order = append(order, engine, points)
		}
		order = append(order, points, engine)
	}
	for _, step := range order {
		if err := step(); err != nil {
			return err
		}
	}
	s.fill(d, runs, rates, anchor)
	return nil
}

func perCPU(c keyed.Cost) float64 { return float64(c.Updates) / (c.Task + c.Beside) }

func (s *suite) engine(ctx context.Context, d string) (r Result, err error) {
	return r, s.worker(ctx, d, s.o.Updates, "state", &r)
}

func (s *suite) worker(ctx context.Context, d string, updates uint64, kind string, into any) error {
	s.number++
	w := Settings{Place: keyed.Place{Dir: filepath.Join(s.dir, fmt.Sprint(kind, s.number))}, Distribution: d, Keys: s.o.Keys, Updates: updates, Epoch: s.o.Epoch,
		MemoryLimit: s.o.MemoryLimit, Process: s.o.Process}
	if kind == "state" {
		w.Profile = s.o.Profile
	}
	child, err := measure.StartChild(ctx, w, false, "bench", "worker", kind)
	if err != nil {
		return err
	}
	if err := child.Finish(into); err != nil {
		return err
	}
	return os.RemoveAll(w.Dir)
}

func (s *suite) fill(d string, runs []Result, rates, anchor []float64) {
	of := func(value func(Result) float64) float64 {
		var all []float64
		for _, x := range runs {
			all = append(all, value(x))
		}
		return measure.Round(measure.Quantile(all, 0.5))
	}
	r := s.report
	r.Metrics[d+"_updates_per_cpu_second"] = measure.SpreadOf(rates)
	r.Anchors[d+"_pebble_updates_per_cpu_second"] = measure.SpreadOf(anchor)
	quotients := measure.SpreadOf(measure.Ratios(rates, anchor))
	r.Ratios[d+"_to_pebble"] = measure.Round(quotients.Median)
	r.Ratios[d+"_to_pebble_min"], r.Ratios[d+"_to_pebble_max"] = measure.Round(quotients.Least), measure.Round(quotients.Most)
	for name, value := range map[string]func(Result) float64{
		"updates_per_second":       func(x Result) float64 { return float64(x.Updates.Updates) / x.Updates.Seconds },
		"task_ns_per_update":       func(x Result) float64 { return x.Updates.Task / float64(x.Updates.Updates) * 1e9 },
		"inserts_per_cpu_second":   func(x Result) float64 { return perCPU(x.Load) },
		"waited_for_memory_share":  func(x Result) float64 { return x.Updates.Waited / x.Updates.Seconds },
		"disk_bytes_per_key":       func(x Result) float64 { return float64(x.Disk) / float64(x.Keys) },
		"written_bytes_per_update": func(x Result) float64 { return float64(x.Written) / float64(x.Updates.Updates) },
		"write_amplification":      func(x Result) float64 { return float64(x.Written) / float64(x.Updates.Updates) / rowBytes },
		"peak_rss_bytes":           func(x Result) float64 { return float64(x.Used.PeakRSS) },
		"peak_charged_bytes":       func(x Result) float64 { return float64(x.Peak) },
		"pause_p99_ms":             func(x Result) float64 { return measure.Quantile(x.Updates.Pauses, 0.99) },
		"epochs":                   func(x Result) float64 { return float64(len(x.Updates.Durable)) },
	} {
		r.Metrics[d+"_"+name] = of(value)
	}
}

// rowBytes is what an update changes: the key and its four values.
const rowBytes = 40
