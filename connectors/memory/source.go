package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Source delivers rows that were added to it. Every row stays, so any position
// can be read again. A split is "memory/0" and so on, a position the number of
// rows before it. It is safe for concurrent use.
type Source struct {
	schema *batch.Schema

	mu       sync.Mutex
	splits   []log
	exact    int // rows of every fetch, 0: as they were added
	finished bool
	changed  chan struct{} // closed and replaced when there is more to see
}

// log is the rows of one split.
type log struct {
	batches []*batch.Batch
	firsts  []int64 // the row number of each batch's first row
	rows    int64
}

var (
	_ connectors.Source = (*Source)(nil)
	_ connectors.Finite = (*Source)(nil)
)

// NewSource returns a source of so many splits without rows.
func NewSource(schema *batch.Schema, splits int) *Source {
	return &Source{schema: schema, splits: make([]log, max(splits, 1)), changed: make(chan struct{})}
}

// Add appends the rows of b that count to a split; b is borrowed.
func (s *Source) Add(split int, b *batch.Batch) error {
	if !b.Schema.Equal(s.schema) {
		return supervision.New(supervision.Fatal, "MEMORY_SCHEMA_MISMATCH", "rows are (%s), the source is (%s)", b.Schema, s.schema)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case split < 0 || split >= len(s.splits):
		return supervision.New(supervision.Fatal, "MEMORY_NO_SUCH_SPLIT", "split %d of %d", split, len(s.splits))
	case s.finished:
		return supervision.New(supervision.Fatal, "MEMORY_FINISHED", "rows were added after Finish")
	case b.Rows() == 0:
		return nil
	}
	l := &s.splits[split]
	l.firsts = append(l.firsts, l.rows)
	l.batches = append(l.batches, copied(b))
	l.rows += int64(b.Rows())
	s.signal()
	return nil
}

// AddRows appends rows of Go values, one a column in schema order; see [Build]
// for what a column takes.
func (s *Source) AddRows(split int, rows ...[]any) error {
	b, err := Build(s.schema, rows...)
	if err != nil {
		return err
	}
	defer b.Release()
	return s.Add(split, b)
}

// Exactly makes every fetch hold this many rows, but the last of a split, whatever the sizes in which
// they were added: how a test or benchmark sets the size of batches. 0: as they were added.
func (s *Source) Exactly(rows int) *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exact = rows
	return s
}

// Finite reports whether Finish was called: then event time is over behind the last row.
func (s *Source) Finite() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finished
}

// Finish says that no more rows will come: readers end with io.EOF, and a bounded run ends event time.
func (s *Source) Finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	s.signal()
}

// signal wakes all readers; s.mu is held.
func (s *Source) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// copied returns the rows of b that count in buffers of their own, without
// origins: rows that stay must not hold on to a pool or a dictionary.
func copied(b *batch.Batch) *batch.Batch {
	rows := make([]int32, b.Rows())
	for i := range rows {
		rows[i] = int32(b.Row(i))
	}
	plain := *b
	plain.Origin, plain.Behind = nil, nil
	d := plain.Gather(nil, rows)
	for i, c := range d.Columns {
		d.Columns[i] = c.Flat(nil)
		c.Release()
	}
	return d
}

// Schema returns the columns.
func (s *Source) Schema() *batch.Schema { return s.schema }

// Description is MemoryStream with the names of the columns.
func (s *Source) Description() string {
	names := make([]string, len(s.schema.Fields))
	for i, f := range s.schema.Fields {
		names[i] = f.Name
	}
	return "MemoryStream[" + strings.Join(names, ",") + "]"
}

func splitID(i int) connectors.SplitID { return connectors.SplitID("memory/" + strconv.Itoa(i)) }

func position(row int64) connectors.Position {
	return connectors.Position(strconv.FormatInt(row, 10))
}

// locate returns the split's index and the row number of a position; "" is any.
func (s *Source) locate(id connectors.SplitID, at connectors.Position) (int, int64, error) {
	digits, ok := strings.CutPrefix(string(id), "memory/")
	i, err := strconv.Atoi(digits)
	if !ok || err != nil || i < 0 || i >= len(s.splits) || splitID(i) != id {
		return 0, 0, supervision.New(supervision.Fatal, "MEMORY_NO_SUCH_SPLIT", "split %q; there are %d, from memory/0", id, len(s.splits))
	}
	row, err := strconv.ParseInt(string(at), 10, 64)
	if err != nil || row < 0 {
		return 0, 0, supervision.New(supervision.Fatal, "MEMORY_INVALID_POSITION", "position %q of split %s is no row number", at, id)
	}
	return i, row, nil
}

// Start begins every split without a known position at its first row.
func (s *Source) Start(_ context.Context, known connectors.Positions) (connectors.Positions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := connectors.Positions{}
	for i := range s.splits {
		at[splitID(i)] = position(0)
	}
	for id, p := range known {
		i, row, err := s.locate(id, p)
		if err != nil {
			return nil, err
		}
		if row > s.splits[i].rows {
			return nil, supervision.New(supervision.Fatal, "MEMORY_DATA_LOSS",
				"split %s has %d rows, the known position is %d: rows in memory do not outlive the process", id, s.splits[i].rows, row)
		}
		at[id] = p
	}
	return at, nil
}

// End returns the number of rows of each split.
func (s *Source) End(_ context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := connectors.Positions{}
	for _, id := range splits {
		i, _, err := s.locate(id, "0")
		if err != nil {
			return nil, err
		}
		at[id] = position(s.splits[i].rows)
	}
	return at, nil
}

// Behind returns the rows between two positions.
func (s *Source) Behind(at, end connectors.Position) int64 {
	a, err := strconv.ParseInt(string(at), 10, 64)
	e, err2 := strconv.ParseInt(string(end), 10, 64)
	if err != nil || err2 != nil {
		return -1
	}
	return max(e-a, 0)
}

// Before returns how many leading rows of the fetch lie before the position.
func (s *Source) Before(f connectors.Fetch, until connectors.Position) int {
	return f.Batch.N - int(min(s.Behind(until, f.After), int64(f.Batch.N)))
}

// Offsets renders positions as {"0":3,"1":7}.
func (s *Source) Offsets(at connectors.Positions) json.RawMessage {
	var b []byte
	b = append(b, '{')
	for i := range s.splits {
		if p, ok := at[splitID(i)]; ok {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `"%d":%s`, i, p)
		}
	}
	return append(b, '}')
}

// Close does nothing; the rows stay.
func (s *Source) Close() error { return nil }

// Open begins reading at the positions.
func (s *Source) Open(_ context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	r := &reader{source: s, o: o}
	for id, p := range at {
		i, row, err := s.locate(id, p)
		if err != nil {
			return nil, err
		}
		r.cursors = append(r.cursors, &cursor{id: id, split: i, row: row})
	}
	slices.SortFunc(r.cursors, func(a, b *cursor) int { return a.split - b.split })
	return r, nil
}
