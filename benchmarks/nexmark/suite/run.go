package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/benchmarks/nexmark/inputs"
	"github.com/deltaic/deltaic/benchmarks/trial"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Query       string
	Events      uint64  // default 100,000
	TPS         float64 // events per second of event time; default 10,000
	Seed        uint64
	OutOfOrder  uint64
	Disorder    float64 // share of events that come up to the watermark's delay too late
	Late        float64 // share of events that come behind the watermark
	HotAuction  uint64
	Partitions  int // of input that is not Kafka's; default 1. Row k lies in partition k mod Partitions
	Source      string
	Input       *memory.Source // of the source memory: inputs.Columns of the same events, for several runs; default: made
	File        string
	Brokers     []string
	Topic       string
	Sink        string
	Out         string // of delta and csv; default a folder that is removed
	Clock       string // event: windows on processing time run on event time
	Parallelism int    // default 1
	BatchRows   int    // default 4096
	Epoch       time.Duration
	MemoryLimit int64
	NoEnd       bool // the end of the input does not close windows
	Verify      bool
	Profile     string // file for a profile of processor time
}

// The choices of Source and Sink.
var (
	Sources = []string{"memory", "json", "file", "kafka"}
	Sinks   = []string{"blackhole", "delta", "csv"}
)

func (o *Options) defaults() {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&o.Source, "memory")
	set(&o.Sink, "blackhole")
	set(&o.Clock, "real")
	set(&o.Topic, "nexmark")
	if o.Events == 0 {
		o.Events = 100_000
	}
	if o.TPS == 0 {
		o.TPS = 10_000
	}
	o.Partitions, o.Parallelism = max(o.Partitions, 1), max(o.Parallelism, 1)
	if o.Epoch <= 0 {
		o.Epoch = time.Second
	}
}

// Check reports settings that no run can have.
func (o Options) Check() error {
	o.defaults()
	_, err := o.check()
	return err
}

func (o *Options) check() (*query, error) {
	var problems []error
	if !slices.Contains(Sources, o.Source) {
		problems = append(problems, fmt.Errorf("source is %q; want one of %s", o.Source, strings.Join(Sources, ", ")))
	}
	if !slices.Contains(Sinks, o.Sink) {
		problems = append(problems, fmt.Errorf("sink is %q; want one of %s", o.Sink, strings.Join(Sinks, ", ")))
	}
	if o.Clock != "real" && o.Clock != "event" {
		problems = append(problems, fmt.Errorf("clock is %q; want real or event", o.Clock))
	}
	if o.Source == "file" && o.File == "" {
		problems = append(problems, errors.New("the source file needs --file"))
	}
	if o.Source == "kafka" && len(o.Brokers) == 0 {
		problems = append(problems, errors.New("the source kafka needs --brokers"))
	}
	i := slices.IndexFunc(queries, func(q query) bool { return q.name == o.Query })
	if i < 0 {
		names := make([]string, len(queries))
		for k := range queries {
			names[k] = queries[k].name
		}
		return nil, errors.Join(append(problems, fmt.Errorf("query is %q; there are %s (the others join two streams)", o.Query, strings.Join(names, ", ")))...)
	}
	if o.Sink == "csv" && o.Query != "q10" {
		problems = append(problems, errors.New("the sink csv is q10's"))
	}
	return &queries[i], errors.Join(problems...)
}

func (o *Options) events() nexmark.Options {
	return nexmark.Options{Events: o.Events, TPS: o.TPS, Seed: o.Seed, OutOfOrder: o.OutOfOrder, Disorder: o.Disorder, Late: o.Late, HotAuction: o.HotAuction,
		Partitions: o.Partitions}
}

