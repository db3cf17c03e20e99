package node

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/node/alerts"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/topology"
	"go.uber.org/zap"
)

// alarm looks at a flow and tells the targets of its alerts. A nil one does nothing.
type alarm struct {
	j       *job
	logger  *zap.Logger
	senders []*alerts.Sender
	stop    chan struct{}
	stopped sync.WaitGroup

	mu      sync.Mutex
	monitor *alerts.Monitor
	lag     int64
}

// lookEvery is how often a flow is looked at that closes no epochs.
const lookEvery = 5 * time.Second

// newAlarm makes what the flow's file asks for, nil if that is nothing.
func newAlarm(j *job, logger *zap.Logger) (*alarm, error) {
	if j.file == nil || j.file.Alerts == nil {
		return nil, nil
	}
	a := &alarm{j: j, logger: logger, monitor: alerts.NewMonitor(j.file.Alerts.Rules), stop: make(chan struct{})}
	for _, t := range j.file.Alerts.Targets {
		target, err := alertTarget(t, j.name)
		if err != nil {
			return nil, errors.Join(t.Place(err), a.close(context.Background()))
		}
		a.senders = append(a.senders, alerts.NewSender(t.Name, target, logger))
	}
	return a, nil
}

// checkAlerts refuses targets that cannot be. Nothing is asked of them.
func checkAlerts(f *flowfile.File) error {
	if f.Alerts == nil {
		return nil
	}
	for _, t := range f.Alerts.Targets {
		target, err := alertTarget(t, f.Name)
		if err != nil {
			return t.Place(err)
		}
		if err := target.Close(); err != nil {
			return err
		}
	}
	return nil
}

func alertTarget(t flowfile.AlertTarget, flow string) (alerts.Target, error) {
	if t.Webhook != "" {
		return alerts.NewWebhook(t.Webhook, t.Headers)
	}
	p, err := kafka.NewPublisher(t.Kafka)
	if err != nil {
		return nil, err
	}
	return topicTarget{p, []byte(flow)}, nil
}

// topicTarget is a topic of alerts; the flow's name is the key.
type topicTarget struct {
	p    *kafka.Publisher
	flow []byte
}

func (t topicTarget) Send(ctx context.Context, event []byte) error {
	return t.p.Publish(ctx, t.flow, event)
}

func (t topicTarget) Close() error {
	t.p.Close()
	return nil
}

// begin looks at the flow from now on, also while it closes no epochs.
func (a *alarm) begin() {
	if a == nil {
		return
	}
	a.stopped.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-a.stop:
				return
			case <-tick.C:
				a.mu.Lock()
				lag := a.lag
				a.mu.Unlock()
				a.look(alerts.Sample{Lag: lag})
			}
		}
	})
}

// epoch looks at what an epoch brought, and returns the alerts that fire.
func (a *alarm) epoch(p actors.Progress) []string {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	a.lag = p.Lag
	a.mu.Unlock()
	a.look(alerts.Sample{Lag: p.Lag, Violations: violations(p.ObservedMetrics)})
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.monitor.Firing()
}

// violations returns the share of rows that violate each expectation which judged some.
func violations(observed map[string]json.RawMessage) map[string]float64 {
	shares := map[string]float64{}
	for _, text := range observed {
		var of struct {
			Expectations []topology.Expectation `json:"expectations"`
		}
		if json.Unmarshal(text, &of) != nil {
			continue // an observation of the flow's own
		}
		for _, e := range of.Expectations {
			if n := e.PassedRecords + e.FailedRecords; n > 0 {
				shares[e.Dataset+"."+e.Name] = float64(e.FailedRecords) / float64(n)
			}
		}
	}
	return shares
}

func (a *alarm) look(s alerts.Sample) {
	q := a.j.query()
	status := q.Status()
	s.Stuck = status.Stuck
	if s.Stuck == "" {
		s.Stuck = status.Waiting
	}
	if status.Exception != nil {
		s.Failure = status.Exception.Message
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.monitor.Look(time.Now(), s) {
		e.Flow, e.ID, e.RunID, e.Message = q.Name(), q.ID(), q.RunID(), a.j.file.Mask(e.Message)
		a.logger.Warn("alert", zap.String("alert", e.Alert), zap.String("state", e.State), zap.String("subject", e.Subject), zap.Float64("value", e.Value), zap.String("message", e.Message))
		for _, to := range a.senders {
			to.Tell(e)
		}
	}
}

// end looks once more, when the flow has ended, and waits until the targets have been told, as long as ctx allows.
func (a *alarm) end(ctx context.Context) error {
	if a == nil {
		return nil
	}
	close(a.stop)
	a.stopped.Wait()
	a.mu.Lock()
	lag := a.lag
	a.mu.Unlock()
	a.look(alerts.Sample{Lag: lag})
	return a.close(ctx)
}

// abandon is for a flow that did not start.
func (a *alarm) abandon(ctx context.Context) error {
	if a == nil {
		return nil
	}
	return a.close(ctx)
}

func (a *alarm) close(ctx context.Context) error {
	errs := make([]error, len(a.senders))
	var all sync.WaitGroup
	for i, s := range a.senders {
		all.Go(func() { errs[i] = s.Close(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}
