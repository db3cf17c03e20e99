package start

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/ingest"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/internal/oracle"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Program string // to start; default this one
	Rows    uint64 // in the topic; default 1000
	Rounds  int    // of start, anchors, anchors, start; default 5
	Dir     string // a folder on the disk to measure; default the folder for temporary files
}

func (o *Options) defaults() error {
	if o.Rows == 0 {
		o.Rows = 1000
	}
	if o.Rounds <= 0 {
		o.Rounds = 5
	}
	if o.Program != "" {
		return nil
	}
	var err error
	o.Program, err = os.Executable()
	return err
}

const topic = "start"

const flow = `name: start
trigger: {availableNow: true}
sources:
  events:
    format: kafka
    options: {kafka.bootstrap.servers: %q, subscribe: start, startingOffsets: earliest}
steps:
  parsed:
    from: events
    do:
      - select: ["from_json(cast(value AS string), 'event_type INT') AS e"]
      - where: "e IS NOT NULL"
      - select: ["e.event_type AS event_type"]
sinks:
  out: {from: parsed, format: delta, path: %q, outputMode: append}
`

// suite is one run of the benchmark.
type suite struct {
	o       Options
	dir     string
	broker  string
	report  *measure.Report
	durable *anchors.Durable

	first, empty, creates []float64 // milliseconds
	number                int
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	program, err := os.Stat(o.Program)
	if err != nil {
		return nil, err
	}
	s := &suite{o: o, report: measure.NewReport("start", "first-row")}
	if s.dir, err = os.MkdirTemp(o.Dir, "deltaic-start-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(s.dir)
	if s.durable, err = anchors.NewDurable(s.dir); err != nil {
		return nil, err
	}
	defer s.durable.Close()
	broker, err := measure.StartChild(ctx, ingest.BrokerSettings{Topic: topic, Fill: nexmark.Options{Events: o.Rows, Seed: 1, Partitions: 4}}, false, "bench", "worker", "broker")
	if err != nil {
		return nil, err
	}
	var at ingest.BrokerResult
	if err := broker.Answer(&at); err != nil {
		return nil, err
	}
	s.broker = at.Brokers[0]
	err = s.rounds(ctx)
	if _, closeErr := broker.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	s.summarise(program.Size())
	return s.report, nil
}

func (s *suite) rounds(ctx context.Context) error {
	for range s.o.Rounds {
		for _, step := range []func(context.Context) error{s.start, s.anchors, s.anchors, s.start} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// start starts the program and waits for its first rows.
func (s *suite) start(ctx context.Context) error {
	s.number++
	table := filepath.Join(s.dir, fmt.Sprint("table-", s.number))
	file := filepath.Join(s.dir, fmt.Sprint("flow-", s.number, ".yaml"))
	if err := os.WriteFile(file, fmt.Appendf(nil, flow, s.broker, table), 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, s.o.Program, "run", file, "--listen", "off", "--json")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	var seen time.Time
	begun := time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		measure.Watch(watching, table, 0, 200*time.Microsecond, func(_ int64, at time.Time, path string) bool {
			entry, err := os.ReadFile(path)
			if err == nil && bytes.Contains(entry, []byte(`{"add":`)) {
				seen = at
			}
			return seen.IsZero()
		})
	}()
	err := c.Wait()
	stop()
	<-watched
	if err != nil {
		return fmt.Errorf("bench: %s run: %w: %s", filepath.Base(s.o.Program), err, bytes.TrimSpace(said.Bytes()))
	}
	if seen.IsZero() {
		return errors.New("bench: the flow ended and no version with rows was seen")
	}
	s.first = append(s.first, seen.Sub(begun).Seconds()*1e3)
	return s.verify(table)
}

func (s *suite) verify(table string) error {
	t, err := oracle.Replay(table)
	if err != nil {
		return err
	}
	rows := uint64(0)
	if err := t.Rows(func(oracle.File, int64, map[string]any) error { rows++; return nil }); err != nil {
		return err
	}
	if rows != s.o.Rows {
		s.report.Fault(fmt.Sprintf("start %d: the table holds %d rows, the topic %d", s.number, rows, s.o.Rows))
	}
	return nil
}

// anchors measures the start of the same program when it has nothing to do, and what the disk takes
// for the four files of a first epoch: two versions, one file of rows, the epoch's entry.
func (s *suite) anchors(ctx context.Context) error {
	begun := time.Now()
	if out, err := exec.CommandContext(ctx, s.o.Program, "--help").CombinedOutput(); err != nil {
		return fmt.Errorf("bench: %s --help: %w: %s", filepath.Base(s.o.Program), err, bytes.TrimSpace(out))
	}
	s.empty = append(s.empty, time.Since(begun).Seconds()*1e3)
	took, err := s.durable.Chain(1024, 1024, 4096, 2048)
	s.creates = append(s.creates, took.Seconds()*1e3)
	return err
}

func (s *suite) summarise(size int64) {
	r := s.report
	r.Verified = len(r.Faults) == 0
	r.Settings["rows"], r.Settings["rounds"] = s.o.Rows, s.o.Rounds
	r.Metrics["first_row_ms"], r.Metrics["binary_bytes"] = measure.SpreadOf(s.first), size
	r.Anchors["process_that_does_nothing_ms"], r.Anchors["four_durable_creates_ms"] = measure.SpreadOf(s.empty), measure.SpreadOf(s.creates)
	floor := make([]float64, len(s.empty))
	for i := range floor {
		floor[i] = s.empty[i] + s.creates[i]
	}
	r.Ratios["to_process_and_creates"] = measure.Round(measure.SpreadOf(measure.Ratios(s.first, floor)).Median)
}
