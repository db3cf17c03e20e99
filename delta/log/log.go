package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Dir is the folder of the log within the table.
const Dir = "_delta_log/"

// HintName is the file that points at the newest checkpoint, perhaps.
const HintName = Dir + "_last_checkpoint"

// CommitName returns the object's name of a version's commit.
func CommitName(version int64) string { return fmt.Sprintf("%s%020d.json", Dir, version) }

// CheckpointName returns the object's name of a version's classic checkpoint.
func CheckpointName(version int64) string {
	return fmt.Sprintf("%s%020d.checkpoint.parquet", Dir, version)
}

// Log is the log of the table at the root of a store. It is immutable and
// safe for concurrent use.
type Log struct {
	Store  objstore.Store
	Limits Limits
	Pool   *batch.Pool // columns of checkpoints; nil: the garbage collector
}

// Object is a file of the log.
type Object struct {
	Name    string
	Version int64
	Size    int64
	ModTime time.Time
}

// Segment is what a version is made of: a checkpoint, perhaps, and the commits after it.
type Segment struct {
	Version    int64
	Checkpoint []Object // the parts of one classic checkpoint, in order; empty: none
	Commits    []Object // ascending and without a gap
	Last       Object   // the newest commit's file, zero if only its checkpoint is left
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

func (l *Log) failure(class, text string, args ...any) *supervision.Failure {
	f := supervision.New(supervision.Fatal, class, text, args...)
	f.Path = l.Store.URI()
	return f
}

// listing is what lies in the log folder.
type listing struct {
	commits     []Object
	checkpoints map[int64][]Object // complete ones only
	foreign     int64              // newest checkpoint of a form that we do not read, -1: none
}

// list reads the folder from a version on.
func (l *Log) list(ctx context.Context, from int64) (*listing, error) {
	out := &listing{checkpoints: map[int64][]Object{}, foreign: -1}
	parts := map[string][]Object{}
	err := l.Store.List(ctx, Dir, fmt.Sprintf("%s%020d", Dir, from), func(i objstore.Info) bool {
		base := strings.TrimPrefix(i.Name, Dir)
		if len(base) < 21 || base[20] != '.' || strings.Contains(base, "/") {
			return true
		}
		version, err := strconv.ParseInt(base[:20], 10, 64)
		if err != nil || version < 0 {
			return true
		}
		o := Object{i.Name, version, i.Size, i.ModTime}
		switch rest := strings.Split(base[21:], "."); {
		case len(rest) == 1 && rest[0] == "json":
			out.commits = append(out.commits, o)
		case len(rest) == 2 && rest[0] == "checkpoint" && rest[1] == "parquet":
			out.checkpoints[version] = []Object{o}
		case len(rest) == 4 && rest[0] == "checkpoint" && len(rest[1]) == 10 && len(rest[2]) == 10:
			key := base[:20] + rest[2]
			parts[key] = append(parts[key], o)
		case len(rest) == 3 && rest[0] == "checkpoint":
			out.foreign = max(out.foreign, version)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	for key, p := range parts {
		count, err := strconv.Atoi(key[20:])
		if version := p[0].Version; err == nil && count == len(p) && out.checkpoints[version] == nil {
			out.checkpoints[version] = p // listed in the order of the part numbers
		}
	}
	return out, nil
}

// hint returns the version that _last_checkpoint names, 0 if it is missing or broken.
func (l *Log) hint(ctx context.Context) (int64, error) {
	text, err := l.Store.Get(ctx, HintName, 1<<20)
	if err != nil {
		if ctx.Err() != nil {
			return 0, err
		}
		return 0, nil // a hint only: whatever is wrong with it, the listing decides
	}
	version, s := int64(0), &scanner{data: text}
	if err := s.object(func(key []byte) error {
		if string(key) == "version" {
			return s.intTo(&version)
		}
		return s.skip()
	}); err != nil || version < 0 {
		return 0, nil
	}
	return version, nil
}

// Segment finds what the version is made of; -1 is the newest. Checkpoints of
// the versions in broken are passed over.
func (l *Log) Segment(ctx context.Context, version int64, broken map[int64]bool) (*Segment, error) {
	from, err := l.hint(ctx)
	if err != nil {
		return nil, err
	}
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

func (l *Log) segment(found *listing, version int64, broken map[int64]bool) (*Segment, error) {
	newest := int64(-1)
	for v := range found.checkpoints {
		newest = max(newest, v)
	}
	if n := len(found.commits); n > 0 {
		newest = max(newest, found.commits[n-1].Version)
	}
	switch {
	case newest < 0 && found.foreign >= 0:
		return nil, l.v2(found.foreign)
	case newest < 0:
		return nil, l.failure(ClassNotFound, "there is no Delta table: %s holds no commit", Dir)
	case version > newest:
		return nil, l.failure(ClassVersionNotFound, "version %d does not exist; the newest is %d", version, newest)
	case version < 0:
		version = newest
	}
	seg, base := &Segment{Version: version}, int64(-1)
	for v := range found.checkpoints {
		if v <= version && v > base && !broken[v] {
			base = v
		}
	}
	if base >= 0 {
		seg.Checkpoint = found.checkpoints[base]
	}
	next := base + 1
	for _, c := range found.commits {
		if c.Version == version {
			seg.Last = c
		}
		if c.Version <= base || c.Version > version {
			continue
		}
		if c.Version != next {
			return nil, l.gap(found, base, next, c.Version)
		}
		seg.Commits = append(seg.Commits, c)
		next++
	}
	if next != version+1 {
		return nil, l.gap(found, base, next, version+1)
	}
	return seg, nil
}

func (l *Log) v2(version int64) error {
	return l.failure(ClassRead, "version %d of the log is a checkpoint of the second form: cannot read this table: it needs the table feature v2Checkpoint, which is not supported", version)
}

// gap explains commits that are not there.
func (l *Log) gap(found *listing, base, from, to int64) error {
	switch {
	case found.foreign > base:
		return l.v2(found.foreign)
	case from == 0:
		return l.failure(ClassTruncated, "the log begins at version %d and has no checkpoint to start from", to)
	}
	return l.failure(ClassNotContiguous, "versions %d to %d are missing from the log", from, to-1)
}

// checkpointError says that a checkpoint could not be read. An older one, or
// the commits alone, may do.
type checkpointError struct {
	version int64
	name    string
	err     error
}

func (e *checkpointError) Error() string { return e.name + ": " + e.err.Error() }
func (e *checkpointError) Unwrap() error { return e.err }

// Load calls use with the segment of the version (-1: the newest), and again
// with another one if use met a broken checkpoint. use must begin anew then.
func (l *Log) Load(ctx context.Context, version int64, use func(*Segment) error) error {
	var first error
	broken := map[int64]bool{}
	for {
		seg, err := l.Segment(ctx, version, broken)
		if err == nil {
			err = use(seg)
		} else if first != nil {
			return l.brokenFailure(first)
		}
		var bad *checkpointError
		if !errors.As(err, &bad) || ctx.Err() != nil || broken[bad.version] {
			return err
		}
		if first == nil {
			first = err
		}
		broken[bad.version] = true
	}
}

func (l *Log) brokenFailure(err error) error {
	var f *supervision.Failure
	if errors.As(err, &f) && f.Class == ClassRead {
		return err
	}
	g := l.failure(ClassBroken, "a checkpoint cannot be read and the log does not reach back to do without: %s", err)
	g.Cause = err
	return g
}

// Commit reads one version's actions of the wanted kinds. A version that is not there is
// objstore.ErrNotFound.
func (l *Log) Commit(ctx context.Context, version int64, want Kinds, visit func(*Action) error) error {
	name := CommitName(version)
	r, err := l.Store.Open(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	return l.decode(name, version, io.NewSectionReader(r, 0, r.Size()), want, visit)
}

// DecodeCommit is Commit for text that was read already.
func (l *Log) DecodeCommit(version int64, text []byte, want Kinds, visit func(*Action) error) error {
	return l.decode(CommitName(version), version, bytes.NewReader(text), want, visit)
}

func (l *Log) decode(name string, version int64, r io.Reader, want Kinds, visit func(*Action) error) error {
	var mine error
	err := Decode(r, want, l.Limits, func(a *Action) error {
		mine = visit(a)
		return mine
	})
	if err == nil || mine != nil {
		return err
	}
	f := l.failure(ClassBroken, "the commit cannot be read: %s", err)
	f.Path, f.Version, f.Cause = l.Store.URI()+"/"+name, &version, err
	var at *LineError
	if errors.As(err, &at) {
		f.Line, f.Message = at.Line, fmt.Sprintf("the commit cannot be read: %s", at.Err)
	}
	return f
}

// Latest returns the newest version that there is after the known one, by
// listing; known itself if there is none.
func (l *Log) Latest(ctx context.Context, known int64) (int64, error) {
	found, err := l.list(ctx, known)
	if err != nil {
		return known, err
	}
	for v := range found.checkpoints {
		known = max(known, v)
	}
	if n := len(found.commits); n > 0 {
		known = max(known, found.commits[n-1].Version)
	}
	return known, nil
}

// Versions lists the commits that are there, ascending.
func (l *Log) Versions(ctx context.Context) ([]Object, error) {
	found, err := l.list(ctx, 0)
	if err != nil {
		return nil, err
	}
	sort.Slice(found.commits, func(i, j int) bool { return found.commits[i].Version < found.commits[j].Version })
	return found.commits, nil
}
