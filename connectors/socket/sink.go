package socket

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/supervision"
)

// Sink sends rows to a server as lines of JSON, at least once. It is safe for concurrent use.
type Sink struct {
	o Options

	mu     sync.Mutex
	schema *batch.Schema
	open   map[*writer]struct{}
}

var _ connectors.Sink = (*Sink)(nil)

// NewSink returns a sink. Nobody is called before the flow starts.
func NewSink(o Options) (*Sink, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Sink{o: o, open: map[*writer]struct{}{}}, nil
}

// Description names the server.
func (s *Sink) Description() string {
	return fmt.Sprintf("SocketSink[host: %s, port: %d]", s.o.Host, s.o.Port)
}

// Bind fixes the columns. Rows that were sent cannot be taken back, so there is append mode only.
func (s *Sink) Bind(_ context.Context, schema *batch.Schema, m connectors.OutputMode) error {
	if m != connectors.Append {
		return supervision.New(supervision.Fatal, "UNSUPPORTED_OUTPUT_MODE", "the socket sink takes append, not %s", m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schema = schema
	return nil
}

// Writer calls the server.
func (s *Sink) Writer(ctx context.Context, _ connectors.Share) (connectors.Writer, error) {
	c, err := s.o.call(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &writer{sink: s, conn: c, encoder: json.NewEncoder(s.schema, json.EncodeOptions{})}
	s.open[w] = struct{}{}
	return w, nil
}

// Commit has nothing to do: rows were sent as they came.
func (s *Sink) Commit(context.Context, connectors.Commit) (connectors.Committed, error) {
	return connectors.Committed{Version: -1}, nil
}

// Durable reports true: rows that were sent outlive the process.
func (s *Sink) Durable() bool { return true }

// Close ends the connections.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.open {
		_ = w.conn.Close() // what was sent is on its way; TCP has nothing to say of it
	}
	clear(s.open)
	return nil
}

type writer struct {
	sink    *Sink
	conn    net.Conn
	encoder *json.Encoder
	text    []byte // scratch
	epoch   sent
}

// sent is one epoch's output.
type sent struct{ rows, bytes int64 }

// Write sends the rows, and waits for a server that does not read.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if b.Kinds != nil {
		for i := range b.Rows() {
			if b.Kinds[b.Row(i)] != batch.Insert {
				return supervision.New(supervision.Fatal, "UNSUPPORTED_OUTPUT_MODE", "a row is taken back that was sent to %s", w.sink.o.address())
			}
		}
	}
	w.text = w.encoder.AppendLines(w.text[:0], b)
	_ = w.conn.SetWriteDeadline(time.Time{}) // a connection that takes none has an error for Write too
	stop := context.AfterFunc(ctx, func() { _ = w.conn.SetWriteDeadline(time.Unix(1, 0)) })
	_, err := w.conn.Write(w.text)
	stop()
	if err != nil {
		if gone := ctx.Err(); gone != nil {
			return gone
		}
		return &supervision.Failure{Kind: supervision.Restart, Class: "SOCKET_NOT_CONNECTED", Message: "the connection to the server at " + w.sink.o.address() + " broke: " + err.Error(), Cause: err}
	}
	w.epoch.rows += int64(b.Rows())
	w.epoch.bytes += int64(len(w.text))
	return nil
}

// Seal hands the counts over.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	if w.epoch.rows == 0 {
		return nil, nil
	}
	e := w.epoch
	w.epoch = sent{}
	return e, nil
}

// Abort ends the connection: what was sent stays sent.
func (w *writer) Abort() {
	w.sink.mu.Lock()
	defer w.sink.mu.Unlock()
	delete(w.sink.open, w)
	_ = w.conn.Close() // it may be broken already
	w.epoch = sent{}
}

// Finish has nothing more to make durable than sending was.
func (e sent) Finish(context.Context) (connectors.Prepared, error) {
	return connectors.Prepared{Rows: e.rows, Bytes: e.bytes}, nil
}
