// Package local keeps objects as files below a folder of a file system.
//
// # Main types
//
// [Store] is an objstore.Store on a Pebble vfs.FS, so that a crashable or
// failing file system can stand below it.
//
// How a write becomes durable: a hidden temporary file in the same folder,
// write, fsync, link(2) to the final name (which fails if the name is there,
// so that of any number of contenders one wins and a torn file is never
// visible), unlink of the temporary name, fsync of the folder. Folders are made as
// needed and fsynced up to the root.
//
// # The caller's duties
//
// The file system must have hard links and an fsync that means it. An error
// that wraps objstore.ErrUndurable must end whatever was going on; it is not retried here.
//
// The package starts no goroutine. Temporary files that killed processes left
// behind are hidden from listings and stay until [Store.Sweep] is called by
// somebody who knows that their writers are gone.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/deltaic/deltaic/objstore"
)

// category labels our writes for Pebble's disk statistics.
const category = vfs.WriteCategoryUnspecified

// Options tune a store. The zero value is right for production.
type Options struct {
	FS     vfs.FS    // nil: the operating system's
	Random io.Reader // names of temporary files; nil: crypto/rand
}

// Store is a folder. It is safe for concurrent use, also by several processes.
type Store struct {
	fs     vfs.FS
	root   string
	unique string // of this store: first part of its temporary names
	count  atomic.Int64
	made   sync.Map // folder -> struct{}: exists and is durable up to the root
}

var (
	_ objstore.Store   = (*Store)(nil)
	_ objstore.Linker  = (*Store)(nil)
	_ objstore.Sweeper = (*Store)(nil)
	_ objstore.Leaver  = (*Store)(nil)
	_ objstore.Placed  = (*Store)(nil)
)

// New returns the store of the folder root, which need not exist yet: the
// first write makes it.
func New(root string, o Options) (*Store, error) {
	if root == "" || strings.IndexByte(root, 0) >= 0 {
		return nil, fmt.Errorf("%w: root %q", objstore.ErrName, root)
	}
	s := &Store{fs: o.FS, root: filepath.Clean(root)}
	if s.fs == nil {
		s.fs = vfs.Default
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, fmt.Errorf("folder %s: %w", root, err)
		}
		s.root = abs
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	var b [8]byte
	if _, err := io.ReadFull(o.Random, b[:]); err != nil {
		return nil, fmt.Errorf("random name for temporary files of %s: %w", root, err)
	}
	s.unique = hex.EncodeToString(b[:])
	return s, nil
}

// URI returns the root as a path.
func (s *Store) URI() string { return s.root }

// place is that of a folder.
type place struct{ root string }

// Place returns the folder, if it is one of the operating system's.
func (s *Store) Place() any {
	if s.fs != vfs.Default {
		return nil
	}
	root := s.root
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	return place{root}
}

func (s *Store) path(name string) string { return s.fs.PathJoin(s.root, filepath.FromSlash(name)) }

// check validates the name and the context of a call.
func check(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return objstore.CheckName(name)
}

// Get returns the object's bytes.
func (s *Store) Get(ctx context.Context, name string, max int64) ([]byte, error) {
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if max > 0 && r.size > max {
		return nil, fmt.Errorf("%s: %d bytes, more than the %d allowed", s.path(name), r.size, max)
	}
	data := make([]byte, r.size)
	if n, err := r.ReadAt(data, 0); err != nil && (n < len(data) || !errors.Is(err, io.EOF)) {
		return nil, fmt.Errorf("read %s: %w", s.path(name), err)
	}
	return data, nil
}

// Open returns a reader of the object's ranges. It costs one file descriptor.
func (s *Store) Open(ctx context.Context, name string) (objstore.Reader, error) {
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *Store) open(ctx context.Context, name string) (*reader, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	f, err := s.fs.Open(s.path(name))
	if err != nil {
		return nil, s.readError("open", name, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%w: it is a folder", objstore.ErrNotFound)
	}
	if err != nil {
		f.Close()
		return nil, s.readError("open", name, err)
	}
	return &reader{File: f, size: info.Size()}, nil
}

// Head returns size and time of the object.
func (s *Store) Head(ctx context.Context, name string) (objstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return objstore.Info{}, err
	}
	info, err := s.fs.Stat(s.path(name))
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%w: it is a folder", objstore.ErrNotFound)
	}
	if err != nil {
		return objstore.Info{}, s.readError("stat", name, err)
	}
	return objstore.Info{Name: name, Size: info.Size(), ModTime: info.ModTime().In(time.UTC)}, nil
}

// readError names the file and translates the operating system's "not there".
func (s *Store) readError(op, name string, err error) error {
	if missing(err) {
		return fmt.Errorf("%s: %w", s.path(name), objstore.ErrNotFound)
	}
	return fmt.Errorf("%s %s: %w", op, s.path(name), err)
}

type reader struct {
	vfs.File
	size int64
}

func (r *reader) Size() int64 { return r.size }
