package deltaic_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// runAll runs the flow over what is there and returns how it ended.
func runAll(t *testing.T, flow *stream.Flow, options ...stream.Option) error {
	t.Helper()
	q, err := deltaic.Start(t.Context(), flow, append(options, stream.AvailableNow())...)
	if err != nil {
		return err
	}
	return q.AwaitTermination(t.Context())
}

// wantFailure checks the class of an error and that it says something useful.
func wantFailure(t *testing.T, err error, class string, words ...string) {
	t.Helper()
	var f *supervision.Failure
	if !errors.As(err, &f) || f.Class != class {
		t.Fatalf("want %s, got %v", class, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+f.Hint, w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

// Records of every hostile kind end in the quarantine, alone and with their origin;
// those beside them arrive.
func TestHostileRecordsAreQuarantinedAlone(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	good := []byte(`{"n":1,"region":"north","amount":1.5,"at":"2026-01-31 10:20:30"}`)
	hostile := [][]byte{
		[]byte(strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)), // 1,000 deep
		[]byte(strings.Repeat("[", 100000)),
		[]byte(`{"n":1e400}`), []byte(`{"n":"not a number"}`), []byte("\x00\x01\x02"), []byte(`{"n":1`), []byte(`{"n":1}}`),
	}
	client := broker.Client(kgo.ProducerBatchMaxBytes(4<<20), kgo.MaxBufferedRecords(1000))
	for _, h := range hostile {
		kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: h})
	}
	invalid := []byte("{\"n\":2,\"region\":\"\xff\xfe\",\"amount\":1,\"at\":null}") // arrives, as U+FFFD
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: good}, &kgo.Record{Topic: "orders", Value: invalid},
		&kgo.Record{Topic: "orders", Value: nil}) // a tombstone with a null key
	dir := t.TempDir()
	if err := runAll(t, shop(dir, broker), stream.CheckpointLocation(dir+"/checkpoint")); err != nil {
		t.Fatal(err)
	}
	if rows := rowsOf(t, dir+"/silver"); len(rows) != 2 {
		t.Fatalf("silver: %v", rows)
	}
	quarantine := rowsOf(t, dir+"/quarantine")
	if len(quarantine) != len(hostile) {
		t.Fatalf("quarantine has %d rows, want %d", len(quarantine), len(hostile))
	}
	for r := range quarantine {
		if !strings.Contains(r, `"topic":"orders","partition":0,"offset":`) || !strings.Contains(r, `"error_class":"MALFORMED_RECORD_IN_PARSING"`) {
			t.Errorf("a quarantined row does not say where it is from: %.300s", r)
		}
	}
	if rows := rowsOf(t, dir+"/bronze"); len(rows) != len(hostile)+3 {
		t.Fatalf("bronze has %d rows", len(rows))
	}
}

func TestARecordOf64MiBArrivesOrIsQuarantined(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 64 MiB")
	}
	broker := kafkatest.Start(t, 1, []string{"orders"}, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "134217728"}))
	client := broker.Client(kgo.ProducerBatchMaxBytes(70<<20), kgo.BrokerMaxWriteBytes(100<<20), kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	big := append(append([]byte(`{"n":1,"region":"`), bytes.Repeat([]byte("x"), 64<<20)...), []byte(`","amount":1,"at":null}`)...)
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: big}, &kgo.Record{Topic: "orders", Value: []byte(`{"n":2,"region":"r","amount":1,"at":null}`)})
	dir := t.TempDir()
	if err := runAll(t, shop(dir, broker, kafka.MaxBatchBytes(128<<20)), stream.CheckpointLocation(dir+"/checkpoint")); err != nil {
		t.Fatal(err)
	}
	_, quarantined := os.Stat(dir + "/quarantine/_delta_log/00000000000000000001.json")
	if n := len(rowsOf(t, dir+"/silver")); n != 2 && !(n == 1 && quarantined == nil) {
		t.Fatalf("silver has %d rows", n)
	}
}

// Without a quarantine the query fails and says which row it was.
func TestWithoutAQuarantineAPoisonRowIsNamed(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	broker.Values("orders", 0, "1", "2", "three", "4")
	flow := stream.New("numbers")
	flow.From("orders", kafka.Source("orders", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).
		Select("CAST(CAST(value AS STRING) AS INT) AS n").To("numbers", delta.SinkAt(t.TempDir()+"/numbers", delta.SinkOptions{}), stream.Append)
	wantFailure(t, runAll(t, flow), "CAST_INVALID_INPUT", "orders[0]@2", "try_cast")
}

func TestATopicThatIsNotThereIsNamed(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	flow := stream.New("gone")
	flow.From("orders", kafka.Source("no-such-topic", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).
		Select("topic").To("out", delta.SinkAt(t.TempDir()+"/out", delta.SinkOptions{}), stream.Append)
	wantFailure(t, runAll(t, flow), "UNKNOWN_TOPIC_OR_PARTITION", "no-such-topic")
}

func TestAReadOnlyFolderIsNamed(t *testing.T) {
	if os.Geteuid() == 0 {
		// root writes through permissions; a file where the folder should be is as unwritable.
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "lake"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		unwritable(t, filepath.Join(dir, "lake"))
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	unwritable(t, dir)
}

func unwritable(t *testing.T, dir string) {
	t.Helper()
	broker := kafkatest.Start(t, 1, []string{"orders"})
	broker.Values("orders", 0, "1")
	flow := stream.New("stuck")
	flow.From("orders", kafka.Source("orders", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).
		Select("topic").To("out", delta.SinkAt(dir+"/out", delta.SinkOptions{}), stream.Append)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	q, err := deltaic.Start(ctx, flow, stream.AvailableNow())
	if err == nil {
		err = q.AwaitTermination(ctx)
	}
	if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("%v does not name %s", err, dir)
	}
}

func TestANewerFormatIsRefusedByName(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	broker.Values("orders", 0, `{"n":1}`)
	dir := t.TempDir()
	if err := runAll(t, shop(dir, broker), stream.CheckpointLocation(dir+"/checkpoint")); err != nil {
		t.Fatal(err)
	}
	path := dir + "/checkpoint/flow.json"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"format":1`), []byte(`"format":9`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, runAll(t, shop(dir, broker), stream.CheckpointLocation(dir+"/checkpoint")), "FORMAT_TOO_NEW", "format 9", "flow.json")
}

func TestACheckpointOfAnotherFlowIsRefused(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	broker.Values("orders", 0, `{"n":1}`)
	dir := t.TempDir()
	if err := runAll(t, shop(dir, broker), stream.CheckpointLocation(dir+"/checkpoint")); err != nil {
		t.Fatal(err)
	}
	other := stream.New("other")
	other.From("orders", kafka.Source("orders", kafka.Brokers(broker.Addresses()...))).Select("topic").
		To("out", delta.SinkAt(dir+"/other", delta.SinkOptions{}), stream.Append)
	wantFailure(t, runAll(t, other, stream.CheckpointLocation(dir+"/checkpoint")), "CHECKPOINT_OF_ANOTHER_FLOW", "shop")
}

// A lost checkpoint must not write the rows a second time.
func TestALostCheckpointIsNoticed(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders"})
	broker.Values("orders", 0, `{"n":1,"region":"r","amount":1,"at":null}`)
	dir := t.TempDir()
	if err := runAll(t, shop(dir, broker), stream.CheckpointLocation(dir+"/checkpoint")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir + "/checkpoint"); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, runAll(t, shop(dir, broker), stream.CheckpointLocation(dir+"/checkpoint")), "DELTAIC_OTHER_INCARNATION", "checkpoint")
}
