package latency

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/ingest"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/internal/oracle"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Rate        int           // rows a second; default 50 000
	Duration    time.Duration // of sending; default 10 s
	Warmup      time.Duration // rows sent before are not counted; default 2 s
	Partitions  int           // default 4
	Parallelism int           // shares of the sink; default 1: one file an epoch
	Dir         string        // a folder on the disk to measure; default the folder for temporary files
}

func (o *Options) defaults() {
	if o.Rate <= 0 {
		o.Rate = 50_000
	}
	if o.Duration <= 0 {
		o.Duration = 10 * time.Second
	}
	if o.Warmup <= 0 {
		o.Warmup = 2 * time.Second
	}
	if o.Partitions <= 0 {
		o.Partitions = 4
	}
	if o.Parallelism <= 0 {
		o.Parallelism = 1
	}
}

const topic = "latency"

// run is one run of the suite.
type run struct {
	o       Options
	dir     string
	table   string
	report  *measure.Report
	visible map[int64]time.Time // by version
	sent    sent

	mu    sync.Mutex
	sizes [2]int // of the newest epoch: a file of rows, the log entry
	chain []float64
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	dir, err := os.MkdirTemp(o.Dir, "deltaic-latency-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &run{o: o, dir: dir, table: filepath.Join(dir, "bids"), report: measure.NewReport("latency", "kafka-delta"), visible: map[int64]time.Time{}}
	broker, err := measure.StartChild(ctx, ingest.BrokerSettings{Topic: topic, Fill: nexmark.Options{Partitions: o.Partitions}}, false, "bench", "worker", "broker")
	if err != nil {
		return nil, err
	}
	var at ingest.BrokerResult
	if err := broker.Answer(&at); err != nil {
		return nil, err
	}
	err = r.measure(ctx, at.Brokers)
	if _, closeErr := broker.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = r.summarise()
	}
	return r.report, err
}

// measure sends by the schedule, follows the table's log and measures the anchor beside it.
func (r *run) measure(ctx context.Context, brokers []string) error {
	node, err := measure.StartChild(ctx, NodeSettings{Brokers: brokers, Topic: topic, Out: r.table, Parallelism: r.o.Parallelism}, false, "bench", "worker", "latency")
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var beside sync.WaitGroup
	beside.Go(func() { r.watch(watching) })
	var anchorErr error
	beside.Go(func() { anchorErr = r.anchor(watching) })
	err = r.sent.produce(ctx, brokers, r.o)
	if err == nil {
		var result NodeResult
		if err = node.Finish(&result); err == nil {
			r.report.Metrics["epochs"], r.report.Metrics["rows"] = result.Epochs, result.Rows
			r.report.Metrics["cpu_seconds"], r.report.Metrics["peak_rss_bytes"] = measure.Round(result.Used.CPU), result.Used.PeakRSS
		}
	} else {
		_, _ = node.Close()
	}
	time.Sleep(2 * lookEvery) // the last version is seen
	stop()
	beside.Wait()
	return errors.Join(err, anchorErr)
}

// lookEvery is how often the watcher looks for the next version.
const lookEvery = 500 * time.Microsecond

func (r *run) watch(ctx context.Context) {
	measure.Watch(ctx, r.table, 0, lookEvery, func(version int64, at time.Time, path string) bool {
		r.visible[version] = at
		if version%16 == 8 {
			r.note(path)
		}
		return true
	})
}

// note takes the sizes of a usual epoch for the anchor.
func (r *run) note(path string) {
	entry, err := os.Stat(path)
	if err != nil {
		return
	}
	var sizes []float64
	files, _ := filepath.Glob(filepath.Join(r.table, "*.parquet")) // in no order of time: their names are random
	for _, f := range files[max(0, len(files)-15):] {
		if s, err := os.Stat(f); err == nil {
			sizes = append(sizes, float64(s.Size()))
		}
	}
	if len(sizes) == 0 {
		return
	}
	r.mu.Lock()
	r.sizes = [2]int{int(measure.Quantile(sizes, 0.5)), int(entry.Size())}
	r.mu.Unlock()
}

// anchor makes three files durable, one after the other, twenty times a second while the flow runs.
func (r *run) anchor(ctx context.Context) error {
	d, err := anchors.NewDurable(r.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		r.mu.Lock()
		sizes := r.sizes
		r.mu.Unlock()
		if sizes[0] == 0 {
			continue
		}
		took, err := d.Chain(sizes[0], sizes[1], sizes[0])
		if err != nil {
			return err
		}
		r.chain = append(r.chain, took.Seconds())
	}
}

// summarise reads the table back: every row sent is there once, and its version's time minus
// the time at which it was to be sent is its latency.
func (r *run) summarise() error {
	var latencies []float64
	seen := map[int64]int32{} // rows by the time of their schedule, microseconds
	t, err := oracle.Replay(r.table)
	if err != nil {
		return err
	}
	files := int64(0)
	for _, c := range t.Commits {
		for _, f := range c.Adds {
			files++
			at, ok := r.visible[c.Version]
			if !ok {
				return fmt.Errorf("bench: version %d of the table was never seen", c.Version)
			}
			err := t.FileRows(f, func(_ int64, v map[string]any) error {
				sent, ok := v["sent"].(int64)
				if !ok {
					return errors.New("bench: column sent is not a number")
				}
				seen[sent]++
				if sent >= r.sent.counted {
					latencies = append(latencies, float64(at.UnixMicro()-sent)/1e3)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	for at, n := range r.sent.bids {
		if seen[at] != n {
			r.report.Fault(fmt.Sprintf("of the %d bids for the time %d, %d are in the table", n, at, seen[at]))
		}
	}
	if len(seen) > len(r.sent.bids) {
		r.report.Fault("the table holds bids that were not sent")
	}
	if len(latencies) == 0 || len(r.chain) == 0 {
		return errors.New("bench: nothing was measured: send for longer")
	}
	r.fill(latencies, files)
	return nil
}

func (r *run) fill(latencies []float64, files int64) {
	m := r.report
	m.Verified = len(m.Faults) == 0
	m.Settings["rows_per_second"], m.Settings["seconds"], m.Settings["warmup_seconds"] = r.o.Rate, r.o.Duration.Seconds(), r.o.Warmup.Seconds()
	m.Settings["partitions"], m.Settings["parallelism"] = r.o.Partitions, r.o.Parallelism
	m.Settings["anchor_sizes"] = []int{r.sizes[0], r.sizes[1], r.sizes[0]}
	m.Metrics["files"], m.Metrics["rows_measured"] = files, len(latencies)
	chain := make([]float64, len(r.chain))
	for i, s := range r.chain {
		chain[i] = s * 1e3
	}
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		l, c := measure.Quantile(latencies, q), measure.Quantile(chain, q)
		m.Metrics[name+"_ms"], m.Anchors["three_durable_creates_"+name+"_ms"] = measure.Round(l), measure.Round(c)
		m.Ratios[name+"_to_three_durable_creates"] = measure.Round(l / c)
	}
	m.Metrics["late_sends_p99_ms"] = measure.Round(measure.Quantile(r.sent.late, 0.99))
}
