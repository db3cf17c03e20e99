package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// schema is what the flow decodes of an event: the other parts of it are skipped.
const schema = "bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, channel: STRING, url: STRING, dateTime: TIMESTAMP, extra: STRING>"

// NodeSettings say what the node's process does.
type NodeSettings struct {
	Brokers     []string      `json:"brokers"`
	Topic       string        `json:"topic"`
	Out         string        `json:"out"`
	Records     int64         `json:"records"` // to be read before the flow is stopped
	Epoch       time.Duration `json:"epoch"`
	Parallelism int           `json:"parallelism"` // 0: as many as processors
	Compression string        `json:"compression"`
	MemoryLimit int64         `json:"memory_limit"`
	CPUProfile  string        `json:"cpu_profile"`  // file; "": none
	HeapProfile string        `json:"heap_profile"` // file of allocations; "": none
}

// NodeResult is what a node's process says when it is done.
type NodeResult struct {
	Rows    int64         `json:"rows"` // of input
	Seconds float64       `json:"seconds"`
	Used    measure.Usage `json:"used"` // of the whole process, its start included
	Epochs  int           `json:"epochs"`
	Files   int64         `json:"files"`
	Bytes   int64         `json:"bytes"`
	GC      int64         `json:"gc"` // collections
}

// Flow is the flow of the suite.
func Flow(s NodeSettings) *stream.Flow {
	flow := stream.New("ingest")
	flow.From("events", kafka.Source(s.Topic, kafka.Brokers(s.Brokers...), kafka.StartAt(kafka.Earliest))).
		Select("from_json(CAST(value AS STRING), '"+schema+"') AS event").
		Where("event.bid IS NOT NULL").
		Select("event.bid.*").
		To("bids", delta.SinkAt(s.Out, delta.SinkOptions{Writer: delta.WriterOptions{Codec: s.Compression}}), stream.Append)
	return flow
}

// Node reads settings from in, runs the flow until the records are committed, and writes
// the result to out.
func Node(ctx context.Context, in io.Reader, out io.Writer) error {
	var s NodeSettings
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return err
	}
	finish, err := profile(s)
	if err != nil {
		return err
	}
	r, err := runNode(ctx, s)
	if err != nil {
		return err
	}
	r.Used = measure.Used()
	if err := finish(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

func profile(s NodeSettings) (finish func() error, err error) {
	finish = func() error { return nil }
	if s.CPUProfile != "" {
		f, err := os.Create(s.CPUProfile)
		if err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		finish = func() error { pprof.StopCPUProfile(); return f.Close() }
	}
	if s.HeapProfile == "" {
		return finish, nil
	}
	stop := finish
	return func() error {
		if err := stop(); err != nil {
			return err
		}
		f, err := os.Create(s.HeapProfile)
		if err != nil {
			return err
		}
		defer f.Close()
		return pprof.Lookup("allocs").WriteTo(f, 0)
	}, nil
}

func runNode(ctx context.Context, s NodeSettings) (NodeResult, error) {
	var r NodeResult
	done := make(chan struct{})
	progress := func(p stream.Progress) {
		if p.NumInputRows == 0 {
			return
		}
		before := r.Rows
		r.Rows += p.NumInputRows
		r.Epochs++
		if before < s.Records && r.Rows >= s.Records {
			close(done)
		}
	}
	start := time.Now()
	options := []stream.Option{stream.ProcessingTime(s.Epoch), stream.OnProgress(progress), stream.Parallelism(s.Parallelism)}
	if s.MemoryLimit > 0 {
		options = append(options, stream.MemoryLimit(s.MemoryLimit))
	}
	q, err := deltaic.Start(ctx, Flow(s), options...)
	if err != nil {
		return r, err
	}
	ended := make(chan error, 1)
	go func() { ended <- q.AwaitTermination(ctx) }()
	select {
	case <-done:
	case err := <-ended:
		return r, fmt.Errorf("bench: the flow ended early: %w", err)
	}
	r.Seconds = time.Since(start).Seconds()
	if err := q.Stop(ctx); err != nil {
		return r, err
	}
	if err := <-ended; err != nil {
		return r, err
	}
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	r.GC = gc.NumGC
	return r, nil
}
