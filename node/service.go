package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/node/api"
	"github.com/deltaic/deltaic/node/metrics"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"go.uber.org/zap"
)

// serviceOptions say how flows are run.
type serviceOptions struct {
	progress string        // file to which each epoch's progress is appended, "" for none
	drain    time.Duration // how long a clean stop may take
	listen   string        // address of the HTTP surface, "off" for none
	logger   *zap.Logger
}

// service runs the flows of one process.
type service struct {
	p        *process
	options  serviceOptions
	jobs     []*job
	progress *progressFile
	began    time.Time
	metrics  *metrics.Metrics
	server   *api.Server
	stopping atomic.Bool
}

// job is a flow that runs.
type job struct {
	*unit
	running  atomic.Pointer[stream.Query]
	limit    int64 // bytes of memory
	totals   totals
	recorder *metrics.Stream
	alarm    *alarm
	ready    chan struct{} // closed when there is a recorder
	release  func()        // of the note that the flow runs here
	err      error
}

// query returns the run of the flow, the newest if it was planned anew.
func (j *job) query() *stream.Query { return j.running.Load() }

// serve starts every flow. If one cannot be started, those before it are stopped.
func (p *process) serve(ctx context.Context, units []*unit, o serviceOptions) (*service, error) {
	v := version()
	s := &service{p: p, options: o, began: time.Now(), metrics: metrics.New(v.Version, v.Revision, v.Go)}
	if o.progress != "" {
		f, err := openProgress(o.progress)
		if err != nil {
			return nil, err
		}
		s.progress = f
	}
	if o.listen != "off" {
		if err := api.CheckAddress(o.listen); err != nil {
			return nil, errors.Join(invalid(err), s.close())
		}
	}
	limit := memoryLimit() / int64(len(units))
	for _, u := range units {
		for _, w := range u.warnings {
			o.logger.Warn(w)
		}
		if err := s.start(ctx, u, limit); err != nil {
			return nil, s.abandon(ctx, err)
		}
	}
	if err := s.listen(); err != nil {
		return nil, s.abandon(ctx, err)
	}
	return s, nil
}

// abandon stops what was started when something else could not be. Whoever stops well adds
// nothing to the error.
func (s *service) abandon(ctx context.Context, err error) error {
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.drain)
	defer cancel()
	if more := errors.Join(s.stop(drain), s.close()); more != nil {
		return errors.Join(err, more)
	}
	return err
}

func (s *service) start(ctx context.Context, u *unit, limit int64) error {
	j := &job{unit: u, limit: limit, ready: make(chan struct{})}
	var err error
	if j.release, err = hold(u); err != nil {
		return err
	}
	if j.alarm, err = newAlarm(j, s.options.logger.With(zap.String("stream", u.name))); err != nil {
		j.release()
		return invalid(err)
	}
	if err := s.run(ctx, j); err != nil {
		j.release()
		return errors.Join(err, j.alarm.abandon(ctx))
	}
	j.recorder = s.metrics.Stream(u.name, j.query().Graph(), func() string { return j.query().Status().State })
	close(j.ready)
	j.alarm.begin()
	s.jobs = append(s.jobs, j)
	return nil
}

// run starts a flow, or starts it again.
func (s *service) run(ctx context.Context, j *job) error {
	u := j.unit
	options := append([]stream.Option{stream.MemoryLimit(j.limit)}, u.options...)
	query, err := s.p.env.Start(ctx, Start{Flow: u.flow, Options: options, Logger: s.options.logger.With(zap.String("stream", u.name)),
		OnEpoch: func(p actors.Progress) { <-j.ready; s.observe(j, p) }})
	if err != nil {
		return invalid(u.file.Place(err))
	}
	j.running.Store(query)
	return nil
}

// observe is told of every epoch that is done.
func (s *service) observe(j *job, p actors.Progress) {
	j.totals.add(p, time.Now())
	j.recorder.Observe(p)
	p.Alerts = j.alarm.epoch(p)
	if s.progress != nil {
		if err := s.progress.write(p.Progress); err != nil {
			s.options.logger.Warn("the progress file cannot be written", zap.String("path", s.options.progress), zap.Error(err))
		}
	}
}

