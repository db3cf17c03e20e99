package latency

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// sent is what the schedule has sent.
type sent struct {
	bids    map[int64]int32 // by the time of their schedule, microseconds since 1970
	counted int64           // the first time that counts
	late    []float64       // by how much each tick was late, milliseconds
}

// tickEvery is the step of the schedule: rows of one tick have one time.
const tickEvery = time.Millisecond

// produce sends rows by the schedule, each with the time that the schedule says.
func (s *sent) produce(ctx context.Context, brokers []string, o Options) error {
	s.bids = map[int64]int32{}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(0), kgo.MaxBufferedRecords(o.Rate*2))
	if err != nil {
		return err
	}
	defer client.Close()
	g, err := nexmark.New(nexmark.Options{Events: 1 << 40, Seed: 1})
	if err != nil {
		return err
	}
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	start := time.Now().Truncate(time.Millisecond).Add(100 * time.Millisecond)
	s.counted = start.Add(o.Warmup).UnixMicro()
	ticks := int((o.Warmup + o.Duration) / tickEvery)
	for tick, k := 0, uint64(0); tick < ticks; tick++ {
		due := start.Add(time.Duration(tick) * tickEvery)
		measure.SleepUntil(due)
		if at := due.UnixMicro(); at >= s.counted {
			s.late = append(s.late, float64(time.Since(due).Microseconds())/1e3)
		}
		until := uint64(float64(o.Rate) * (float64(tick+1) * tickEvery.Seconds()))
		for ; k < until; k++ {
			value := g.AppendEvent(strconv.AppendInt(append(make([]byte, 0, 400), `{"sent":`...), due.UnixMicro(), 10), k)
			at := bytes.IndexByte(value[1:], '{') + 1
			value[at] = ',' // one object of the two
			if bytes.Contains(value, []byte(`"bid":{`)) {
				s.bids[due.UnixMicro()]++
			}
			client.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(k % uint64(o.Partitions)), Value: value}, done)
		}
		if e := failed.Load(); e != nil {
			return fmt.Errorf("bench: sending: %w", *e)
		}
	}
	return client.Flush(ctx)
}
