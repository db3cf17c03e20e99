// Package faulty wraps a store so that any of its durable operations can fail,
// lose its reply, come twice, tear or be the last one, and so that every
// operation can be watched, counted and held up.
//
// [Wrap] makes a [Store]; [Options.Decide] says what becomes of an operation,
// with [At], [From] and [Random] as ready plans; [Options.Hook] is a gate
// before every operation. [Store.Log] lists the durable operations of a run, from
// which a test enumerates crash points.
//
// It is for tests. It keeps no goroutine and no clock; a delay is a hook that waits.
package faulty

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/deltaic/deltaic/objstore"
)

// ErrInjected is the cause of an injected failure.
var ErrInjected = errors.New("injected failure")

// ErrCrashed is what every operation gives once the store has crashed.
var ErrCrashed = errors.New("the process is gone")

// Kind names an operation.
type Kind string

// The operations. Those up to Sync are durable ones: counted, logged and given to Decide.
const (
	PutIfAbsent Kind = "put-if-absent"
	Put         Kind = "put"
	Close       Kind = "close" // of a Writer: its object becomes visible
	Delete      Kind = "delete"
	Link        Kind = "link"
	Sync        Kind = "sync"

	Create Kind = "create"
	Write  Kind = "write"
	Get    Kind = "get"
	Open   Kind = "open"
	Head   Kind = "head"
	List   Kind = "list"
	Sweep  Kind = "sweep"
)

// Op is one durable operation.
type Op struct {
	N    int // of the durable operations, from 1
	Kind Kind
	Name string
}

func (o Op) String() string { return fmt.Sprintf("%d %s %s", o.N, o.Kind, o.Name) }

// Fault is what becomes of a durable operation.
type Fault uint8

// The faults. An operation that is torn or fails leaves nothing visible, since a store
// promises so; what a torn write leaves below the store is tested with a crashable file system.
const (
	None        Fault = iota
	Fail              // nothing happens, and a definite error says so
	LoseRequest       // nothing happens, and ErrUnknown is returned
	LoseReply         // it happens, and ErrUnknown is returned
	Repeat            // it is sent twice, and the second one's answer is returned
	Tear              // half of the bytes are written to the store below and given up; ErrUnknown is returned
	CrashBefore       // nothing happens, and this and every later operation gives ErrCrashed
	CrashAfter        // it happens, and this and every later operation gives ErrCrashed
)

var faultNames = [...]string{"none", "fail", "lose-request", "lose-reply", "repeat", "tear", "crash-before", "crash-after"}

func (f Fault) String() string { return faultNames[f] }

// Options say what happens to operations. Both functions may be called from many
// goroutines and must be safe for that.
type Options struct {
	Decide func(Op) Fault                                          // nil: nothing is ever wrong
	Hook   func(ctx context.Context, kind Kind, name string) error // before every operation, reads too; an error is its result
}

// At returns a plan with one fault, at the n-th durable operation.
func At(n int, f Fault) func(Op) Fault {
	return func(o Op) Fault {
		if o.N == n {
			return f
		}
		return None
	}
}

// Random returns a plan that draws one of the faults for one operation in
// every so many, from the seed and the operation's number alone.
func Random(seed uint64, every int, faults ...Fault) func(Op) Fault {
	return func(o Op) Fault {
		r := rand.New(rand.NewPCG(seed, uint64(o.N)))
		if r.IntN(every) != 0 {
			return None
		}
		return faults[r.IntN(len(faults))]
	}
}

// Store is a store whose operations can go wrong.
type Store struct {
	below objstore.Store
	o     Options

	mu      sync.Mutex
	log     []Op
	fired   map[Fault]int
	crashed bool
}

var (
	_ objstore.Store   = (*Store)(nil)
	_ objstore.Linker  = (*Store)(nil)
	_ objstore.Sweeper = (*Store)(nil)
)

// Wrap returns the store on top of below.
func Wrap(below objstore.Store, o Options) *Store {
	return &Store{below: below, o: o, fired: map[Fault]int{}}
}

// Log returns the durable operations so far, in the order in which they began.
func (s *Store) Log() []Op {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Op(nil), s.log...)
}

// Fired returns how often each fault has happened: a test asserts that what it planned did happen.
func (s *Store) Fired() map[Fault]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[Fault]int{}
	for f, n := range s.fired {
		out[f] = n
	}
	return out
}

// Crash makes every operation from now on give ErrCrashed.
func (s *Store) Crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crashed = true
}

// Crashed reports whether the store has crashed.
func (s *Store) Crashed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crashed
}

// before runs the hook and fails if the store has crashed.
func (s *Store) before(ctx context.Context, kind Kind, name string) error {
	if s.o.Hook != nil {
		if err := s.o.Hook(ctx, kind, name); err != nil {
			return err
		}
	}
	if s.Crashed() {
		return fmt.Errorf("%s %s: %w", kind, name, ErrCrashed)
	}
	return nil
}

// durable runs a durable operation under its fault. half, if not nil, does the torn half of it.
func (s *Store) durable(ctx context.Context, kind Kind, name string, do func() error, half func()) error {
	if err := s.before(ctx, kind, name); err != nil {
		return err
	}
	s.mu.Lock()
	op := Op{len(s.log) + 1, kind, name}
	s.log = append(s.log, op)
	s.mu.Unlock()
	f := None
	if s.o.Decide != nil {
		f = s.o.Decide(op)
	}
	s.mu.Lock()
	s.fired[f]++
	if f == CrashBefore {
		s.crashed = true
	}
	s.mu.Unlock()
	say := func(what error) error { return fmt.Errorf("%s, %s: %w: %w", op, f, what, ErrInjected) }
	switch f {
	case Fail:
		return fmt.Errorf("%s, %s: %w", op, f, ErrInjected)
	case LoseRequest:
		return say(objstore.ErrUnknown)
	case LoseReply:
		if err := do(); err != nil {
			return err
		}
		return say(objstore.ErrUnknown)
	case Repeat:
		_ = do()
		return do()
	case Tear:
		if half != nil {
			half()
		}
		return say(objstore.ErrUnknown)
	case CrashBefore:
		return say(ErrCrashed)
	case CrashAfter:
		_ = do()
		s.Crash()
		return say(ErrCrashed)
	}
	return do()
}

// tear writes half of the bytes to the store below and gives up.
func (s *Store) tear(ctx context.Context, name string, data []byte) {
	if w, err := s.below.Create(ctx, name); err == nil {
		_, _ = w.Write(data[:len(data)/2])
		_ = w.Abort()
	}
}
