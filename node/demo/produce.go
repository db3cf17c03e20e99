package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Clock paces the generator. [SystemClock] is the real one.
type Clock interface {
	// Now is the time of the next record.
	Now() time.Time
	// Wait returns after the duration, or with the context's error when that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// SystemClock returns the machine's clock.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// ClientOptions returns what a client needs to serve [Produce]: records go
// to the partition they name, acknowledged by all, idempotent, one request at a time.
func ClientOptions(address string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(address),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(batchBytes),
	}
}

// Ends asks the broker for the end offset of each partition.
func (p Plan) Ends(ctx context.Context, client *kgo.Client) ([]int64, error) {
	listed, err := kadm.NewClient(client).ListEndOffsets(ctx, p.Topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("end offsets of %s: %w", p.Topic, err)
	}
	ends := make([]int64, p.Partitions)
	for partition := range ends {
		at, ok := listed.Lookup(p.Topic, int32(partition))
		if !ok {
			return nil, fmt.Errorf("topic %s has no partition %d", p.Topic, partition)
		}
		ends[partition] = at.Offset
	}
	return ends, nil
}

const paceInterval = 20 * time.Millisecond

// Produced is told to the caller of Produce after each round.
type Produced struct {
	Records int64   // acknowledged in this call so far
	Ends    []int64 // end offset of each partition; borrowed
}

// Produce writes the plan's records from the broker's end offsets on, at rate
// records a second over all partitions, until the context ends or total records are written (0: no end).
// A record is written only after all before it in its partition were acknowledged at the
// offset the plan gives them, so what lies in the topic is always the plan's beginning. observe may be nil.
//
// It returns nil when it was stopped by the context or the total.
func (p Plan) Produce(ctx context.Context, client *kgo.Client, rate int, total int64, clock Clock, observe func(Produced)) error {
	if rate < 1 {
		return fmt.Errorf("demo generator: rate is %d, it must be at least 1 record a second", rate)
	}
	ends, err := p.Ends(ctx, client)
	if err != nil {
		return stopped(ctx, err)
	}
	var done int64
	start := clock.Now()
	for ctx.Err() == nil && (total == 0 || done < total) {
		due := int64(clock.Now().Sub(start).Seconds()*float64(rate)) - done
		due = min(due, int64(max(rate, int(p.Partitions)))) // after a long pause it does not flood
		if total > 0 {
			due = min(due, total-done)
		}
		if due <= 0 {
			if err := clock.Wait(ctx, paceInterval); err != nil {
				break
			}
			continue
		}
		if err := p.round(ctx, client, ends, due); err != nil {
			return stopped(ctx, err)
		}
		done += due
		if observe != nil {
			observe(Produced{Records: done, Ends: ends})
		}
	}
	return nil
}

// stopped makes the end of the context no error.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// round writes the next count records, each to the partition that is furthest
// behind, and waits until all are acknowledged. It advances ends.
func (p Plan) round(ctx context.Context, client *kgo.Client, ends []int64, count int64) error {
	var wait sync.WaitGroup
	var mutex sync.Mutex
	var failures []error
	for range count {
		partition := 0
		for i, end := range ends {
			if end < ends[partition] {
				partition = i
			}
		}
		offset := ends[partition]
		ends[partition]++
		record := p.Record(int32(partition), offset)
		wait.Add(1)
		client.Produce(ctx, &kgo.Record{
			Topic: p.Topic, Partition: int32(partition), Key: record.Key, Value: record.Value,
			Timestamp: time.UnixMilli(record.Timestamp),
		}, func(r *kgo.Record, err error) {
			defer wait.Done()
			if err == nil && r.Offset != offset {
				err = fmt.Errorf("%s[%d]: the broker put the record for offset %d at %d: somebody else writes to the topic; start over with --reset",
					p.Topic, partition, offset, r.Offset)
			}
			if err != nil {
				mutex.Lock()
				failures = append(failures, err)
				mutex.Unlock()
			}
		})
	}
	wait.Wait()
	if len(failures) > 0 {
		return fmt.Errorf("demo generator: %w", errors.Join(failures[:min(len(failures), 3)]...))
	}
	return nil
}
