package socket

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// reader delivers lines in batches of those that are there.
type reader struct {
	source *Source
	o      connectors.OpenOptions
	open   bool // there is a split
	at     int64
	*connectors.Gate
}

// Next waits for lines. While the split is paused none is read, so a server that is too fast waits too.
func (r *reader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connectors.Fetch{}, err
		}
		if r.Paused(split) || !r.open {
			select {
			case <-ctx.Done():
			case <-r.Changed():
			}
			continue
		}
		l, err := r.source.connected(ctx)
		if err != nil {
			return connectors.Fetch{}, err
		}
		if err := l.more(ctx); err == nil {
			return r.cut(l), nil
		} else if !errors.Is(err, errClosed) {
			return connectors.Fetch{}, err
		}
		_ = r.source.Close() // it is over on the other side
		why := "the server at " + r.source.o.address() + " closed the connection, and is called again"
		r.source.waiting.Store(&why)
	}
}

// connected returns the lines of the connection; one that was closed is made again, however long the server does not answer.
func (s *Source) connected(ctx context.Context) (*lines, error) {
	for {
		l, err := s.connect(ctx)
		if err == nil {
			s.waiting.Store(nil)
			return l, nil
		}
		why := err.Error()
		s.waiting.Store(&why)
		over, cancel := context.WithTimeout(ctx, s.o.Retry)
		<-over.Done()
		cancel()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// mostRows is how many lines a batch has if nobody says otherwise.
const mostRows = 4096

// cut makes a batch of lines that are there.
func (r *reader) cut(l *lines) connectors.Fetch {
	most, now := mostRows, r.source.o.Now().UnixMicro()
	if r.o.Rows > 0 {
		most = min(most, r.o.Rows)
	}
	values, times := batch.NewBuilder(batch.StringType, r.o.Pool), batch.NewBuilder(batch.TimestampType, r.o.Pool)
	n, bytes := 0, int64(0)
	for ; n < most && l.whole > 0 && (n == 0 || r.o.Bytes <= 0 || bytes < r.o.Bytes); n++ {
		line := l.next()
		bytes += int64(len(line))
		if utf8.Valid(line) {
			values.Bytes(line)
		} else {
			values.Bytes(appendValid(nil, line))
		}
		times.Int64(now)
	}
	columns := []*batch.Column{values.Finish(), times.Finish()}
	if !r.source.o.IncludeTimestamp {
		columns[1].Release()
		columns = columns[:1]
	}
	for i := range columns {
		if r.o.Columns != nil && (i >= len(r.o.Columns) || !r.o.Columns[i]) {
			columns[i].Release()
			columns[i] = nil
		}
	}
	b := batch.NewBatch(r.source.Schema(), n, columns...)
	if r.o.Origins {
		b.Origin = &batch.Origin{Offset: make([]int64, n)}
		for i := range n {
			b.Origin.Offset[i] = r.at + int64(i)
		}
	}
	r.at += int64(n)
	r.source.read.Store(r.at)
	return connectors.Fetch{Split: split, Batch: b, After: position(r.at)}
}

// appendValid appends text with U+FFFD for each byte that is no UTF-8.
func appendValid(dst, text []byte) []byte {
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		dst, text = utf8.AppendRune(dst, c), text[size:]
	}
	return dst
}

// Close ends the reader; the connection is the source's.
func (r *reader) Close() error { return nil }
