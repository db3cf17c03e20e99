package interop

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func jsonNumber(n int) string { return strconv.Itoa(n) }

// rawQuery copies topics as they are.
func rawQuery(t *testing.T, path string, b *broker, topics string, options map[string]string, run ...stream.Option) (*stream.Query, error) {
	t.Helper()
	source := []kafka.Option{kafka.Brokers(b.address()), kafka.StartAt(kafka.Earliest)}
	for name, value := range options {
		source = append(source, kafka.Set(name, value))
	}
	flow := stream.New("raw")
	flow.From("records", kafka.Source(topics, source...)).To("out", delta.SinkAt(path, delta.SinkOptions{}), stream.Append)
	return deltaic.Start(t.Context(), flow, run...)
}

// available copies what is there to the end.
func available(t *testing.T, path string, b *broker, topics string, options map[string]string) error {
	t.Helper()
	q, err := rawQuery(t, path, b, topics, options, stream.AvailableNow())
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- q.AwaitTermination(t.Context()) }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("available-now does not end; %+v", q.LastProgress())
	}
}

// values counts the values of a table of raw records by topic.
func values(t *testing.T, path string) map[string]int {
	t.Helper()
	found := map[string]int{}
	scan(t, path, []string{"topic", "value"}, func(b *batch.Batch, i int) {
		found[string(b.Columns[0].Bytes(i))+" "+string(b.Columns[1].Bytes(i))]++
	})
	return found
}

func TestSASL(t *testing.T) {
	b := startBroker(t, "--sasl")
	b.create("secured", 2)
	b.produce(b.client(), "secured", 1, "one", "two")
	secured := &broker{t: t, port: b.port + 2}
	jaas := func(password string) map[string]string {
		return map[string]string{"kafka.security.protocol": "SASL_PLAINTEXT", "kafka.sasl.mechanism": "PLAIN",
			"kafka.sasl.jaas.config": fmt.Sprintf(`org.apache.kafka.common.security.plain.PlainLoginModule required username="deltaic" password=%q;`, password)}
	}
	path := filepath.Join(t.TempDir(), "table")
	if err := available(t, path, secured, "secured", jaas("deltaic-secret")); err != nil {
		t.Fatal(err)
	}
	if got := values(t, path); len(got) != 2 {
		t.Errorf("read %v", got)
	}
	began := time.Now()
	err := available(t, filepath.Join(t.TempDir(), "table"), secured, "secured", jaas("guessed-wrong"))
	t.Logf("after %s: %v", time.Since(began), err)
	var f *supervision.Failure
	if !errors.As(err, &f) || time.Since(began) > 30*time.Second || strings.Contains(err.Error(), "guessed-wrong") {
		t.Errorf("a wrong password: %v", err)
	}
	sayWhatIsMissing(t, secured)
}

