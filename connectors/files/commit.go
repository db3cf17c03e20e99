package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// commits is how often an epoch's entry is tried when others write the log too.
const commits = 5

// Commit makes the epoch's files visible, unless the log has the epoch.
func (s *Sink) Commit(ctx context.Context, c connectors.Commit) (connectors.Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := connectors.Committed{Version: -1}
	if s.layout == nil {
		return out, errUnbound
	}
	parts, err := partsOf(c.Prepared)
	if err != nil {
		return out, err
	}
	for try := 1; ; try++ {
		if err := s.load(ctx, c); err != nil {
			return out, err
		}
		if last, ok := s.log.last[app(c.Flow, c.Incarnation)]; ok && c.Epoch <= last {
			out.Repeat = true
			if c.Epoch < last {
				return out, nil
			}
			if err := s.checkShared(ctx, parts); err != nil {
				return out, err
			}
			return out, s.settle(ctx, c, parts)
		}
		done, err := s.commit(ctx, c, parts)
		if err == nil {
			return done, nil
		}
		taken := errors.Is(err, objstore.ErrExists) || errors.Is(err, objstore.ErrUnknown)
		s.log = nil // look again
		if !taken || try == commits {
			return out, err
		}
	}
}

// load makes sure that the log was read.
func (s *Sink) load(ctx context.Context, c connectors.Commit) (err error) {
	if s.log != nil && s.ours == app(c.Flow, c.Incarnation) {
		return nil
	}
	s.ours = app(c.Flow, c.Incarnation)
	if s.log, err = loadLog(ctx, s.store, s.ours, s.extractor != nil); err != nil {
		s.log = nil
		return err
	}
	return s.checkIncarnation(c.Flow, c.Incarnation)
}

func partsOf(prepared []connectors.Prepared) (parts []part, err error) {
	for _, p := range prepared {
		if len(p.Data) == 0 || string(p.Data) == "null" {
			continue
		}
		var d part
		if err := json.Unmarshal(p.Data, &d); err != nil {
			return nil, supervision.New(supervision.Fatal, "DELTAIC_MANIFEST_CORRUPT", "the files of a prepared epoch cannot be read: %w", err)
		}
		parts = append(parts, d)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return a.Share - b.Share })
	return parts, nil
}

// commit links the files, names them in the log, marks partitions and removes the staged names.
func (s *Sink) commit(ctx context.Context, c connectors.Commit, parts []part) (connectors.Committed, error) {
	out := connectors.Committed{Version: -1}
	files := filesOf(parts)
	due, err := s.due(files, least(parts))
	if err != nil || len(files)+len(due) == 0 {
		return out, err
	}
	if err := each(files, func(f written) error { return s.reveal(ctx, f) }); err != nil {
		return out, err
	}
	var lines []line
	add := func(name string, size int64, folder bool) {
		lines = append(lines, line{Path: pathOf(s.store.URI(), name), Size: size, IsDir: folder, ModificationTime: c.Time / 1000, BlockReplication: 1,
			BlockSize: 32 << 20, Action: "add", Flow: c.Flow, Incarnation: c.Incarnation, Epoch: c.Epoch})
	}
	for _, f := range files {
		add(f.Path, f.Bytes, false)
		out.Bytes += f.Bytes
	}
	for _, folder := range due {
		add(strings.TrimSuffix(folder, "/"), 0, true)
	}
	if err := appendLog(ctx, s.store, s.log.next, lines, s.o.Retention); err != nil {
		return out, err
	}
	s.log.next++
	s.log.last[s.ours] = c.Epoch
	s.log.marked = due
	if s.extractor != nil {
		for _, f := range files {
			s.log.pending[folderOf(f.Path)] = true
		}
	}
	for _, folder := range due {
		delete(s.log.pending, folder)
		delete(s.times, folder)
	}
	out.Files = len(files)
	return out, s.settle(ctx, c, parts)
}

func filesOf(parts []part) (files []written) {
	for _, p := range parts {
		files = append(files, p.Files...)
	}
	return files
}

func folderOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// due returns the folders of partitions that the watermark completes: those
// that have files, of this epoch or before, behind their last mark.
func (s *Sink) due(files []written, watermark int64) ([]string, error) {
	if s.extractor == nil || watermark == math.MinInt64 {
		return nil, nil
	}
	waiting := map[string]bool{}
	for _, f := range files {
		waiting[folderOf(f.Path)] = true
	}
	for folder := range s.log.pending {
		waiting[folder] = true
	}
	var due []string
	for _, folder := range sortedKeys(waiting) {
		at, known := s.times[folder]
		if !known {
			var err error
			if at, err = s.extractor.due(folder); err != nil {
				return nil, err
			}
			s.times[folder] = at
		}
		if at <= watermark {
			due = append(due, folder)
		}
	}
	return due, nil
}

// reveal links a staged file to its name. A name that is there already is this
// file's, from a try before: it is made durable.
func (s *Sink) reveal(ctx context.Context, f written) error {
	err := objstore.Link(ctx, s.store, f.Staged, f.Path)
	missing := errors.Is(err, objstore.ErrNotFound)
	if !missing && !errors.Is(err, objstore.ErrExists) {
		return err
	}
	info, e := s.store.Head(ctx, f.Path)
	switch {
	case missing && errors.Is(e, objstore.ErrNotFound):
		lost := supervision.New(supervision.Fatal, "STAGED_FILE_MISSING", "the %d rows of a decided epoch are neither staged nor in their place", f.Rows)
		lost.Path, lost.Cause, lost.Hint = s.store.URI()+"/"+f.Staged, err, "the folder was changed from outside; restore it from a copy"
		return lost
	case e != nil:
		return e
	case info.Size != f.Bytes:
		other := supervision.New(supervision.Fatal, "FILE_NAME_TAKEN", "a file of %d bytes lies where one of %d is to be", info.Size, f.Bytes)
		other.Path = s.store.URI() + "/" + f.Path
		return other
	}
	return s.store.Sync(ctx, folderOf(f.Path))
}

// checkShared refuses a repeat whose files were never linked: the log has the
// epoch from another sink of the flow.
func (s *Sink) checkShared(ctx context.Context, parts []part) error {
	return each(filesOf(parts), func(f written) error {
		if _, err := s.store.Head(ctx, f.Path); !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
		if _, err := s.store.Head(ctx, f.Staged); err != nil {
			return nil // it was seen, and removed from outside since
		}
		other := supervision.New(supervision.Fatal, "FOLDER_OF_ANOTHER_SINK", "another sink of the flow has written this epoch into the folder")
		other.Path, other.Hint = s.path, "give each sink a folder of its own"
		return other
	})
}

// settle does what follows an entry of the log, however often: it marks the
// partitions that the entry completes, and removes the staged names.
func (s *Sink) settle(ctx context.Context, c connectors.Commit, parts []part) error {
	if s.extractor != nil {
		if err := each(s.log.marked, func(folder string) error {
			return s.store.Put(ctx, folder+s.o.PartitionCommit.File, nil)
		}); err != nil {
			return err
		}
	}
	_ = each(filesOf(parts), func(f written) error { return s.store.Delete(ctx, f.Staged) }) // one that stays is collected later
	return s.sweep(ctx, c)
}

// sweep removes, once in an attempt, what attempts before it staged: it has decided an
// epoch, so theirs are done or were never decided.
func (s *Sink) sweep(ctx context.Context, c connectors.Commit) error {
	if s.swept == c.Attempt {
		return nil
	}
	s.swept = c.Attempt
	folder := staging + c.Incarnation + "/"
	earlier := func(name string) bool {
		var attempt int64
		_, err := fmt.Sscanf(strings.TrimPrefix(name, folder), "%d/", &attempt)
		return err == nil && attempt < c.Attempt
	}
	var gone []string
	err := s.store.List(ctx, folder, "", func(i objstore.Info) bool {
		if earlier(i.Name) {
			gone = append(gone, i.Name)
		}
		return true
	})
	_ = each(gone, func(name string) error { return s.store.Delete(ctx, name) })
	_ = objstore.Sweep(ctx, s.store, folder, earlier)
	return err
}

// each calls f for all, some at once, and joins them.
func each[T any](all []T, f func(T) error) error {
	var g errgroup.Group
	g.SetLimit(beside)
	for _, v := range all {
		g.Go(func() error { return f(v) })
	}
	return g.Wait()
}
