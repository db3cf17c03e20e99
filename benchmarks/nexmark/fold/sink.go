package fold

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Sink folds rows. It is safe for concurrent use.
type Sink struct {
	checks  []Check
	repeats connectors.Repeats

	mu     sync.Mutex
	bound  []bound
	schema *batch.Schema
	total  folded
	rows   int64
}

var (
	_ connectors.Sink      = (*Sink)(nil)
	_ connectors.ModeTaker = (*Sink)(nil)
)

// New returns a sink that has folded nothing.
func New(checks []Check) *Sink {
	return &Sink{checks: checks, total: folded{values: make([]value, len(checks))}}
}

// Result returns the check columns of what is committed. It is nil before the sink is bound.
func (s *Sink) Result() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]any{}
	for i, c := range s.bound {
		t := batch.BigIntType
		if c.column >= 0 {
			t = s.schema.Fields[c.column].Type
		}
		v := s.total.values[i].result(c, t)
		if before, there := out[c.Key].(int64); there { // checks of one key are added up
			v = before + v.(int64)
		}
		out[c.Key] = v
	}
	return out
}

// Rows returns how many rows of committed epochs came, of whatever kind.
func (s *Sink) Rows() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows
}

// Description names the sink.
func (s *Sink) Description() string { return "BlackHole" }

// Modes returns append and update: a whole result anew in every epoch is not what is folded.
func (s *Sink) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Update}
}

// Bind finds the checks' columns.
func (s *Sink) Bind(_ context.Context, rows *batch.Schema, m connectors.OutputMode) error {
	if m == connectors.Complete {
		return supervision.New(supervision.Fatal, "UNSUPPORTED_OUTPUT_MODE", "the black hole takes append and update, not %s", m)
	}
	bound, err := bind(s.checks, rows)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound, s.schema = bound, rows
	return err
}

// Durable reports false: what is folded ends with the process.
func (s *Sink) Durable() bool { return false }

// Close does nothing.
func (s *Sink) Close() error { return nil }

// Writer opens a share.
func (s *Sink) Writer(context.Context, connectors.Share) (connectors.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &writer{checks: s.bound, folded: folded{values: make([]value, len(s.bound))}}, nil
}

// Commit adds the sums of an epoch.
func (s *Sink) Commit(_ context.Context, c connectors.Commit) (connectors.Committed, error) {
	done := connectors.Committed{Version: -1}
	if s.repeats.Note(c) {
		done.Repeat = true
		return done, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range c.Prepared {
		var values []value
		if err := json.Unmarshal(p.Data, &values); err != nil || len(values) != len(s.total.values) {
			return done, supervision.New(supervision.Fatal, "MANIFEST_CORRUPT", "the sums of epoch %d cannot be read: %w", c.Epoch, err)
		}
		for i := range values {
			s.total.values[i].merge(values[i])
		}
		s.rows += p.Rows
	}
	return done, nil
}

type writer struct {
	checks []bound
	folded folded
	rows   int64
}

// Write folds the rows.
func (w *writer) Write(_ context.Context, b *batch.Batch) error {
	w.rows += int64(b.Rows())
	return w.folded.add(w.checks, b)
}

// Seal hands the epoch's sums over.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if w.rows == 0 {
		return nil, nil
	}
	s := sealed{w.folded, w.rows}
	w.folded, w.rows = folded{values: make([]value, len(w.checks))}, 0
	return s, nil
}

// Abort forgets them.
func (w *writer) Abort() {}

type sealed struct {
	folded folded
	rows   int64
}

// Finish puts the sums into the manifest.
func (s sealed) Finish(context.Context) (connectors.Prepared, error) {
	for i := range s.folded.values {
		s.folded.values[i].settle()
	}
	data, err := json.Marshal(s.folded.values)
	return connectors.Prepared{Rows: s.rows, Data: data}, err
}
