package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Target is where events go.
type Target interface {
	// Send delivers an event, given as JSON. An error wrapped by [Refused] is final, others are tried again.
	Send(ctx context.Context, event []byte) error
	// Close ends what the target keeps open.
	Close() error
}

// Refused says that a target does not take the event, however often it is sent.
func Refused(err error) error { return refused{err} }

type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// Limits of a sender.
const (
	mostQueued = 1000
	tries      = 6
	firstWait  = 500 * time.Millisecond // it doubles: 15 s in all
	oneTry     = 10 * time.Second
)

// Sender carries events to a target, in order, beside those who raise them.
type Sender struct {
	name   string
	target Target
	logger *zap.Logger
	queue  chan Event
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
}

// NewSender begins to send. name is the target's, for the log.
func NewSender(name string, t Target, logger *zap.Logger) *Sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sender{name: name, target: t, logger: logger.With(zap.String("target", name)), queue: make(chan Event, mostQueued), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for e := range s.queue {
			s.send(ctx, e)
		}
	}()
	return s
}

// Tell queues an event and returns at once. One that finds no room is left out, with a line in the log.
func (s *Sender) Tell(e Event) {
	select {
	case s.queue <- e:
	default:
		s.logger.Warn("an alert is not sent: too many wait for the target", zap.String("alert", e.Alert), zap.String("state", e.State))
	}
}

func (s *Sender) send(ctx context.Context, e Event) {
	text, err := json.Marshal(e)
	if err != nil {
		s.logger.Error("an alert cannot be written as JSON", zap.Error(err))
		return
	}
	wait := firstWait
	for try := 1; ; try++ {
		one, cancel := context.WithTimeout(ctx, oneTry)
		err = s.target.Send(one, text)
		cancel()
		if err == nil {
			return
		}
		var r refused
		if errors.As(err, &r) || try == tries || ctx.Err() != nil {
			s.logger.Warn("an alert could not be delivered", zap.String("alert", e.Alert), zap.String("state", e.State), zap.Int("tries", try), zap.Error(err))
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		wait *= 2
	}
}

// Close waits until what was told has been sent, or given up, or ctx ends; nothing is told after it.
func (s *Sender) Close(ctx context.Context) error {
	s.once.Do(func() { close(s.queue) })
	select {
	case <-s.done:
	case <-ctx.Done():
		s.cancel()
		<-s.done
	}
	s.cancel()
	return s.target.Close()
}
