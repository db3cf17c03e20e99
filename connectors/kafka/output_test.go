package kafka_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/objstore"
	memorystore "github.com/deltaic/deltaic/objstore/memory"
)

func sink(t testing.TB, b *kafkatest.Broker, topic string, more ...kafka.Option) *kafka.Output {
	t.Helper()
	out := kafka.Sink(topic, append([]kafka.Option{kafka.Brokers(b.Addresses()...), kafka.Set("kafka.retry.backoff.ms", "10")}, more...)...)
	if out.Err() != nil {
		t.Fatal(out.Err())
	}
	t.Cleanup(func() { out.Close() })
	return out
}

// committed are the records of a topic that a reader of committed records sees.
func committed(t testing.TB, b *kafkatest.Broker, topic string) []*kgo.Record {
	t.Helper()
	ends, err := admin(t, b).ListCommittedOffsets(within(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	return kafkatest.Committed(t, b.Client, ends, topic)
}

// numbersOf are the numbers n of JSON values.
func numbersOf(t testing.TB, records []*kgo.Record) (all []int64) {
	t.Helper()
	for _, r := range records {
		var v struct{ N int64 }
		if err := json.Unmarshal(r.Value, &v); err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		all = append(all, v.N)
	}
	return all
}

func TestExactlyOnceKit(t *testing.T) {
	b := kafkatest.Start(t, 1, nil)
	topics := 0
	connectortest.Sink(t, func(t *testing.T) connectortest.Target {
		topics++
		topic := fmt.Sprint("out", topics)
		if _, err := admin(t, b).CreateTopic(within(t), 3, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
		var store objstore.Store = memorystore.New(memorystore.Options{})
		var open func(t *testing.T) connectortest.Target
		open = func(t *testing.T) connectortest.Target {
			out := sink(t, b, topic, kafka.ExactlyOnce(), kafka.Set("positionTopic", "positions-"+topic))
			out.UseState(store, "sinks/out/")
			return connectortest.Target{Sink: out, Reopen: open,
				Count:   func() int64 { return int64(len(committed(t, b, topic))) },
				Content: func() []int64 { return numbersOf(t, committed(t, b, topic)) }}
		}
		return open(t)
	})
}

func TestColumnsOfSink(t *testing.T) {
	b := kafkatest.Start(t, 4, []string{"a", "b"})
	header := batch.StructType(batch.Field{Name: "key", Type: batch.StringType, Nullable: true}, batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true})
	schema := batch.NewSchema(
		batch.Field{Name: "key", Type: batch.StringType, Nullable: true}, batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true},
		batch.Field{Name: "topic", Type: batch.StringType}, batch.Field{Name: "partition", Type: batch.IntType, Nullable: true},
		batch.Field{Name: "headers", Type: batch.ArrayType(header, true), Nullable: true}, batch.Field{Name: "other", Type: batch.IntType})
	pool := batch.NewPool()
	var columns []*batch.Builder
	for _, f := range schema.Fields {
		columns = append(columns, batch.NewBuilder(f.Type, pool))
	}
	row := func(key, value any, topic string, partition any, headers ...[]any) {
		text := func(b *batch.Builder, v any) {
			if v == nil {
				b.Null()
			} else {
				b.String(v.(string))
			}
		}
		text(columns[0], key)
		text(columns[1], value)
		columns[2].String(topic)
		if partition == nil {
			columns[3].Null()
		} else {
			columns[3].Int32(int32(partition.(int)))
		}
		for _, h := range headers {
			text(columns[4].Kids[0].Kids[0], h[0])
			text(columns[4].Kids[0].Kids[1], h[1])
			columns[4].Kids[0].Struct()
		}
		columns[4].List()
		columns[5].Int32(1)
	}
	row("k", "v", "a", 1, []any{"h", "x"}, []any{"none", nil})
	row(nil, "", "b", 3)
	row("foobar", nil, "a", nil)
	rows := batch.NewBatch(schema, 3)
	for _, c := range columns {
		rows.Columns = append(rows.Columns, c.Finish())
	}
	out := sink(t, b, "")
	writeOnce(t, out, schema, connectors.Append, rows)
	text := func(topic string) (all []string) {
		for _, r := range committed(t, b, topic) {
			value := string(r.Value)
			if r.Value == nil {
				value = "null"
			}
			line := fmt.Sprintf("%d %s=%s", r.Partition, r.Key, value)
			for _, h := range r.Headers {
				line += fmt.Sprintf(" %s:%s:%v", h.Key, h.Value, h.Value == nil)
			}
			all = append(all, line)
		}
		slices.Sort(all)
		return all
	}
	// Java's client sends the key foobar to partition 2 of four: its murmur2 is -790332482.
	if got := strings.Join(text("a"), "|"); got != "1 k=v h:x:false none::true|2 foobar=null" {
		t.Errorf("a: %s", got)
	}
	if got := strings.Join(text("b"), "|"); got != "3 =" {
		t.Errorf("b: %s", got)
	}
}

// writeOnce writes rows as one epoch.
func writeOnce(t testing.TB, out *kafka.Output, schema *batch.Schema, m connectors.OutputMode, rows *batch.Batch) {
	t.Helper()
	if err := tryOnce(t, out, schema, m, rows); err != nil {
		t.Fatal(err)
	}
}

func tryOnce(t testing.TB, out *kafka.Output, schema *batch.Schema, m connectors.OutputMode, rows *batch.Batch) error {
	t.Helper()
	if err := out.Bind(within(t), schema, m); err != nil {
		return err
	}
	account := batch.NewAccount("test", 0)
	w, err := out.Writer(within(t), connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1, Account: account})
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Write(within(t), rows); err != nil {
		return err
	}
	sealed, err := w.Seal(0)
	if err != nil || sealed == nil {
		return err
	}
	p, err := sealed.Finish(within(t))
	if err != nil {
		return err
	}
	_, err = out.Commit(within(t), connectors.Commit{Flow: "f", Incarnation: "i", Attempt: 1, Prepared: []connectors.Prepared{p}})
	if used := account.Used(); used != 0 {
		t.Errorf("%d bytes are still charged", used)
	}
	return err
}

