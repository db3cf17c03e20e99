package node

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
)

// signalled is the exit code of the first signal, 0 before it.
type signalled struct{ code atomic.Int32 }

// exitCode returns 130 for an interrupt and 143 for a request to end.
func exitCode(s os.Signal) int {
	if s == syscall.SIGTERM {
		return 143
	}
	return 130
}

// watch ends p.stopping at the first signal and the process at the second. The
// function that it returns stops watching.
func (p *process) watch(ctx context.Context) (stop func()) {
	stopping, cancel := context.WithCancel(ctx)
	p.stopping = stopping
	signals := p.env.Signals
	release := func() {}
	if signals == nil {
		own := make(chan os.Signal, 4)
		signal.Notify(own, os.Interrupt, syscall.SIGTERM)
		signals, release = own, func() { signal.Stop(own) }
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				if p.signal.code.Load() != 0 {
					p.env.Exit(exitCode(s))
					return
				}
				p.signal.code.Store(int32(exitCode(s)))
				cancel()
			}
		}
	})
	return func() {
		release()
		close(done)
		wait.Wait()
		cancel()
	}
}
