package log

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// logCheck walks through a log, version by version, with the state that the commits come to.
type logCheck struct {
	ctx    context.Context
	l      *Log
	o      CheckOptions
	found  *listing
	newest int64

	// The state of version at; known is false where a commit that it rests on is not there or cannot be read.
	known bool
	at    int64
	head  *headBuilder
	files *FileList

	lastCommit int64  // newest commit that was met; -1: none
	time       *int64 // the in-commit timestamp of the commit before; nil: it has none
	said       string // the last finding about protocol or metadata, which is said once
	hinted     *hintText
	marked     int // findings that are not harmless
}

func (c *logCheck) find(f Finding) error {
	if !f.Harmless {
		c.marked++
	}
	return c.o.Find(f)
}

// broken is find for what an error says, unless that is the store's or the caller's and ends the check.
func (c *logCheck) broken(f Finding, err error) error {
	var mine visitError
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case errors.As(err, &mine):
		return mine.error
	case errors.Is(err, objstore.ErrUnusable):
		return err
	}
	f.Message = fmt.Sprintf(f.Message, reason(err))
	return c.find(f)
}

// reason is what an error says without the place, which the finding has.
func reason(err error) string {
	var f *supervision.Failure
	if !errors.As(err, &f) {
		return err.Error()
	}
	if f.Line > 0 {
		return fmt.Sprintf("line %d: %s", f.Line, f.Message)
	}
	return f.Message
}

