// Package memory keeps objects in the process: for tests, examples and flows
// whose output need not outlive it.
//
// [Store] is an objstore.Store. Nothing is durable, Sync does nothing, and
// what was put stays referenced until it is deleted.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/deltaic/deltaic/objstore"
)

// Options tune a store.
type Options struct {
	Name string           // what URI says behind "memory://"
	Now  func() time.Time // objects' times; nil: all objects have the zero time
}

// Store is a sorted list of objects. It is safe for concurrent use.
type Store struct {
	o       Options
	mu      sync.RWMutex
	objects []object // by name
}

type object struct {
	objstore.Info
	data []byte // never changed
}

var (
	_ objstore.Store  = (*Store)(nil)
	_ objstore.Linker = (*Store)(nil)
)

// New returns an empty store.
func New(o Options) *Store { return &Store{o: o} }

// URI returns "memory://" and the name.
func (s *Store) URI() string { return "memory://" + s.o.Name }

// find returns where name is or would be, and whether it is there.
func (s *Store) find(name string) (int, bool) {
	i := sort.Search(len(s.objects), func(i int) bool { return s.objects[i].Name >= name })
	return i, i < len(s.objects) && s.objects[i].Name == name
}

// put stores data, which must not change any more.
func (s *Store) put(ctx context.Context, name string, data []byte, replace bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	o := object{Info: objstore.Info{Name: name, Size: int64(len(data))}, data: data}
	if s.o.Now != nil {
		o.ModTime = s.o.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.find(name)
	switch {
	case found && !replace:
		return fmt.Errorf("%s/%s: %w", s.URI(), name, objstore.ErrExists)
	case found:
		s.objects[i] = o
	default:
		s.objects = append(s.objects, object{})
		copy(s.objects[i+1:], s.objects[i:])
		s.objects[i] = o
	}
	return nil
}

// PutIfAbsent stores a copy of data.
func (s *Store) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	return s.put(ctx, name, bytes.Clone(data), false)
}

// Put stores a copy of data.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	return s.put(ctx, name, bytes.Clone(data), true)
}

func (s *Store) get(ctx context.Context, name string) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	if err := objstore.CheckName(name); err != nil {
		return object{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, found := s.find(name)
	if !found {
		return object{}, fmt.Errorf("%s/%s: %w", s.URI(), name, objstore.ErrNotFound)
	}
	return s.objects[i], nil
}

// Get returns a copy.
func (s *Store) Get(ctx context.Context, name string, max int64) ([]byte, error) {
	o, err := s.get(ctx, name)
	if err != nil {
		return nil, err
	}
	if max > 0 && o.Size > max {
		return nil, fmt.Errorf("%s/%s: %d bytes, more than the %d allowed", s.URI(), name, o.Size, max)
	}
	return bytes.Clone(o.data), nil
}

// Link lets both names share the bytes.
func (s *Store) Link(ctx context.Context, from, to string) error {
	o, err := s.get(ctx, from)
	if err != nil {
		return err
	}
	return s.put(ctx, to, o.data, false)
}

// Head returns size and time of the object.
func (s *Store) Head(ctx context.Context, name string) (objstore.Info, error) {
	o, err := s.get(ctx, name)
	return o.Info, err
}

// Open returns a reader of the object as it is now.
func (s *Store) Open(ctx context.Context, name string) (objstore.Reader, error) {
	o, err := s.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return reader{bytes.NewReader(o.data)}, nil
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

// List calls each on the objects there are when it is called, without a lock.
func (s *Store) List(ctx context.Context, prefix, after string, each func(objstore.Info) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	s.mu.RLock()
	i, _ := s.find(max(prefix, after))
	var infos []objstore.Info
	for ; i < len(s.objects) && strings.HasPrefix(s.objects[i].Name, prefix); i++ {
		if s.objects[i].Name > after {
			infos = append(infos, s.objects[i].Info)
		}
	}
	s.mu.RUnlock()
	for _, info := range infos {
		if !each(info) {
			return nil
		}
	}
	return nil
}

// Delete forgets the object.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, found := s.find(name); found {
		s.objects = append(s.objects[:i], s.objects[i+1:]...)
	}
	return nil
}

// Sync checks its arguments and does nothing else.
func (s *Store) Sync(ctx context.Context, prefix string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return objstore.CheckPrefix(prefix)
}

// Create collects the bytes until Close.
func (s *Store) Create(ctx context.Context, name string) (objstore.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := objstore.CheckName(name); err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, s: s, name: name}, nil
}

type writer struct {
	ctx  context.Context
	s    *Store
	name string
	buf  bytes.Buffer
	done bool
}

var _ io.Writer = (*writer)(nil)

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, fs.ErrClosed
	}
	return w.buf.Write(p)
}

func (w *writer) Close() error {
	if w.done {
		return fs.ErrClosed
	}
	w.done = true
	return w.s.put(w.ctx, w.name, w.buf.Bytes(), false)
}

func (w *writer) Abort() error {
	w.done = true
	return nil
}
