package memory

import (
	"context"
	"io"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

type reader struct {
	source  *Source
	o       connectors.OpenOptions
	cursors []*cursor // the next to deliver first
}

// cursor is a split being read.
type cursor struct {
	id     connectors.SplitID
	split  int
	row    int64
	paused bool // guarded by Source.mu
}

// Next delivers rows of the splits in turn.
func (r *reader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connectors.Fetch{}, err
		}
		f, changed, done := r.take()
		switch {
		case f.Batch != nil:
			return f, nil
		case done:
			return connectors.Fetch{}, io.EOF
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// take cuts a batch off the first split that has one to give. Without one it
// returns what to wait for, or that nothing will ever come.
func (r *reader) take() (f connectors.Fetch, changed <-chan struct{}, done bool) {
	s := r.source
	s.mu.Lock()
	defer s.mu.Unlock()
	done = s.finished
	for i, c := range r.cursors {
		l := &s.splits[c.split]
		if c.row >= l.rows {
			continue
		}
		done = false
		if c.paused {
			continue
		}
		f = r.cut(c, l)
		r.cursors = append(append(r.cursors[:i:i], r.cursors[i+1:]...), c)
		return f, nil, false
	}
	return f, s.changed, done
}

func (r *reader) cut(c *cursor, l *log) connectors.Fetch {
	d := r.rows(c.row, l)
	n := d.N
	for i := range d.Columns {
		if r.o.Columns != nil && (i >= len(r.o.Columns) || !r.o.Columns[i]) {
			d.Columns[i].Release()
			d.Columns[i] = nil
		}
	}
	if r.o.Origins {
		d.Origin = &batch.Origin{Offset: make([]int64, n)}
		for i := range n {
			d.Origin.Offset[i] = c.row + int64(i)
		}
	}
	c.row += int64(n)
	return connectors.Fetch{Split: c.id, Batch: d, After: position(c.row), End: position(l.rows)}
}

// rows returns what a fetch holds: a part of one batch as it was added, or as many rows as were asked for.
func (r *reader) rows(from int64, l *log) *batch.Batch {
	if exact := r.source.exact; exact > 0 {
		var parts []*batch.Batch
		for left := int64(exact); left > 0 && from < l.rows; {
			part := l.part(from, int(left))
			parts = append(parts, part)
			from, left = from+int64(part.N), left-int64(part.N)
		}
		if len(parts) == 1 {
			return parts[0]
		}
		defer func() {
			for _, p := range parts {
				p.Release()
			}
		}()
		return batch.Concat(r.o.Pool, parts...)
	}
	k := l.batchOf(from)
	n := l.batches[k].N
	if r.o.Rows > 0 {
		n = min(n, r.o.Rows)
	}
	if each := l.batches[k].Size() / int64(l.batches[k].N); r.o.Bytes > 0 && each > 0 {
		n = min(n, max(int(r.o.Bytes/each), 1))
	}
	return l.part(from, n)
}

// batchOf returns the index of the batch that holds a row.
func (l *log) batchOf(row int64) int {
	k, found := slices.BinarySearch(l.firsts, row)
	if !found {
		k--
	}
	return k
}

// part returns at most n rows of the batch that holds the row, from it on.
func (l *log) part(row int64, n int) *batch.Batch {
	k := l.batchOf(row)
	from := int(row - l.firsts[k])
	return l.batches[k].Slice(nil, from, min(from+n, l.batches[k].N))
}

// Pause stops delivery of the split.
func (r *reader) Pause(id connectors.SplitID) { r.pause(id, true) }

// Resume lets the split go on.
func (r *reader) Resume(id connectors.SplitID) { r.pause(id, false) }

func (r *reader) pause(id connectors.SplitID, paused bool) {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	for _, c := range r.cursors {
		if c.id == id {
			c.paused = paused
			r.source.signal()
		}
	}
}

// Close ends the reader.
func (r *reader) Close() error { return nil }
