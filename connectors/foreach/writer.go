package foreach

import (
	"context"
	"encoding/json"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// writer stages the rows of one share.
type writer struct {
	sink    *Sink
	share   connectors.Share
	schema  *batch.Schema
	mode    connectors.OutputMode
	objects objstore.Store
	folder  string
	number  int
	file    *staged.Writer // nil: nothing was written in this epoch
	rows    []int32        // scratch
}

// Write stages the rows.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	plain := *b
	switch {
	case w.mode != connectors.Update:
		if i := changing(b); i >= 0 {
			return supervision.New(supervision.Fatal, "UNSUPPORTED_ROW_KIND", "%s takes inserts only in output mode %s; row %d changes or deletes another", w.sink.name, w.mode, i)
		}
		plain.Kinds = nil
	case b.Kinds != nil && !w.sink.o.Changelog:
		w.rows = w.rows[:0]
		for i := range b.Rows() {
			if row := b.Row(i); b.Kinds[row] != batch.UpdateBefore {
				w.rows = append(w.rows, int32(row))
			}
		}
		plain.Sel = w.rows
	}
	if plain.Rows() == 0 {
		return nil
	}
	if err := w.open(ctx); err != nil {
		return err
	}
	return w.file.Write(&plain)
}

// changing returns the first row that is no insert, -1 if there is none.
func changing(b *batch.Batch) int {
	if b.Kinds == nil {
		return -1
	}
	for i := range b.Rows() {
		if b.Kinds[b.Row(i)] != batch.Insert {
			return i
		}
	}
	return -1
}

// open begins a file if there is none.
func (w *writer) open(ctx context.Context) (err error) {
	if w.file != nil {
		return nil
	}
	name := staged.Name(w.folder, w.share.Attempt, w.share.Index, w.number)
	w.number++
	w.file, err = staged.NewWriter(ctx, w.objects, name, w.schema,
		staged.Header{Flow: w.share.Flow, Incarnation: w.share.Incarnation, Attempt: w.share.Attempt, Share: w.share.Index})
	return err
}

// Seal ends the epoch's file. A complete result without rows is one too.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if w.file == nil && (w.mode != connectors.Complete || w.share.Index != 0) {
		return nil, nil
	}
	if err := w.open(context.Background()); err != nil {
		return nil, err
	}
	f := w.file
	w.file = nil
	return sealed{f}, nil
}

// Abort gives up the file.
func (w *writer) Abort() {
	if w.file != nil {
		w.file.Abort()
		w.file = nil
	}
}

type sealed struct{ file *staged.Writer }

// Finish makes the rows durable.
func (s sealed) Finish(context.Context) (connectors.Prepared, error) {
	f, err := s.file.Close()
	if err != nil {
		return connectors.Prepared{}, err
	}
	data, err := json.Marshal(f)
	return connectors.Prepared{Rows: f.Rows, Bytes: f.Length, Data: data}, err
}
