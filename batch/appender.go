package batch

import "math"

// Appender joins the rows of many batches into batches of a wanted size. It is
// used from one goroutine.
type Appender struct {
	schema   *Schema
	pool     *Pool
	builders []*Builder
	rows     int   // most rows of a batch
	bytes    int64 // bytes at which a batch is cut
	n        int   // rows held
	held     int64 // bytes held, about
	kinds    []RowKind
	origin   *Origin
	behind   []int64
	scratch  []int32
}

// NewAppender returns an appender that cuts at rows rows or about bytes bytes,
// whichever comes first; a limit of 0 means none. A single row above the limit makes a batch of its own.
func NewAppender(s *Schema, p *Pool, rows int, bytes int64) *Appender {
	a := &Appender{schema: s, pool: p, rows: rows, bytes: bytes}
	for _, f := range s.Fields {
		a.builders = append(a.builders, NewBuilder(f.Type, p))
	}
	return a
}

// Len returns the rows held.
func (a *Appender) Len() int { return a.n }

// Append adds the rows that count of b, which is borrowed and has every
// column, and calls emit with each batch that becomes full; emit takes over its references. The
// first error of emit ends it.
func (a *Appender) Append(b *Batch, emit func(*Batch) error) error {
	rows := b.Sel
	if rows == nil {
		a.scratch = a.scratch[:0]
		for i := range b.N {
			a.scratch = append(a.scratch, int32(i))
		}
		rows = a.scratch
	}
	each := int64(1) // bytes a row, about
	if b.N > 0 {
		each = max(1, b.Size()/int64(b.N))
	}
	for len(rows) > 0 {
		n := len(rows)
		if a.rows > 0 {
			n = min(n, a.rows-a.n)
		}
		if a.bytes > 0 {
			n = min(n, int(max(1, (a.bytes-a.held+each-1)/each)))
		}
		a.take(b, rows[:n])
		a.held += int64(n) * each
		rows = rows[n:]
		if a.rows > 0 && a.n >= a.rows || a.bytes > 0 && a.held >= a.bytes {
			if err := emit(a.Flush()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Appender) take(b *Batch, rows []int32) {
	for i, d := range a.builders {
		d.AppendRows(b.Columns[i], rows)
	}
	if b.Kinds != nil && a.kinds == nil {
		a.kinds = make([]RowKind, a.n, a.n+len(rows)) // all inserts up to here
	}
	if a.kinds != nil {
		for _, r := range rows {
			kind := Insert
			if b.Kinds != nil {
				kind = b.Kinds[r]
			}
			a.kinds = append(a.kinds, kind)
		}
	}
	a.takeOrigin(b.Origin, rows)
	a.takeBehind(b.Behind, rows)
	a.n += len(rows)
}

// takeBehind keeps which rows came behind a watermark; those of batches that
// say nothing of it came in time.
func (a *Appender) takeBehind(behind []int64, rows []int32) {
	if behind != nil && a.behind == nil {
		a.behind = inTime(make([]int64, 0, a.n+len(rows)), a.n)
	}
	switch {
	case a.behind == nil:
	case behind == nil:
		a.behind = inTime(a.behind, len(rows))
	default:
		for _, r := range rows {
			a.behind = append(a.behind, behind[r])
		}
	}
}

func inTime(behind []int64, n int) []int64 {
	for range n {
		behind = append(behind, math.MinInt64)
	}
	return behind
}

// takeOrigin keeps origins only if every batch has them: rows from nowhere
// beside rows from somewhere would be told apart by nothing.
func (a *Appender) takeOrigin(o *Origin, rows []int32) {
	if a.n == 0 && o != nil {
		a.origin = &Origin{}
	}
	if o == nil {
		a.origin = nil
	}
	if a.origin == nil {
		return
	}
	for _, r := range rows {
		if o.Split != nil {
			a.origin.Split = append(a.origin.Split, o.Split[r])
		}
		a.origin.Offset = append(a.origin.Offset, o.Offset[r])
	}
}

// Flush returns the rows held as a batch, nil if there are none, and empties
// the appender.
func (a *Appender) Flush() *Batch {
	if a.n == 0 {
		return nil
	}
	b := &Batch{Schema: a.schema, N: a.n, Kinds: a.kinds, Origin: a.origin, Behind: a.behind}
	for _, d := range a.builders {
		b.Columns = append(b.Columns, d.Finish())
	}
	a.n, a.held, a.kinds, a.origin, a.behind = 0, 0, nil, nil, nil
	return b
}

// Release gives back what is held.
func (a *Appender) Release() {
	for _, d := range a.builders {
		d.Release()
	}
}

// Concat returns one batch of the rows that count of all the batches, which
// have one schema and are only read. At least one is needed.
func Concat(p *Pool, batches ...*Batch) *Batch {
	a := NewAppender(batches[0].Schema, p, 0, 0)
	defer a.Release()
	for _, b := range batches {
		if err := a.Append(b, nil); err != nil {
			panic(err) // there is no limit, so emit is never called
		}
	}
	if b := a.Flush(); b != nil {
		return b
	}
	return batches[0].Gather(p, nil)
}
