package delta

import (
	"context"
	"errors"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// sourcePiece is a piece of a version on its way through a stream.
type sourcePiece struct {
	piece
	rows int64 // about how many it has
	only sidesOf
	skip bool          // excluded by its path
	span *timeSpan     // rows of several files in the order of event time, instead of piece
	net  []sourcePiece // of a version, of which rows are left out that both went and came, instead of piece
}

// sidesOf says which rows of a change file are read: a version's changes take all back that they take back, then bring what they bring.
type sidesOf uint8

const (
	allRows sidesOf = iota
	takenBack
	brought
)

// sourceCommit is a version as a stream reads it.
type sourceCommit struct {
	time   int64 // milliseconds since 1970; only of change feeds
	pieces []sourcePiece
	whole  bool  // all of it is read in one epoch
	files  int64 // that count for limits
	bytes  int64
	rows   int64
	err    error // why the stream cannot go on with it
}

// bytesPerRow is how many bytes a row is taken to have in a file whose statistics do not tell its rows.
const bytesPerRow = 16

func newSourcePiece(o *SourceOptions, p piece) sourcePiece {
	s := sourcePiece{piece: p, skip: o.exclude != nil && o.exclude.MatchString(p.add.Path)}
	known := false
	if s.rows, known = log.NumRecords(p.add.Stats); !known {
		s.rows = p.add.Size/bytesPerRow + 1
	}
	if d := p.add.DeletionVector; d != nil {
		s.rows = max(s.rows-d.Cardinality, 0)
	}
	if p.differs {
		s.rows = p.than.Cardinality
	}
	s.add.Stats = "" // of many files it is most of what they take
	return s
}

// timeOf returns the time of a version.
func (s *Source) timeOf(ctx context.Context, version int64, info *log.CommitInfo) (int64, error) {
	l, err := s.table.timeline(ctx)
	if err != nil {
		return 0, err
	}
	if info == nil && version >= l.inCommit {
		if err := s.table.log.Commit(ctx, version, log.KindCommitInfo, func(a *log.Action) error {
			info = a.CommitInfo
			return nil
		}); err != nil {
			return 0, err
		}
	}
	return l.of(ctx, version, info)
}

// extend makes ready what the next epochs may read: files of the start, and versions up to the newest one, as many as the next epochs may read.
func (s *Source) extend(ctx context.Context) error {
	head, err := s.table.Head(ctx)
	if err != nil {
		return err
	}
	if err := s.stillThere(ctx, head); err != nil {
		return err
	}
	s.mu.Lock()
	s.newest = max(s.newest, head.Version)
	before := s.planned
	s.mu.Unlock()
	if err := s.moreToStart(ctx); err != nil {
		return err
	}
	if err := s.plan(ctx, s.farEnough); err != nil {
		return err
	}
	s.mu.Lock()
	more := s.planned > before
	s.mu.Unlock()
	if !more {
		return nil
	}
	return s.stillThere(ctx, head) // it was when they were read
}

// moreToStart reads on what the table had at first.
func (s *Source) moreToStart(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	s.mu.Lock()
	start := s.start
	s.mu.Unlock()
	if start == nil {
		return nil
	}
	return s.moreOf(ctx, start)
}

// keepUp makes ready more files of the start, or a further version, for a reader that has come to the end of what is planned, though more is there:
// in a run without limits nobody else does.
func (s *Source) keepUp(ctx context.Context) error {
	if err := s.moreToStart(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	until := s.planned + 1
	s.mu.Unlock()
	return s.plan(ctx, func() bool { return s.planned >= until || s.broken() })
}

// plan plans versions until it is enough, which is asked with s.mu held.
func (s *Source) plan(ctx context.Context, enough func() bool) error {
	for {
		s.mu.Lock()
		next, mode, done := s.planned, s.mode(), s.planned > s.newest || enough()
		s.mu.Unlock()
		if done {
			return nil
		}
		c, err := s.loadCommit(ctx, next, mode)
		if err != nil {
			return err
		}
		s.mu.Lock()
		if s.planned == next {
			s.commits[next] = c
			s.planned++
			s.signal()
		}
		s.mu.Unlock()
	}
}

// planAhead is how many versions and, per file of a limit, how many files are planned ahead of what the engine has read.
const planAhead = 1000

// farEnough reports whether enough is planned for some epochs; s.mu is held.
func (s *Source) farEnough() bool {
	if s.broken() {
		return true
	}
	if s.atOnce && s.schemas != nil {
		return false // up to where the epoch goes must be known
	}
	files := int64(0)
	for v := s.at.Version; v < s.planned; v++ {
		if c := s.commits[v]; c != nil {
			files += c.files
		}
	}
	return s.planned-s.at.Version > planAhead || files > 4*max(s.o.MaxFiles, defaultMaxFiles)
}

// broken reports whether nothing can be read behind the last version that is planned; s.mu is held.
func (s *Source) broken() bool {
	c := s.commits[s.planned-1]
	return c != nil && c.err != nil
}

// loadCommit reads a version. What is wrong with it for this stream is kept with it: the versions before come first.
func (s *Source) loadCommit(ctx context.Context, version int64, mode sourceMode) (*sourceCommit, error) {
	c, err := s.table.commitChanges(ctx, version, mode != modeRows)
	if errors.Is(err, objstore.ErrNotFound) {
		if s.o.AllowDataLoss {
			return &sourceCommit{}, nil
		}
		return &sourceCommit{err: s.lost(err, version)}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &sourceCommit{}
	if c.described {
		head, err := s.table.log.HeadAt(ctx, version)
		if err != nil {
			return &sourceCommit{err: err}, nil
		}
		if head.Metadata.ID != s.read.Metadata.ID {
			return &sourceCommit{err: s.differentTable(s.read.Metadata.ID, "since that version the table "+head.Metadata.ID)}, nil
		}
		if why := s.readable(head); why != "" {
			return &sourceCommit{err: s.changedSchema(head, why)}, nil
		}
		if mode == modeFeed && !hasFeed(head) {
			f := s.failure(ClassMissingChanges, version, "version %d turned the change feed off, and readChangeFeed is set", version)
			f.Hint = "turn the feed on again and start with a version after that in a new checkpoint location, or leave readChangeFeed out"
			return &sourceCommit{err: f}, nil
		}
	}
	if mode == modeRows {
		s.planRows(out, c)
	} else {
		s.planChanges(out, c, mode)
	}
	if mode == modeFeed && len(out.pieces) > 0 {
		if out.time, err = s.timeOf(ctx, version, c.info); err != nil {
			return nil, err
		}
	}
	for i := range out.pieces {
		if p := &out.pieces[i]; !p.skip {
			out.files, out.bytes, out.rows = out.files+p.files(), out.bytes+p.add.Size, out.rows+p.rows
		}
	}
	return out, nil
}

// planRows makes the pieces of a version of which only rows that never change are read.
func (s *Source) planRows(out *sourceCommit, c *commitChanges) {
	if c.removes > 0 {
		switch {
		case s.o.SkipChangeCommits:
			return
		case s.o.IgnoreChanges:
		case len(c.came) > 0:
			out.err = s.refuseChange("DELTA_SOURCE_TABLE_IGNORE_CHANGES", c, "changed rows",
				"set skipChangeCommits to pass such versions over, or write to a sink in output mode update with keys: then updates and deletes are read as what they are")
			return
		case !s.o.IgnoreDeletes:
			out.err = s.refuseChange("DELTA_SOURCE_IGNORE_DELETE", c, "deleted rows",
				"set ignoreDeletes to pass such versions over, or write to a sink in output mode update with keys: then deletes are read as what they are")
			return
		}
	}
	for i := range c.came { // a file with another deletion vector comes again as any other that was written anew
		out.pieces = append(out.pieces, newSourcePiece(&s.o, piece{kind: pieceInsert, add: c.came[i]}))
	}
}

func (s *Source) refuseChange(class string, c *commitChanges, did, hint string) error {
	operation := "an operation that the log does not name"
	if c.info != nil && c.info.Operation != "" {
		operation = c.info.Operation
	}
	f := s.failure(class, c.version, "version %d (%s) %s, and the stream reads rows that never change", c.version, operation, did)
	f.Hint = hint
	return f
}

// planChanges makes the pieces of a version that is read with all it changed.
func (s *Source) planChanges(out *sourceCommit, c *commitChanges, mode sourceMode) {
	out.whole = c.feed || c.removes > 0
	if !c.feed || mode == modeFeed {
		for _, p := range c.pieces {
			out.pieces = append(out.pieces, newSourcePiece(&s.o, p))
		}
		if mode == modeChanges && s.netRows > 0 {
			out.pieces = newNet(out.pieces)
		}
		return
	}
	for _, only := range []sidesOf{takenBack, brought} {
		for _, p := range c.pieces {
			piece := newSourcePiece(&s.o, p)
			piece.only = only
			out.pieces = append(out.pieces, piece)
		}
	}
}

// lost says that a version is gone.
func (s *Source) lost(err error, version int64) error {
	f := s.failure("DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE", version, "version %d, with which the stream would go on, is gone from the log: %s", version, err)
	f.Hint = "the stream was stopped for longer than delta.logRetentionDuration: begin again with a new checkpoint location, or set failOnDataLoss to false to go on behind what is lost"
	f.Cause = err
	return f
}

// planned is where a position leads.
type planned struct {
	commit *sourceCommit
	piece  *sourcePiece // nil: behind the last one
	pieces int          // of the version
}

// plannedAt returns where a position leads, and whether that is known yet; s.mu is held.
func (s *Source) plannedAt(p sourcePosition) (planned, bool) {
	if p.starting() {
		if s.start == nil {
			return planned{}, false
		}
		at := planned{&sourceCommit{time: s.start.time}, s.start.at(p.Index), s.start.n}
		return at, at.piece != nil || p.Index >= at.pieces
	}
	c, known := s.commits[p.Version]
	if !known || c.err != nil {
		return planned{}, false
	}
	at := planned{commit: c, pieces: len(c.pieces)}
	if p.Index < at.pieces {
		at.piece = &c.pieces[p.Index]
	}
	return at, true
}

// following returns the position behind a piece of those of a version, when rows were read by then.
func (p sourcePosition) following(pieces int, rows int64) sourcePosition {
	index := p.Index + 1
	if p.starting() {
		index = p.Index + p.Splits
	}
	if index >= pieces {
		return p.piece(p.Version+1, 0, rows)
	}
	return p.piece(p.Version, index, rows)
}
