package foreach

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/objstore"
)

// Rows are the rows of one epoch. They may be read as often as one likes while
// the function runs.
type Rows struct {
	objects objstore.Store
	pool    *batch.Pool
	schema  *batch.Schema
	mode    connectors.OutputMode
	epoch   int64
	files   []staged.File
}

// Schema returns the columns.
func (r *Rows) Schema() *batch.Schema { return r.schema }

// Mode returns the output mode: in update mode rows have kinds.
func (r *Rows) Mode() connectors.OutputMode { return r.mode }

// Len returns the number of rows.
func (r *Rows) Len() int64 {
	n := int64(0)
	for _, f := range r.files {
		n += f.Rows
	}
	return n
}

// Batches gives the rows batch by batch, in the same order at each repeat. A batch is released
// after its turn of the loop; an error ends the loop.
func (r *Rows) Batches(ctx context.Context) iter.Seq2[*batch.Batch, error] {
	return func(yield func(*batch.Batch, error) bool) {
		for _, f := range r.files {
			if !r.each(ctx, f, yield) {
				return
			}
		}
	}
}

// each gives the batches of one file and reports whether to go on.
func (r *Rows) each(ctx context.Context, f staged.File, yield func(*batch.Batch, error) bool) bool {
	in, err := staged.Open(ctx, r.objects, f, r.schema, r.pool)
	if err != nil {
		yield(nil, err)
		return false
	}
	defer in.Close()
	for {
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return false
		}
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			yield(nil, err)
			return false
		}
		more := yield(b, nil)
		b.Release()
		if !more {
			return false
		}
	}
}

// All gives the rows one by one. A row is good until the next one.
func (r *Rows) All(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for b, err := range r.Batches(ctx) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			for i := range b.Rows() {
				if !yield(Row{b, b.Row(i)}, nil) {
					return
				}
			}
		}
	}
}

// BatchFunc takes all the rows of an epoch. The number grows from epoch to
// epoch; it is the same when the same rows are given again.
type BatchFunc func(ctx context.Context, rows *Rows, epoch int64) error

// NewBatch returns the sink that calls fn for each epoch that has rows: Spark's foreachBatch.
func NewBatch(fn BatchFunc, o Options) *Sink {
	return newSink("ForeachBatchSink", "FOREACH_BATCH_USER_FUNCTION_ERROR", o, func(ctx context.Context, rows *Rows) error {
		return fn(ctx, rows, rows.epoch)
	})
}
