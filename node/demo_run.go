package node

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/deltaic/deltaic/node/demo"
	"github.com/deltaic/deltaic/supervision"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// processStart is when this process began, nearly.
var processStart = time.Now()

// demoRun is a demo that runs.
type demoRun struct {
	p      *process
	f      demoFlags
	plan   demo.Plan
	broker *demo.Broker
	s      *service

	mu   sync.Mutex
	ends int64 // sum of the partitions' end offsets that were acknowledged
}

// demo runs the demo until it is stopped or its time is over.
func (p *process) demo(f demoFlags) error {
	limitRuntime()
	logger, err := p.logger()
	if err != nil {
		return err
	}
	if f.reset {
		if err := demo.Reset(f.dir); err != nil {
			return err
		}
	}
	d := &demoRun{p: p, f: f}
	if d.plan, err = demoPlan(f); err != nil {
		return err
	}
	if err := demo.ForgetStop(f.dir); err != nil {
		return err
	}
	if d.broker, err = demo.StartBroker(p.stopping, f.dir, demo.BrokerOptions{Partitions: d.plan.Partitions, Topic: d.plan.Topic,
		KeptBytes: d.plan.KeptBytes(f.rate), Logger: logger}); err != nil {
		return err
	}
	err = d.run(logger)
	return errors.Join(err, d.broker.Close())
}

// demoPlan returns the plan of the folder, made if there is none.
func demoPlan(f demoFlags) (demo.Plan, error) {
	plan, err := demo.LoadPlan(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		plan = demo.NewPlan(f.seed, f.rate, time.Now().UnixMilli())
		return plan, plan.Save(f.dir)
	}
	if err == nil && f.seedSet && plan.Seed != f.seed {
		err = invalid(&supervision.Failure{Kind: supervision.Fatal, Class: "DEMO_SEED_IS_FIXED", Path: f.dir,
			Message: "the demo here was made with another seed", Hint: "leave --seed away to go on, or start over with --reset"})
	}
	return plan, err
}

func (d *demoRun) run(logger *zap.Logger) error {
	path := filepath.Join(d.f.dir, demo.FlowFile)
	if err := replaceFile(path, demoFlow(d.f.dir, d.plan, d.broker.Address)); err != nil {
		return err
	}
	units, err := d.p.load(path, overrides{})
	if err != nil {
		return err
	}
	d.s, err = d.p.serve(context.WithoutCancel(d.p.stopping), units, serviceOptions{drain: d.f.drain, logger: logger, listen: d.f.listen})
	if err != nil {
		return err
	}
	stopping, cancel := context.WithCancelCause(d.p.stopping)
	defer cancel(nil)
	if d.f.duration > 0 {
		timed, end := context.WithTimeout(stopping, d.f.duration)
		defer end()
		stopping = timed
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := d.generate(stopping); err != nil {
			cancel(err)
		}
	})
	wait.Go(func() { d.print(stopping) })
	err = d.s.wait(stopping)
	generatorErr := context.Cause(stopping)
	cancel(nil)
	wait.Wait()
	if errors.Is(generatorErr, context.Canceled) || errors.Is(generatorErr, context.DeadlineExceeded) {
		generatorErr = nil
	}
	if err = errors.Join(err, generatorErr, d.s.close()); err != nil {
		return err
	}
	d.sayEnd()
	return demo.RecordStop(d.f.dir)
}

// generate writes records into the topic until ctx ends.
func (d *demoRun) generate(ctx context.Context) error {
	client, err := kgo.NewClient(demo.ClientOptions(d.broker.Address)...)
	if err != nil {
		return err
	}
	defer client.Close()
	return d.plan.Produce(ctx, client, d.f.rate, 0, demo.SystemClock(), func(made demo.Produced) {
		var sum int64
		for _, end := range made.Ends {
			sum += end
		}
		d.mu.Lock()
		d.ends = sum
		d.mu.Unlock()
	})
}

// produced returns how many records the topic has been given.
func (d *demoRun) produced() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ends
}

// replaceFile writes the file unless it holds the text already.
func replaceFile(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
