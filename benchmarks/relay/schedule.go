package relay

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/benchmarks/measure"
)

// tickEvery is the step of a schedule: rows of one tick have one time.
const tickEvery = time.Millisecond

const ticksPerSecond = int(time.Second / tickEvery)

// schedule says when each row is to be sent.
type schedule struct {
	start time.Time
	rate  int
	rows  int
	first int // the first row that counts
}

func (o *Options) schedule(start time.Time) schedule {
	rows := func(d time.Duration) int { return int(d/tickEvery) * o.Rate / ticksPerSecond }
	return schedule{start: start, rate: o.Rate, rows: rows(o.Warmup + o.Duration), first: rows(o.Warmup)}
}

// until returns how many rows are sent by the end of a tick.
func (s *schedule) until(tick int) int { return min(s.rate*(tick+1)/ticksPerSecond, s.rows) }

// due returns when row n is to be sent: at the first tick whose end has it.
func (s *schedule) due(n int) time.Time {
	tick := ((n+1)*ticksPerSecond+s.rate-1)/s.rate - 1
	return s.start.Add(time.Duration(tick) * tickEvery)
}

// sender sends rows to a topic.
type sender struct {
	client     *kgo.Client
	topic      string
	load       *load
	partitions []int32 // by row
	late       []float64
	failed     atomic.Pointer[error]
}

func newSender(o *Options, topic string, l *load, partitions []int32) (*sender, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0), kgo.MaxBufferedRecords(1<<20))
	return &sender{client: client, topic: topic, load: l, partitions: partitions}, err
}

func (s *sender) done(_ *kgo.Record, err error) {
	if err != nil {
		s.failed.CompareAndSwap(nil, &err)
	}
}

func (s *sender) send(ctx context.Context, n int) {
	room := make([]byte, 0, 420)
	key := strconv.AppendInt(room, int64(n), 10)
	value := s.load.value(key[len(key):], uint64(n))
	s.client.Produce(ctx, &kgo.Record{Topic: s.topic, Partition: s.partitions[n], Key: key, Value: value}, s.done)
}

// keep sends all rows by the schedule.
func (s *sender) keep(ctx context.Context, at schedule) error {
	for tick, n := 0, 0; n < at.rows; tick++ {
		due := at.start.Add(time.Duration(tick) * tickEvery)
		measure.SleepUntil(due)
		if n >= at.first {
			s.late = append(s.late, milliseconds(time.Since(due)))
		}
		for ; n < at.until(tick); n++ {
			s.send(ctx, n)
		}
		if err := s.failure(); err != nil {
			return err
		}
	}
	return s.flush(ctx)
}

// all sends the rows as fast as they go.
func (s *sender) all(ctx context.Context) error {
	for n := range s.partitions {
		s.send(ctx, n)
	}
	return s.flush(ctx)
}

func (s *sender) flush(ctx context.Context) error {
	if err := s.client.Flush(ctx); err != nil {
		return err
	}
	return s.failure()
}

func (s *sender) failure() error {
	if err := s.failed.Load(); err != nil {
		return fmt.Errorf("bench: sending: %w", *err)
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
