package bucket

import (
	"context"
	"errors"
	"io"
	"net/url"
	"time"

	"github.com/deltaic/deltaic/objstore"
)

// Client sends requests to one bucket, one for each call: it neither waits nor repeats, but for what its library needs
// to find credentials. Its errors are [Error], or those of the context. Keys are names from the bucket's root.
type Client interface {
	// URI names the bucket for people, without a slash at its end.
	URI() string
	// Put stores an object as a whole. If absent is set and the key is taken it is refused with Exists.
	Put(ctx context.Context, key string, data []byte, tag string, absent bool) error
	// Get opens what r names of the object. version, if not "", is the one it must have: else Changed.
	// The body ends where the range or the object does.
	Get(ctx context.Context, key string, r Range, version string) (io.ReadCloser, Object, error)
	// Head returns the object's description.
	Head(ctx context.Context, key string) (Object, error)
	// List returns a page of the objects whose key begins with prefix, in ascending order of the keys. A service that
	// can begins after the key after. token is that of the page before.
	List(ctx context.Context, prefix, after, token string) (Page, error)
	// Delete removes the object.
	Delete(ctx context.Context, key string) error
	// Begin begins the upload of an object in parts. Nothing is visible of it.
	Begin(ctx context.Context, key, tag string) (Upload, error)
	// Uploads returns a page of the uploads that were begun and not ended, of keys that begin with prefix.
	Uploads(ctx context.Context, prefix, token string) (UploadPage, error)
	// Abort ends an upload that Uploads has listed.
	Abort(ctx context.Context, key, id string) error
}

// Upload is an object in the making. Calls come one after another.
type Upload interface {
	// Part stores the bytes behind those of the part before. n counts from 1; a part may come again, with the same bytes.
	// All parts but the last are of the store's PartSize.
	Part(ctx context.Context, n int, data []byte) error
	// Complete makes the object visible, if the key is free, else Exists; NotFound: the upload is over.
	Complete(ctx context.Context) error
	// Abort ends the upload; what was stored goes.
	Abort(ctx context.Context) error
}

// Range is a part of an object: the last so many bytes if Last is set, all of it if nothing is, else from From up to,
// not including, To.
type Range struct{ From, To, Last int64 }

// Object describes an object.
type Object struct {
	Key     string
	Size    int64 // of the whole object, whatever the range
	ModTime time.Time
	Version string // what Get pins to
	Tag     string // as it was put with; not in listings
}

// Page is a part of a listing; Next is "" at its end.
type Page struct {
	Objects []Object
	Next    string
}

// UploadPage is a part of a listing of uploads.
type UploadPage struct {
	Uploads []UploadInfo
	Next    string
}

// UploadInfo names an upload.
type UploadInfo struct{ Key, ID string }

// Verdict is what a failure means.
type Verdict uint8

// The verdicts.
const (
	Refused  Verdict = iota // nothing happened and nothing will: no rights, no bucket, a bad request
	NotFound                // the object or the upload is not there
	Exists                  // the condition of a put did not hold
	Changed                 // the object is not the version that was asked for
	Busy                    // nothing happened, later it may: throttled, or a put of another is under way
	Unclear                 // it may have happened: a lost reply, an error of the service
)

// Error is a failure of a request.
type Error struct {
	Verdict Verdict
	Class   string // of Refused, and of what is known better than busy: the failure's class; may be ""
	Hint    string
	Cause   error
}

// Error is the cause's text.
func (e *Error) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports that every failure but an answer about the object is the store's own.
func (e *Error) Is(target error) bool {
	return target == objstore.ErrUnusable && (e.Verdict == Refused || e.Verdict == Busy || e.Verdict == Unclear)
}

// verdictOf returns Refused for errors that are no [Error], nil among them.
func verdictOf(err error) Verdict {
	var e *Error
	if errors.As(err, &e) {
		return e.Verdict
	}
	return Refused
}

// Unsent is the verdict on an error that is no answer of the service: of the network, of a time limit.
// It leaves out the address, whose query may hold a signature.
func Unsent(err error) *Error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &Error{Verdict: Unclear, Cause: err}
}

// ByStatus is the verdict on an HTTP status that says no more than its number.
func ByStatus(status int) Verdict {
	switch {
	case status == 404:
		return NotFound
	case status == 412:
		return Exists
	case status == 409, status == 429:
		return Busy
	case status >= 500, status == 408:
		return Unclear
	}
	return Refused
}
