package deltaic_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/twmb/franz-go/pkg/kgo"
)

// One partition is read by several tasks, by others and by one again from start to start, each of which ends in the middle; every
// record is in the table once, with its place, and what the flow waits for comes.
func TestAPartitionIsReadInParts(t *testing.T) {
	const rows = 24_000
	broker := kafkatest.Start(t, 1, []string{"clicks"})
	client := broker.Client()
	produce := func(from, to int) {
		t.Helper()
		var records []*kgo.Record
		for n := from; n < to; n++ {
			records = append(records, &kgo.Record{Topic: "clicks", Value: fmt.Appendf(nil, "%d", n)})
		}
		kafkatest.Produce(t, client, records...)
	}
	produce(0, rows-2000)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := func(parts int, most int64, trigger ...stream.Option) *stream.Query {
		t.Helper()
		flow := stream.New("parts")
		flow.From("clicks", kafka.Source("clicks", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest), kafka.MinPartitions(parts),
			kafka.MaxOffsetsPerTrigger(most), kafka.CheckEvery(5*time.Millisecond))).
			Select("CAST(CAST(value AS STRING) AS BIGINT) AS n", "partition", "offset").
			To("out", delta.SinkAt(dir+"/out", delta.SinkOptions{}), stream.Append)
		q, err := deltaic.Start(ctx, flow, trigger...)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for i, parts := range []int{4, 3, 1, 7} {
		q := start(parts, 500)
		for len(q.RecentProgress()) < 2 && q.IsActive() {
			select {
			case <-ctx.Done():
				t.Fatalf("no epochs: %v", q.Status())
			case <-time.After(5 * time.Millisecond):
			}
		}
		if err := q.Stop(ctx); err != nil {
			t.Fatalf("start %d with %d parts: %v", i, parts, err)
		}
	}
	produce(rows-2000, rows-1000)
	q := start(2, 5000, stream.AvailableNow())
	if err := q.AwaitTermination(ctx); err != nil {
		t.Fatal(err)
	}
	if end := string(q.LastProgress().Sources[0].EndOffset); end != `{"clicks":{"0":23000}}` {
		t.Errorf("progress says that the flow has come to %s", end)
	}
	q = start(2, 5000)
	produce(rows-1000, rows)
	if err := q.ProcessAllAvailable(ctx); err != nil {
		t.Fatal(err)
	}
	if err := q.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	seen := make([]int, rows)
	scanRows(t, dir+"/out", func(b *batch.Batch, i int) {
		n := b.Columns[0].I64[i]
		if seen[n]++; b.Columns[1].I32[i] != 0 || b.Columns[2].I64[i] != n {
			t.Fatalf("row %d says that it is of partition %d, offset %d", n, b.Columns[1].I32[i], b.Columns[2].I64[i])
		}
	})
	for n, times := range seen {
		if times != 1 {
			t.Fatalf("row %d stands there %d times", n, times)
		}
	}
}

// partsFlow reads a topic in parts until it is killed or has read all: args are brokers, folder, minPartitions, and "parts" or "parts to the end".
func partsFlow(ctx context.Context, args []string) error {
	flow := stream.New("parts")
	flow.From("clicks", kafka.Source("clicks", kafka.Brokers(args[0]), kafka.StartAt(kafka.Earliest), kafka.Set("minPartitions", args[2]), kafka.MaxOffsetsPerTrigger(500))).
		Select("CAST(CAST(value AS STRING) AS BIGINT) AS n", "partition", "offset").
		To("out", delta.SinkAt(args[1]+"/out", delta.SinkOptions{}), stream.Append)
	options := []stream.Option{stream.CheckpointLocation(args[1] + "/checkpoint"), stream.EpochInterval(5 * time.Millisecond)}
	if args[3] != "parts" {
		options = append(options, stream.AvailableNow())
	}
	q, err := deltaic.Start(ctx, flow, options...)
	if err != nil {
		return err
	}
	return q.AwaitTermination(ctx)
}

// A process that reads two partitions in parts is killed, again and again, and the next one reads them in as many parts or in others: every
// record is in the table once, with its place.
func TestPartsOutliveKills(t *testing.T) {
	const rows = 60_000
	broker, dir, random := kafkatest.Start(t, 2, []string{"clicks"}), t.TempDir(), rand.New(rand.NewPCG(5, 6))
	var records []*kgo.Record
	for n := range rows {
		records = append(records, &kgo.Record{Topic: "clicks", Partition: int32(n % 2), Value: fmt.Appendf(nil, "%d", n)})
	}
	kafkatest.Produce(t, broker.Client(), records...)
	run := func(parts int, mode string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d|%s", killedVariable, broker.Addresses()[0], dir, parts, mode))
		return c
	}
	for round, parts := range []int{10, 10, 3, 10, 2, 7, 10, 10}[:whole(5, 8)] {
		log := func() int {
			commits, _ := filepath.Glob(dir + "/out/_delta_log/*.json")
			return len(commits)
		}
		moved := log() + 2 + random.IntN(4) // the first is the attempt's claim
		killOnceMoved(t, round, run(parts, "parts"), func() bool { return log() >= moved }, random, 20*time.Millisecond)
	}
	if out, err := run(10, "parts to the end").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := make([]int, rows)
	scanRows(t, dir+"/out", func(b *batch.Batch, i int) {
		n := b.Columns[0].I64[i]
		if seen[n]++; int64(b.Columns[1].I32[i]) != n%2 || b.Columns[2].I64[i] != n/2 {
			t.Fatalf("row %d says that it is of partition %d, offset %d", n, b.Columns[1].I32[i], b.Columns[2].I64[i])
		}
	})
	for n, times := range seen {
		if times != 1 {
			t.Fatalf("row %d stands there %d times", n, times)
		}
	}
}

// scanRows visits the rows of a table.
func scanRows(t *testing.T, path string, visit func(*batch.Batch, int)) {
	t.Helper()
	table, exists, err := delta.SinkAt(path, delta.SinkOptions{}).Open(t.Context())
	if err != nil || !exists {
		t.Fatalf("%s: exists %v, %v", path, exists, err)
	}
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			visit(b, i)
		}
		b.Release()
	}
}
