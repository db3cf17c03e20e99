package delta

import (
	"context"
	"errors"
	"math"
	"strconv"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// Start returns where to go on, by the known positions or by the options.
func (s *Source) Start(ctx context.Context, known connectors.Positions) (connectors.Positions, error) {
	first, err := s.first(ctx, known)
	if err != nil {
		return nil, err
	}
	if err := s.beginTracking(ctx, begun(first, known), len(known) > 0); err != nil {
		return nil, err
	}
	out, reading := connectors.Positions{}, false
	var zero sourcePosition
	for i := range first.Splits {
		id := splitName(i)
		p := first
		if text, is := known[id]; is {
			if p, err = decodePosition(text); err != nil {
				return nil, err
			}
			p.Mode, p.Order = first.Mode, first.Order // what it counts is the same in both, or first had refused it
		} else if p.starting() {
			p.Index = i
		} else if i > 0 {
			p.Version = p.First + 1
		}
		out[id], reading = p.encode(), reading || p.starting()
		if i == 0 {
			zero = p
		}
	}
	if err := s.columnsWhere(ctx, zero); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, zero, reading, nextOf(first.Splits, out)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.start != nil { // more splits than files
		for i := s.start.n; i < first.Splits; i++ {
			if _, is := known[splitName(i)]; !is {
				out[splitName(i)] = first.piece(s.start.version+1, 0, 0).encode()
			}
		}
		if s.start.n == 0 {
			if _, is := known[splitName(0)]; !is {
				out[splitName(0)] = first.piece(s.start.version+1, 0, 0).encode()
			}
		}
	}
	s.newest = max(s.newest, s.read.Version)
	s.at, err = decodePosition(out[splitName(0)])
	s.planned = max(s.at.Version, s.at.First+1)
	return out, err
}

// begun returns where the split stands that reads the versions.
func begun(first sourcePosition, known connectors.Positions) sourcePosition {
	if p, err := decodePosition(known[splitName(0)]); err == nil {
		return p
	}
	return first
}

// first returns the position at which the stream begins, or began, with the first file.
func (s *Source) first(ctx context.Context, known connectors.Positions) (sourcePosition, error) {
	s.mu.Lock()
	mode := s.mode()
	s.mu.Unlock()
	begun := sourcePosition{}
	for _, text := range known {
		p, err := decodePosition(text)
		if err != nil {
			return p, err
		}
		if err := s.fits(p, mode); err != nil {
			return p, err
		}
		begun = p
	}
	if len(known) > 0 {
		begun.Mode, begun.Order = mode, s.o.EventTime
		return begun.piece(max(begun.First, 0), 0, 0), nil
	}
	p := sourcePosition{Table: s.read.Metadata.ID, Mode: mode, First: -1, Splits: 1, Order: s.o.EventTime}
	var err error
	if p.Version, err = s.startingVersion(ctx); err != nil || p.Version >= 0 {
		return p, err
	}
	head, err := s.table.Head(ctx)
	if err != nil {
		return p, err
	}
	if s.schemas != nil {
		head = s.read // the log is to begin with what is read first
	}
	p.First, p.Version = head.Version, head.Version
	if mode == modeRows {
		p.Splits = s.o.Splits // changes have an order, and so has a feed
	}
	return p, nil
}

// fits refuses to go on from a position that counts something else than what is read now.
func (s *Source) fits(p sourcePosition, mode sourceMode) error {
	within := p.Index > 0 || p.Row > 0
	switch {
	case p.Table != s.read.Metadata.ID:
		return s.differentTable(p.Table, "the table "+s.read.Metadata.ID)
	case p.Mode != mode && within && !p.starting():
		f := s.failure(ClassSourcePosition, p.Version, "the stream stands in the midst of version %d, which it has read as %s, and now reads it as %s", p.Version, p.Mode, mode)
		f.Hint = "run the flow as it was until it has stopped cleanly, or begin with a new checkpoint location"
		return f
	case p.Order != s.o.EventTime && p.starting() && (within || p.Splits > 1):
		f := s.failure(ClassSourcePosition, p.Version, "the stream is reading what the table had at first in the order of %q, and now it is to be read in the order of %q", p.Order, s.o.EventTime)
		f.Hint = "keep withEventTimeOrder and eventTimeColumn until that is over, or begin with a new checkpoint location"
		return f
	}
	return nil
}

// startingVersion returns the first version of which only changes are read, -1 if the stream begins with all that the table has.
func (s *Source) startingVersion(ctx context.Context) (int64, error) {
	switch {
	case !s.o.StartingTimestamp.IsZero():
		return s.table.VersionFrom(ctx, s.o.StartingTimestamp)
	case s.o.StartingVersion == "":
		return -1, nil
	}
	head, err := s.table.Head(ctx)
	if err != nil {
		return -1, err
	}
	if s.o.StartingVersion == "latest" {
		return head.Version + 1, nil
	}
	version, err := strconv.ParseInt(s.o.StartingVersion, 10, 64)
	if err != nil {
		return -1, err
	}
	_, err = s.table.Store().Head(ctx, log.CommitName(version))
	if version > head.Version || errors.Is(err, objstore.ErrNotFound) {
		f := s.failure(log.ClassVersionNotFound, head.Version, "startingVersion is %d, and there is no commit of that version; the newest is %d", version, head.Version)
		f.Hint = "take a version that the table's history tells"
		return -1, f
	}
	return version, err
}

// begin makes ready for reading from a position on. starting says that there is something to read of what the table had at first: once that is
// over, that version may be gone.
func (s *Source) begin(ctx context.Context, p sourcePosition, starting bool, next []int) error {
	var start *startFiles
	if starting {
		s.mu.Lock()
		start = s.start
		s.mu.Unlock()
		if !s.holds(start, p.First, next) {
			var err error
			if start, err = s.loadStart(ctx, p.First, next); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	if s.start, s.at = start, p; start != nil {
		start.next = next
	}
	s.commits = map[int64]*sourceCommit{}
	s.planned = max(p.Version, p.First+1)
	s.mu.Unlock()
	if s.o.Before == "" || start == nil {
		return nil
	}
	_, err := s.CutAt(ctx)
	return err
}

// nextOf returns with which file of the start each split goes on.
func nextOf(splits int, at connectors.Positions) []int {
	next := make([]int, splits)
	for id, text := range at {
		i, err := splitNumber(id)
		p, err2 := decodePosition(text)
		if err != nil || err2 != nil || i >= splits {
			continue // it is refused when it is opened
		}
		if next[i] = p.Index; !p.starting() {
			next[i] = math.MaxInt
		}
	}
	return next
}

// holds reports whether what is known of the start is of a version, and has the files that splits go on with, or can read on to them.
func (s *Source) holds(f *startFiles, version int64, next []int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == nil || f.version != version {
		return false
	}
	for _, i := range next {
		if i < f.first {
			return false
		}
	}
	return true
}

// beginAt makes ready for reading from positions that Start has not seen.
func (s *Source) beginAt(ctx context.Context, at connectors.Positions) error {
	for _, text := range at {
		p, err := decodePosition(text)
		if err != nil || !p.starting() {
			continue
		}
		s.mu.Lock()
		start := s.start
		s.mu.Unlock()
		if start == nil || start.version != p.First {
			return s.begin(ctx, p, true, nextOf(p.Splits, at))
		}
	}
	return nil
}

// End returns the position behind the newest version.
func (s *Source) End(ctx context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	more := s.extend
	if s.o.StartOnly {
		more = s.moreToStart
	}
	if err := more(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	c := s.commits[s.at.Version]
	s.mu.Unlock()
	if c != nil && c.err != nil {
		return nil, s.ended(ctx, c.err) // all before it is read
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := connectors.Positions{}
	for _, id := range splits {
		i, err := splitNumber(id)
		if err != nil {
			return nil, err
		}
		p := s.at.piece(s.at.First+1, 0, 0)
		if i == 0 {
			p = s.end()
		} else if s.start != nil {
			_, p.Rows, _ = s.start.rest(i, s.at.Splits)
		}
		out[id] = p.encode()
	}
	return out, nil
}

// end returns the end of the split that reads the versions; s.mu is held.
func (s *Source) end() sourcePosition {
	rows, version := s.at.Rows, s.at.Version
	if s.at.starting() {
		_, left, _ := s.start.rest(s.at.Index, s.at.Splits)
		rows, version = rows+left, version+1
	}
	for v := version; v < s.planned; v++ {
		if c := s.commits[v]; c != nil {
			rows += c.rows
		}
	}
	newest := max(s.newest+1, version)
	if s.o.StartOnly {
		newest = version
	} else if s.atOnce && s.schemas != nil && s.broken() {
		newest = max(s.planned-1, version) // where the columns change
	}
	return s.at.piece(newest, 0, rows+max(newest-max(s.planned, version), 0))
}
