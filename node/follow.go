package node

import (
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// followEvery is how often run says how it goes.
const followEvery = time.Second

// follow prints on stderr where the process listens and, once a second, how the flows that have
// done something go; with --json only the former. The function that it returns ends that.
func (p *process) follow(s *service, quiet bool) (stop func()) {
	if quiet {
		return func() {}
	}
	if at := s.address(); at != "" {
		p.tell("listening on http://%s\n", at)
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		ticker := time.NewTicker(followEvery)
		defer ticker.Stop()
		before, at := make([]view, len(s.jobs)), time.Now()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			now := time.Now()
			for i, j := range s.jobs {
				v := j.totals.view()
				if v.epochs > before[i].epochs && !p.asJSON() {
					p.tell("%s\n", followed(j.name, before[i], v, now.Sub(at).Seconds()))
				}
				before[i] = v
			}
			at = now
		}
	})
	return func() {
		close(done)
		wait.Wait()
	}
}

// followed is what happened to a flow in an interval of seconds.
func followed(name string, before, v view, seconds float64) string {
	rate := func(n int64) string { return humanize.Comma(int64(float64(n)/seconds + 0.5)) }
	return fmt.Sprintf("%s  epoch #%d  in %s/s  out %s/s  lag %s  quarantined %d  %d ms", name, v.last.BatchID,
		rate(v.rowsIn-before.rowsIn), rate(v.out()-before.out()), humanize.Comma(v.last.Lag), v.quarantined-before.quarantined, v.last.BatchDuration)
}

// tell writes progress for people on stderr, secrets masked.
func (p *process) tell(format string, args ...any) {
	fmt.Fprint(p.env.Stderr, p.mask(fmt.Sprintf(format, args...)))
}
