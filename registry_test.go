package deltaic_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/formats/registry"
	"github.com/deltaic/deltaic/stream"
)

const (
	orderV1 = `{"type":"record","name":"Order","fields":[{"name":"n","type":"int"},{"name":"region","type":"string"}]}`
	orderV2 = `{"type":"record","name":"Order","fields":[{"name":"region","type":"string"},{"name":"n","type":"long"},{"name":"note","type":["null","string"],"default":null}]}`
)

// framed writes a value by a schema that the registry has.
func framed(t *testing.T, id int, schema string, value map[string]any) []byte {
	t.Helper()
	record, err := avro.MustParse(schema).Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	return append(registry.Frame(nil, id), record...)
}

// registered is orders by a registry into a table.
func registered(dir string, broker *kafkatest.Broker, address string) *stream.Flow {
	flow := stream.New("registered").Quarantine(delta.SinkAt(dir+"/quarantine", delta.SinkOptions{}))
	flow.From("orders", kafka.Source("orders", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))).
		Select(fmt.Sprintf("from_avro(value, 'orders-value', '%s', map('confluent.schema.registry.basic.auth.user.info', 'me:canary')) AS o", address)).
		Where("o IS NOT NULL").Select("o.*").
		To("silver", delta.SinkAt(dir+"/silver", delta.SinkOptions{}), stream.Append)
	return flow
}

// TestRegistry reads records of several schemas of a registry as the newest, and sends to the quarantine those whose schema nobody knows.
func TestRegistry(t *testing.T) {
	fake := srfake.NewRegistry(srfake.WithAuth("Basic bWU6Y2FuYXJ5"))
	var down atomic.Int64 // answers that fail
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.Contains(q.URL.Path, "/ids/") && down.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fake.Handler().ServeHTTP(w, q)
	}))
	defer server.Close()
	seed := func(version int, schema string) int {
		fake.SeedSchema("orders-value", version, 100+version, sr.Schema{Schema: schema})
		return 100 + version
	}
	one, two := seed(1, orderV1), seed(2, orderV2)
	broker := kafkatest.Start(t, 1, []string{"orders"})
	client := broker.Client()
	for _, value := range [][]byte{
		framed(t, one, orderV1, map[string]any{"n": int32(1), "region": "north"}),
		framed(t, two, orderV2, map[string]any{"n": int64(2), "region": "south", "note": "hi"}),
		framed(t, 4711, orderV1, map[string]any{"n": int32(3), "region": "west"}), // nobody knows 4711
		[]byte(`{"n":4}`), {0, 0, 0}, framed(t, one, orderV1, map[string]any{"n": int32(5), "region": "east"})[:7],
		framed(t, one, orderV1, map[string]any{"n": int32(6), "region": "east"}),
	} {
		kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: value})
	}
	dir := t.TempDir()
	flow := registered(dir, broker, server.URL)
	down.Store(7) // and the registry is away for longer than it is asked: the attempt is aborted, and no row fails
	if err := runAll(t, flow, stream.CheckpointLocation(dir+"/checkpoint")); err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, dir+"/silver")
	for _, want := range []string{`{"region":"north","n":1,"note":null}`, `{"region":"south","n":2,"note":"hi"}`, `{"region":"east","n":6,"note":null}`} {
		if rows[want] != 1 {
			t.Errorf("silver lacks %s: %v", want, rows)
		}
	}
	var classes []string
	for r := range rowsOf(t, dir+"/quarantine") {
		for _, c := range []string{"SCHEMA_NOT_FOUND", "MALFORMED_RECORD_IN_PARSING"} {
			if strings.Contains(r, `"error_class":"`+c+`"`) && strings.Contains(r, `"offset":`) && !strings.Contains(r, "canary") {
				classes = append(classes, c)
			}
		}
	}
	slices.Sort(classes)
	if len(rows) != 3 || !slices.Equal(classes, []string{"MALFORMED_RECORD_IN_PARSING", "MALFORMED_RECORD_IN_PARSING", "MALFORMED_RECORD_IN_PARSING", "SCHEMA_NOT_FOUND"}) {
		t.Errorf("%d rows, quarantine: %v", len(rows), classes)
	}
}

// TestRegistryThatRefuses: a flow whose registry refuses it says so, and never with what it was refused with.
func TestRegistryThatRefuses(t *testing.T) {
	fake := srfake.New(srfake.WithAuth("Bearer other"))
	defer fake.Close()
	broker := kafkatest.Start(t, 1, []string{"orders"})
	flow := registered(t.TempDir(), broker, fake.URL())
	_, err := flow.Build()
	wantFailure(t, err, "SCHEMA_REGISTRY_REFUSED", "refuses", "user.info")
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the secret is in %v", err)
	}
}
