// Package noop is a sink that takes rows, counts them and keeps none: Spark's
// noop format, for measuring what lies before it.
package noop

import (
	"context"
	"sync/atomic"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// Sink counts rows. It is safe for concurrent use, and the zero value is ready.
type Sink struct {
	repeats connectors.Repeats
	rows    atomic.Int64
	bytes   atomic.Int64
}

var _ connectors.Sink = (*Sink)(nil)

// Rows returns the rows of committed epochs.
func (s *Sink) Rows() int64 { return s.rows.Load() }

// Bytes returns the bytes of the rows of committed epochs, as they lay in columns.
func (s *Sink) Bytes() int64 { return s.bytes.Load() }

// Description is Spark's.
func (s *Sink) Description() string { return "noop" }

// Bind takes any schema and mode.
func (s *Sink) Bind(context.Context, *batch.Schema, connectors.OutputMode) error { return nil }

// Writer opens a share.
func (s *Sink) Writer(context.Context, connectors.Share) (connectors.Writer, error) {
	return &writer{}, nil
}

// Commit counts the epoch.
func (s *Sink) Commit(_ context.Context, c connectors.Commit) (connectors.Committed, error) {
	if s.repeats.Note(c) {
		return connectors.Committed{Version: -1, Repeat: true}, nil
	}
	for _, p := range c.Prepared {
		s.rows.Add(p.Rows)
		s.bytes.Add(p.Bytes)
	}
	return connectors.Committed{Version: -1}, nil
}

// Durable reports false.
func (s *Sink) Durable() bool { return false }

// Close does nothing.
func (s *Sink) Close() error { return nil }

type writer struct{ epoch counts }

// counts is one epoch's rows and bytes.
type counts struct{ rows, bytes int64 }

// Write counts the rows.
func (w *writer) Write(_ context.Context, b *batch.Batch) error {
	w.epoch.rows += int64(b.Rows())
	w.epoch.bytes += b.Size()
	return nil
}

// Seal hands the counts over.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if w.epoch.rows == 0 {
		return nil, nil
	}
	c := w.epoch
	w.epoch = counts{}
	return c, nil
}

// Abort forgets the counts.
func (w *writer) Abort() { w.epoch = counts{} }

// Finish has nothing to make durable.
func (c counts) Finish(context.Context) (connectors.Prepared, error) {
	return connectors.Prepared{Rows: c.rows, Bytes: c.bytes}, nil
}