// wait returns when every flow has ended or stopping ends; then it stops them cleanly.
// The error joins those of the flows.
func (s *service) wait(stopping context.Context) error {
	var flows sync.WaitGroup
	for _, j := range s.jobs {
		flows.Go(func() { s.attend(stopping, j) })
	}
	flows.Wait()
	if stopping.Err() == nil {
		return s.errors()
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(stopping), s.options.drain)
	defer cancel()
	return s.stop(drain)
}

// attend waits for a flow to end. One that has ended because its source, or its records, have more columns now is planned anew and goes on with them.
func (s *service) attend(stopping context.Context, j *job) {
	for {
		err := j.query().AwaitTermination(stopping)
		if stopping.Err() != nil || j.reload == nil || !errors.Is(err, delta.ErrColumnsAdded) && !errors.Is(err, expr.ErrPlanAnew) {
			return
		}
		s.options.logger.Info("what the flow reads has other columns: the flow is planned anew", zap.String("stream", j.name), zap.Error(err))
		u, err := j.reload()
		if err == nil {
			j.unit.flow, j.unit.file, j.unit.options = u.flow, u.file, u.options
			err = s.run(context.WithoutCancel(stopping), j)
		}
		if err != nil {
			j.err = err
			return
		}
	}
}

// stop stops every flow after a last epoch, all at once.
func (s *service) stop(drain context.Context) error {
	s.stopping.Store(true)
	var wait sync.WaitGroup
	for _, j := range s.jobs {
		wait.Go(func() { j.err = j.query().Stop(drain) })
	}
	wait.Wait()
	for _, j := range s.jobs {
		if j.err != nil && errors.Is(j.err, drain.Err()) && j.query().IsActive() {
			return &ExitError{Code: ExitDrain, Err: &supervision.Failure{Kind: supervision.Fatal, Class: "DRAIN_TIMEOUT",
				Message: fmt.Sprintf("flow %s did not stop within %v", j.name, s.options.drain),
				Hint:    "nothing is lost: the next start goes on behind the last decided epoch; --drain-timeout allows more"}}
		}
	}
	return s.errors()
}

func (s *service) errors() error {
	var all []error
	for _, j := range s.jobs {
		if j.query().IsActive() {
			continue
		}
		if j.err != nil {
			all = append(all, j.err)
			continue
		}
		if err := j.query().AwaitTermination(context.Background()); err != nil {
			all = append(all, err)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// tellWithin is how long a process that ends waits for the targets of alerts.
const tellWithin = 10 * time.Second

// close ends what the service itself holds open.
func (s *service) close() error {
	err := s.unlisten()
	tell, cancel := context.WithTimeout(context.Background(), tellWithin)
	defer cancel()
	for _, j := range s.jobs {
		err = errors.Join(err, j.alarm.end(tell))
		j.release()
	}
	if s.progress != nil {
		err = errors.Join(err, s.progress.Close())
	}
	return err
}

// summary is what `run --json` prints at the end, per flow.
type summary struct {
	Name         string           `json:"name"`
	ID           string           `json:"id"`
	RunID        string           `json:"runId"`
	Epochs       int64            `json:"epochs"`
	RowsIn       int64            `json:"rows_in"`
	RowsOut      map[string]int64 `json:"rows_out"`
	Quarantined  int64            `json:"quarantined"`
	Late         int64            `json:"late"`
	Seconds      float64          `json:"seconds"`
	CPUSeconds   float64          `json:"cpu_seconds"`    // of the process
	PeakRSSBytes int64            `json:"peak_rss_bytes"` // of the process
}

func (s *service) summary(j *job) summary {
	v := j.totals.view()
	cpu, peak := resources()
	m := summary{Name: j.name, ID: j.query().ID(), RunID: j.query().RunID(), Epochs: v.epochs, RowsIn: v.rowsIn, RowsOut: v.rowsOut,
		Quarantined: v.quarantined, Late: v.late, Seconds: time.Since(s.began).Seconds(), CPUSeconds: cpu.Seconds(), PeakRSSBytes: peak}
	for _, i := range j.query().Graph().Sinks() {
		name := j.query().Graph().Steps[i].Name
		m.RowsOut[name] += 0
	}
	return m
}

// progressFile takes one StreamingQueryProgress object a line.
type progressFile struct {
	mu sync.Mutex
	f  io.WriteCloser
}

func openProgress(path string) (*progressFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("--progress: %w", err)
	}
	return &progressFile{f: f}, nil
}
