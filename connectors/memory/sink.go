package memory

import (
	"context"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Sink is a table in memory, under the name that Spark calls queryName. Rows
// are seen once their epoch is committed: in append mode they are added, in
// complete mode each epoch replaces the table. It is safe for concurrent use.
type Sink struct {
	name    string
	repeats connectors.Repeats

	mu     sync.Mutex
	schema *batch.Schema
	mode   connectors.OutputMode
	table  []*batch.Batch
}

var _ connectors.Sink = (*Sink)(nil)

// NewSink returns an empty table of that name.
func NewSink(queryName string) *Sink { return &Sink{name: queryName, mode: connectors.Append} }

// Name returns the table's name.
func (s *Sink) Name() string { return s.name }

// Description is Spark's.
func (s *Sink) Description() string { return "MemorySink" }

// Bind fixes schema and mode. Update is refused, as in Spark; a table that
// holds rows keeps its schema.
func (s *Sink) Bind(_ context.Context, schema *batch.Schema, m connectors.OutputMode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m != connectors.Append && m != connectors.Complete {
		return supervision.New(supervision.Fatal, "UNSUPPORTED_OUTPUT_MODE", "the memory sink %s takes append and complete, not %s", s.name, m)
	}
	if len(s.table) > 0 && !schema.Equal(s.schema) {
		return supervision.New(supervision.Fatal, "MEMORY_SCHEMA_MISMATCH", "table %s holds rows of (%s), the query makes (%s)", s.name, s.schema, schema)
	}
	s.schema, s.mode = schema, m
	return nil
}

// Writer opens a share.
func (s *Sink) Writer(context.Context, connectors.Share) (connectors.Writer, error) {
	return &writer{}, nil
}

// Commit shows the rows of the epoch.
func (s *Sink) Commit(_ context.Context, c connectors.Commit) (connectors.Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := connectors.Committed{Version: -1}
	if s.repeats.Note(c) {
		done.Repeat = true
		return done, nil
	}
	if s.mode == connectors.Complete {
		s.table = nil
	}
	for _, p := range c.Prepared {
		rows, _ := p.Staged.([]*batch.Batch)
		s.table = append(s.table, rows...)
		done.Bytes += p.Bytes
	}
	return done, nil
}

// Durable reports false: the table ends with the process.
func (s *Sink) Durable() bool { return false }

// Close does nothing; the table stays.
func (s *Sink) Close() error { return nil }

// Batches returns the committed rows; release each.
func (s *Sink) Batches() []*batch.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*batch.Batch, len(s.table))
	for i, b := range s.table {
		all[i] = b.Retain()
	}
	return all
}

// Rows returns a copy of the committed rows, each as JSON in the table's
// columns, in the order in which they were committed.
func (s *Sink) Rows() []string {
	var rows []string
	for _, b := range s.Batches() {
		for i := range b.N {
			rows = append(rows, string(batch.AppendRowJSON(nil, b, i)))
		}
		b.Release()
	}
	return rows
}

// Len returns the number of committed rows.
func (s *Sink) Len() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(0)
	for _, b := range s.table {
		n += int64(b.N)
	}
	return n
}

type writer struct{ staged sealed }

// Write copies the rows.
func (w *writer) Write(_ context.Context, b *batch.Batch) error {
	for i := range b.Rows() {
		if b.Kinds != nil && b.Kinds[b.Row(i)] != batch.Insert {
			return supervision.New(supervision.Fatal, "UNSUPPORTED_ROW_KIND", "the memory sink takes inserts only; row %d changes or deletes another", i)
		}
	}
	if b.Rows() > 0 {
		d := copied(b)
		d.Kinds = nil
		w.staged = append(w.staged, d)
	}
	return nil
}

// Seal hands the epoch's rows over.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if len(w.staged) == 0 {
		return nil, nil
	}
	s := w.staged
	w.staged = nil
	return s, nil
}

// Abort drops the rows.
func (w *writer) Abort() { w.staged = nil }

type sealed []*batch.Batch

// Finish has nothing to make durable.
func (s sealed) Finish(context.Context) (connectors.Prepared, error) {
	p := connectors.Prepared{Staged: []*batch.Batch(s)}
	for _, b := range s {
		p.Rows += int64(b.N)
		p.Bytes += b.Size()
	}
	return p, nil
}
