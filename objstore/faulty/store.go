package faulty

import (
	"context"

	"github.com/deltaic/deltaic/objstore"
)

// URI names the store below.
func (s *Store) URI() string { return s.below.URI() }

// PutIfAbsent is a durable operation.
func (s *Store) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	return s.durable(ctx, PutIfAbsent, name, func() error { return s.below.PutIfAbsent(ctx, name, data) },
		func() { s.tear(ctx, name, data) })
}

// Put is a durable operation.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	return s.durable(ctx, Put, name, func() error { return s.below.Put(ctx, name, data) },
		func() { s.tear(ctx, name, data) })
}

// Delete is a durable operation.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.durable(ctx, Delete, name, func() error { return s.below.Delete(ctx, name) }, nil)
}

// Sweep is not a durable operation: what it leaves behind, the next one finds.
func (s *Store) Sweep(ctx context.Context, prefix string, gone func(name string) bool) error {
	if err := s.before(ctx, Sweep, prefix); err != nil {
		return err
	}
	return objstore.Sweep(ctx, s.below, prefix, gone)
}

// Link is a durable operation.
func (s *Store) Link(ctx context.Context, from, to string) error {
	return s.durable(ctx, Link, to, func() error { return objstore.Link(ctx, s.below, from, to) }, nil)
}

// Sync is a durable operation.
func (s *Store) Sync(ctx context.Context, prefix string) error {
	return s.durable(ctx, Sync, prefix, func() error { return s.below.Sync(ctx, prefix) }, nil)
}

// Get passes on.
func (s *Store) Get(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := s.before(ctx, Get, name); err != nil {
		return nil, err
	}
	return s.below.Get(ctx, name, max)
}

// Open passes on.
func (s *Store) Open(ctx context.Context, name string) (objstore.Reader, error) {
	if err := s.before(ctx, Open, name); err != nil {
		return nil, err
	}
	return s.below.Open(ctx, name)
}

// Head passes on.
func (s *Store) Head(ctx context.Context, name string) (objstore.Info, error) {
	if err := s.before(ctx, Head, name); err != nil {
		return objstore.Info{}, err
	}
	return s.below.Head(ctx, name)
}

// List passes on.
func (s *Store) List(ctx context.Context, prefix, after string, each func(objstore.Info) bool) error {
	if err := s.before(ctx, List, prefix); err != nil {
		return err
	}
	return s.below.List(ctx, prefix, after, each)
}

// Create passes on; the Writer's Close is the durable operation.
func (s *Store) Create(ctx context.Context, name string) (objstore.Writer, error) {
	if err := s.before(ctx, Create, name); err != nil {
		return nil, err
	}
	w, err := s.below.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, s: s, name: name, w: w}, nil
}

type writer struct {
	ctx  context.Context
	s    *Store
	name string
	w    objstore.Writer
	done bool
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.s.before(w.ctx, Write, w.name); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

func (w *writer) Close() error {
	first := true
	err := w.s.durable(w.ctx, Close, w.name, func() error {
		if !first { // a repeated request meets the object that it has made
			return objstore.ErrExists
		}
		first, w.done = false, true
		return w.w.Close()
	}, nil)
	if !w.done { // it did not get there: nothing becomes visible
		w.done = true
		_ = w.w.Abort()
	}
	return err
}

func (w *writer) Abort() error {
	w.done = true
	return w.w.Abort()
}
