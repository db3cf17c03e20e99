package soak

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// producer fills the topic at a steady rate. Whoever takes the broker away holds gate meanwhile, so that every round is acknowledged
// or was never begun.
type producer struct {
	plan   plan
	broker string
	gate   sync.Mutex

	ends []int64 // by partition
}

const roundEvery = 100 * time.Millisecond

// run produces until ctx ends; it returns nil then.
func (p *producer) run(ctx context.Context) error {
	tick := time.NewTicker(roundEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := p.round(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("bench: producing: %w", err)
		}
	}
}

// round writes the records of one tick behind what the topic has: one client a round, since the broker may be another process by now.
func (p *producer) round(ctx context.Context) error {
	p.gate.Lock()
	defer p.gate.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer client.Close()
	listed, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return err
	}
	each := p.plan.rate * roundEvery.Milliseconds() / 1000 / p.plan.partitions
	var records []*kgo.Record
	for partition := range p.plan.partitions {
		end, _ := listed.Lookup(topic, int32(partition))
		for o := end.Offset; o < end.Offset+each; o++ {
			records = append(records, &kgo.Record{Topic: topic, Partition: int32(partition), Offset: o, Value: p.plan.value(o*p.plan.partitions + partition)})
		}
		p.ends[partition] = end.Offset + each
	}
	want := make([]int64, len(records))
	for i, r := range records {
		want[i] = r.Offset
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	for i, r := range records {
		if r.Offset != want[i] {
			return fmt.Errorf("the record for offset %d of partition %d was put at %d", want[i], r.Partition, r.Offset)
		}
	}
	return nil
}
