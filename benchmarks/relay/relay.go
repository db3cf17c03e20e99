package relay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/benchmarks/ingest"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// suite is one run of the suite.
type suite struct {
	o      Options
	dir    string
	report *measure.Report
	number int // of topics made
	sides  map[string]*side
}

// side is one of those that are compared: a flow under a guarantee, or the bare loop, whose guarantee is "".
type side struct {
	guarantee string
	quantiles [len(shares)][]float64 // milliseconds, a value for each run
	late      []float64
	cpu       []float64 // seconds for a million rows
	rate      []float64 // rows a second of a backlog
	gc        []float64 // collections of garbage
	epochs    int64
	twice     int
}

var (
	shares     = [...]float64{0.5, 0.99, 0.999}
	shareNames = [...]string{"p50", "p99", "p99_9"}
)

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "deltaic-relay-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := &suite{o: o, dir: dir, report: measure.NewReport("latency", "kafka-kafka"), sides: map[string]*side{}}
	for _, guarantee := range []string{"", AtLeastOnce, ExactlyOnce} {
		s.sides[guarantee] = &side{guarantee: guarantee}
	}
	if len(o.Brokers) > 0 {
		err = s.rounds(ctx)
	} else {
		err = s.embedded(ctx)
	}
	if err != nil {
		return nil, err
	}
	s.summarise()
	return s.report, nil
}

// embedded runs the rounds on an own broker.
func (s *suite) embedded(ctx context.Context) error {
	broker, err := measure.StartChild(ctx, ingest.BrokerSettings{Topic: "relay", Fill: nexmark.Options{Partitions: 1}}, false, "bench", "worker", "broker")
	if err != nil {
		return err
	}
	var at ingest.BrokerResult
	if err := broker.Answer(&at); err != nil {
		return err
	}
	s.o.Brokers = at.Brokers
	err = s.rounds(ctx)
	_, closed := broker.Close()
	return errors.Join(err, closed)
}

