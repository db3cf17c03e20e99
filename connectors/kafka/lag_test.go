package kafka_test

import (
	"fmt"
	"maps"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// Lag is what the broker's own offsets say, by partition, also of one that is read in parts; and the bytes are within a tenth of those that the broker stores.
func TestLagIsTheBrokers(t *testing.T) {
	for _, parts := range []int{1, 6} {
		b := kafkatest.Start(t, 2, []string{"orders"})
		var records []*kgo.Record
		for i := range 3000 {
			records = append(records, &kgo.Record{Topic: "orders", Partition: int32(i % 3 / 2), Key: fmt.Appendf(nil, "%020d", i), Value: make([]byte, 500)})
		}
		b.Produce(records...)
		in := source(t, b, "orders", kafka.MinPartitions(parts))
		at, err := in.Start(within(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		var splits []connectors.SplitID
		for s := range at {
			splits = append(splits, s)
		}
		end, err := in.End(within(t), splits)
		if err != nil {
			t.Fatal(err)
		}
		if m := in.Lag(at, end); m["estimatedTotalBytesBehindLatest"] != "" || m["offsetsBehindLatest"] != `{"orders":{"0":2000,"1":1000}}` || m["maxOffsetsBehindLatest"] != "2000" || m["minOffsetsBehindLatest"] != "1000" {
			t.Errorf("%d parts, nothing read: %v", parts, m)
		}
		now := maps.Clone(at)
		r := reader(t, in, at)
		for rows := 0; rows < 700; {
			f, err := r.Next(within(t))
			if err != nil {
				t.Fatal(err)
			}
			rows += f.Batch.N
			now[f.Split] = f.After
			f.Batch.Release()
		}
		m, left, total := in.Lag(now, end), int64(0), int64(0)
		for s := range now {
			left += in.Behind(now[s], end[s])
		}
		dirs, err := kadm.NewClient(b.Client()).DescribeAllLogDirs(within(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		dirs.Each(func(d kadm.DescribedLogDir) {
			d.Topics.Each(func(p kadm.DescribedLogDirPartition) { total += p.Size })
		})
		got, err := strconv.ParseFloat(m["estimatedTotalBytesBehindLatest"], 64)
		want := float64(total) * float64(left) / 3000
		if err != nil || got < want*0.9 || got > want*1.1 {
			t.Errorf("%d parts: %v bytes for %d records (%v), the broker has %.0f", parts, got, left, err, want)
		}
	}
}
