package deltaic_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap/zaptest"
)

// shop is bronze, silver and quarantine out of one topic, in one epoch each.
func shop(dir string, broker *kafkatest.Broker, options ...kafka.Option) *stream.Flow {
	flow := stream.New("shop").Quarantine(delta.SinkAt(dir+"/quarantine", delta.SinkOptions{}))
	orders := flow.From("orders", kafka.Source("orders", append(options, kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))...))
	orders.Select("CAST(value AS STRING) AS value", "topic", "partition", "offset").
		To("bronze", delta.SinkAt(dir+"/bronze", delta.SinkOptions{PartitionBy: []string{"topic"}}), stream.Append)
	orders.As("parsed").
		Select("from_json(CAST(value AS STRING), 'n BIGINT, region STRING, amount DECIMAL(12,2), at TIMESTAMP') AS o").
		Where("o IS NOT NULL").Select("o.*").DropDuplicates("n").
		To("silver", delta.SinkAt(dir+"/silver", delta.SinkOptions{}), stream.Append)
	return flow
}

func produce(t *testing.T, client *kgo.Client, from, to int) {
	t.Helper()
	var records []*kgo.Record
	for n := from; n < to; n++ {
		value := fmt.Sprintf(`{"n":%d,"region":"r%d","amount":%d.25,"at":"2026-01-31 10:20:30.%03d"}`, n-n%10/9, n%3, n, n%1000) // every tenth repeats the one before
		if n%17 == 5 {
			value = value[:len(value)/2]
		}
		records = append(records, &kgo.Record{Topic: "orders", Partition: int32(n % 4), Value: []byte(value)})
	}
	kafkatest.Produce(t, client, records...)
}

func TestSeveralTablesMoveTogether(t *testing.T) {
	broker := kafkatest.Start(t, 4, []string{"orders"})
	client := broker.Client()
	dir := t.TempDir()
	ctx := deltaic.WithLogger(t.Context(), zaptest.NewLogger(t))
	total := 0
	for round, parallelism := range []int{2, 1, 7} {
		produce(t, client, total, total+2000)
		total += 2000
		q, err := deltaic.Start(ctx, shop(dir, broker, kafka.MaxOffsetsPerTrigger(700)), stream.AvailableNow(), stream.CheckpointLocation(dir+"/checkpoint"), stream.Parallelism(parallelism))
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(ctx); err != nil {
			t.Fatal(err)
		}
		broken, ids := 0, map[int]bool{}
		for n := range total {
			if n%17 == 5 {
				broken++
			} else {
				ids[n-n%10/9] = true
			}
		}
		if rows := rowsOf(t, dir+"/bronze"); len(rows) != total {
			t.Fatalf("round %d: bronze has %d distinct rows, want %d", round, len(rows), total)
		}
		silver := rowsOf(t, dir+"/silver")
		for r, n := range silver {
			if n != 1 {
				t.Fatalf("round %d: %s stands there %d times", round, r, n)
			}
		}
		if len(silver) != len(ids) {
			t.Fatalf("round %d: silver has %d rows, want %d", round, len(silver), len(ids))
		}
		if rows := rowsOf(t, dir+"/quarantine"); len(rows) != broken {
			t.Fatalf("round %d: quarantine has %d rows, want %d", round, len(rows), broken)
		}
		for _, p := range q.RecentProgress() {
			if p.NumInputRows > 700 {
				t.Fatalf("an epoch of %d rows under maxOffsetsPerTrigger 700", p.NumInputRows)
			}
		}
	}
}

func TestStatefulFlowWithoutACheckpointLocationIsRefused(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	_, err := deltaic.Start(context.Background(), shop(t.TempDir(), broker))
	if err == nil || !strings.Contains(err.Error(), "checkpoint location") {
		t.Fatalf("started: %v", err)
	}
}

// A partition and a topic that come while the flow runs are read from their first record on, and nothing is read twice.
func TestPartitionsThatComeWhileItRuns(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"clicks"})
	broker.Values("clicks", 0, "a", "b")
	flow, dir := stream.New("growing"), t.TempDir()
	flow.From("clicks", kafka.Source("", kafka.Brokers(broker.Addresses()...), kafka.Set("subscribePattern", "clicks.*"), kafka.StartAt(kafka.Earliest), kafka.CheckEvery(5*time.Millisecond))).
		Select("CAST(value AS STRING) AS value").
		To("out", delta.SinkAt(dir+"/out", delta.SinkOptions{}), stream.Append)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	q, err := deltaic.Start(ctx, flow, stream.CheckpointLocation(dir+"/checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	wait := func(rows int) {
		t.Helper()
		for {
			if _, err := os.Stat(dir + "/out/_delta_log/00000000000000000000.json"); err == nil && len(rowsOf(t, dir+"/out")) >= rows {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatalf("%d rows do not come: %v", rows, q.Status())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	wait(2)
	admin := kadm.NewClient(broker.Client())
	if _, err := admin.CreatePartitions(ctx, 1, "clicks"); err != nil {
		t.Fatal(err)
	}
	broker.Values("clicks", 1, "c")
	wait(3)
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, "clicks-eu"); err != nil {
		t.Fatal(err)
	}
	broker.Values("clicks-eu", 0, "d")
	wait(4)
	if err := q.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for row, n := range rowsOf(t, dir+"/out") {
		if n != 1 {
			t.Errorf("%s stands there %d times", row, n)
		}
	}
}

// With minOffsetsPerTrigger the first epoch takes what is there; the next waits until there are enough, and then has them all. A run
// that ends with what is there waits for nothing.
func TestAnEpochWaitsForEnoughRows(t *testing.T) {
	broker := kafkatest.Start(t, 4, []string{"orders"})
	client := broker.Client()
	dir := t.TempDir()
	options := []kafka.Option{kafka.MinOffsetsPerTrigger(100), kafka.CheckEvery(5 * time.Millisecond)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	produce(t, client, 0, 100)
	q, err := deltaic.Start(ctx, shop(dir, broker, options...), stream.CheckpointLocation(dir+"/checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	epochs := func(n int) []int64 {
		for {
			var rows []int64
			for _, p := range q.RecentProgress() {
				if p.NumInputRows > 0 {
					rows = append(rows, p.NumInputRows)
				}
			}
			if len(rows) >= n {
				return rows
			}
			select {
			case <-ctx.Done():
				t.Fatalf("epochs of %v rows, want %d: %v", rows, n, q.Status())
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	first := epochs(1)[0] // of what was there, or of at least 100 rows if none was yet
	asked := make(chan struct{}, 1000)
	broker.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		asked <- struct{}{}
		return nil, nil, false
	})
	produce(t, client, 100, 160)
	for range 8 { // more than one epoch has been thought of since these rows came
		<-asked
	}
	produce(t, client, 160, 230)
	rows := epochs(2)
	if first != 100 || rows[1] != 130 {
		t.Errorf("epochs of %v rows, want 100 and then 130", rows)
	}
	produce(t, client, 230, 240)
	left := 240 - sum(rows)
	if err := q.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	q, err = deltaic.Start(ctx, shop(dir, broker, options...), stream.AvailableNow(), stream.CheckpointLocation(dir+"/checkpoint"))
	if err == nil {
		err = q.AwaitTermination(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	for _, p := range q.RecentProgress() {
		last += p.NumInputRows
	}
	if last != left {
		t.Errorf("the run that ends with what is there read %d rows of %d", last, left)
	}
}

func sum(numbers []int64) (total int64) {
	for _, n := range numbers {
		total += n
	}
	return total
}
