package stream

import (
	"context"
	"iter"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/foreach"
	"github.com/deltaic/deltaic/operators/typed"
)

// ForeachBatch hands all rows of each epoch to f, with the epoch's number: Spark's foreachBatch. It is called when the epoch is
// decided; a repeat, which only a failure or a crash brings, has the same rows and the same number, so what is written once per number
// is written exactly once. The name is the sink's, as with To. The flow needs a checkpoint location, where the rows wait.
func (d *Frame) ForeachBatch(name string, f foreach.BatchFunc, mode connectors.OutputMode) {
	d.To(name, foreach.NewBatch(f, foreach.Options{}), mode)
}

// Foreach hands the rows of each epoch to w one by one: Spark's foreach. A pair of partition and epoch stands for the
// same rows at each repeat. See [Frame.ForeachBatch].
func (d *Frame) Foreach(name string, w foreach.Writer, mode connectors.OutputMode) {
	d.To(name, foreach.New(w, foreach.Options{}), mode)
}

// ForeachBatch is [Frame.ForeachBatch] over values, which may be kept, in output mode append or complete: a value does not say
// whether it is inserted or deleted.
func ForeachBatch[T any](s Stream[T], name string, f func(ctx context.Context, values iter.Seq2[T, error], epoch int64) error, mode connectors.OutputMode) {
	if d, ok := s.values(name, mode); ok {
		d.ForeachBatch(name, func(ctx context.Context, rows *foreach.Rows, epoch int64) error {
			return f(ctx, typed.Values[T](rows.Schema(), rows.Batches(ctx)), epoch)
		}, mode)
	}
}

// ValueWriter takes the values of a share of an epoch one by one.
type ValueWriter[T any] interface {
	// Open begins a share; false passes it over.
	Open(partition, epoch int64) (bool, error)
	// Process takes a value, which may be kept.
	Process(v T) error
	// Close ends a share, with what made it end early or nil.
	Close(err error) error
}

// Foreach is [Frame.Foreach] over values, in output mode append or complete. See [ForeachBatch].
func Foreach[T any](s Stream[T], name string, w ValueWriter[T], mode connectors.OutputMode) {
	if d, ok := s.values(name, mode); ok {
		d.Foreach(name, &decoding[T]{ValueWriter: w}, mode)
	}
}

// values returns the rows of values that are handed to an author's function.
func (s Stream[T]) values(name string, mode connectors.OutputMode) (*Frame, bool) {
	d := s.Frame()
	if d.broken {
		return d, false
	}
	if mode == connectors.Update {
		d.flow.mistake(name, "UNSUPPORTED_OUTPUT_MODE", "in output mode update a row may delete or replace an earlier one, and a Go value does not say so",
			"use append or complete, or the rows themselves: Frame().ForeachBatch, whose rows have a kind")
		return d, false
	}
	return d, true
}

// decoding is a writer of rows that makes values of them, a batch at a time.
type decoding[T any] struct {
	ValueWriter[T]
	decoder *typed.Decoder[T]
	values  []T // of the rows of the batch that come next
}

// Open begins a share.
func (w *decoding[T]) Open(partition, epoch int64) (bool, error) {
	w.values = nil
	return w.ValueWriter.Open(partition, epoch)
}

// Process takes a row. All rows of a batch come in turn, so its values do too.
func (w *decoding[T]) Process(r foreach.Row) (err error) {
	if len(w.values) == 0 {
		b, _ := r.Batch()
		if w.decoder == nil {
			if w.decoder, err = typed.NewDecoder[T](b.Schema); err != nil {
				return err
			}
		}
		w.values = w.decoder.Decode(b, w.values)
	}
	v := w.values[0]
	w.values = w.values[1:]
	return w.ValueWriter.Process(v)
}
