// Package bucket makes an objstore.Store of any cloud's object store.
//
// # Main types
//
// A [Client] sends requests, one for each call, and says of each failure what it means ([Verdict]); the leaves s3, gcs
// and azure are clients, each around one library. A [Store] keeps the contract with them, in one place for all clouds:
//
//   - A put is conditional and carries a tag of its own. If a reply is lost, the put is sent again; when that is
//     refused because the name is taken, the object's tag tells whether it is ours. Only what stays unclear is
//     objstore.ErrUnknown.
//   - Requests have a time limit, and are sent again after a growing, jittered pause while the service is busy or not
//     to be reached, a bounded number of times.
//   - A small object is one put. A larger one is uploaded in parts, one of them on its way while the next is filled, and
//     completed on the condition that the name is free.
//   - Before the first conditional write, one name is put twice. A service that takes both cannot keep the promise
//     that a log entry is written once, and is refused.
//   - A reader is pinned to the version that was opened; its first request brings the size and the object's end, where
//     the formats that are read in ranges keep their footer.
//
// # The caller's duties
//
// None beyond those of objstore.Store. A writer must be closed or aborted: the parts of one that was neither, by a
// process that was killed, are paid for until [Store.Sweep] takes them away, or the bucket's own rule does.
//
// What the package does not do: it caches nothing across readers, starts no goroutine that outlives a call of a writer,
// and reads no environment.
package bucket

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"reflect"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/objstore"
)

// Options tune a store. The zero value is right for production.
type Options struct {
	Prefix   string        // of every key: "" or a name with "/" at its end
	PartSize int           // of uploads, and the largest object that is put by one request, in bytes; services have a least; 0: 8 MiB
	Attempts int           // of one request; 0: 8
	Pause    time.Duration // after the first attempt, doubled after each; 0: 100 ms
	MaxPause time.Duration // 0: 10 s
	Limit    time.Duration // on one attempt, and the time that its body takes at the slowest; 0: 20 s
	Slowest  int           // bytes a second that a body may come or go with; 0: 256 KiB
	Patience time.Duration // on all attempts of a request; 0: 2 min

	Wait   func(ctx context.Context, d time.Duration) error // nil: by the clock
	Jitter func() float64                                   // in [0, 1); nil: random
	Tag    func() string                                    // names never given twice; nil: random
	Beside func(part func() error) (join func() error)      // sends a part beside the caller, or before it returns; nil: in a goroutine
}

const defaultPart = 8 << 20

func (o Options) withDefaults() Options {
	o.PartSize = orDefault(o.PartSize, defaultPart)
	o.Attempts = orDefault(o.Attempts, 8)
	o.Pause = orDefault(o.Pause, 100*time.Millisecond)
	o.MaxPause = orDefault(o.MaxPause, 10*time.Second)
	o.Limit = orDefault(o.Limit, 20*time.Second)
	o.Patience = orDefault(o.Patience, 2*time.Minute)
	o.Slowest = orDefault(o.Slowest, 256<<10)
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Jitter == nil {
		o.Jitter = mathrand.Float64
	}
	if o.Tag == nil {
		o.Tag = rand.Text
	}
	if o.Beside == nil {
		o.Beside = beside
	}
	return o
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// wait returns after d, or with the error of a context that ends before.
func wait(ctx context.Context, d time.Duration) error {
	timer, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-timer.Done()
	return ctx.Err()
}

func beside(part func() error) func() error {
	g := new(errgroup.Group)
	g.Go(part)
	return g.Wait
}

// Store is what lies in a bucket below a prefix. It is safe for concurrent use, also by several processes.
type Store struct {
	client Client
	o      Options
	probe  *probe
}

var (
	_ objstore.Store   = (*Store)(nil)
	_ objstore.Sweeper = (*Store)(nil)
	_ objstore.Placed  = (*Store)(nil)
)

// New returns the store of a prefix of the client's bucket. It sends nothing.
func New(c Client, o Options) (*Store, error) {
	if err := objstore.CheckPrefix(o.Prefix); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if o.PartSize < 1 {
		return nil, fmt.Errorf("a part of %d bytes", o.PartSize)
	}
	return &Store{client: c, o: o, probe: probeOf(c)}, nil
}

// URI returns the bucket's with the prefix, without a slash at its end.
func (s *Store) URI() string { return strings.TrimSuffix(s.client.URI()+"/"+s.o.Prefix, "/") }

// place is that of a prefix as one client comes to it.
type place struct {
	client Client
	prefix string
}

// Place returns client and prefix: stores of one client share its credentials too.
func (s *Store) Place() any {
	if !reflect.TypeOf(s.client).Comparable() {
		return nil
	}
	return place{s.client, s.o.Prefix}
}

func (s *Store) key(name string) string { return s.o.Prefix + name }

// at is the object's name for people.
func (s *Store) at(name string) string { return s.client.URI() + "/" + s.key(name) }

// check validates the name and the context of a call.
func check(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return objstore.CheckName(name)
}

// Head returns size and time of the object.
func (s *Store) Head(ctx context.Context, name string) (objstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return objstore.Info{}, err
	}
	o, err := s.head(ctx, name)
	return objstore.Info{Name: name, Size: o.Size, ModTime: o.ModTime}, err
}

func (s *Store) head(ctx context.Context, name string) (o Object, err error) {
	err = s.send(ctx, "look at", name, 0, func(ctx context.Context) error {
		o, err = s.client.Head(ctx, s.key(name))
		return err
	})
	return o, err
}

// Delete removes the object.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	return s.send(ctx, "delete", name, 0, func(ctx context.Context) error {
		err := s.client.Delete(ctx, s.key(name))
		if verdictOf(err) == NotFound {
			return nil
		}
		return err
	})
}

// Sync has nothing to do: what was put is durable.
func (s *Store) Sync(ctx context.Context, prefix string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return objstore.CheckPrefix(prefix)
}
