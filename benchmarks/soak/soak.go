package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/deltaic/deltaic/benchmarks/measure"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Duration   time.Duration // default 1 h
	Rate       int           // rows a second; default 1000
	Partitions int           // default 4
	Epoch      time.Duration // default 1 s
	Every      time.Duration // of faults; default 20 s
	Memory     int64         // memory_limit; default 256 MiB
	Seed       uint64        // of the moments; default 1
	Dir        string        // a folder on the disk to use; default the folder for temporary files
	Samples    string        // file for the samples of the long life; default none
}

func (o *Options) defaults() {
	if o.Duration <= 0 {
		o.Duration = time.Hour
	}
	if o.Partitions <= 0 {
		o.Partitions = 4
	}
	if o.Rate <= 0 {
		o.Rate = 1000
	}
	o.Rate = max(o.Rate/(10*o.Partitions), 1) * 10 * o.Partitions // whole rows a round and partition
	if o.Epoch <= 0 {
		o.Epoch = time.Second
	}
	if o.Every <= 0 {
		o.Every = 20 * time.Second
	}
	if o.Memory <= 0 {
		o.Memory = 256 << 20
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
}

// run is one run of the suite.
type run struct {
	o        Options
	plan     plan
	s        NodeSettings
	broker   *measure.Child
	node     *measure.Child
	producer *producer
	random   *rand.Rand
	fired    map[string]int
	longest  int // the life in which nothing is killed
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	dir, err := os.MkdirTemp(o.Dir, "deltaic-soak-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &run{o: o, plan: plan{partitions: int64(o.Partitions), rate: int64(o.Rate)}, random: rand.New(rand.NewPCG(o.Seed, 20)), fired: map[string]int{},
		s: NodeSettings{Dir: dir, Epoch: o.Epoch, Every: max(min(o.Every/4, o.Duration/100), 100*time.Millisecond), Memory: o.Memory}}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	producing, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.producer.run(producing) }()
	err = r.faults(ctx)
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return nil, errors.Join(err, r.node.Kill(), r.broker.Kill())
	}
	return r.end()
}

// begin starts the processes.
func (r *run) begin(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that was free a moment ago: it is kept over restarts
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	l.Close()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	if err := r.startBroker(ctx, n); err != nil {
		return err
	}
	r.producer = &producer{plan: r.plan, broker: r.s.Broker, ends: make([]int64, r.o.Partitions)}
	return r.startNode(ctx)
}

func (r *run) startBroker(ctx context.Context, port int) (err error) {
	r.broker, err = measure.StartChild(ctx, BrokerSettings{Dir: filepath.Join(r.s.Dir, "broker"), Partitions: int32(r.o.Partitions), Port: port}, false, "bench", "worker", "soak-broker")
	if err != nil {
		return err
	}
	was := r.s.Broker
	if err := r.broker.Answer(&r.s.Broker); err != nil {
		return err
	}
	if was != "" && was != r.s.Broker {
		return fmt.Errorf("bench: the broker came back at %s, it was at %s", r.s.Broker, was)
	}
	return nil
}

func (r *run) startNode(ctx context.Context) (err error) {
	r.s.Life++
	r.node, err = measure.StartChild(ctx, r.s, false, "bench", "worker", "soak-node")
	return err
}

// faults lets faults come in turn until the time is over.
func (r *run) faults(ctx context.Context) error {
	begun := time.Now()
	for turn := 0; ; turn++ {
		wait := r.o.Every/2 + time.Duration(r.random.Int64N(int64(r.o.Every)))
		left := r.o.Duration - time.Since(begun)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(wait, left)):
		}
		passed := time.Since(begun)
		if passed >= r.o.Duration {
			return nil
		}
		calm := passed > r.o.Duration/4 && passed < r.o.Duration*3/4
		if calm {
			r.longest = r.s.Life
		}
		if err := r.fault(ctx, turn, calm); err != nil {
			return err
		}
	}
}

// fault is one of them. In the calm half the process of the flow is not killed.
func (r *run) fault(ctx context.Context, turn int, calm bool) error {
	what := []string{"kill", "slow", "broker", "full", "stall"}[turn%5]
	if what == "kill" && calm {
		what = "broker"
	}
	r.fired[what]++
	switch what {
	case "kill":
		if err := r.node.Kill(); err != nil {
			return err
		}
		return r.startNode(ctx)
	case "broker":
		r.producer.gate.Lock()
		defer r.producer.gate.Unlock()
		if err := r.broker.Kill(); err != nil {
			return err
		}
		time.Sleep(time.Duration(r.random.Int64N(int64(r.o.Every / 5))))
		_, port, _ := net.SplitHostPort(r.s.Broker)
		n, err := strconv.Atoi(port)
		if err != nil {
			return err
		}
		return r.startBroker(ctx, n)
	}
	return r.node.Tell(order{Fault: what, For: r.o.Every / 4})
}

// end lets the flow read to the end and verifies.
func (r *run) end() (*measure.Report, error) {
	var n NodeResult
	if err := r.node.Finish(&n); err != nil {
		return nil, errors.Join(err, r.broker.Kill())
	}
	if _, err := r.broker.Close(); err != nil {
		return nil, err
	}
	c, f, err := r.plan.verify(r.s, r.producer.ends)
	if err != nil {
		return nil, err
	}
	m := measure.NewReport("soak", "kafka-delta")
	m.Faults, m.Verified = f.words, f.wrong == 0
	m.Settings["duration_seconds"], m.Settings["rows_per_second"], m.Settings["fault_every_seconds"] = r.o.Duration.Seconds(), r.o.Rate, r.o.Every.Seconds()
	m.Settings["memory_limit"], m.Settings["epoch_seconds"], m.Settings["seed"] = r.o.Memory, r.o.Epoch.Seconds(), r.o.Seed
	m.Metrics["rows"], m.Metrics["came_twice"], m.Metrics["broken"], m.Metrics["sums"], m.Metrics["differences"] = c.silver, c.twice, c.broken, c.gold, f.wrong
	m.Metrics["faults"], m.Metrics["lives"] = r.fired, r.s.Life
	return m, r.drifts(m)
}

// drifts tells how the long life went. What fills at first is left out: a tenth of it, and what the watermark has yet to reach.
func (r *run) drifts(m *measure.Report) error {
	samples, err := readSamples(filepath.Join(r.s.Dir, fmt.Sprintf("samples-%d.jsonl", max(r.longest, 1))))
	if err != nil {
		return err
	}
	if r.o.Samples != "" {
		if err := os.Rename(filepath.Join(r.s.Dir, fmt.Sprintf("samples-%d.jsonl", max(r.longest, 1))), r.o.Samples); err != nil {
			return err
		}
	}
	settled := samples[min(len(samples), len(samples)/10+1):]
	if len(settled) > 0 {
		m.Metrics["observed_seconds"] = measure.Round(settled[len(settled)-1].At - settled[0].At)
	}
	drifts, flat := map[string]Drift{}, true
	for _, s := range series {
		var at, values []float64
		for _, x := range settled {
			if x.Epochs == 0 && s.name == "commit_p99_ms" {
				continue // a fault held everything back: there is no time to tell
			}
			at, values = append(at, x.At), append(values, s.of(x))
		}
		d := driftOf(at, values)
		drifts[s.name], flat = d, flat && d.Flat
		if d.Median > 0 {
			m.Ratios[s.name+"_grew"] = measure.Round(d.Grew / d.Median)
		}
	}
	m.Metrics["drift"], m.Metrics["flat"] = drifts, flat
	return nil
}
