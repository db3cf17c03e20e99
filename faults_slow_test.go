package deltaic_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// counted is a source that counts the rows that it hands out.
type countedSource struct {
	*memory.Source
	out atomic.Int64
}

func (s *countedSource) Open(ctx context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	r, err := s.Source.Open(ctx, at, o)
	return &countedReader{r, s}, err
}

type countedReader struct {
	connectors.Reader
	s *countedSource
}

func (r *countedReader) Next(ctx context.Context) (connectors.Fetch, error) {
	f, err := r.Reader.Next(ctx)
	if err == nil && f.Batch != nil {
		r.s.out.Add(int64(f.Batch.Rows()))
	}
	return f, err
}

// gated is a sink whose writes wait for a gate.
type gated struct {
	*memory.Sink
	gate chan struct{} // a write takes one; closed: none waits
	took atomic.Int64  // rows
}

func (s *gated) Writer(ctx context.Context, share connectors.Share) (connectors.Writer, error) {
	w, err := s.Sink.Writer(ctx, share)
	return gatedWriter{w, s}, err
}

type gatedWriter struct {
	connectors.Writer
	s *gated
}

func (w gatedWriter) Write(ctx context.Context, b *batch.Batch) error {
	select {
	case <-w.s.gate:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.s.took.Add(int64(b.Rows()))
	return w.Writer.Write(ctx, b)
}

// TestASinkThatStallsHoldsItsSource: a source with far more rows than a sink takes is read no further than credits and fetches go, however long
// the sink stalls and however slow it is, whatever lies between; once it goes on every row comes, once.
func TestASinkThatStallsHoldsItsSource(t *testing.T) {
	const rows, batchRows, splits, parallelism = 200_000, 64, 3, 2
	for name, verbs := range map[string]func(*stream.Frame) *stream.Frame{
		"one step":       func(d *stream.Frame) *stream.Frame { return d.Where("n >= 0") },
		"behind a shift": func(d *stream.Frame) *stream.Frame { return d.DropDuplicates("n") },
	} {
		t.Run(name, func(t *testing.T) {
			source := &countedSource{Source: memory.NewSource(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}), splits)}
			ids := make([][]any, rows)
			for n := range ids {
				ids[n] = []any{n}
			}
			for s := range splits {
				must(t, source.AddRows(s, ids[s*rows/splits:(s+1)*rows/splits]...))
			}
			sink := &gated{Sink: memory.NewSink("out"), gate: make(chan struct{})}
			flow := stream.New("stalled")
			verbs(flow.From("in", source)).To("out", sink, stream.Append)
			q, err := deltaic.Start(t.Context(), flow, stream.CheckpointLocation(t.TempDir()), stream.Parallelism(parallelism), stream.BatchRows(batchRows), stream.ProcessingTime(time.Hour))
			must(t, err)
			// Under way may be: two fetches of each split, and four batches on each channel; nothing grows with time.
			most := int64(batchRows) * (splits*(2+2) + 4*parallelism*(splits+parallelism) + 2*parallelism)
			steady, last := 0, int64(-1)
			for steady < 20 {
				<-time.After(2 * time.Millisecond)
				if out := source.out.Load(); out == last && out > 0 {
					steady++
				} else {
					steady, last = 0, out
				}
			}
			if last > most {
				t.Errorf("%d rows were taken from the source while the sink took none, want %d at most", last, most)
			}
			for range 200 { // a sink of one batch at a time
				sink.gate <- struct{}{}
				if ahead := source.out.Load() - sink.took.Load(); ahead > most+batchRows*parallelism {
					t.Fatalf("the source is %d rows ahead of a slow sink, want %d at most", ahead, most)
				}
			}
			close(sink.gate)
			must(t, q.ProcessAllAvailable(t.Context()))
			must(t, q.Stop(t.Context()))
			if got := sink.Len(); got != rows {
				t.Errorf("%d rows came, want %d", got, rows)
			}
		})
	}
}
