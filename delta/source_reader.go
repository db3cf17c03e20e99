package delta

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// piecesAhead is how many pieces of a split are read beside each other.
const piecesAhead = 4

// sourceReader delivers pieces one after the other, each split's in its order. Those behind are read ahead: a goroutine a piece,
// which Close waits for.
type sourceReader struct {
	s       *Source
	rows    *sourceRows
	cursors []*sourceCursor // the next to deliver first
	stop    context.CancelFunc
	ctx     context.Context
	work    sync.WaitGroup

	*connectors.Gate // woken too when something may have come
}

// sourceCursor is a split being read.
type sourceCursor struct {
	id    connectors.SplitID
	next  sourcePosition // of the piece to begin reading next
	at    sourcePosition // behind what was delivered
	lanes []*sourceLane  // pieces that are being read, in order
	ended bool           // it was told that no row comes any more
}

// sourceLane is a piece that is being read.
type sourceLane struct {
	from  sourcePosition
	after sourcePosition // behind the piece; its rows are not counted yet
	whole bool           // no epoch ends within its version
	final bool           // it is the last of its version
	ended bool           // no row comes behind it
	found chan sourceFound
}

// sourceFound is a batch of a piece, or an error.
type sourceFound struct {
	b    *batch.Batch
	row  int64 // of the file, behind the batch
	last bool  // of the piece; it may have no rows then
	err  error

	file  string // "": of several
	first int64  // row of the file with which the batch begins
	sel   []int32
}

// Open begins reading at the positions.
func (s *Source) Open(ctx context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	rows, err := s.rowsFor(o)
	if err != nil {
		return nil, err
	}
	if err := s.beginAt(ctx, at); err != nil {
		return nil, err
	}
	r := &sourceReader{s: s, rows: rows, Gate: connectors.NewGate()}
	for id, text := range at {
		if _, err := splitNumber(id); err != nil {
			return nil, err
		}
		p, err := decodePosition(text)
		if err != nil {
			return nil, err
		}
		r.cursors = append(r.cursors, &sourceCursor{id: id, next: p, at: p})
	}
	slices.SortFunc(r.cursors, func(a, b *sourceCursor) int { return len(a.id) - len(b.id) })
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	return r, nil
}

// Next delivers rows of the splits in turn.
func (r *sourceReader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connectors.Fetch{}, err
		}
		r.s.mu.Lock()
		changed := r.s.changed
		r.s.mu.Unlock()
		f, some, err := r.take()
		if some || err != nil {
			return f, err
		}
		if r.waits() {
			if err := r.s.keepUp(ctx); err != nil {
				return connectors.Fetch{}, err
			}
			continue
		}
		if err := r.wrong(); err != nil {
			return connectors.Fetch{}, r.s.ended(ctx, err)
		}
		select {
		case <-ctx.Done():
		case <-r.Changed():
		case <-changed:
		}
	}
}

// waits reports whether a file of the start is not in memory, or the split that reads versions has come to the end of what is planned, and not of what is there, in a run without limits.
func (r *sourceReader) waits() bool {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, c := range r.cursors {
		if _, known := r.s.plannedAt(c.next); r.free() && r.s.start != nil && c.next.starting() && !known {
			return true
		}
	}
	if r.s.limited || r.s.o.StartOnly || r.s.planned > r.s.newest || r.s.broken() {
		return false
	}
	for _, c := range r.cursors {
		if c.id == splitName(0) {
			return c.next.Version >= r.s.planned && len(c.lanes) == 0
		}
	}
	return false
}

