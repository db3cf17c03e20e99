// Package console is a sink that prints the rows of each epoch as a table, as
// Spark's console format does: for looking at a query while it is written.
//
// In update mode it prints the new rows, as Spark does, and the rows that are
// gone, which Spark's streams never have, in a table of their own. In complete
// mode it prints the whole result. What an epoch prints is bounded by numRows;
// nothing outlives the process.
package console

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Sink prints epochs when they are committed; an epoch without rows prints
// nothing. It is safe for concurrent use.
type Sink struct {
	out     io.Writer
	table   batch.TableOptions
	repeats connectors.Repeats

	mu     sync.Mutex // one epoch prints at a time
	schema *batch.Schema
	mode   connectors.OutputMode
}

var (
	_ connectors.Sink      = (*Sink)(nil)
	_ connectors.ModeTaker = (*Sink)(nil)
)

// New returns a sink that prints to out by Spark's options: numRows, the rows
// printed at most (20), and truncate, whether cells are cut to 20 characters
// (true), or the number of characters they are cut to.
func New(out io.Writer, options map[string]string) (*Sink, error) {
	s := &Sink{out: out, table: batch.TableOptions{Rows: 20, Truncate: 20}}
	for name, value := range options {
		var err error
		switch strings.ToLower(name) {
		case "numrows":
			s.table.Rows, err = strconv.Atoi(value)
			if err != nil || s.table.Rows < 1 || s.table.Rows > maxRows {
				return nil, invalid(name, "expected a number from 1 to %d, got %q", maxRows, value)
			}
		case "truncate":
			if s.table.Truncate, err = truncation(value); err != nil {
				return nil, invalid(name, "expected true, false or a number of characters, got %q", value)
			}
		default:
			return nil, invalid(name, "is unknown; the console takes numRows and truncate")
		}
	}
	return s, nil
}

// maxRows bounds what an epoch keeps in memory to be printed.
const maxRows = 100_000

func invalid(name, format string, args ...any) error {
	return supervision.New(supervision.Fatal, "CONSOLE_INVALID_OPTION", "option "+strconv.Quote(name)+": "+format, args...)
}

func truncation(value string) (int, error) {
	switch strings.ToLower(value) {
	case "true":
		return 20, nil
	case "false":
		return -1, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, strconv.ErrSyntax
	}
	if n == 0 { // Spark's show: not at all
		return -1, nil
	}
	return n, nil
}

// Description is Spark's.
func (s *Sink) Description() string {
	return fmt.Sprintf("ConsoleSink[numRows=%d, truncate=%v]", s.table.Rows, s.table.Truncate > 0)
}

// Modes returns every mode.
func (s *Sink) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete}
}

// Bind fixes the columns; every mode can be printed.
func (s *Sink) Bind(_ context.Context, schema *batch.Schema, m connectors.OutputMode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schema, s.mode = schema, m
	return nil
}

// Writer opens a share.
func (s *Sink) Writer(context.Context, connectors.Share) (connectors.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.table.Rows + 1 // one more says that there are more
	return &writer{most: most, whole: s.mode == connectors.Complete}, nil
}

// Commit prints the epoch. An error of the output is returned.
func (s *Sink) Commit(_ context.Context, c connectors.Commit) (connectors.Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := connectors.Committed{Version: -1}
	if s.repeats.Note(c) {
		done.Repeat = true
		return done, nil
	}
	var all, gone []*batch.Batch
	any := false
	for _, p := range c.Prepared {
		e, ok := p.Staged.(epoch)
		any = any || ok
		all = append(all, e.rows.first...)
		gone = append(gone, e.gone.first...)
	}
	if !any {
		return done, nil
	}
	const rule = "-------------------------------------------\n"
	text := fmt.Appendf(nil, "%sBatch: %d\n%s", rule, c.Epoch, rule)
	if len(all) > 0 || len(gone) == 0 {
		text = append(batch.AppendTable(text, s.schema, all, s.table), '\n')
	}
	if len(gone) > 0 {
		text = append(batch.AppendTable(append(text, "Deleted:\n"...), s.schema, gone, s.table), '\n')
	}
	if _, err := s.out.Write(text); err != nil {
		return done, supervision.New(supervision.Restart, "CONSOLE_WRITE_FAILED", "could not print epoch %d: %w", c.Epoch, err)
	}
	return done, nil
}

// Durable reports false.
func (s *Sink) Durable() bool { return false }

// Close does nothing; the output is its owner's.
func (s *Sink) Close() error { return nil }

// writer keeps the first rows of an epoch and counts the others.
type writer struct {
	most  int
	whole bool // an epoch without rows is an empty result
	epoch
	selected []int32 // scratch
}

// epoch is one epoch's output.
type epoch struct {
	count, bytes int64
	rows, gone   kept
}

// kept are rows that may be printed.
type kept struct {
	n     int
	first []*batch.Batch
}

// Write keeps what may be printed.
func (w *writer) Write(_ context.Context, b *batch.Batch) error {
	w.count += int64(b.Rows())
	w.bytes += b.Size()
	w.keep(&w.rows, b, false)
	if b.Kinds != nil {
		w.keep(&w.gone, b, true)
	}
	return nil
}

// keep copies the first rows of b that are there, or that are deleted. Rows
// before an update are neither.
func (w *writer) keep(k *kept, b *batch.Batch, deleted bool) {
	w.selected = w.selected[:0]
	for i := 0; i < b.Rows() && k.n+len(w.selected) < w.most; i++ {
		kind, row := batch.Insert, b.Row(i)
		if b.Kinds != nil {
			kind = b.Kinds[row]
		}
		if kind != batch.UpdateBefore && (kind == batch.Delete) == deleted {
			w.selected = append(w.selected, int32(row))
		}
	}
	if len(w.selected) == 0 {
		return
	}
	plain := *b
	plain.Origin, plain.Kinds, plain.Behind = nil, nil, nil
	d := plain.Gather(nil, w.selected)
	for i, c := range d.Columns { // a dictionary would hold on to its pool
		d.Columns[i] = c.Flat(nil)
		c.Release()
	}
	k.first = append(k.first, d)
	k.n += d.N
}

// Seal hands the epoch over; a complete result without rows is one too.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if w.count == 0 && !w.whole {
		return nil, nil
	}
	e := w.epoch
	w.Abort()
	return e, nil
}

// Abort drops the epoch.
func (w *writer) Abort() { w.epoch = epoch{} }

// Finish has nothing to make durable.
func (e epoch) Finish(context.Context) (connectors.Prepared, error) {
	return connectors.Prepared{Rows: e.count, Bytes: e.bytes, Staged: e}, nil
}
