package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Brokers []string // of a topic that is there; none: an own broker is filled
	Topic   string   // default "nexmark"
	Out     string   // the table, or the folder of the tables of several rounds; default a folder that is removed
	Events  uint64   // for the own broker; default 1 000 000
	TPS     float64  // events per second of event time for the own broker; default 10 000
	Seed    uint64   // for the own broker; default 1

	Partitions  int           // of the own broker; default 4
	Transport   string        // compression in the own broker: none (default), lz4, snappy, zstd
	Compression string        // of the table's files; default snappy
	Epoch       time.Duration // default 1 s
	Rounds      int           // pairs of runs; each pair is A B B A with the anchors; default 1
	Parallelism int           // 0: as many as processors
	MemoryLimit int64         // bytes; 0: none
	VerifyBy    string        // duckdb, oracle, or "": DuckDB where it is installed
	CPUProfile  string        // file for the first run's profile
	HeapProfile string        // file for the first run's allocations
}

func (o *Options) defaults() {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&o.Topic, "nexmark")
	set(&o.Compression, "snappy")
	set(&o.Transport, "none")
	if o.Events == 0 {
		o.Events = 1_000_000
	}
	if o.TPS == 0 {
		o.TPS = 10_000
	}
	if o.Partitions <= 0 {
		o.Partitions = 4
	}
	if o.Epoch <= 0 {
		o.Epoch = time.Second
	}
	if o.Rounds <= 0 {
		o.Rounds = 1
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
}

// suite is one run of the benchmark.
type suite struct {
	o        Options
	dir      string // scratch
	brokers  []string
	expected expectation
	records  int64
	report   *measure.Report
	decode   *anchors.Decode
	duck     *anchors.DuckDB

	runs                              []NodeResult
	perCPU, perSecond, instructions   []float64
	decodeRates, copyRates, duckRates []float64
	number                            int
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	s := &suite{o: o, report: measure.NewReport("ingest", "kafka-delta")}
	dir, err := os.MkdirTemp("", "deltaic-ingest-")
	if err != nil {
		return nil, err
	}
	s.dir = dir
	defer os.RemoveAll(dir)
	if s.o.Out == "" {
		s.o.Out = filepath.Join(dir, "out")
	}
	stop, err := s.prepare(ctx)
	if err != nil {
		return nil, err
	}
	err = s.rounds(ctx)
	if err := errors.Join(err, stop()); err != nil {
		return nil, err
	}
	s.summarise()
	return s.report, nil
}

