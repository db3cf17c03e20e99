package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
)

// tempPrefix begins the names of temporary files. The dot hides them from
// every listing, ours and Hadoop's.
const tempPrefix = ".tmp-"

// longestName is what file systems take in one name, in bytes.
const longestName = 255

// tempName names a temporary file of the object: ".tmp-", the store, "-", a number, and "-" with the last part of the
// object's name, so that whoever sweeps knows what it was to be. A name too long for that is left out, and never swept.
func (s *Store) tempName(object string) string {
	name := tempPrefix + s.unique + "-" + strconv.FormatInt(s.count.Add(1), 36)
	if len(name)+1+len(object) > longestName {
		return name
	}
	return name + "-" + object
}

// parseTemp reverses tempName.
func parseTemp(name string) (store, object string, ok bool) {
	rest, ok := strings.CutPrefix(name, tempPrefix)
	store, rest, _ = strings.Cut(rest, "-")
	_, object, _ = strings.Cut(rest, "-")
	return store, object, ok
}

// missing reports that a file or one of its folders is not there.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) ||
		err != nil && strings.HasSuffix(err.Error(), "not a directory") // Pebble's in-memory file system has no error value for it
}

// PutIfAbsent writes a temporary file and links it to the name.
func (s *Store) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	w, err := s.create(ctx, name)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort()
		return err
	}
	return w.Close()
}

// Put writes a temporary file and renames it to the name. A checksum file that
// Hadoop keeps beside the name is removed, since it would no longer fit.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	w, err := s.create(ctx, name)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort()
		return err
	}
	return w.replace()
}

// Create opens a temporary file that Close links to the name.
func (s *Store) Create(ctx context.Context, name string) (objstore.Writer, error) {
	w, err := s.create(ctx, name)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// writer is a temporary file on its way to its name.
type writer struct {
	s     *Store
	f     vfs.File // nil: closed or aborted
	dir   string
	temp  string
	final string
	err   error // sticky: after a failed write or fsync nothing becomes visible
}

func (s *Store) create(ctx context.Context, name string) (*writer, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	w := &writer{s: s, final: s.path(name)}
	w.dir = s.fs.PathDir(w.final)
	w.temp = s.fs.PathJoin(w.dir, s.tempName(s.fs.PathBase(w.final)))
	for again := false; ; again = true {
		if err := s.makeFolder(w.dir); err != nil {
			return nil, err
		}
		f, err := s.fs.Create(w.temp, category)
		if err == nil {
			w.f = f
			return w, nil
		}
		if !missing(err) || again {
			return nil, fmt.Errorf("create %s: %w", w.temp, err)
		}
		s.made.Clear() // somebody removed the folder since we made it
	}
}

// Write appends to the temporary file. An error is final.
func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.f == nil {
		return 0, fmt.Errorf("write %s: %w", w.final, fs.ErrClosed)
	}
	n, err := w.f.Write(p)
	if err != nil {
		w.err = fmt.Errorf("write %s: %w", w.final, err)
	}
	return n, w.err
}

// Close makes the file durable and visible.
func (w *writer) Close() error {
	if err := w.seal(); err != nil {
		return err
	}
	linkErr := w.s.fs.Link(w.temp, w.final)
	_ = w.s.fs.Remove(w.temp) // a second name that stays is hidden, and swept later
	switch {
	case linkErr == nil:
	case errors.Is(linkErr, fs.ErrExist):
		return fmt.Errorf("%s: %w", w.final, objstore.ErrExists)
	case definite(linkErr):
		return fmt.Errorf("link %s (its file system must have hard links): %w", w.final, linkErr)
	default:
		return fmt.Errorf("link %s: %w: %w", w.final, objstore.ErrUnknown, linkErr)
	}
	if err := w.s.syncFolder(w.dir); err != nil {
		return err
	}
	return nil
}

// replace is Close for a name that may be there.
func (w *writer) replace() error {
	if err := w.seal(); err != nil {
		return err
	}
	sum := w.s.fs.PathJoin(w.dir, "."+w.s.fs.PathBase(w.final)+".crc")
	if err := w.s.fs.Remove(sum); err != nil && !missing(err) {
		w.s.fs.Remove(w.temp)
		return fmt.Errorf("remove the stale checksum %s: %w", sum, err)
	}
	if err := w.s.fs.Rename(w.temp, w.final); err != nil {
		w.s.fs.Remove(w.temp)
		return fmt.Errorf("rename to %s: %w", w.final, err)
	}
	return w.s.syncFolder(w.dir)
}

// seal makes the temporary file's bytes durable and closes it. After an error
// the file is gone.
func (w *writer) seal() error {
	if w.f == nil {
		return fmt.Errorf("close %s: %w", w.final, fs.ErrClosed)
	}
	if w.err != nil {
		err := w.err
		w.Abort()
		return err
	}
	var err error
	if !mutant.On(mutant.AckBeforeDurable) || !strings.HasPrefix(w.s.fs.PathBase(w.final), "part-") || strings.Contains(w.final, "-c00") {
		err = w.f.Sync()
	}
	if err != nil {
		err = fmt.Errorf("fsync %s: %w: %w", w.temp, objstore.ErrUndurable, err)
	}
	if e := w.f.Close(); err == nil && e != nil {
		err = fmt.Errorf("close %s: %w", w.temp, e)
	}
	w.f = nil
	if err != nil {
		w.s.fs.Remove(w.temp)
	}
	return err
}

// Abort removes the temporary file.
func (w *writer) Abort() error {
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	if e := w.s.fs.Remove(w.temp); err == nil && !missing(e) {
		err = e
	}
	return err
}

// definite reports an error of link(2) that says that nothing was linked.
func definite(err error) bool {
	for _, e := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.ENOSPC, syscall.EROFS, syscall.EMLINK,
		syscall.EDQUOT, syscall.EXDEV, syscall.ENOTSUP, syscall.ENAMETOOLONG} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Delete removes the file and makes that durable.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	path := s.path(name)
	if err := s.fs.Remove(path); err != nil {
		if missing(err) {
			return nil
		}
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return s.syncFolder(s.fs.PathDir(path))
}

// Link makes a second hard link to the file.
func (s *Store) Link(ctx context.Context, from, to string) error {
	if err := check(ctx, from); err != nil {
		return err
	}
	if err := check(ctx, to); err != nil {
		return err
	}
	source, final := s.path(from), s.path(to)
	dir := s.fs.PathDir(final)
	for again := false; ; again = true {
		if err := s.makeFolder(dir); err != nil {
			return err
		}
		err := s.fs.Link(source, final)
		switch {
		case err == nil:
			return s.syncFolder(dir)
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("%s: %w", final, objstore.ErrExists)
		case !missing(err) && definite(err):
			return fmt.Errorf("link %s to %s (their file system must have hard links): %w", source, final, err)
		case !missing(err):
			return fmt.Errorf("link %s to %s: %w: %w", source, final, objstore.ErrUnknown, err)
		}
		if _, statErr := s.fs.Stat(source); missing(statErr) || again {
			return s.readError("link", from, err)
		}
		s.made.Clear() // somebody removed the folder since we made it
	}
}
