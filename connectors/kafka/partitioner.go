package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// anyPartition is the partition of a record that names none.
const anyPartition = -1

// partitioner sends a record to the partition that it names, else where Java's client sends its key, and
// one with neither to the partition that is being filled.
type partitioner struct{}

// ForTopic returns the partitioner of one topic.
func (partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	byKey := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	renewed, _ := byKey.(kgo.TopicPartitionerOnNewBatch)
	return &topicPartitioner{byKey, renewed}
}

type topicPartitioner struct {
	byKey   kgo.TopicPartitioner
	renewed kgo.TopicPartitionerOnNewBatch // nil: it does not care
}

// RequiresConsistency reports whether the record may go to one partition only.
func (p *topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != anyPartition || p.byKey.RequiresConsistency(r)
}

// Partition returns the record's partition; one that is not there fails the record.
func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition != anyPartition {
		return int(r.Partition)
	}
	return p.byKey.Partition(r, n)
}

// OnNewBatch lets records without a key go on to another partition.
func (p *topicPartitioner) OnNewBatch() {
	if p.renewed != nil {
		p.renewed.OnNewBatch()
	}
}
