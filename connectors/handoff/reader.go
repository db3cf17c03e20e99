package handoff

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// reader reads the history until each of its splits is at its end, then the live source.
type reader struct {
	s       *Source
	o       connectors.OpenOptions
	at      parted
	history connectors.Reader
	left    map[connectors.SplitID]bool // of the history, that are not at their end

	mu     sync.Mutex
	live   connectors.Reader           // nil: not opened yet
	paused map[connectors.SplitID]bool // of the live source, before it is opened
}

// Open begins reading the history; the live source is opened behind it.
func (s *Source) Open(ctx context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	p, err := part(at)
	if err != nil {
		return nil, err
	}
	r := &reader{s: s, o: o, at: p, left: map[connectors.SplitID]bool{}, paused: map[connectors.SplitID]bool{}}
	for id := range p.history {
		r.left[id] = true
	}
	of := o
	of.Columns = make([]bool, len(s.history.Schema().Fields))
	for i, from := range s.columns {
		if from >= 0 && (o.Columns == nil || i < len(o.Columns) && o.Columns[i]) {
			of.Columns[from] = true
		}
	}
	if len(p.history) > 0 {
		if r.history, err = s.history.Open(ctx, p.history, of); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Next delivers rows of the history, then of the live source.
func (r *reader) Next(ctx context.Context) (connectors.Fetch, error) {
	for len(r.left) > 0 {
		f, err := r.history.Next(ctx)
		if errors.Is(err, io.EOF) {
			clear(r.left)
			break
		}
		if err != nil {
			return f, err
		}
		if f.Last {
			delete(r.left, f.Split)
		}
		f.Batch = r.s.as(f.Batch, r.o)
		return marked(f, ofHistory), nil
	}
	live, err := r.begin(ctx)
	if err != nil {
		return connectors.Fetch{}, err
	}
	f, err := live.Next(ctx)
	if err != nil {
		return f, err
	}
	return marked(f, ofLive), nil
}

// begin opens the live source when it is needed.
func (r *reader) begin(ctx context.Context) (connectors.Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live != nil {
		return r.live, nil
	}
	live, err := r.s.live.Open(ctx, r.at.live, r.o)
	if err != nil {
		return nil, err
	}
	for id := range r.paused {
		live.Pause(id)
	}
	r.live = live
	return live, nil
}

func marked(f connectors.Fetch, mark string) connectors.Fetch {
	f.Split, f.After = connectors.SplitID(mark)+f.Split, connectors.Position(mark)+f.After
	if f.End != "" {
		f.End = connectors.Position(mark) + f.End
	}
	return f
}

// as turns a batch of the history, which it takes over, into one with the columns of the live source.
func (s *Source) as(b *batch.Batch, o connectors.OpenOptions) *batch.Batch {
	fields := s.Schema().Fields
	out := *b
	out.Schema, out.Columns = s.Schema(), make([]*batch.Column, len(fields))
	for i, from := range s.columns {
		switch {
		case o.Columns != nil && (i >= len(o.Columns) || !o.Columns[i]):
		case from < 0:
			nulls := batch.NewBuilder(fields[i].Type, o.Pool)
			for range b.N {
				nulls.Null()
			}
			out.Columns[i] = nulls.Finish()
		case b.Columns[from] != nil:
			out.Columns[i] = as(b.Columns[from], fields[i].Type, o.Pool)
		}
	}
	return &out
}

// as returns a column as one of another type of the same bytes; it takes c over.
func as(c *batch.Column, t batch.Type, p *batch.Pool) *batch.Column {
	if c.Type.Equal(t) {
		return c
	}
	flat := c.Flat(p)
	c.Release()
	same := batch.Slice(p, flat, 0, flat.N) // over the same buffers, and nobody else's yet
	flat.Release()
	same.Type = t
	return same
}

// Pause stops delivery of the split.
func (r *reader) Pause(id connectors.SplitID) { r.pause(id, true) }

// Resume lets the split go on.
func (r *reader) Resume(id connectors.SplitID) { r.pause(id, false) }

func (r *reader) pause(id connectors.SplitID, pause bool) {
	source, name := r.s.of(connectors.Position(id))
	to, split := r.history, connectors.SplitID(name)
	if source == r.s.live {
		r.mu.Lock()
		defer r.mu.Unlock()
		if to = r.live; to == nil {
			r.paused[split] = true
			if !pause {
				delete(r.paused, split)
			}
			return
		}
	}
	if to == nil {
		return
	}
	if pause {
		to.Pause(split)
	} else {
		to.Resume(split)
	}
}

// Close closes what was opened.
func (r *reader) Close() error {
	var err error
	if r.history != nil {
		err = r.history.Close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live != nil {
		err = errors.Join(err, r.live.Close())
	}
	return err
}
