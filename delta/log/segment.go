package log

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// Segment is what a version is made of: a checkpoint, perhaps, and the commits after it.
type Segment struct {
	Version    int64
	Checkpoint []Object // the one file, or the parts in order, of a checkpoint; empty: none
	Commits    []Object // ascending; without a gap unless reconciled files bridge it
	Checksum   int64    // the newest version at or after the checkpoint that has a checksum, with all commits from it on; -1: none

	replay []Object // what is read for Commits, ascending: some of them may come reconciled in one file
}

// CheckpointVersion returns the checkpoint's version, -1 if there is none.
func (s *Segment) CheckpointVersion() int64 {
	if len(s.Checkpoint) == 0 {
		return -1
	}
	return s.Checkpoint[0].Version
}

// Bytes returns the size of the commits.
func (s *Segment) Bytes() int64 {
	var n int64
	for _, c := range s.Commits {
		n += c.Size
	}
	return n
}

// hint is what _last_checkpoint says.
type hint struct {
	version int64 // 0 if there is no hint
	there   bool
}

// hint reads _last_checkpoint. Whatever is wrong with it, it is only a hint: the listing decides.
func (l *Log) hint(ctx context.Context) (hint, error) {
	text, err := l.Store.Get(ctx, HintName, 1<<20)
	if err != nil {
		return hint{}, ctx.Err()
	}
	h, s := hint{there: true}, &scanner{data: text}
	if err := s.object(func(key []byte) error {
		if string(key) == "version" {
			return s.intTo(&h.version)
		}
		return s.skip()
	}); err != nil || h.version < 0 {
		return hint{}, nil
	}
	return h, nil
}

// Segment finds what the version is made of; -1 is the newest. Files of the names in broken are passed over.
func (l *Log) Segment(ctx context.Context, version int64, broken map[string]bool) (*Segment, error) {
	hinted, err := l.hint(ctx)
	if err != nil {
		return nil, err
	}
	from := hinted.version
	if version >= 0 && from > version {
		from = 0
	}
	for {
		found, err := l.list(ctx, from)
		if err != nil {
			return nil, err
		}
		seg, err := l.segment(found, version, broken)
		if err == nil && (from == 0 || len(seg.Checkpoint) > 0) {
			return seg, nil
		}
		if from == 0 {
			return nil, err
		}
		from = 0 // the hint was stale, or its checkpoint is broken
	}
}

func (l *Log) segment(found *listing, version int64, broken map[string]bool) (*Segment, error) {
	switch newest := found.newest(); {
	case newest < 0:
		return nil, l.noTable()
	case version > newest:
		return nil, l.failure(ClassVersionNotFound, "version %d does not exist; the newest is %d", version, newest)
	case version < 0:
		version = newest
	}
	seg := &Segment{Version: version, Checkpoint: found.base(version, broken), Checksum: -1}
	base := seg.CheckpointVersion()
	for _, c := range found.commits {
		if c.Version > base && c.Version <= version {
			seg.Commits = append(seg.Commits, c)
		}
	}
	if next := seg.choose(found.compacted, broken); next <= version {
		if next == 0 {
			return nil, l.truncated(version, found.oldest())
		}
		to := version + 1
		for _, c := range seg.Commits {
			if c.Version > next {
				to = c.Version
				break
			}
		}
		return nil, l.gap(next, to)
	}
	seg.Checksum = seg.checksum(found)
	return seg, nil
}

// checksum returns the newest version with a checksum that a head can begin with.
func (s *Segment) checksum(found *listing) int64 {
	whole := s.Version + 1 // the commits from it on are all there
	for i := len(s.Commits) - 1; i >= 0 && s.Commits[i].Version == whole-1; i-- {
		whole--
	}
	if base := s.CheckpointVersion(); whole == base+1 {
		if _, there := slices.BinarySearchFunc(found.commits, base, func(o Object, v int64) int { return cmp.Compare(o.Version, v) }); there {
			whole = base
		}
	}
	for i := len(found.checksums) - 1; i >= 0; i-- {
		if v := found.checksums[i]; v <= s.Version {
			if v >= whole {
				return v
			}
			break
		}
	}
	return -1
}

// base returns the newest checkpoint that is not after the version, nil if there is none.
func (f *listing) base(version int64, broken map[string]bool) []Object {
	var base []Object
	for v, all := range f.checkpoints {
		if v > version || len(base) > 0 && v <= base[0].Version {
			continue
		}
	candidates:
		for _, parts := range all {
			for _, p := range parts {
				if broken[p.Name] {
					continue candidates
				}
			}
			base = parts
			break
		}
	}
	return base
}

// choose fills in what is read: of the reconciled files the longest at each place, where one is. It returns the first
// version of which there is neither, or the one after the segment's.
func (s *Segment) choose(compacted []Object, broken map[string]bool) int64 {
	next, commits := s.CheckpointVersion()+1, s.Commits
	for next <= s.Version {
		for len(commits) > 0 && commits[0].Version < next {
			commits = commits[1:]
		}
		for len(compacted) > 0 && compacted[0].from < next {
			compacted = compacted[1:]
		}
		best := Object{Version: -1}
		if len(commits) > 0 && commits[0].Version == next {
			best = commits[0]
		}
		for _, c := range compacted {
			if c.from != next {
				break
			}
			if c.Version <= s.Version && c.Version > best.Version && !broken[c.Name] {
				best = c
			}
		}
		if best.Version < 0 {
			return next
		}
		s.replay = append(s.replay, best)
		next = best.Version + 1
	}
	return next
}

func (l *Log) noTable() error {
	f := l.failure(ClassNotFound, "there is no Delta table: %s holds no commit", Dir)
	f.Hint = "look at the path: it is that of the folder which holds " + Dir
	return f
}

// gap explains commits that are not there.
func (l *Log) gap(from, to int64) error {
	return l.failure(ClassNotContiguous, "versions %d to %d are missing from the log", from, to-1)
}

// truncated explains why a version cannot be read of a log that does not begin with version 0.
func (l *Log) truncated(version, oldest int64) error {
	if oldest > version {
		return l.failure(ClassTruncated, "version %d can no longer be read: the log begins at version %d", version, oldest)
	}
	return l.failure(ClassTruncated, "the log begins at version %d and has no checkpoint to start from, so version %d cannot be read", oldest, version)
}

// brokenError says that a checkpoint, or a file of reconciled commits, could not be read. An older
// one, or the commits alone, may do.
type brokenError struct {
	name string // of the object to be passed over
	err  error
}

func (e *brokenError) Error() string { return e.name + ": " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// Load calls use with the segment of the version (-1: the newest), and again
// with another one if use met a broken checkpoint. use must begin anew then.
func (l *Log) Load(ctx context.Context, version int64, use func(*Segment) error) error {
	var first error
	broken := map[string]bool{}
	for {
		seg, err := l.Segment(ctx, version, broken)
		if err == nil {
			err = use(seg)
		} else if first != nil {
			return l.brokenFailure(first)
		}
		var bad *brokenError
		if !errors.As(err, &bad) || ctx.Err() != nil || broken[bad.name] {
			return err
		}
		if first == nil {
			first = err
		}
		broken[bad.name] = true
	}
}

func (l *Log) brokenFailure(err error) error {
	g := l.failure(ClassBroken, "a checkpoint cannot be read and the log does not reach back to do without: %s", err)
	g.Cause = err
	return g
}
