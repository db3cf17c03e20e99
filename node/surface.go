package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deltaic/deltaic/node/api"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
	"go.uber.org/zap"
)

const (
	// listenFile, in a checkpoint location, holds the address of the process that runs the flow.
	listenFile = "listen"
	// answerTime is how long answers under way are waited for at the end.
	answerTime = 2 * time.Second
	// staleAfter is the least age at which a flow that has work and closes no epoch is not ready.
	staleAfter = 30 * time.Second
)

// listen serves the HTTP surface and notes its address in the checkpoint locations.
func (s *service) listen() error {
	if s.options.listen == "off" {
		return nil
	}
	server, err := api.Listen(s.options.listen, api.New(api.Options{
		Streams: s.streams, Ready: s.reasons, Metrics: s.metrics.Handler(), Observe: s.metrics.Request, Mask: s.p.mask}))
	if err != nil {
		return err
	}
	s.server = server
	for _, j := range s.jobs {
		if err := s.noteAddress(j); err != nil {
			s.options.logger.Warn("the address cannot be noted", zap.String("stream", j.name), zap.Error(err))
		}
	}
	return nil
}

// address is where the HTTP surface is, "" if it is off.
func (s *service) address() string {
	if s.server == nil {
		return ""
	}
	return s.server.Address()
}

func (s *service) noteAddress(j *job) error {
	if j.location == "" {
		return nil
	}
	if err := os.MkdirAll(location.Here(j.location), 0o755); err != nil {
		return err
	}
	return replaceFile(filepath.Join(location.Here(j.location), listenFile), []byte(s.address()+"\n"))
}

// unlisten ends the surface, and takes back the notes that are still ours.
func (s *service) unlisten() error {
	if s.server == nil {
		return nil
	}
	for _, j := range s.jobs {
		path := filepath.Join(location.Here(j.location), listenFile)
		if text, err := os.ReadFile(path); j.location != "" && err == nil && strings.TrimSpace(string(text)) == s.address() {
			_ = os.Remove(path)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := s.server.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (s *service) streams() []api.Stream {
	all := make([]api.Stream, len(s.jobs))
	for i, j := range s.jobs {
		all[i] = shown{s, j}
	}
	return all
}

// reasons says why the process is not ready.
func (s *service) reasons() []api.Reason {
	var all []api.Reason
	if s.stopping.Load() {
		all = append(all, api.Reason{Reason: "the process is stopping"})
	}
	for _, j := range s.jobs {
		if why := j.unready(time.Now()); why != "" {
			all = append(all, api.Reason{Stream: j.name, Reason: why})
		}
	}
	return all
}

// unready says why the flow is not ready, "" if it is or has ended as asked.
func (j *job) unready(now time.Time) string {
	status := j.query().Status()
	if status.Stuck != "" {
		return holdup(status)
	}
	switch status.State {
	case "STOPPED":
		return ""
	case "RUNNING":
	default:
		return fmt.Sprintf("state %s: %s", status.State, status.Message)
	}
	if status.Waiting != "" {
		return status.Message
	}
	v := j.totals.view()
	if age := now.Sub(v.lastAt); v.epochs > 0 && v.last.Lag > 0 && age > max(staleAfter, 3*time.Duration(v.last.BatchDuration)*time.Millisecond) {
		return fmt.Sprintf("no epoch for %v with %d rows waiting", age.Round(time.Second), v.last.Lag)
	}
	return ""
}

// holdup says why a flow does not get on: what has taken too long, and what is waited for, which is why more often than not.
func holdup(s stream.Status) string {
	switch {
	case s.Waiting == "":
		return s.Stuck
	case s.Stuck == "":
		return "Waiting for " + s.Waiting
	}
	return s.Stuck + "; waiting for " + s.Waiting
}

// shown is a job as the surface shows it.
type shown struct {
	s *service
	j *job
}

func (v shown) Name() string                      { return v.j.name }
func (v shown) ID() string                        { return v.j.query().ID() }
func (v shown) RunID() string                     { return v.j.query().RunID() }
func (v shown) Status() stream.Status             { return v.j.query().Status() }
func (v shown) RecentProgress() []stream.Progress { return v.j.query().RecentProgress() }

// Watermarks says what event time waits for.
func (v shown) Watermarks(ctx context.Context) []topology.StepWatermark {
	return v.j.query().Watermarks(ctx)
}

// Explain describes the flow.
func (v shown) Explain(what string) (string, error) {
	return explain(v.j.query().Graph(), v.j.query().LastProgress(), what)
}

// Stop stops the flow after a last epoch, within the drain timeout.
func (v shown) Stop(ctx context.Context) error {
	drain, cancel := context.WithTimeout(ctx, v.s.options.drain)
	defer cancel()
	return v.j.query().Stop(drain)
}
