package bucket

import (
	"context"
	"errors"
	"fmt"

	"github.com/deltaic/deltaic/objstore"
)

// PutIfAbsent puts the object by one request, on the condition that the name is free.
func (s *Store) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	return s.create(ctx, name, data)
}

// create is PutIfAbsent of a name that was checked.
func (s *Store) create(ctx context.Context, name string, data []byte) error {
	if err := s.proven(ctx); err != nil {
		return err
	}
	tag := s.o.Tag()
	return s.settle(ctx, "create", name, tag, len(data), func(ctx context.Context) error {
		return s.client.Put(ctx, s.key(name), data, tag, true)
	})
}

// Put puts the object by one request. An answer that was lost needs no look: the same bytes are put again.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	unclear := false
	err := s.send(ctx, "put", name, len(data), func(ctx context.Context) error {
		err := s.client.Put(ctx, s.key(name), data, s.o.Tag(), false)
		unclear = unclear || doubtful(err)
		return err
	})
	if err != nil && unclear {
		return unknown(err)
	}
	return err
}

// settle makes a conditional write under a tag and finds out what became of it. After a lost reply the same write is
// refused if it was the one that won, so the object that is there is asked for its tag.
func (s *Store) settle(ctx context.Context, what, name, tag string, body int, write func(context.Context) error) error {
	unclear := false
	err := s.send(ctx, what, name, body, func(ctx context.Context) error {
		err := write(ctx)
		unclear = unclear || doubtful(err)
		return err
	})
	switch {
	case err == nil || !unclear:
		return err
	case ctx.Err() != nil:
		return unknown(err)
	}
	there, lookErr := s.head(ctx, name)
	switch {
	case lookErr == nil && there.Tag == tag:
		return nil
	case lookErr == nil && there.Tag != "" && errors.Is(err, objstore.ErrExists):
		return err
	case lookErr != nil && !errors.Is(lookErr, objstore.ErrNotFound):
		err = errors.Join(err, lookErr)
	}
	return unknown(err)
}

// doubtful reports that a request with this outcome may have happened: the service did not say that it did not.
func doubtful(err error) bool {
	if err == nil {
		return false
	}
	var e *Error
	return !errors.As(err, &e) || e.Verdict == Unclear
}

// unknown keeps the cause's text, but not its kind where that would be taken for an answer.
func unknown(err error) error {
	if errors.Is(err, objstore.ErrExists) || errors.Is(err, objstore.ErrNotFound) {
		return fmt.Errorf("%w: %v", objstore.ErrUnknown, err)
	}
	return fmt.Errorf("%w: %w", objstore.ErrUnknown, err)
}
