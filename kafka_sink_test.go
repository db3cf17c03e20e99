package deltaic_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/stream"
)

// copiedFlow copies the topic in to the topic out, exactly once; it is run by the test's binary until it is killed or has read all.
func copiedFlow(ctx context.Context, args []string) error {
	parallelism, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	flow := stream.New("copied")
	flow.From("in", kafka.Source("in", kafka.Brokers(args[0]), kafka.StartAt(kafka.Earliest), kafka.MaxOffsetsPerTrigger(40))).
		Select("key", "value").
		To("out", kafka.Sink("out", kafka.Brokers(args[0]), kafka.ExactlyOnce(), kafka.Set("kafka.retry.backoff.ms", "10")), stream.Append)
	options := []stream.Option{stream.CheckpointLocation(args[1] + "/checkpoint"), stream.Parallelism(parallelism), stream.EpochInterval(5 * time.Millisecond)}
	if args[3] == "all" {
		options = append(options, stream.AvailableNow())
	}
	q, err := deltaic.Start(ctx, flow, options...)
	if err != nil {
		return err
	}
	return q.AwaitTermination(ctx)
}

// committedValues are the values by partition that a reader of committed records sees.
func committedValues(t *testing.T, brokers []string, topic string) map[int32][]string {
	t.Helper()
	client := func(o ...kgo.Opt) *kgo.Client {
		c, err := kgo.NewClient(append(o, kgo.SeedBrokers(brokers...))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	ends, err := kadm.NewClient(client()).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	all := map[int32][]string{}
	for _, r := range kafkatest.Committed(t, client, ends, topic) {
		all[r.Partition] = append(all[r.Partition], string(r.Value))
	}
	return all
}

// checkCopied holds what a topic has against what was written to another: each value once, in order for each key.
func checkCopied(t *testing.T, got map[int32][]string, keys, perKey int) {
	t.Helper()
	next, total := map[string]int{}, 0
	for _, partition := range slices.Sorted(func(yield func(int32) bool) {
		for p := range got {
			if !yield(p) {
				return
			}
		}
	}) {
		for _, v := range got[partition] {
			var key string
			var n int
			if _, err := fmt.Sscanf(v, "%s %d", &key, &n); err != nil {
				t.Fatalf("%q: %v", v, err)
			}
			if n != next[key] {
				t.Fatalf("key %s: %d comes where %d is to come", key, n, next[key])
			}
			next[key]++
			total++
		}
	}
	if total != keys*perKey {
		t.Fatalf("%d values, want %d", total, keys*perKey)
	}
}

// TestKafkaOutlivesKills kills the process of a flow from Kafka to Kafka, again and again, at another parallelism each time, while it
// stages, decides, commits or does nothing. DELTAIC_TEST_KILLS says how often.
func TestKafkaOutlivesKills(t *testing.T) {
	broker := kafkatest.Start(t, 3, []string{"in", "out"}, kfake.BrokerConfigs(map[string]string{"transaction.max.timeout.ms": "900000"}))
	outliveKills(t, broker.Addresses(), 4)
}

func outliveKills(t *testing.T, brokers []string, kills int) {
	if n, err := strconv.Atoi(os.Getenv("DELTAIC_TEST_KILLS")); err == nil {
		kills = n
	}
	const keys = 7
	dir, random, perKey := t.TempDir(), rand.New(rand.NewPCG(5, 6)), 0
	producer, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	run := func(round int, mode string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d|%s|copied", killedVariable, brokers[0], dir, 1+(round*2)%5, mode))
		return c
	}
	end := func() (n int64) {
		ends, err := kadm.NewClient(producer).ListEndOffsets(t.Context(), "out")
		if err != nil {
			t.Fatal(err)
		}
		ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
		return n
	}
	for round := range kills {
		var records []*kgo.Record
		for range 60 {
			for k := range keys {
				records = append(records, &kgo.Record{Topic: "in", Key: fmt.Append(nil, k), Value: fmt.Appendf(nil, "k%d %d", k, perKey)})
			}
			perKey++
		}
		kafkatest.Produce(t, producer, records...)
		before := end()
		killOnceMoved(t, round, run(round, "some"), func() bool { return end() != before }, random, 20*time.Millisecond)
	}
	if out, err := run(kills, "all").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	checkCopied(t, committedValues(t, brokers, "out"), keys, perKey)
	if staged, _ := filepath.Glob(dir + "/checkpoint/sinks/out/*/*.rows"); len(staged) > 5 {
		t.Errorf("staged rows that nobody needs: %v", staged)
	}
}

// From a topic to another, exactly once, whatever is killed on the way.
func ExampleStart_kafkaToKafka() {
	broker := kafkatest.Start(&testing.B{}, 1, []string{"orders", "large"})
	defer broker.Close()
	broker.Values("orders", 0, `{"customer":"ada","cents":1250}`, `{"customer":"bob","cents":300}`, `{"customer":"ada","cents":9900}`)
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)

	flow := stream.New("large-orders")
	flow.From("orders", kafka.Source("orders", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).
		Select("from_json(CAST(value AS STRING), 'customer STRING, cents BIGINT') AS o").
		Where("o.cents >= 1000").
		Select("o.customer AS key", "o.customer AS customer", "o.cents / 100 AS amount").
		To("large", kafka.Sink("large", kafka.Brokers(broker.Addresses()...), kafka.ExactlyOnce()), stream.Append)
	q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow(), stream.CheckpointLocation(dir))
	if err == nil {
		err = q.AwaitTermination(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	reader, _ := kgo.NewClient(kgo.SeedBrokers(broker.Addresses()...), kgo.ConsumeTopics("large"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	reader.PollFetches(context.Background()).EachRecord(func(r *kgo.Record) { fmt.Printf("%s: %s\n", r.Key, r.Value) })
	// Output:
	// ada: {"customer":"ada","amount":12.5}
	// ada: {"customer":"ada","amount":99.0}
}
