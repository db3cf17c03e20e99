package deltaic_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// run is one run of the flow up to what there is, and what happens before it.
type run struct {
	parts   int // minPartitions; 0: not set
	records [2]int
	anew    bool // the topic is made anew first
}

// Whatever minPartitions was from run to run, also where partitions were empty or the topic was made anew, every record is in the
// table once, and progress says so.
func TestEveryRecordOnceHoweverItWasDivided(t *testing.T) {
	parts, some := rapid.SampledFrom([]int{0, 0, 1, 2, 3, 4, 8}), rapid.SampledFrom([]int{0, 0, 1, 10, 1500, 3000, 5000})
	drawn := rapid.Custom(func(t *rapid.T) []run {
		runs := make([]run, rapid.IntRange(3, 6).Draw(t, "runs"))
		for i := range runs {
			runs[i] = run{parts.Draw(t, "parts"), [2]int{some.Draw(t, "records"), some.Draw(t, "records")}, rapid.IntRange(0, 3).Draw(t, "anew") == 0}
		}
		return runs
	})
	all := [][]run{
		{{2, [2]int{3000, 0}, false}, {1, [2]int{1000, 0}, false}, {1, [2]int{1000, 0}, false}, {1, [2]int{1000, 0}, false}},
		{{8, [2]int{5000, 0}, false}, {4, [2]int{10, 3000}, false}, {2, [2]int{10, 10}, false}, {2, [2]int{10, 10}, false}},
		{{0, [2]int{5000, 5000}, false}, {8, [2]int{3000, 3000}, false}, {0, [2]int{10, 10}, false}, {0, [2]int{10, 10}, false}},
		{{0, [2]int{2000, 2000}, false}, {8, [2]int{5000, 5000}, false}, {8, [2]int{3000, 3000}, true}, {8, [2]int{8000, 8000}, false}, {8, [2]int{10, 10}, false}},
	}
	for seed := range 8 {
		all = append(all, drawn.Example(seed))
	}
	for i, runs := range all {
		t.Run(fmt.Sprint(i), func(t *testing.T) { readDivided(t, runs) })
	}
}

func readDivided(t *testing.T, runs []run) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	broker := kafkatest.Start(t, 2, []string{"clicks"})
	client, out := broker.Client(), t.TempDir()+"/out"
	n, ends := 0, [2]int{}
	for i, r := range runs {
		if r.anew && r.records[0] < ends[0] && r.records[1] < ends[1] { // a log that is as long as the old one was cannot be told from it
			admin := kadm.NewClient(client)
			if _, err := admin.DeleteTopic(ctx, "clicks"); err != nil {
				t.Fatal(err)
			}
			if _, err := admin.CreateTopic(ctx, 2, 1, nil, "clicks"); err != nil {
				t.Fatal(err)
			}
			client, ends = broker.Client(), [2]int{}
		}
		var records []*kgo.Record
		for p, count := range r.records {
			ends[p] += count
			for range count {
				records = append(records, &kgo.Record{Topic: "clicks", Partition: int32(p), Value: fmt.Append(nil, n)})
				n++
			}
		}
		if len(records) > 0 {
			kafkatest.Produce(t, client, records...)
		}
		options := []kafka.Option{kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest), kafka.CheckEvery(5 * time.Millisecond), kafka.FailOnDataLoss(false)}
		if r.parts > 0 {
			options = append(options, kafka.MinPartitions(r.parts))
		}
		flow := stream.New("parts")
		flow.From("clicks", kafka.Source("clicks", options...)).
			Select("CAST(CAST(value AS STRING) AS BIGINT) AS n").
			To("out", delta.SinkAt(out, delta.SinkOptions{}), stream.Append)
		q, err := deltaic.Start(ctx, flow, stream.AvailableNow())
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(ctx); err != nil {
			t.Fatalf("run %d of %+v: %v", i, runs, err)
		}
		if len(records) == 0 {
			continue
		}
		if got, want := string(q.LastProgress().Sources[0].EndOffset), fmt.Sprintf(`{"clicks":{"0":%d,"1":%d}}`, ends[0], ends[1]); got != want {
			t.Errorf("run %d of %+v came to %s, progress says to %s", i, runs, want, got)
		}
	}
	if n == 0 {
		return
	}
	seen := make([]int, n)
	scanRows(t, out, func(b *batch.Batch, i int) { seen[b.Columns[0].I64[i]]++ })
	for row, times := range seen {
		if times != 1 {
			t.Fatalf("row %d of %d stands there %d times, after %+v", row, n, times, runs)
		}
	}
}
