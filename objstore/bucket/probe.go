package bucket

import (
	"context"
	"errors"
	"sync"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// probe is what is known of a service: whether it refuses the second of two conditional puts. All stores of one client
// share it. What could not be found out is asked again.
type probe struct {
	mu     sync.Mutex
	proven bool
	never  error
}

// Probed is a client that is probed once however many stores it has.
type Probed struct{ probe probe }

func (p *Probed) probed() *probe { return &p.probe }

func probeOf(c Client) *probe {
	if shared, ok := c.(interface{ probed() *probe }); ok {
		return shared.probed()
	}
	return &probe{}
}

// probeFolder is hidden from everybody who reads tables: its name begins with "_".
const probeFolder = "_deltaic-probe/"

// proven returns an error unless the service has shown that it keeps an object that is there.
func (s *Store) proven(ctx context.Context) error {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	if s.probe.proven || s.probe.never != nil {
		return s.probe.never
	}
	name := probeFolder + s.o.Tag()
	put := func() error {
		tag := s.o.Tag()
		return s.settle(ctx, "create", name, tag, 0, func(ctx context.Context) error {
			return s.client.Put(ctx, s.key(name), []byte("May be deleted: this asks whether the store keeps what is there.\n"), tag, true)
		})
	}
	err := put()
	if err == nil {
		if err = put(); err == nil {
			err = s.unconditional()
			s.probe.never = err
		} else if errors.Is(err, objstore.ErrExists) {
			err = nil
		}
		// An object that stays, because we may write but not delete, does no harm.
		_ = s.Delete(context.WithoutCancel(ctx), name)
	}
	s.probe.proven = err == nil
	return err
}

func (s *Store) unconditional() error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: ClassUnconditional, Path: s.URI(),
		Message: "this object store let two writers create the same object: the second would overwrite a commit of the first",
		Hint:    "use a service that honours If-None-Match: * on PUT (Amazon S3, MinIO, Ceph from Squid on, Cloudflare R2), or a newer version of this one"}
}