// wrong tells why the version that comes next cannot be read, in a run of one epoch. Where epochs have limits it is told with them, once what is before it
// is in the sinks, and so is a change of columns that a schema log is to have.
func (r *sourceReader) wrong() error {
	if !r.rows.o.Whole {
		return nil
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, c := range r.cursors {
		if commit := r.s.commits[c.next.Version]; c.id == splitName(0) && len(c.lanes) == 0 && !c.next.starting() && commit != nil {
			if tracked := (*schemaEnd)(nil); errors.As(commit.err, &tracked) && tracked.head != nil {
				return nil
			}
			return commit.err
		}
	}
	return nil
}

// take returns what the first split has that may be delivered.
func (r *sourceReader) take() (connectors.Fetch, bool, error) {
	for i, c := range r.cursors {
		if r.Paused(c.id) {
			continue
		}
		r.readAhead(c)
		if len(c.lanes) == 0 {
			continue
		}
		select {
		case found := <-c.lanes[0].found:
			if found.err != nil {
				return connectors.Fetch{}, false, found.err
			}
			r.cursors = append(append(r.cursors[:i:i], r.cursors[i+1:]...), c)
			return r.fetch(c, found), true, nil
		default:
		}
	}
	return connectors.Fetch{}, false, nil
}

// fetch is what was found as the engine takes it.
func (r *sourceReader) fetch(c *sourceCursor, found sourceFound) connectors.Fetch {
	lane := c.lanes[0]
	n := int64(found.b.N)
	if r.rows.o.Origins && n > 0 {
		found.b.Origin = &batch.Origin{Offset: make([]int64, n)}
		for i := range n {
			found.b.Origin.Offset[i] = c.at.Rows + i
		}
		r.s.places.add(c.id, placedRun{offset: c.at.Rows, rows: n, version: lane.from.Version, file: found.file, first: found.first, sel: found.sel})
	}
	rows := c.at.Rows + n
	if c.at.compare(lane.from) < 0 {
		c.at = lane.from
	}
	if found.last {
		c.at = lane.after
		c.lanes = c.lanes[1:]
	} else {
		c.at.Row = found.row
	}
	c.at.Rows = rows
	r.s.mu.Lock()
	var end connectors.Position
	if c.id == splitName(0) && r.s.planned > r.s.newest {
		end = r.s.end().encode()
	}
	r.s.mu.Unlock()
	return connectors.Fetch{Split: c.id, Batch: found.b, After: c.at.encode(), End: end, Joined: lane.whole && !(found.last && lane.final), Last: lane.ended}
}

// readAhead begins to read the pieces behind those under way.
func (r *sourceReader) readAhead(c *sourceCursor) {
	for len(c.lanes) < piecesAhead {
		p := c.next
		if p.Version > p.First && (c.id != splitName(0) || r.s.o.StartOnly) {
			if !c.ended { // it reads what the table had at first, and no more
				lane := &sourceLane{from: p, after: p, ended: true, found: make(chan sourceFound, 1)}
				lane.found <- sourceFound{b: r.rows.none(), last: true}
				c.ended, c.lanes = true, append(c.lanes, lane)
			}
			return
		}
		r.s.mu.Lock()
		at, known := r.s.plannedAt(p)
		r.note()
		r.s.mu.Unlock()
		if !known {
			return
		}
		if at.piece != nil && at.piece.net != nil && len(c.lanes) > 0 {
			return // what it keeps in mind is much, so no other is read beside it
		}
		lane := &sourceLane{from: p, after: p.following(at.pieces, 0), found: make(chan sourceFound, ahead)}
		lane.whole, lane.final = at.commit.whole, lane.after.Version > p.Version
		c.lanes, c.next = append(c.lanes, lane), lane.after
		if at.piece == nil || at.piece.skip {
			lane.found <- sourceFound{b: r.rows.none(), last: true}
			continue
		}
		r.work.Go(func() { r.read(lane, at.commit, at.piece) })
	}
}

// note notes how far each split has begun to read what the table had at first, where no limits tell it; s.mu is held.
func (r *sourceReader) note() {
	if !r.free() || r.s.start == nil {
		return
	}
	for _, c := range r.cursors {
		if i, err := splitNumber(c.id); err == nil && i < len(r.s.start.next) {
			r.s.start.next[i] = r.s.start.indexOf(c.next)
		}
	}
}

// free reports whether the reader goes on without being told how far.
func (r *sourceReader) free() bool { return r.rows.o.Whole || !r.s.Limited() }

// read reads a piece into its lane. A batch waits for the one behind it, so that the last one is known for what it is.
func (r *sourceReader) read(lane *sourceLane, commit *sourceCommit, p *sourcePiece) {
	var held *sourceFound
	goesOn := r.rows.read(r.ctx, commit, lane.from.Version, p, lane.from.Row, func(f sourceFound) bool {
		if held != nil && !r.put(lane, *held) {
			held = nil
			if f.b != nil {
				f.b.Release()
			}
			return false
		}
		held = &f
		return f.err == nil
	})
	switch {
	case held == nil && !goesOn:
		return
	case held == nil:
		held = &sourceFound{b: r.rows.none()}
	}
	held.last = true
	r.put(lane, *held)
}

// put gives a batch to whoever calls Next, until the reader is closed.
func (r *sourceReader) put(lane *sourceLane, f sourceFound) bool {
	select {
	case lane.found <- f:
	case <-r.ctx.Done():
		if f.b != nil {
			f.b.Release()
		}
		return false
	}
	r.Wake()
	return true
}

// Close ends the reading that is under way and releases what was not delivered.
func (r *sourceReader) Close() error {
	r.stop()
	r.work.Wait()
	for _, c := range r.cursors {
		for _, lane := range c.lanes {
			for len(lane.found) > 0 {
				if f := <-lane.found; f.b != nil {
					f.b.Release()
				}
			}
		}
		c.lanes = nil
	}
	return nil
}
