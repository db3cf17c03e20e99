// Package kafkatest starts an in-process Kafka broker for tests and fills its
// topics. It is no part of the product.
package kafkatest

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is a running in-process Kafka; it ends with its test.
type Broker struct {
	*kfake.Cluster
	tb testing.TB
}

// Start starts a one-node Kafka that holds the topics, each with the number of
// partitions. More options, such as kfake.EnableSASL, may follow.
func Start(tb testing.TB, partitions int32, topics []string, options ...kfake.Opt) *Broker {
	tb.Helper()
	o := []kfake.Opt{kfake.NumBrokers(1)}
	if len(topics) > 0 {
		o = append(o, kfake.SeedTopics(partitions, topics...))
	}
	cluster, err := kfake.NewCluster(append(o, options...)...)
	if err != nil {
		tb.Fatalf("kafkatest: starting the broker: %v", err)
	}
	tb.Cleanup(cluster.Close)
	return &Broker{cluster, tb}
}

// Addresses returns the broker's host:port, for kafka.Brokers.
func (b *Broker) Addresses() []string { return b.ListenAddrs() }

// Client returns a client that ends with the test. Records say which partition
// they are for; they are not compressed unless an option says so.
func (b *Broker) Client(options ...kgo.Opt) *kgo.Client {
	b.tb.Helper()
	o := []kgo.Opt{
		kgo.SeedBrokers(b.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
	client, err := kgo.NewClient(append(o, options...)...)
	if err != nil {
		b.tb.Fatalf("kafkatest: a client: %v", err)
	}
	b.tb.Cleanup(client.Close)
	return client
}

// Produce writes the records and waits until all are acknowledged.
func (b *Broker) Produce(records ...*kgo.Record) {
	b.tb.Helper()
	client := b.Client()
	defer client.Close()
	Produce(b.tb, client, records...)
}

// Values writes the values to one partition, without keys, in order.
func (b *Broker) Values(topic string, partition int32, values ...string) {
	b.tb.Helper()
	records := make([]*kgo.Record, len(values))
	for i, v := range values {
		records[i] = &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)}
	}
	b.Produce(records...)
}

// Produce writes the records by the client and waits until all are acknowledged.
func Produce(tb testing.TB, client *kgo.Client, records ...*kgo.Record) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		tb.Fatalf("kafkatest: producing: %v", err)
	}
}

// Committed reads the records of a topic up to the ends, as a reader of committed records sees them, by a client that is made for it.
func Committed(tb testing.TB, client func(...kgo.Opt) *kgo.Client, ends kadm.ListedOffsets, topic string) (all []*kgo.Record) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	left := map[int32]int64{}
	for p, e := range ends[topic] {
		if e.Offset > 0 {
			left[p] = e.Offset
		}
	}
	if len(left) == 0 {
		return nil
	}
	c := client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	for len(left) > 0 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			tb.Fatalf("kafkatest: reading %s: %v: left %v", topic, err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return all
}
