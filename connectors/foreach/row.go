package foreach

import (
	"context"
	"errors"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/staged"
)

// Row is a row of a batch. Its methods take a column by its number; a null
// gives the zero value, so ask IsNull where it matters.
type Row struct {
	b  *batch.Batch
	at int
}

// Batch returns the batch of the row and the row's place in its columns.
func (r Row) Batch() (b *batch.Batch, at int) { return r.b, r.at }

// Kind returns what the row does to the result: always batch.Insert but in update mode.
func (r Row) Kind() batch.RowKind {
	if r.b.Kinds == nil {
		return batch.Insert
	}
	return r.b.Kinds[r.at]
}

// Index returns the number of the column of that name, letter case ignored; -1 if there is none.
func (r Row) Index(name string) int { return max(r.b.Schema.IndexFold(name), -1) }

// IsNull reports whether the column is null.
func (r Row) IsNull(column int) bool { return r.b.Columns[column].IsNull(r.at) }

// Int returns a column of any integer type, a date as days, a timestamp or an
// interval as microseconds or months.
func (r Row) Int(column int) int64 {
	c := r.b.Columns[column]
	switch {
	case c.IsNull(r.at):
		return 0
	case c.Dict == nil && c.I32 != nil:
		return int64(c.I32[r.at])
	case c.I64 != nil:
		return c.I64[r.at]
	}
	return 0
}

// Float returns a column of type float or double.
func (r Row) Float(column int) float64 {
	c := r.b.Columns[column]
	switch {
	case c.IsNull(r.at):
		return 0
	case c.F32 != nil:
		return float64(c.F32[r.at])
	case c.F64 != nil:
		return c.F64[r.at]
	}
	return 0
}

// Bool returns a boolean column.
func (r Row) Bool(column int) bool {
	c := r.b.Columns[column]
	return c.Type.Kind == batch.Boolean && !c.IsNull(r.at) && c.Bool(r.at)
}

// Bytes returns a column of type string or binary. They are good until the next row.
func (r Row) Bytes(column int) []byte {
	c := r.b.Columns[column]
	if c.IsNull(r.at) || c.Type.Kind != batch.String && c.Type.Kind != batch.Binary {
		return nil
	}
	return c.Bytes(r.at)
}

// Text returns a column of any type as Spark's cast to string shows it.
func (r Row) Text(column int) string {
	c := r.b.Columns[column]
	if c.IsNull(r.at) {
		return ""
	}
	return string(batch.AppendText(nil, c, r.at))
}

// Time returns a column of type date or timestamp, in UTC.
func (r Row) Time(column int) time.Time {
	if r.b.Columns[column].Type.Kind == batch.Date {
		return time.Unix(r.Int(column)*86400, 0).UTC()
	}
	return time.UnixMicro(r.Int(column)).UTC()
}

// JSON returns the row as an object.
func (r Row) JSON() []byte { return batch.AppendRowJSON(nil, r.b, r.at) }

// Writer takes rows one by one, as Spark's ForeachWriter. It is used by one
// goroutine; the partitions of an epoch follow each other.
type Writer interface {
	// Open begins a partition of an epoch, and reports whether it wants the rows. The pair
	// stands for the same rows at each repeat, so a pair that was seen to its end may be skipped.
	Open(partition, epoch int64) (bool, error)
	// Process takes a row, which is good for the call.
	Process(row Row) error
	// Close ends the partition that Open began without an error. err is why it ends early, nil if all rows were taken.
	Close(err error) error
}

// New returns the sink that gives each row of each epoch to w: Spark's foreach.
func New(w Writer, o Options) *Sink {
	return newSink("ForeachWriter", "FOREACH_USER_FUNCTION_ERROR", o, func(ctx context.Context, rows *Rows) error {
		for _, f := range rows.files {
			part := *rows
			part.files = []staged.File{f}
			if err := partition(ctx, w, &part, int64(f.Share)); err != nil {
				return err
			}
		}
		return nil
	})
}

// partition gives the rows of one share to w.
func partition(ctx context.Context, w Writer, rows *Rows, number int64) error {
	wants, err := w.Open(number, rows.epoch)
	if err != nil {
		return err
	}
	if wants {
		for row, e := range rows.All(ctx) {
			if e == nil {
				e = w.Process(row)
			}
			if e != nil {
				err = e
				break
			}
		}
	}
	if e := w.Close(err); e != nil && !errors.Is(e, err) {
		err = errors.Join(err, e)
	}
	return err
}
