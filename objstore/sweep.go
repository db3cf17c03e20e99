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

// Leaver is a store that can name what a writer that died has left, and no listing shows.
type Leaver interface {
	// Leftovers calls each for what lies below the folder prefix ("" or with its "/"), in no order, until it returns false. The names
	// are those of the leftovers, which are no objects. What writers are still at work on is among them.
	Leftovers(ctx context.Context, prefix string, each func(Info) bool) error
}

// Leftovers asks a store of any kind: one that is no [Leaver] knows of none.
func Leftovers(ctx context.Context, s Store, prefix string, each func(Info) bool) error {
	if l, ok := s.(Leaver); ok {
		return l.Leftovers(ctx, prefix, each)
	}
	return nil
}
