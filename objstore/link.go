package objstore

import (
	"context"
	"errors"
	"io"
)

// Linker is a store that can give an object a second name without moving its
// bytes. Either name may be deleted later without the other.
type Linker interface {
	// Link makes the object from visible as to, too. As with Create, to is durable when nil is
	// returned, ErrExists is returned if it is there, and ErrUnknown is possible.
	// ErrNotFound: from is not there.
	Link(ctx context.Context, from, to string) error
}

// Link gives the object from a second name in a store of any kind: by its
// [Linker] if it is one, else by a copy.
func Link(ctx context.Context, s Store, from, to string) error {
	if l, ok := s.(Linker); ok {
		return l.Link(ctx, from, to)
	}
	r, err := s.Open(ctx, from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := s.Create(ctx, to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Close()
}