// rounds runs one side after the other, there and back, so that what changes with time is the same for all.
func (s *suite) rounds(ctx context.Context) error {
	if s.o.Shape == Join {
		if err := makeNames(ctx, s.names()); err != nil {
			return err
		}
	}
	order := []*side{s.sides[AtLeastOnce], s.sides[""]}
	if s.o.Guarantee == ExactlyOnce {
		order = []*side{s.sides[ExactlyOnce], s.sides[AtLeastOnce], s.sides[""]}
	}
	for range s.o.Rounds {
		for k := range 2 * len(order) {
			one := order[min(k, 2*len(order)-1-k)]
			if err := s.run(ctx, one, false); err != nil {
				return err
			}
			if s.o.Guarantee != ExactlyOnce || one.guarantee == "" {
				continue
			}
			if err := s.run(ctx, one, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *suite) names() string { return filepath.Join(s.dir, "names") }

// run runs one side once, on topics of its own: by the schedule, or over a backlog.
func (s *suite) run(ctx context.Context, one *side, backlog bool) error {
	s.number++
	stamp := time.Now().UnixMilli() // brokers outlive runs
	in, out := fmt.Sprintf("relay-in-%d-%d", stamp, s.number), fmt.Sprintf("relay-out-%d-%d", stamp, s.number)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.o.Brokers...), kgo.ConsumeTopics(out), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if err := makeTopics(ctx, admin, s.o.Partitions, in, out); err != nil {
		return err
	}
	l, err := newLoad(s.o.Payload, s.o.Shape)
	if err != nil {
		return err
	}
	if one.guarantee == "" {
		l.shape = Stateless // it counts nothing: each row arrives
	}
	at := s.o.schedule(time.Time{})
	if backlog {
		at = schedule{rate: s.o.Rate, rows: s.o.Backlog}
	}
	arrived, to := newArrivals(l, at.rows, s.o.Partitions)
	send, err := newSender(&s.o, in, l, to)
	if err != nil {
		return err
	}
	defer send.client.Close()
	settings := NodeSettings{Brokers: s.o.Brokers, In: in, Out: out, Guarantee: one.guarantee, Shape: s.o.Shape, Payload: s.o.Payload,
		Parallelism: s.o.Parallelism, Checkpoint: filepath.Join(s.dir, fmt.Sprint("checkpoint-", s.number)), Names: s.names(),
		Epoch: s.o.Epoch}
	// Rows that leave as they come wait for no epoch.
	settings.Default = backlog || s.o.Epoch == 0 && s.o.Shape != Count && one.guarantee == AtLeastOnce
	if s.number == 1 {
		settings.Profile = s.o.Profile
	}
	if backlog {
		err = one.drain(ctx, settings, send, arrived, client)
	} else {
		err = one.follow(ctx, settings, send, at, arrived, client)
	}
	if err != nil {
		return err
	}
	arrived.check(one.guarantee == "")
	if one.guarantee == ExactlyOnce && arrived.twice > 0 {
		arrived.fault("%d rows have arrived twice", arrived.twice)
	}
	one.twice += arrived.twice
	for _, fault := range arrived.faults {
		s.report.Fault(fmt.Sprintf("%s, run %d: %s", one.name(), s.number, fault))
	}
	gone, err := admin.DeleteTopics(ctx, in, out)
	return errors.Join(err, gone.Error())
}

// makeTopics makes topics, and waits until the brokers tell of them.
func makeTopics(ctx context.Context, admin *kadm.Client, partitions int, topics ...string) error {
	made, err := admin.CreateTopics(ctx, int32(partitions), 1, nil, topics...)
	if err = errors.Join(err, made.Error()); err != nil {
		return fmt.Errorf("bench: making topics: %w", err)
	}
	for {
		known, err := admin.ListTopics(ctx, topics...)
		if err == nil && known.Error() == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		measure.SleepUntil(time.Now().Add(10 * time.Millisecond))
	}
}

func (one *side) name() string {
	if one.guarantee == "" {
		return "bare loop"
	}
	return one.guarantee
}

// follow sends rows by the schedule and notes how long each took.
func (one *side) follow(ctx context.Context, settings NodeSettings, send *sender, at schedule, arrived *arrivals, client *kgo.Client) error {
	node, err := measure.StartChild(ctx, settings, false, "bench", "worker", "relay")
	if err != nil {
		return err
	}
	at.start = time.Now().Truncate(time.Millisecond).Add(200 * time.Millisecond)
	sent := make(chan error, 1)
	sending, stop := context.WithCancel(ctx)
	defer stop()
	go func() { sent <- send.keep(sending, at) }()
	if err = arrived.take(ctx, client); err != nil || arrived.left > 0 {
		stop()
		<-sent
	} else {
		err = <-sent
	}
	if err != nil {
		return errors.Join(err, node.Kill())
	}
	var r NodeResult
	if err := node.Finish(&r); err != nil {
		return err
	}
	var took []float64
	for n := at.first; n < at.rows; n++ {
		if !arrived.at[n].IsZero() {
			took = append(took, milliseconds(arrived.at[n].Sub(at.due(n))))
		}
	}
	for i, share := range shares {
		one.quantiles[i] = append(one.quantiles[i], measure.Quantile(took, share))
	}
	one.late = append(one.late, measure.Quantile(send.late, 0.99))
	one.cpu = append(one.cpu, r.Used.CPU*1e6/float64(at.rows))
	one.gc = append(one.gc, float64(r.GC.Collections))
	one.epochs += r.Epochs
	return nil
}

// drain notes how fast a backlog goes through.
func (one *side) drain(ctx context.Context, settings NodeSettings, send *sender, arrived *arrivals, client *kgo.Client) error {
	if err := send.all(ctx); err != nil {
		return err
	}
	begun := time.Now()
	node, err := measure.StartChild(ctx, settings, false, "bench", "worker", "relay")
	if err != nil {
		return err
	}
	if err := arrived.take(ctx, client); err != nil {
		return errors.Join(err, node.Kill())
	}
	one.rate = append(one.rate, float64(len(arrived.at))/time.Since(begun).Seconds())
	var r NodeResult
	return node.Finish(&r)
}
