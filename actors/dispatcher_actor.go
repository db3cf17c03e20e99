package actors

import (
	"runtime"
	"sync"
)

// throughput is how many messages an actor may process before others get a
// turn. Batches take up to a millisecond each.
const throughput = 16

// scheduler is where mailboxes run.
type scheduler interface {
	Schedule(func())
	Throughput() int
	size() int // workers
	close()
}

// dispatcher runs mailboxes on a few workers: no goroutine is started per
// message. Work that finds no room in the queue gets a goroutine of its own, so
// workers that wait for each other cannot lock up.
type dispatcher struct {
	workers int
	work    chan func()
	quit    chan struct{}
	once    sync.Once
	done    sync.WaitGroup
}

func newDispatcher(workers int) *dispatcher {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	d := &dispatcher{workers: workers, work: make(chan func(), 1024), quit: make(chan struct{})}
	for range workers {
		d.done.Add(1)
		go func() {
			defer d.done.Done()
			for {
				select {
				case f := <-d.work:
					f()
				case <-d.quit:
					return
				}
			}
		}()
	}
	return d
}

// Schedule runs f soon.
func (d *dispatcher) Schedule(f func()) {
	select {
	case d.work <- f:
	default:
		go f()
	}
}

// Throughput returns how many messages an actor may process in a turn.
func (d *dispatcher) Throughput() int { return throughput }

func (d *dispatcher) size() int { return d.workers }

// close ends the workers. What is still scheduled by then need not run.
func (d *dispatcher) close() {
	d.once.Do(func() { close(d.quit) })
	d.done.Wait()
}
