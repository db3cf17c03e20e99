package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// Classes of errors.
const (
	ClassThrottled     = "OBJECT_STORE_THROTTLED"
	ClassUnavailable   = "OBJECT_STORE_UNAVAILABLE"
	ClassDenied        = "OBJECT_STORE_ACCESS_DENIED"
	ClassCredentials   = "OBJECT_STORE_CREDENTIALS"
	ClassNoBucket      = "OBJECT_STORE_BUCKET_NOT_FOUND"
	ClassClock         = "OBJECT_STORE_CLOCK_SKEW"
	ClassRefused       = "OBJECT_STORE_REFUSED"
	ClassUnconditional = "OBJECT_STORE_WITHOUT_CONDITIONAL_PUT"
	ClassUnordered     = "OBJECT_STORE_LISTS_UNORDERED"
	ClassChanged       = "OBJECT_CHANGED"
)

// send makes a request until it is answered for good, and says its error as one of the contract. body is how many
// bytes go or come with it at most.
func (s *Store) send(ctx context.Context, what, name string, body int, request func(context.Context) error) error {
	all, cancel := context.WithTimeout(ctx, s.o.Patience)
	defer cancel()
	limit := s.o.Limit + time.Duration(body)*time.Second/time.Duration(s.o.Slowest)
	pause := s.o.Pause
	for n := 1; ; n++ {
		err := once(all, limit, request)
		if v := verdictOf(err); err == nil || v != Busy && v != Unclear {
			return s.explain(what, name, err)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s %s: %w", what, s.at(name), ctx.Err())
		}
		// Half of the pause is certain, so that a crowd both spreads and grows slower.
		half := float64(pause) / 2
		if n == s.o.Attempts || s.o.Wait(all, time.Duration(half+half*s.o.Jitter())) != nil {
			return s.giveUp(ctx, what, name, n, err)
		}
		pause = min(2*pause, s.o.MaxPause)
	}
}

// once makes one attempt within its limit.
func once(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := request(ctx)
	var known *Error
	if err == nil || errors.As(err, &known) && known.Verdict != Refused {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Verdict: Unclear, Cause: fmt.Errorf("no answer within %s", limit)}
	}
	if known == nil {
		return Unsent(err)
	}
	return err
}

// explain turns what a request was refused with into an error of the contract.
func (s *Store) explain(what, name string, err error) error {
	var e *Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	switch e.Verdict {
	case NotFound:
		return fmt.Errorf("%s: %w", s.at(name), objstore.ErrNotFound)
	case Exists:
		return fmt.Errorf("%s: %w", s.at(name), objstore.ErrExists)
	case Changed:
		return &supervision.Failure{Kind: supervision.Restart, Class: ClassChanged, Path: s.at(name), Message: "the object was replaced while it was read", Cause: e.Cause}
	}
	f := &supervision.Failure{Kind: supervision.Fatal, Class: e.Class, Path: s.at(name), Message: "the object store refuses to " + what + " it", Hint: e.Hint, Cause: e}
	if f.Class == "" {
		f.Class = ClassRefused
	}
	return f
}

// giveUp is the error of a request that got no clear answer in all its attempts.
func (s *Store) giveUp(ctx context.Context, what, name string, attempts int, last error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", what, s.at(name), ctx.Err())
	}
	f := &supervision.Failure{Kind: supervision.Transient, Class: ClassUnavailable, Path: s.at(name),
		Message: fmt.Sprintf("no answer to %d attempts to %s it", attempts, what), Hint: "is the endpoint right, and the service up?", Cause: last}
	if verdictOf(last) == Busy {
		f.Class, f.Hint = ClassThrottled, "fewer and larger requests: a longer trigger interval, fewer partitions, larger files"
		f.Message = fmt.Sprintf("the object store was too busy for %d attempts to %s it", attempts, what)
	}
	var e *Error
	if errors.As(last, &e) && e.Class != "" {
		f.Class, f.Hint = e.Class, e.Hint
	}
	return f
}
