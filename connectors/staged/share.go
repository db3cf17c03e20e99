package staged

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Share stages the rows of one share of a sink, in a file for each epoch that has any. It is used by one goroutine.
type Share struct {
	of      connectors.Share
	objects objstore.Store
	folder  string
	schema  *batch.Schema
	number  int
	file    *Writer // nil: nothing was written in this epoch
}

// NewShare returns a share whose files lie below prefix.
func NewShare(of connectors.Share, objects objstore.Store, prefix string, schema *batch.Schema) *Share {
	return &Share{of: of, objects: objects, folder: Folder(prefix, of.Incarnation), schema: schema}
}

// Of returns what the share is.
func (s *Share) Of() connectors.Share { return s.of }

// Write stages the rows of b that count.
func (s *Share) Write(ctx context.Context, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if err := s.Begin(ctx); err != nil {
		return err
	}
	return s.file.Write(b)
}

// Begin sees to it that the epoch has a file, even if no rows come.
func (s *Share) Begin(ctx context.Context) (err error) {
	if s.file != nil {
		return nil
	}
	s.file, err = NewWriter(ctx, s.objects, Name(s.folder, s.of.Attempt, s.of.Index, s.number), s.schema,
		Header{Flow: s.of.Flow, Incarnation: s.of.Incarnation, Attempt: s.of.Attempt, Share: s.of.Index})
	s.number++
	return err
}

// Seal takes the epoch's file aside; nil if there is none.
func (s *Share) Seal() *Writer {
	w := s.file
	s.file = nil
	return w
}

// Abort gives up the file that is open.
func (s *Share) Abort() {
	if w := s.Seal(); w != nil {
		w.Abort()
	}
}

// Prepare makes the rows durable. What the sink's commit is told is what tell makes of the file.
func (w *Writer) Prepare(tell func(File) any) (connectors.Prepared, error) {
	f, err := w.Close()
	if err != nil {
		return connectors.Prepared{}, err
	}
	data, err := json.Marshal(tell(f))
	return connectors.Prepared{Rows: f.Rows, Bytes: f.Length, Data: data}, err
}

// Told returns what the shares that had rows told the commit.
func Told[T any](prepared []connectors.Prepared, whole func(T) bool) ([]T, error) {
	var all []T
	for _, p := range prepared {
		if len(p.Data) == 0 || string(p.Data) == "null" {
			continue
		}
		var told T
		if err := json.Unmarshal(p.Data, &told); err != nil || !whole(told) {
			f := supervision.New(supervision.Fatal, "DELTAIC_MANIFEST_CORRUPT", "what a share of a decided epoch prepared names no staged rows: %s", fmt.Sprintf("%.200q", p.Data))
			f.Cause = err
			return nil, f
		}
		all = append(all, told)
	}
	return all, nil
}

// Changing returns the first of the rows that count which is no insert, -1 if there is none.
func Changing(b *batch.Batch) int {
	if b.Kinds == nil {
		return -1
	}
	for i := range b.Rows() {
		if row := b.Row(i); b.Kinds[row] != batch.Insert {
			return row
		}
	}
	return -1
}

// Leftovers removes what no restart can ask for any more. The zero value is ready.
type Leftovers struct {
	behind []string // of the epoch before
	swept  int64    // the attempt that has collected what earlier ones left
}

// Done is told of an epoch that was written, and of all that it needs if it comes again. What the epoch before needed goes, and, once in
// an attempt, what earlier attempts staged: it has decided this epoch, so theirs is done or given up. What cannot be
// removed now stays for a later attempt. It reports whether this is the attempt's first.
func (l *Leftovers) Done(ctx context.Context, objects objstore.Store, folder string, attempt int64, needed ...string) (first bool) {
	kept := map[string]bool{}
	for _, name := range needed {
		kept[name] = true
	}
	for _, name := range l.behind {
		if !kept[name] {
			_ = objects.Delete(ctx, name)
		}
	}
	l.behind = needed
	if first = l.swept != attempt; first {
		l.swept = attempt
		_ = Collect(ctx, objects, folder, attempt, kept)
	}
	return first
}