// prepare finds or fills the topic, works out what must come out and sets up the anchors.
func (s *suite) prepare(ctx context.Context) (stop func() error, err error) {
	run := nexmark.Options{Events: s.o.Events, TPS: s.o.TPS, Seed: s.o.Seed, Partitions: s.o.Partitions}
	stop = func() error { return nil }
	if len(s.o.Brokers) > 0 {
		s.brokers = s.o.Brokers
		s.expected, err = fromTopic(ctx, s.brokers, s.o.Topic)
	} else {
		stop, err = s.startBroker(ctx, run)
		if err != nil {
			return nil, err
		}
		s.expected, err = fromGenerator(run)
	}
	for _, end := range s.expected.ends {
		s.records += end
	}
	if err == nil && s.records == 0 {
		err = fmt.Errorf("bench: topic %s holds no record", s.o.Topic)
	}
	if err == nil {
		s.decode, err = anchors.NewDecode(32 << 20)
	}
	if err == nil {
		s.duck, err = anchors.NewDuckDB(ctx, s.dir, run)
	}
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

func (s *suite) startBroker(ctx context.Context, run nexmark.Options) (func() error, error) {
	child, err := measure.StartChild(ctx, BrokerSettings{Topic: s.o.Topic, Compression: s.o.Transport, Fill: run}, false, "bench", "worker", "broker")
	if err != nil {
		return nil, err
	}
	var r BrokerResult
	if err := child.Answer(&r); err != nil {
		return nil, err
	}
	s.brokers = r.Brokers
	s.report.Settings["bytes"], s.report.Settings["crc32c"] = r.Summary.Bytes, r.Summary.CRC32C
	return func() error { _, err := child.Close(); return err }, nil
}

// rounds runs node and anchors in the order A B B A.
func (s *suite) rounds(ctx context.Context) error {
	for range s.o.Rounds {
		for _, step := range []func(context.Context) error{s.node, s.anchors, s.anchors, s.node} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *suite) anchors(ctx context.Context) error {
	rate, err := s.decode.Run()
	if err != nil {
		return err
	}
	s.decodeRates = append(s.decodeRates, rate)
	s.copyRates = append(s.copyRates, anchors.Copy())
	if s.duck == nil {
		return nil
	}
	rate, converted, err := s.duck.Run(ctx)
	if err != nil {
		return err
	}
	s.report.Settings["duckdb"] = converted.Version
	s.duckRates = append(s.duckRates, rate)
	return nil
}

// node runs the flow once in a process of its own, and checks its table.
func (s *suite) node(ctx context.Context) error {
	s.number++
	out := s.o.Out
	if s.number > 1 {
		out += "-" + fmt.Sprint(s.number)
	}
	n := NodeSettings{Brokers: s.brokers, Topic: s.o.Topic, Out: out, Records: s.records, Epoch: s.o.Epoch, Parallelism: s.o.Parallelism,
		Compression: s.o.Compression, MemoryLimit: s.o.MemoryLimit}
	if s.number == 1 {
		n.CPUProfile, n.HeapProfile = s.o.CPUProfile, s.o.HeapProfile
	}
	child, err := measure.StartChild(ctx, n, true, "bench", "worker", "ingest")
	if err != nil {
		return err
	}
	var r NodeResult
	if err := child.Answer(&r); err != nil {
		return err
	}
	instructions, err := child.Close()
	if err != nil {
		return err
	}
	f, err := look(ctx, out, s.expected, s.o.VerifyBy)
	if err != nil {
		return err
	}
	for _, fault := range f.faults {
		s.report.Fault(fmt.Sprintf("run %d: %s", s.number, fault))
	}
	r.Files, r.Bytes = f.files, f.bytes
	s.report.Settings["read_back_by"] = f.by
	s.runs = append(s.runs, r)
	s.perCPU = append(s.perCPU, float64(r.Rows)/r.Used.CPU)
	s.perSecond = append(s.perSecond, float64(r.Rows)/r.Seconds)
	if instructions > 0 {
		s.instructions = append(s.instructions, instructions/float64(r.Rows))
	}
	if s.number > 1 || strings.HasPrefix(out, s.dir) {
		return os.RemoveAll(out)
	}
	return nil
}

func (s *suite) summarise() {
	r := s.report
	r.Verified = len(r.Faults) == 0
	for name, v := range map[string]any{"partitions": len(s.expected.ends), "epoch_seconds": s.o.Epoch.Seconds(), "compression": s.o.Compression,
		"rounds": s.o.Rounds, "own_broker": len(s.o.Brokers) == 0, "parallelism": s.o.Parallelism} {
		r.Settings[name] = v
	}
	of := func(value func(NodeResult) float64) float64 {
		var all []float64
		for _, x := range s.runs {
			all = append(all, value(x))
		}
		return measure.Quantile(all, 0.5)
	}
	r.Metrics["rows"], r.Metrics["bids"] = s.runs[0].Rows, s.expected.Rows
	r.Metrics["seconds"] = measure.Round(of(func(x NodeResult) float64 { return x.Seconds }))
	r.Metrics["cpu_seconds"] = measure.Round(of(func(x NodeResult) float64 { return x.Used.CPU }))
	r.Metrics["peak_rss_bytes"] = of(func(x NodeResult) float64 { return float64(x.Used.PeakRSS) })
	r.Metrics["epochs"] = of(func(x NodeResult) float64 { return float64(x.Epochs) })
	r.Metrics["files"] = of(func(x NodeResult) float64 { return float64(x.Files) })
	r.Metrics["table_bytes"] = of(func(x NodeResult) float64 { return float64(x.Bytes) })
	r.Metrics["collections"] = of(func(x NodeResult) float64 { return float64(x.GC) })
	r.Metrics["events_per_cpu_second"] = measure.SpreadOf(s.perCPU)
	r.Metrics["events_per_second"] = measure.SpreadOf(s.perSecond)
	if len(s.instructions) > 0 {
		r.Metrics["instructions_per_event"] = measure.SpreadOf(s.instructions)
	}
	for name, rates := range map[string][]float64{"encoding_json_events_per_cpu_second": s.decodeRates, "duckdb_events_per_cpu_second": s.duckRates} {
		if len(rates) == 0 {
			continue
		}
		r.Anchors[name] = measure.SpreadOf(rates)
		quotients := measure.SpreadOf(measure.Ratios(s.perCPU, rates))
		short, _, _ := strings.Cut(name, "_events")
		r.Ratios["to_"+short] = measure.Round(quotients.Median)
		r.Ratios["to_"+short+"_min"], r.Ratios["to_"+short+"_max"] = measure.Round(quotients.Least), measure.Round(quotients.Most)
	}
	r.Anchors["memory_copy_bytes_per_cpu_second"] = measure.SpreadOf(s.copyRates)
}
