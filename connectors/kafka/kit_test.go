package kafka_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// mixed fills a topic with what a source may meet: plain records, tombstones,
// null and empty keys, headers, committed and aborted transactions, one of
// those at the very end.
func mixed(t testing.TB, b *kafkatest.Broker, topic string, partitions int32) {
	t.Helper()
	for p := range partitions {
		var records []*kgo.Record
		for i := range 20 {
			r := &kgo.Record{Topic: topic, Partition: p, Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "value %d of %d", i, p)}
			switch i % 5 {
			case 1:
				r.Key = nil
			case 2:
				r.Value = nil
			case 3:
				r.Key, r.Value = []byte{}, []byte{}
				r.Headers = []kgo.RecordHeader{{Key: "h", Value: []byte{1, 2}}, {Key: "null"}}
			}
			records = append(records, r)
		}
		b.Produce(records...)
		transaction(t, b, topic, p, true, "committed", 3)
		transaction(t, b, topic, p, false, "aborted", 4)
		b.Values(topic, p, "between", "them")
		transaction(t, b, topic, p, false, "aborted at the end", 2)
	}
}

func transaction(t testing.TB, b *kafkatest.Broker, topic string, p int32, commit bool, text string, n int) {
	t.Helper()
	client := b.Client(kgo.TransactionalID(fmt.Sprint(topic, p, text)))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		kafkatest.Produce(t, client, &kgo.Record{Topic: topic, Partition: p, Value: fmt.Appendf(nil, "%s %d", text, i)})
	}
	if err := client.EndTransaction(within(t), kgo.TransactionEndTry(commit)); err != nil {
		t.Fatal(err)
	}
}

func TestSourceKit(t *testing.T) {
	b := kafkatest.Start(t, 2, []string{"orders"})
	mixed(t, b, "orders", 2)
	for _, isolation := range []string{"read_committed", "read_uncommitted"} {
		for _, parts := range []int{1, 5} { // stripes of three offsets, so that transactions and their markers lie across them
			t.Run(fmt.Sprint(isolation, parts), func(t *testing.T) {
				connectortest.Source(t, func(t *testing.T) connectors.Source {
					return kafka.Source("orders", kafka.Brokers(b.Addresses()...), kafka.StartAt(kafka.Earliest), kafka.MinPartitions(parts), kafka.StripeOf(3),
						kafka.IncludeHeaders(), kafka.MaxOffsetsPerTrigger(10), kafka.Set("kafka.isolation.level", isolation))
				})
			})
		}
	}
}
