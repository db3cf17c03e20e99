package soak

import (
	"context"
	"io/fs"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
)

// trouble is what is the matter with the sinks at present.
type trouble struct {
	slow, stalled, full atomic.Int64 // until when, nanoseconds of the wall clock
	fired               atomic.Int64 // writes that met any
}

const slowness = 20 * time.Millisecond // of a batch, a hundred times what it takes

// begin makes the trouble.
func (t *trouble) begin(o order, now time.Time) {
	until := now.Add(o.For).UnixNano()
	switch o.Fault {
	case "slow":
		t.slow.Store(until)
	case "stall":
		t.stalled.Store(until)
	case "full":
		t.full.Store(until)
	}
}

// meet is what a write meets.
func (t *trouble) meet(ctx context.Context) error {
	now := time.Now().UnixNano()
	wait := time.Duration(0)
	if now < t.slow.Load() {
		wait = slowness
	}
	wait = max(wait, time.Duration(t.stalled.Load()-now))
	if now < t.full.Load() {
		t.fired.Add(1)
		return &fs.PathError{Op: "write", Path: "the sink's disk", Err: syscall.ENOSPC}
	}
	if wait <= 0 {
		return nil
	}
	t.fired.Add(1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// troubled is a table whose writers meet trouble.
type troubled struct {
	*delta.Sink
	trouble *trouble
}

func (s troubled) Writer(ctx context.Context, share connectors.Share) (connectors.Writer, error) {
	w, err := s.Sink.Writer(ctx, share)
	return troubledWriter{w, s.trouble}, err
}

type troubledWriter struct {
	connectors.Writer
	trouble *trouble
}

func (w troubledWriter) Write(ctx context.Context, b *batch.Batch) error {
	if err := w.trouble.meet(ctx); err != nil {
		return err
	}
	return w.Writer.Write(ctx, b)
}