// Result is what a run prints.
type Result struct {
	Query        string         `json:"query"`
	Events       uint64         `json:"events"`
	TPS          float64        `json:"tps"`
	Seed         uint64         `json:"seed"`
	Source       string         `json:"source"`
	Sink         string         `json:"sink"`
	Parallelism  int            `json:"parallelism"`
	Seconds      float64        `json:"seconds"`
	CPU          float64        `json:"cpu_seconds"`
	PerSecond    float64        `json:"events_per_second"`
	PerCPU       float64        `json:"events_per_cpu_second"`
	Instructions float64        `json:"instructions_per_event"` // 0 where the machine counts none
	PeakRSS      int64          `json:"peak_rss_bytes"`
	StateRows    int64          `json:"state_rows"`
	StateBytes   int64          `json:"state_bytes"`
	Epochs       int            `json:"epochs"`
	Result       map[string]any `json:"result"`
	Verified     *bool          `json:"verified"` // null if it was not asked for
	Expected     map[string]any `json:"expected,omitempty"`

	Late int64 `json:"-"` // rows that were left out behind the watermark
}

// Run runs a query to the end of its input.
func Run(ctx context.Context, o Options) (*Result, error) {
	o.defaults()
	q, err := o.check()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "deltaic-nexmark-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if o.Out == "" {
		o.Out = filepath.Join(dir, "out")
	}
	source, decode, err := o.source()
	if err != nil {
		return nil, err
	}
	out, err := q.sink(&o)
	if err != nil {
		return nil, err
	}
	r := &Result{Query: o.Query, Events: o.Events, TPS: o.TPS, Seed: o.Seed, Source: o.Source, Sink: o.Sink, Parallelism: o.Parallelism}
	if err := r.measure(ctx, &o, flow(&o, q, source, decode, out.sink), dir); err != nil {
		return nil, err
	}
	if r.Result, err = out.result(ctx); err != nil {
		return nil, err
	}
	if o.Verify {
		err = r.verify(&o)
	}
	return r, err
}

// source returns the input, and whether its rows are records that the flow decodes.
func (o *Options) source() (s connectors.Source, decode bool, err error) {
	var m *memory.Source
	switch o.Source {
	case "memory":
		if o.Input != nil {
			return o.Input, false, nil
		}
		m, err = inputs.Columns(o.events())
	case "json":
		m, err = inputs.JSON(o.events())
	case "file":
		m, err = inputs.Lines(o.File, o.Partitions)
	default:
		topic := kafka.Source(o.Topic, kafka.Brokers(o.Brokers...), kafka.StartAt(kafka.Earliest))
		if o.NoEnd {
			return topic, true, nil
		}
		return filled{topic}, true, nil
	}
	if m != nil && !o.NoEnd {
		m.Finish()
	}
	return m, o.Source != "memory", err
}

// filled is a topic that gets no more rows, which no broker can tell.
type filled struct{ connectors.Source }

func (filled) Finite() bool { return true }

func flow(o *Options, q *query, source connectors.Source, decode bool, sink connectors.Sink) *stream.Flow {
	f := stream.New("nexmark-" + o.Query).Parallelism(o.Parallelism)
	events := f.From("nexmark", source)
	if decode {
		events = events.Select(inputs.Decode()...).Select("e.*")
	}
	mode := q.mode
	if mode == "" {
		mode = stream.Append
	}
	q.build(events.Where("event_type = 2").Select("bid.*").As("bids"), o).To("result", sink, mode)
	return f
}

// measure runs the flow and notes what it took.
func (r *Result) measure(ctx context.Context, o *Options, f *stream.Flow, dir string) error {
	run, err := trial.Flow(ctx, f, trial.Options{Checkpoint: filepath.Join(dir, "state"), Epoch: o.Epoch, BatchRows: o.BatchRows, MemoryLimit: o.MemoryLimit, Profile: o.Profile})
	if err != nil {
		return fmt.Errorf("%s: %w", o.Query, err)
	}
	r.Seconds, r.CPU, r.PeakRSS, r.Epochs = run.Seconds, run.CPU, run.PeakRSS, run.Epochs
	r.StateRows, r.StateBytes, r.Late = run.StateRows, run.StateBytes, run.Late
	r.PerSecond, r.PerCPU = float64(r.Events)/r.Seconds, float64(r.Events)/r.CPU
	return nil
}
