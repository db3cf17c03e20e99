package rate

import (
	"context"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

type reader struct {
	source  *Source
	o       connectors.OpenOptions
	cursors []*cursor // the next to deliver first
	*connectors.Gate
}

// cursor is a split being read.
type cursor struct {
	id    connectors.SplitID
	split int
	at    place
}

// rest is how long a reader waits at most before it looks at the clock again.
const rest = 100 * time.Millisecond

// Next delivers rows of the splits in turn, once their time has come.
func (r *reader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connectors.Fetch{}, err
		}
		f, wait := r.take()
		if f.Batch != nil {
			return f, nil
		}
		r.wait(ctx, wait)
	}
}

// wait returns when the time is over, a split is resumed, or ctx ends.
func (r *reader) wait(ctx context.Context, most time.Duration) {
	over, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-over.Done():
	case <-r.Changed():
	}
}

// take returns rows of the first split that has some, or how long to wait.
func (r *reader) take() (connectors.Fetch, time.Duration) {
	now, wait := r.source.o.Now().UnixMicro(), rest
	for i, c := range r.cursors {
		if r.Paused(c.id) {
			continue
		}
		due := r.source.due(c.split, now-c.at.start)
		if due <= c.at.rows {
			next := c.at.start + r.source.pace.at(c.value(r.source, 0)) - now
			wait = min(wait, max(time.Duration(next)*time.Microsecond, time.Millisecond))
			continue
		}
		f := r.cut(c, due)
		r.cursors = append(append(r.cursors[:i:i], r.cursors[i+1:]...), c)
		return f, 0
	}
	return connectors.Fetch{}, wait
}

// value returns the row that is so many behind the cursor.
func (c *cursor) value(s *Source, ahead int64) int64 {
	return (c.at.rows+ahead)*int64(s.o.NumPartitions) + int64(c.split)
}

func (r *reader) cut(c *cursor, due int64) connectors.Fetch {
	n := pieceOf(r.o, due-c.at.rows)
	times, values := batch.NewBuilder(batch.TimestampType, r.o.Pool), batch.NewBuilder(batch.BigIntType, r.o.Pool)
	var origin *batch.Origin
	if r.o.Origins {
		origin = &batch.Origin{Offset: make([]int64, n)}
	}
	for i := range n {
		v := c.value(r.source, int64(i))
		times.Int64(c.at.start + r.source.pace.at(v))
		values.Int64(v)
		if origin != nil {
			origin.Offset[i] = c.at.rows + int64(i)
		}
	}
	b := finish(r.o, n, times, values, origin)
	c.at.rows += int64(n)
	return connectors.Fetch{Split: c.id, Batch: b, After: c.at.position(), End: place{c.at.start, due, c.at.of}.position()}
}

// pieceOf returns how many of the rows that are left a batch takes.
func pieceOf(o connectors.OpenOptions, left int64) int {
	n := int(min(left, 4096))
	if o.Rows > 0 {
		n = min(n, o.Rows)
	}
	if o.Bytes > 0 {
		n = min(n, max(int(o.Bytes/16), 1))
	}
	return n
}

// finish makes the batch of n rows, without the columns that nobody looks at.
func finish(o connectors.OpenOptions, n int, times, values *batch.Builder, origin *batch.Origin) *batch.Batch {
	columns := []*batch.Column{times.Finish(), values.Finish()}
	for i := range columns {
		if o.Columns != nil && (i >= len(o.Columns) || !o.Columns[i]) {
			columns[i].Release()
			columns[i] = nil
		}
	}
	b := batch.NewBatch(schema, n, columns...)
	b.Origin = origin
	return b
}

// Close ends the reader.
func (r *reader) Close() error { return nil }