// sayWhatIsMissing: a broker that asks for credentials closes connections without, as one does that is
// starting. So the query goes on trying, and says what is likely wrong.
func sayWhatIsMissing(t *testing.T, secured *broker) {
	core, logs := observer.New(zap.WarnLevel)
	flow := stream.New("raw")
	flow.From("records", kafka.Source("secured", kafka.Brokers(secured.address()))).To("out", delta.SinkAt(filepath.Join(t.TempDir(), "table"), delta.SinkOptions{}), stream.Append)
	q, err := deltaic.Start(deltaic.WithLogger(t.Context(), zap.New(core)), flow, stream.AvailableNow())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for logs.Len() == 0 && q.IsActive() && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	text := fmt.Sprintf("%v %v %+v", q.Status(), q.Exception(), logs.All())
	if !strings.Contains(text, "SASL") {
		t.Errorf("nothing says that the broker wants SASL: %s", text)
	}
	t.Logf("without credentials: %.500s", text)
	stopped := time.Now()
	if err := q.Stop(t.Context()); err != nil {
		t.Logf("stopped: %v", err)
	}
	if took := time.Since(stopped); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

// Batches as Java's producer compresses them, which is not how franz-go does.
func TestCompressedTopics(t *testing.T) {
	b := startBroker(t)
	var topics []string
	const records = 20_000
	for _, codec := range []string{"none", "lz4", "zstd", "snappy", "gzip"} {
		topics = append(topics, "as-"+codec)
		b.create("as-"+codec, 2)
		b.script("produce", "as-"+codec, "--perf", jsonNumber(records), "--size", "100", "--", "compression.type="+codec)
	}
	path := filepath.Join(t.TempDir(), "table")
	if err := available(t, path, b, strings.Join(topics, ","), nil); err != nil {
		t.Fatal(err)
	}
	byTopic, bytes := map[string]int{}, 0
	scan(t, path, []string{"topic", "value"}, func(b *batch.Batch, i int) {
		byTopic[string(b.Columns[0].Bytes(i))]++
		bytes += len(b.Columns[1].Bytes(i))
	})
	for _, topic := range topics {
		if byTopic[topic] != records {
			t.Errorf("%s: %d records, want %d", topic, byTopic[topic], records)
		}
	}
	if want := records * len(topics) * 100; bytes != want {
		t.Errorf("%d bytes of values, want %d", bytes, want)
	}
	equal(t, path, digestOf(t, path))
}

// Transactions of Java's producer and of franz-go, some of them aborted, the last one too, and one left open.
func TestTransactions(t *testing.T) {
	b := startBroker(t)
	b.create("paid", 1)
	const committed = 30_000
	b.script("produce", "paid", "--perf", jsonNumber(committed), "--size", "50", "--txn", "java")
	transaction := func(id string, end kgo.TransactionEndTry, values ...string) {
		c := b.client(kgo.TransactionalID(id))
		if err := c.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		b.produce(c, "paid", 0, values...)
		if err := c.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	transaction("a", kgo.TryCommit, "kept 1", "kept 2")
	transaction("a", kgo.TryAbort, "aborted 1", "aborted 2", "aborted 3")
	transaction("b", kgo.TryCommit, "kept 3")
	transaction("b", kgo.TryAbort, "aborted 4") // the log ends with an abort marker
	path := filepath.Join(t.TempDir(), "table")
	readCommitted := map[string]string{"kafka.isolation.level": "read_committed"}
	look := func(what string, rows int, kept ...string) {
		t.Helper()
		if err := available(t, path, b, "paid", readCommitted); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		found, total := values(t, path), 0
		for v, n := range found {
			if total += n; strings.Contains(v, "aborted") {
				t.Errorf("%s: %q was read", what, v)
			}
		}
		for _, k := range kept {
			if found["paid "+k] != 1 {
				t.Errorf("%s: %q stands there %d times", what, k, found["paid "+k])
			}
		}
		if total != rows {
			t.Errorf("%s: %d rows, want %d", what, total, rows)
		}
	}
	look("all ended", committed+3, "kept 1", "kept 2", "kept 3")
	open := b.client(kgo.TransactionalID("open"))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	b.produce(open, "paid", 0, "late 1")
	b.produce(b.client(), "paid", 0, "behind the open one")
	look("one open", committed+3)
	if err := open.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	look("it committed", committed+5, "late 1", "behind the open one")
	other := filepath.Join(t.TempDir(), "uncommitted")
	if err := available(t, other, b, "paid", map[string]string{"kafka.isolation.level": "read_uncommitted"}); err != nil {
		t.Fatal(err)
	}
	if got := len(values(t, other)); got < 9 {
		t.Errorf("read uncommitted: %d distinct values", got)
	}
	equal(t, path, digestOf(t, path))
}

// A topic that is deleted while it is read ends the query with a failure that names it; so does one that was made anew.
func TestDeletedTopic(t *testing.T) {
	b := startBroker(t)
	b.create("gone", 2)
	c := b.client()
	b.produce(c, "gone", 0, "one", "two")
	path := filepath.Join(t.TempDir(), "table")
	q, err := rawQuery(t, path, b, "gone", nil)
	if err != nil {
		t.Fatal(err)
	}
	for q.LastProgress() == nil {
		select {
		case <-t.Context().Done():
			t.Fatal("no epoch")
		case <-time.After(50 * time.Millisecond):
		}
	}
	b.script("topics", "delete", "gone")
	began := time.Now()
	failed := make(chan error, 1)
	go func() { failed <- q.AwaitTermination(t.Context()) }()
	select {
	case err = <-failed:
	case <-time.After(2 * time.Minute):
		t.Fatal("the query goes on without its topic")
	}
	t.Logf("after %s: %v", time.Since(began).Round(time.Millisecond), err)
	var f *supervision.Failure
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("the failure does not say what is gone: %v", err)
	}
	b.create("gone", 2)
	b.produce(b.client(), "gone", 0, "anew")
	err = available(t, path, b, "gone", nil)
	t.Logf("made anew: %v", err)
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a topic made anew is read on as if it were the old one: %v", err)
	}
	if got := values(t, path); len(got) != 2 {
		t.Errorf("the table holds %v", got)
	}
}
