package kafka_test

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// rawBatch encodes a record batch of the values, whose last offset may lie
// behind them, as compaction leaves it.
func rawBatch(first int64, lastDelta int32, values ...string) []byte {
	var records []byte
	for i, v := range values {
		r := kmsg.Record{OffsetDelta: int32(i), Value: []byte(v)}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		records = r.AppendTo(records)
	}
	b := kmsg.RecordBatch{
		FirstOffset: first, Magic: 2, LastOffsetDelta: lastDelta, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		NumRecords: int32(len(values)), Records: records,
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// Compaction may leave nothing at the end of a log, not even a marker. The
// client then fetches nothing, and a bounded run reaches its end all the same:
// here the broker holds five offsets, of which 2, 3 and 4 are emptied batches.
func TestGapAtTheEnd(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"})
	b.Values("orders", 0, numbers(5)...)
	log := slices.Concat(rawBatch(0, 1, "a", "b"), rawBatch(2, 0), rawBatch(3, 1))
	var served atomic.Int64
	b.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 || req.Topics[0].Partitions[0].FetchOffset >= 5 {
			return nil, nil, false
		}
		served.Add(1)
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset, p.LogStartOffset, p.RecordBatches = 5, 5, 0, log
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	for _, from := range []string{"0", "2", "3"} {
		r := reader(t, source(t, b, "orders"), connectors.Positions{"orders/0": connectors.Position(from)})
		got := drain(t, r, "5")
		if want := map[string]int{"0": 2}[from]; len(got) != want {
			t.Errorf("from %s: got %q, want %d values", from, got, want)
		}
	}
	if served.Load() == 0 {
		t.Fatal("the compacted log was never read")
	}
}
