package interop

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// broker is a real Kafka that ends with its test.
type broker struct {
	t     *testing.T
	port  int
	where []string // --port and --dir, which all scripts take
}

func startBroker(t *testing.T, flags ...string) *broker {
	t.Helper()
	kit(t)
	port := number(t, "DELTAIC_INTEROP_PORT", 19192)
	b := &broker{t: t, port: port, where: []string{"--port", strconv.Itoa(port), "--dir", filepath.Join(t.TempDir(), "kafka")}}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := stopBroker(b); err != nil {
			t.Error(err)
		}
	})
	b.script("up", flags...)
	return b
}

// script runs one of the scripts of the kafka folder for this broker.
func (b *broker) script(name string, args ...string) string {
	b.t.Helper()
	return mustScript(b.t, "", "kafka/"+name, append(append([]string{}, b.where...), args...)...)
}

func (b *broker) address() string { return fmt.Sprint("127.0.0.1:", b.port) }

func (b *broker) client(options ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.address()), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(c.Close)
	return c
}

func (b *broker) create(topic string, partitions int) {
	b.t.Helper()
	if _, err := kadm.NewClient(b.client()).CreateTopic(b.t.Context(), int32(partitions), 1, nil, topic); err != nil {
		b.t.Fatal(err)
	}
}

// produce sends values to a partition, in order.
func (b *broker) produce(c *kgo.Client, topic string, partition int, values ...string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: topic, Partition: int32(partition), Value: []byte(v)})
	}
	if err := c.ProduceSync(ctx, records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// committed are the records of a topic that a reader of committed records sees.
func (b *broker) committed(topic string) []*kgo.Record {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(b.client()).ListEndOffsets(ctx, topic)
	if err != nil {
		b.t.Fatal(err)
	}
	return kafkatest.Committed(b.t, b.client, ends, topic)
}
