package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Source is the lines that a server sends, at most once. It is one split.
type Source struct {
	o       Options
	waiting atomic.Pointer[string]
	read    atomic.Int64 // lines, since the flow's first start

	mu    sync.Mutex
	lines *lines // kept from one attempt to the next
}

var (
	_ connectors.Source  = (*Source)(nil)
	_ connectors.Waiter  = (*Source)(nil)
	_ connectors.Lagging = (*Source)(nil)
)

const split = connectors.SplitID("socket/0")

// NewSource returns a source. Nobody is called before the flow starts.
func NewSource(o Options) (*Source, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Source{o: o}, nil
}

var (
	plain = batch.NewSchema(batch.Field{Name: "value", Type: batch.StringType, Nullable: true})
	timed = batch.NewSchema(batch.Field{Name: "value", Type: batch.StringType, Nullable: true}, batch.Field{Name: "timestamp", Type: batch.TimestampType, Nullable: true})
)

// Schema returns value, and timestamp if it is asked for.
func (s *Source) Schema() *batch.Schema {
	if s.o.IncludeTimestamp {
		return timed
	}
	return plain
}

// Description is Spark's.
func (s *Source) Description() string {
	return fmt.Sprintf("TextSocketV2[host: %s, port: %d]", s.o.Host, s.o.Port)
}

// Start calls the server, unless it is connected. Lines before a known position are gone.
func (s *Source) Start(ctx context.Context, known connectors.Positions) (connectors.Positions, error) {
	at := s.read.Load() // lines before are gone
	for id, p := range known {
		n, err := strconv.ParseInt(string(p), 10, 64)
		if id != split || err != nil || n < 0 {
			return nil, supervision.New(supervision.Fatal, "SOCKET_INVALID_POSITION", "position %q of split %s is not one of the socket source", p, id)
		}
		at = n
	}
	if _, err := s.connect(ctx); err != nil {
		return nil, err
	}
	return connectors.Positions{split: position(at)}, nil
}

// connect calls the server, unless it is connected.
func (s *Source) connect(ctx context.Context) (*lines, error) {
	if l := s.connection(); l != nil {
		return l, nil
	}
	c, err := s.o.call(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines == nil {
		s.lines = &lines{conn: c}
	} else {
		_ = c.Close() // another call was faster
	}
	return s.lines, nil
}

func (s *Source) connection() *lines {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}

func position(n int64) connectors.Position { return connectors.Position(strconv.FormatInt(n, 10)) }

// End returns the position behind the last line that was read: how many are on their way nobody knows.
func (s *Source) End(_ context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	end := connectors.Positions{}
	for _, id := range splits {
		end[id] = position(s.read.Load())
	}
	return end, nil
}

// Open begins reading. A bounded run is refused: it would end before a line is there.
func (s *Source) Open(_ context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	if o.Bounded {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_FEATURE", Message: "a socket has no rows that are there when a run begins, so no run of it can end with them",
			Hint: "use a trigger of processingTime instead of availableNow or once"}
	}
	r := &reader{source: s, o: o, Gate: connectors.NewGate()}
	for id, p := range at {
		n, err := strconv.ParseInt(string(p), 10, 64)
		if id != split || err != nil {
			return nil, supervision.New(supervision.Fatal, "SOCKET_INVALID_POSITION", "position %q of split %s is not one of the socket source", p, id)
		}
		r.at, r.open = n, true
		s.read.Store(n)
	}
	return r, nil
}

// Behind returns the lines between two positions.
func (s *Source) Behind(at, end connectors.Position) int64 {
	a, err := strconv.ParseInt(string(at), 10, 64)
	e, err2 := strconv.ParseInt(string(end), 10, 64)
	if err != nil || err2 != nil {
		return -1
	}
	return max(e-a, 0)
}

// Before returns how many leading rows of the fetch lie before the position.
func (s *Source) Before(f connectors.Fetch, until connectors.Position) int {
	return f.Batch.N - int(min(s.Behind(until, f.After), int64(f.Batch.N)))
}

// Offsets renders the position as Spark's offset, which is that of the last line.
func (s *Source) Offsets(at connectors.Positions) json.RawMessage {
	n, err := strconv.ParseInt(string(at[split]), 10, 64)
	if err != nil {
		return json.RawMessage("null")
	}
	return json.RawMessage(strconv.FormatInt(n-1, 10))
}

// lag is what the source says of itself in progress.
var lag = map[string]string{"deliveryGuarantee": "at-most-once"}

// Lag says that rows come at most once.
func (s *Source) Lag(_, _ connectors.Positions) map[string]string { return maps.Clone(lag) }

// Waiting says that the server is called, "" if it is connected.
func (s *Source) Waiting() string {
	if why := s.waiting.Load(); why != nil {
		return *why
	}
	return ""
}

// Close ends the connection.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines == nil {
		return nil
	}
	err := s.lines.conn.Close()
	s.lines = nil
	return err
}
