package foreach

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/supervision"
)

// writer stages the rows of one share.
type writer struct {
	*staged.Share
	sink *Sink
	mode connectors.OutputMode
	rows []int32 // scratch
}

// Write stages the rows.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	plain := *b
	switch {
	case w.mode != connectors.Update:
		if row := staged.Changing(b); row >= 0 {
			return supervision.New(supervision.Fatal, "UNSUPPORTED_ROW_KIND", "%s takes inserts only in output mode %s; row %d changes or deletes another", w.sink.name, w.mode, row)
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
	return w.Share.Write(ctx, &plain)
}

// Seal ends the epoch's file. A complete result without rows is one too.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if w.mode == connectors.Complete && w.Of().Index == 0 {
		if err := w.Begin(context.Background()); err != nil {
			return nil, err
		}
	}
	if file := w.Share.Seal(); file != nil {
		return sealed{file}, nil
	}
	return nil, nil
}

type sealed struct{ file *staged.Writer }

// Finish makes the rows durable.
func (s sealed) Finish(context.Context) (connectors.Prepared, error) {
	return s.file.Prepare(func(f staged.File) any { return f })
}