// In update mode a delete is a record without a value, and rows before an update are left out; without a column value the row is JSON.
func TestUpdatesOfSink(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"out"})
	schema := batch.NewSchema(batch.Field{Name: "key", Type: batch.StringType, Nullable: true}, batch.Field{Name: "n", Type: batch.BigIntType})
	rows, err := memory.Build(schema, []any{"a", 1}, []any{"a", 1}, []any{"a", 2}, []any{"b", 3})
	if err != nil {
		t.Fatal(err)
	}
	rows.Kinds = []batch.RowKind{batch.Insert, batch.UpdateBefore, batch.UpdateAfter, batch.Delete}
	writeOnce(t, sink(t, b, "out"), schema, connectors.Update, rows)
	var got []string
	for _, r := range committed(t, b, "out") {
		got = append(got, fmt.Sprintf("%s %s %v", r.Key, r.Value, r.Value == nil))
	}
	if text := strings.Join(got, "|"); text != `a {"n":1} false|a {"n":2} false|b  true` {
		t.Error(text)
	}
	keyless := batch.NewSchema(batch.Field{Name: "value", Type: batch.StringType})
	rows, err = memory.Build(keyless, []any{"v"})
	if err != nil {
		t.Fatal(err)
	}
	rows.Kinds = []batch.RowKind{batch.Delete}
	wantFailure(t, tryOnce(t, sink(t, b, "out"), keyless, connectors.Update, rows), "UNSUPPORTED_ROW_KIND", "key")
}

// Options of sinks are taken, or refused with the reason.
func TestOptionsOfSink(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"kafka.acks", "all", ""}, {"kafka.acks", "1", "only all"}, {"kafka.enable.idempotence", "false", "only true"},
		{"kafka.compression.type", "zstd", ""}, {"kafka.compression.type", "brotli", "gzip or lz4"}, {"kafka.linger.ms", "5", ""},
		{"kafka.batch.size", "16384", ""}, {"kafka.transactional.id", "x", "transactionalIdPrefix"}, {"kafka.key.serializer", "x", "cast"},
		{"kafka.partitioner.class", "x", "Java class"}, {"kafka.interceptor.classes", "x", "Java class"}, {"kafka.ssl.keystore.location", "x", "read files"},
		{"startingOffsets", "latest", "of sources"}, {"kafka.fetch.min.bytes", "1", "of sources"}, {"kafka.group.id", "g", "of sources"},
		{"topik", "x", "did you mean topic"}, {"deliveryGuarantee", "exactly_once", ""}, {"deliveryGuarantee", "twice", "at-least-once or exactly-once"},
		{"positionTopic", "p", "is of deliveryGuarantee"}, {"kafka.security.protocol", "SASL_SSL", "jaas"}, {"kafka.bootstrap.servers", "nowhere", "host:port"},
	} {
		_, err := kafka.NewSink(map[string]string{"kafka.bootstrap.servers": "localhost:9092", "topic": "t", c.name: c.value})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
	if _, err := kafka.NewSink(map[string]string{"topic": "t"}); err == nil || !strings.Contains(err.Error(), "bootstrap.servers") {
		t.Errorf("got %v", err)
	}
	if err := kafka.Sink("t", kafka.Brokers("localhost:9092"), kafka.StartAt(kafka.Earliest)).Err(); err == nil || !strings.Contains(err.Error(), "StartAt") {
		t.Errorf("got %v", err)
	}
}
