package objstore

import "context"

// Sweeper is a store in which a writer that died leaves something behind that no listing shows: a temporary file, the
// parts of an upload.
type Sweeper interface {
	// Sweep removes what other writers left of objects below the folder prefix ("" or with its "/") that never became
	// visible, where gone says of an object's name that nobody writes it any more. A writer that does so after all
	// fails, and nothing of it becomes visible. What cannot be removed is joined to the error; the rest is removed.
	Sweep(ctx context.Context, prefix string, gone func(name string) bool) error
}

// Sweep sweeps a store of any kind: one that is no [Sweeper] has nothing to remove.
func Sweep(ctx context.Context, s Store, prefix string, gone func(name string) bool) error {
	if w, ok := s.(Sweeper); ok {
		return w.Sweep(ctx, prefix, gone)
	}
	return nil
}
