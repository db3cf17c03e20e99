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
// complete mode each epoch replaces the table, in update mode its change rows are
// kept and shown as they are ([Sink.Changes]), folded into the table that they describe ([Sink.Rows])
// or as the newest row of each key ([Sink.RowsByKey]). It is safe for concurrent use.
type Sink struct {
	name    string
	repeats connectors.Repeats

	mu     sync.Mutex
	schema *batch.Schema
	mode   connectors.OutputMode
	table  []*batch.Batch
}

var (
	_ connectors.Sink      = (*Sink)(nil)
	_ connectors.ModeTaker = (*Sink)(nil)
)

// NewSink returns an empty table of that name.
func NewSink(queryName string) *Sink { return &Sink{name: queryName, mode: connectors.Append} }

// Name returns the table's name.
func (s *Sink) Name() string { return s.name }

// Description is Spark's.
func (s *Sink) Description() string { return "MemorySink" }

// Modes returns every mode: update too, which Spark's memory sink refuses.
func (s *Sink) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete}
}

// Bind fixes schema and mode. A table that holds rows keeps its schema, and its mode
// unless each epoch replaces it.
func (s *Sink) Bind(_ context.Context, schema *batch.Schema, m connectors.OutputMode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m != connectors.Append && m != connectors.Update && m != connectors.Complete {
		return supervision.New(supervision.Fatal, "UNSUPPORTED_OUTPUT_MODE", "the memory sink %s takes append, update and complete, not %s", s.name, m)
	}
	if len(s.table) > 0 && !schema.Equal(s.schema) {
		return supervision.New(supervision.Fatal, "MEMORY_SCHEMA_MISMATCH", "table %s holds rows of (%s), the query makes (%s)", s.name, s.schema, schema)
	}
	if len(s.table) > 0 && m != s.mode && m != connectors.Complete {
		return supervision.New(supervision.Fatal, "MEMORY_MODE_MISMATCH", "table %s holds rows of output mode %s, the query writes in mode %s", s.name, s.mode, m)
	}
	s.schema, s.mode = schema, m
	return nil
}

// Writer opens a share.
func (s *Sink) Writer(context.Context, connectors.Share) (connectors.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &writer{mode: s.mode}, nil
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

// Rows returns a copy of the table's rows, each as JSON in the table's
// columns, in the order in which they were committed. In update mode the change rows are folded: a row
// that replaces another stands where that one stood. A change that takes
// back a row which is not there shows as itself, as in [Sink.Changes].
func (s *Sink) Rows() []string {
	s.mu.Lock()
	mode := s.mode
	s.mu.Unlock()
	changes := s.changes()
	if mode == connectors.Update {
		return fold(changes)
	}
	rows := make([]string, len(changes))
	for i, c := range changes {
		rows[i] = c.row
	}
	return rows
}

// Len returns the number of committed rows; in update mode, that of the table which they describe.
func (s *Sink) Len() int64 {
	s.mu.Lock()
	mode, n := s.mode, int64(0)
	for _, b := range s.table {
		n += int64(b.N)
	}
	s.mu.Unlock()
	if mode == connectors.Update {
		return int64(len(s.Rows()))
	}
	return n
}

type writer struct {
	mode   connectors.OutputMode
	staged sealed
}

// Write copies the rows.
func (w *writer) Write(_ context.Context, b *batch.Batch) error {
	if w.mode != connectors.Update && b.Kinds != nil {
		for i := range b.Rows() {
			if b.Kinds[b.Row(i)] != batch.Insert {
				return supervision.New(supervision.Fatal, "UNSUPPORTED_ROW_KIND", "in output mode %s the memory sink takes inserts only; row %d changes or deletes another", w.mode, i)
			}
		}
	}
	if b.Rows() > 0 {
		d := copied(b)
		if w.mode != connectors.Update {
			d.Kinds = nil
		}
		w.staged = append(w.staged, d)
	}
	return nil
}

// Seal hands the epoch's rows over; a complete result without rows is one too.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if len(w.staged) == 0 && w.mode != connectors.Complete {
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
