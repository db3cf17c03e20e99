package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/deltaic/deltaic/objstore"
)

// makeFolder makes dir and every folder above it, durably, once per process.
// Folders that exist are fsynced too: an earlier process may have died between
// making one and its fsync.
func (s *Store) makeFolder(dir string) error {
	if _, ok := s.made.Load(dir); ok {
		return nil
	}
	top := s.root
	for p := s.fs.PathDir(s.root); p != s.fs.PathDir(p); p = s.fs.PathDir(p) {
		if _, err := s.fs.Stat(p); err == nil {
			break
		}
		top = p // p is not there yet: its parent must be fsynced too
	}
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	for p := dir; ; p = s.fs.PathDir(p) {
		parent := s.fs.PathDir(p)
		if parent == p {
			break
		}
		// A parent of the root that we may not open was not made by us.
		if err := s.syncFolder(parent); err != nil && (len(p) > len(s.root) || !errors.Is(err, fs.ErrPermission)) {
			return err
		}
		if p == top || len(p) < len(top) {
			break
		}
	}
	s.made.Store(dir, struct{}{})
	return nil
}

// syncFolder makes the entries of a folder durable.
func (s *Store) syncFolder(dir string) error {
	d, err := s.fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open folder %s for its fsync: %w: %w", dir, objstore.ErrUndurable, err)
	}
	err = d.Sync()
	d.Close()
	if err != nil && !errors.Is(err, syscall.EINVAL) { // EINVAL: a file system whose folders have no fsync
		return fmt.Errorf("fsync of folder %s: %w: %w", dir, objstore.ErrUndurable, err)
	}
	return nil
}

// Sync makes the entries of the folder prefix and of the folders above it durable.
func (s *Store) Sync(ctx context.Context, prefix string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	dir := s.path(strings.TrimSuffix(prefix, "/"))
	if _, err := s.fs.Stat(dir); err != nil {
		if missing(err) {
			return nil
		}
		return fmt.Errorf("stat %s: %w", dir, err)
	}
	for ; ; dir = s.fs.PathDir(dir) {
		if err := s.syncFolder(dir); err != nil {
			return err
		}
		if len(dir) <= len(s.root) {
			return nil
		}
	}
}

// List walks the folders in the order of names.
func (s *Store) List(ctx context.Context, prefix, after string, each func(objstore.Info) bool) error {
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	_, err := s.list(ctx, prefix, after, each)
	return err
}

// list reports whether to go on.
func (s *Store) list(ctx context.Context, prefix, after string, each func(objstore.Info) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	dir := s.path(strings.TrimSuffix(prefix, "/"))
	names, err := s.fs.List(dir)
	if err != nil {
		if missing(err) {
			return true, nil
		}
		return false, fmt.Errorf("list %s: %w", dir, err)
	}
	entries, err := s.entries(prefix, after, names)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		more := true
		if strings.HasSuffix(e.Name, "/") {
			more, err = s.list(ctx, e.Name, after, each)
		} else {
			more = each(e)
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// entries returns what a folder holds beyond after, in the order of full
// names; folders end at "/".
func (s *Store) entries(prefix, after string, names []string) ([]objstore.Info, error) {
	var entries []objstore.Info
	for _, n := range names {
		full := prefix + n
		if n == "" || n[0] == '.' || (full+"/" <= after && !strings.HasPrefix(after, full+"/")) {
			continue // hidden, or before the range whether file or folder
		}
		info, err := s.fs.Stat(s.path(full))
		if missing(err) {
			continue // removed since
		}
		if err != nil {
			return nil, fmt.Errorf("stat %s: %w", s.path(full), err)
		}
		switch {
		case info.IsDir():
			entries = append(entries, objstore.Info{Name: full + "/"})
		case full > after:
			entries = append(entries, objstore.Info{Name: full, Size: info.Size(), ModTime: info.ModTime().In(time.UTC)})
		}
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	return entries, nil
}

// Sweep removes the temporary files that other stores of the folder left behind of objects below prefix for which gone
// reports true. Only a file whose name tells its object's is found: see [tempName].
func (s *Store) Sweep(ctx context.Context, prefix string, gone func(name string) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	dir := s.path(strings.TrimSuffix(prefix, "/"))
	names, err := s.fs.List(dir)
	if err != nil && !missing(err) {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	var failed error
	for _, n := range names {
		path := s.fs.PathJoin(dir, n)
		store, object, temporary := parseTemp(n)
		switch {
		case temporary:
			if store != s.unique && object != "" && gone(prefix+object) {
				if err := s.fs.Remove(path); err != nil && !missing(err) {
					failed = errors.Join(failed, fmt.Errorf("remove %s: %w", path, err))
				}
			}
		case n != "" && n[0] != '.':
			if info, err := s.fs.Stat(path); err == nil && info.IsDir() {
				failed = errors.Join(failed, s.Sweep(ctx, prefix+n+"/", gone))
			}
		}
	}
	return failed
}

// Leftovers names temporary files: those of stores like this one, and hidden ones that end at ".tmp", as Hadoop's do.
func (s *Store) Leftovers(ctx context.Context, prefix string, each func(objstore.Info) bool) error {
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	_, err := s.leftovers(ctx, prefix, each)
	return err
}

// leftovers reports whether to go on.
func (s *Store) leftovers(ctx context.Context, prefix string, each func(objstore.Info) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	dir := s.path(strings.TrimSuffix(prefix, "/"))
	names, err := s.fs.List(dir)
	if err != nil && !missing(err) {
		return false, fmt.Errorf("list %s: %w", dir, err)
	}
	for _, n := range names {
		_, _, temporary := parseTemp(n)
		temporary = temporary || strings.HasPrefix(n, ".") && strings.HasSuffix(n, ".tmp")
		if n == "" || n[0] == '.' && !temporary {
			continue
		}
		info, err := s.fs.Stat(s.fs.PathJoin(dir, n))
		if missing(err) {
			continue // finished since
		}
		if err != nil {
			return false, fmt.Errorf("stat %s: %w", s.fs.PathJoin(dir, n), err)
		}
		more := true
		switch {
		case info.IsDir():
			more, err = s.leftovers(ctx, prefix+n+"/", each)
		case temporary:
			more = each(objstore.Info{Name: prefix + n, Size: info.Size(), ModTime: info.ModTime().In(time.UTC)})
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}
