// Package objstore is the contract of durable bytes under a root: immutable
// named objects with put-if-absent. The leaf packages implement it; objstore/storetest
// is the kit that each must pass.
package objstore

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors that every store returns, wrapped with the name of the object.
var (
	ErrExists   = errors.New("object exists already")
	ErrNotFound = errors.New("object not found")
	// ErrUnknown means that a write may or may not have happened: the caller
	// must look before it writes again.
	ErrUnknown = errors.New("outcome unknown")
	// ErrUnusable means that the store itself failed: it is not reached, is too busy, or takes no request of
	// ours. It says nothing of what lies in it.
	ErrUnusable = errors.New("store not usable")
)

// Info describes an object.
type Info struct {
	Name    string // relative to the store's root, "/" between parts
	Size    int64  // bytes
	ModTime time.Time
}

// Store holds objects by name. Names are relative, use "/" and never contain
// "." or ".." parts or a NUL; a store refuses others. All methods are safe for
// concurrent use. A returned nil error of a writing method means that the
// bytes survive a power cut.
type Store interface {
	// PutIfAbsent creates the object, whole and durable, or returns ErrExists
	// and leaves the present one alone. Of any number of contenders exactly
	// one wins. ErrUnknown is possible.
	PutIfAbsent(ctx context.Context, name string, data []byte) error
	// Put creates or replaces the object as a whole: readers see the old
	// bytes or the new.
	Put(ctx context.Context, name string, data []byte) error
	// Create streams a new object. It is visible and durable when Close has
	// returned nil, and not before; a name that exists is ErrExists at Close at the latest.
	Create(ctx context.Context, name string) (Writer, error)
	// Get returns the whole object. max bounds what is read, in bytes; a larger object is an error. 0: no bound.
	Get(ctx context.Context, name string, max int64) ([]byte, error)
	// Open returns a reader of the object's ranges, and its size.
	Open(ctx context.Context, name string) (Reader, error)
	// Head returns the object's description.
	Head(ctx context.Context, name string) (Info, error)
	// List calls each for every object whose name begins with prefix and is
	// greater than after, in ascending byte order of the names, until each
	// returns false. prefix ends at a "/" or is "".
	List(ctx context.Context, prefix, after string, each func(Info) bool) error
	// Delete removes the object; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Sync makes every creation and removal under prefix durable that an
	// earlier process may have left undurable (local: fsync of the folder).
	Sync(ctx context.Context, prefix string) error
	// URI names the root for people and for logs.
	URI() string
}

// Placed is a store that can say where its objects lie, so that what one reader has learned of them serves the next.
type Placed interface {
	// Place returns a comparable value that is equal for stores of this process that hold the same objects and come to them by the
	// same service with the same credentials; nil: not known.
	Place() any
}

// Writer streams one object.
type Writer interface {
	io.Writer
	// Close makes the object durable and visible.
	Close() error
	// Abort gives up; nothing becomes visible. A no-op after Close.
	Abort() error
}

// Reader reads ranges of one object.
type Reader interface {
	io.ReaderAt
	io.Closer
	// Size is the length of the object in bytes, as it was when it was opened.
	Size() int64
}