func (c *logCheck) run() error {
	if err := c.hint(); err != nil {
		return err
	}
	for _, p := range c.found.incomplete {
		if err := c.find(Finding{Kind: CheckpointCorrupt, Path: p.Name, Version: p.Version,
			Message: "the checkpoint lacks some of its parts", Repair: "delete its parts: readers pass them over"}); err != nil {
			return err
		}
	}
	if len(c.found.commits) > 0 && c.found.commits[0].Version == 0 {
		c.begin(-1)
	}
	for _, v := range c.versions() {
		if err := c.version(v); err != nil {
			return err
		}
	}
	if err := c.hintFits(); err != nil {
		return err
	}
	if c.lastCommit >= 0 && c.lastCommit < c.newest {
		if err := c.gap(c.lastCommit+1, c.newest); err != nil {
			return err
		}
	}
	for _, v := range c.found.checksums {
		if v > c.newest {
			if err := c.find(Finding{Kind: CommitMissing, Path: CommitName(v), Version: v, Message: "the version has a checksum, and no commit"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin makes the state that of an empty table.
func (c *logCheck) begin(at int64) {
	c.known, c.at, c.time = true, at, nil
	c.head = &headBuilder{txns: map[string]Txn{}, domains: map[string]Domain{}}
	c.files = NewFileList()
}

// versions returns those of which there is a commit or a checkpoint, ascending.
func (c *logCheck) versions() []int64 {
	all := map[int64]bool{}
	for _, o := range c.found.commits {
		all[o.Version] = true
	}
	for v := range c.found.checkpoints {
		all[v] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// version checks all that there is of one version.
func (c *logCheck) version(v int64) error {
	commits := c.found.commits
	i, there := slices.BinarySearchFunc(commits, v, func(o Object, v int64) int { return cmp.Compare(o.Version, v) })
	to := v
	if there {
		to = v - 1
	}
	if err := c.bridge(to); err != nil {
		return err
	}
	if there {
		if c.lastCommit >= 0 && v > c.lastCommit+1 {
			if err := c.gap(c.lastCommit+1, v-1); err != nil {
				return err
			}
		}
		c.lastCommit = v
		if err := c.commit(commits[i]); err != nil {
			return err
		}
	}
	for _, parts := range c.found.checkpoints[v] {
		if err := c.checkpoint(v, parts); err != nil {
			return err
		}
	}
	if _, has := slices.BinarySearch(c.found.checksums, v); has {
		if err := c.checksum(v); err != nil {
			return err
		}
	}
	for _, o := range c.found.compacted {
		if o.Version == v {
			if err := c.compacted(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *logCheck) gap(from, to int64) error {
	text := fmt.Sprintf("versions %d to %d are missing from the log: they cannot be read", from, to)
	if from == to {
		text = fmt.Sprintf("version %d is missing from the log: it cannot be read", from)
	}
	return c.find(Finding{Kind: CommitMissing, Path: CommitName(from), Version: from, Message: text})
}

// bridge brings the state to a version by files of reconciled commits where the commits are not there. If it cannot, the
// state is not known.
func (c *logCheck) bridge(to int64) error {
	for c.known && c.at < to {
		var best *Object
		for i := range c.found.compacted {
			if o := &c.found.compacted[i]; o.from == c.at+1 && o.Version <= to && (best == nil || o.Version > best.Version) {
				best = o
			}
		}
		seen := newFileSet()
		if best == nil || c.l.part(c.ctx, best.Name, KindsHead|KindsFiles, func(a *Action) error {
			if (a.Add != nil || a.Remove != nil) && !seen.add(a) {
				return nil // the first word about a file is the last of the commits
			}
			c.told(best.Version, a)
			return c.apply(a)
		}) != nil {
			c.known = false
			return c.ctx.Err()
		}
		c.at, c.time = best.Version, nil
	}
	return nil
}

// apply takes an action into the state.
func (c *logCheck) apply(a *Action) error {
	c.files.apply(a)
	c.files.settle()
	return c.head.apply(a)
}

// told tells whoever wants to know of an action that names a file.
func (c *logCheck) told(version int64, a *Action) {
	if c.o.Action != nil && (a.Add != nil || a.Remove != nil || a.CDC != nil) {
		c.o.Action(version, a)
	}
}

// commit reads a commit, checks what it says, and takes it into the state.
func (c *logCheck) commit(o Object) error {
	rules := newCommitRules()
	err := c.l.Commit(c.ctx, o.Version, KindsAll, func(a *Action) error {
		// Files of deletion vectors, which no add has, are removed when a table gives those up: a vacuum finds them so.
		if c.known && a.Remove != nil && (a.Remove.DataChange || !strings.HasSuffix(a.Remove.Path, ".bin")) && !c.files.has(a) {
			rules.say("it removes file %s, which the version before does not have", a.Remove.Path)
		}
		rules.look(a)
		c.told(o.Version, a)
		if c.known {
			return c.apply(a)
		}
		return nil
	})
	if err != nil {
		c.known, c.time = false, nil
		return c.broken(Finding{Kind: CommitCorrupt, Path: o.Name, Version: o.Version, Message: "the commit cannot be read: %s"}, err)
	}
	c.at = o.Version
	for _, wrong := range rules.wrong {
		if err := c.find(Finding{Kind: CommitInvalid, Path: o.Name, Version: o.Version, Message: wrong}); err != nil {
			return err
		}
	}
	if !c.known {
		c.time = nil
		return nil
	}
	if rules.metadata > 0 || rules.protocol > 0 || o.Version == 0 {
		if err := c.describes(o.Name, o.Version); err != nil {
			return err
		}
	}
	return c.timestamp(o, rules)
}

// result returns the newest version.
func (c *logCheck) result() (*Checked, error) {
	out := &Checked{Version: c.newest}
	if !c.known || c.at != c.newest {
		// The commits do not lead here: what readers see is all there is.
		err := c.l.Load(c.ctx, c.newest, func(seg *Segment) (err error) {
			out.Head, out.Files, err = c.l.Version(c.ctx, seg)
			return err
		})
		if err != nil && (c.marked == 0 || errors.Is(err, objstore.ErrUnusable) || c.ctx.Err() != nil) {
			if class := classOf(err); class != "" {
				err = c.broken(Finding{Kind: class, Version: c.newest, Message: "%s"}, err)
			}
			return out, err
		}
		return out, nil
	}
	out.Files = c.files
	if c.head.protocol == nil || c.head.metadata == nil {
		return out, nil
	}
	h, err := c.head.head(c.l, c.newest)
	if f := (*supervision.Failure)(nil); errors.As(err, &f) && f.Class == ClassRead {
		return out, c.find(Finding{Kind: FeatureUnsupported, Version: c.newest, Message: f.Message})
	}
	if err == nil {
		h.Total = &Total{Files: int64(c.files.Len()), Bytes: c.files.Bytes()}
		out.Head = h
	}
	return out, nil // what else is wrong was said with the commit that made it so
}

// classOf is the kind of finding that a failure to load a table is.
func classOf(err error) FindingKind {
	var f *supervision.Failure
	if !errors.As(err, &f) {
		return ""
	}
	switch f.Class {
	case ClassTruncated, ClassNotContiguous:
		return CommitMissing
	case ClassRead:
		return FeatureUnsupported
	case ClassBroken:
		return CheckpointCorrupt
	}
	return ""
}
