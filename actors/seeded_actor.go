package actors

import (
	"math/rand/v2"
	"sync"
)

// seeded runs mailboxes on one goroutine, one message a turn, in an order that
// the seed chooses: tests use it to try interleavings that a pool seldom makes.
type seeded struct {
	random *rand.Rand
	done   sync.WaitGroup

	mu     sync.Mutex
	ready  *sync.Cond
	work   []func()
	closed bool
}

func newSeeded(seed uint64) *seeded {
	s := &seeded{random: rand.New(rand.NewPCG(seed, 1))}
	s.ready = sync.NewCond(&s.mu)
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		s.loop()
	}()
	return s
}

func (s *seeded) loop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.work) == 0 && !s.closed {
			s.ready.Wait()
		}
		if s.closed {
			return
		}
		i := s.random.IntN(len(s.work))
		f := s.work[i]
		s.work[i] = s.work[len(s.work)-1]
		s.work = s.work[:len(s.work)-1]
		s.mu.Unlock()
		f()
		s.mu.Lock()
	}
}

// Schedule queues f.
func (s *seeded) Schedule(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.work = append(s.work, f)
	s.ready.Signal()
}

// Throughput is one message: the seed decides after each.
func (s *seeded) Throughput() int { return 1 }

func (s *seeded) size() int { return 2 }

func (s *seeded) close() {
	s.mu.Lock()
	s.closed = true
	s.ready.Signal()
	s.mu.Unlock()
	s.done.Wait()
}
