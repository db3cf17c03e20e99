package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/deltaic/deltaic/objstore"
)

// Create collects the object's first part; what is not longer is put by one request when the writer is closed.
func (s *Store) Create(ctx context.Context, name string) (objstore.Writer, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	return &writer{s: s, ctx: ctx, name: name}, nil
}

// writer is an object in the making: at most two parts are in memory, one being filled and one on its way.
type writer struct {
	s    *Store
	ctx  context.Context
	name string
	tag  string

	part   []byte // being filled
	spare  []byte // the other part's memory, while none is on its way
	upload Upload // nil: no part is full yet
	parts  int
	join   func() error // waits for the part on its way; nil: none
	err    error        // of a part: the upload is lost
	done   bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, fs.ErrClosed
	}
	n := 0
	for len(p) > 0 {
		if len(w.part) == w.s.o.PartSize {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
		k := min(len(p), w.s.o.PartSize-len(w.part))
		w.part = append(w.part, p[:k]...)
		n, p = n+k, p[k:]
	}
	return n, nil
}

// flush sends the part and goes on with the other one's memory.
func (w *writer) flush() error {
	if err := w.begin(); err != nil {
		return err
	}
	if err := w.land(); err != nil {
		return err
	}
	w.parts++
	n, data := w.parts, w.part
	w.join = w.s.o.Beside(func() error {
		return w.s.send(w.ctx, "upload a part of", w.name, len(data), func(ctx context.Context) error { return w.upload.Part(ctx, n, data) })
	})
	w.part, w.spare = w.spare[:0], data
	return nil
}

// begin begins the upload with the first part.
func (w *writer) begin() error {
	if w.upload != nil || w.err != nil {
		return w.err
	}
	if w.err = w.s.proven(w.ctx); w.err != nil {
		return w.err
	}
	w.tag = w.s.o.Tag()
	w.err = w.s.send(w.ctx, "begin to upload", w.name, 0, func(ctx context.Context) (err error) {
		w.upload, err = w.s.client.Begin(ctx, w.s.key(w.name), w.tag)
		return err
	})
	return w.err
}

// land waits for the part on its way.
func (w *writer) land() error {
	if w.join != nil {
		err := w.join()
		w.join = nil
		if w.err == nil {
			w.err = err
		}
		if errors.Is(w.err, objstore.ErrNotFound) {
			w.err = fmt.Errorf("%s: the upload was ended by another: %w", w.s.at(w.name), fs.ErrClosed)
		}
	}
	return w.err
}

func (w *writer) Close() error {
	if w.done {
		return fs.ErrClosed
	}
	w.done = true
	if w.upload == nil {
		if w.err != nil {
			return w.err
		}
		return w.s.create(w.ctx, w.name, w.part)
	}
	err := w.complete()
	if err != nil && !errors.Is(err, objstore.ErrUnknown) {
		err = errors.Join(err, w.abort())
	}
	w.part, w.spare = nil, nil
	return err
}

func (w *writer) complete() error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.land(); err != nil {
		return err
	}
	// A service may know conditions on a put and pass over them here: the look closes all but a moment of that.
	switch _, err := w.s.head(w.ctx, w.name); {
	case err == nil:
		return fmt.Errorf("%s: %w", w.s.at(w.name), objstore.ErrExists)
	case !errors.Is(err, objstore.ErrNotFound):
		return err
	}
	err := w.s.settle(w.ctx, "complete the upload of", w.name, w.tag, 0, w.upload.Complete)
	if errors.Is(err, objstore.ErrNotFound) && !errors.Is(err, objstore.ErrUnknown) {
		if _, err := w.s.head(w.ctx, w.name); err == nil {
			return fmt.Errorf("%s: %w", w.s.at(w.name), objstore.ErrExists)
		}
		return fmt.Errorf("%s: the upload was ended by another: %w", w.s.at(w.name), fs.ErrClosed)
	}
	return err
}

// abort ends the upload, also for a caller whose context has ended.
func (w *writer) abort() error {
	if w.upload == nil {
		return nil
	}
	err := w.s.send(context.WithoutCancel(w.ctx), "abort the upload of", w.name, 0, w.upload.Abort)
	if errors.Is(err, objstore.ErrNotFound) {
		return nil
	}
	return err
}

func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	_ = w.land()
	w.part, w.spare = nil, nil
	return w.abort()
}
