package kafka_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/connectors/memory"
)

const hubKey = "SharedAccessKeyName=reader;SharedAccessKey=hunter2=;EntityPath=orders"

// hub is a broker that lets in whoever has the connection string, which names it, as Microsoft's emulator does.
func hub(t *testing.T, partitions int32) (b *kafkatest.Broker, client *kgo.Client, connection string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	connection = fmt.Sprintf("Endpoint=sb://%s/;%s;UseDevelopmentEmulator=true", address, hubKey)
	b = kafkatest.Start(t, partitions, []string{"orders"}, kfake.Ports(address.Port), kfake.EnableSASL(), kfake.Superuser("PLAIN", "$ConnectionString", connection))
	return b, b.Client(kgo.SASL(plain.Auth{User: "$ConnectionString", Pass: connection}.AsMechanism())), connection
}

func TestEventHubs(t *testing.T) {
	_, client, connection := hub(t, 2)
	kafkatest.Produce(t, client,
		&kgo.Record{Topic: "orders", Partition: 1, Key: []byte("ada"), Value: []byte("one"), Timestamp: time.Unix(1000, 0), Headers: []kgo.RecordHeader{{Key: "type", Value: []byte("order")}, {Key: "none"}}},
		&kgo.Record{Topic: "orders", Partition: 1, Value: []byte("two"), Timestamp: time.Unix(1001, 0)})
	in := hubInput(t, connection)
	at, err := in.Start(within(t), nil)
	if err != nil || at["orders/1"] != "0" {
		t.Fatal(at, err)
	}
	r, err := in.Open(within(t), connectors.Positions{"orders/1": "0"}, connectors.OpenOptions{Pool: batch.NewPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for len(got) < 2 {
		f, err := r.Next(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.N {
			got = append(got, string(batch.AppendRowJSON(nil, f.Batch, i)))
		}
		f.Batch.Release()
	}
	want := `{"body":"b25l","partition":"1","offset":"0","sequenceNumber":0,"enqueuedTime":"1970-01-01T00:16:40.000000Z","publisher":null,"partitionKey":"ada","properties":[{"key":"none","value":null},{"key":"type","value":"order"}],"systemProperties":null}`
	if got[0] != want || !strings.Contains(got[1], `"sequenceNumber":1,`) || !strings.Contains(got[1], `"partitionKey":null,"properties":null`) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if text := fmt.Sprintf("%v %#v %s", in, in, in.Description()); strings.Contains(text, "hunter2") || !strings.Contains(text, "EventHubs[orders]") {
		t.Error(text)
	}
	if len(in.Notes()) == 0 || !strings.Contains(in.Notes()[0], "systemProperties") {
		t.Error("what is missing is not named")
	}
}

func hubInput(t *testing.T, connection string) *kafka.HubInput {
	t.Helper()
	in, err := kafka.EventHubs(map[string]string{"eventhubs.connectionString": connection, "startingOffsets": "earliest"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func TestEventHubsKit(t *testing.T) {
	connectortest.Source(t, func(t *testing.T) connectors.Source {
		_, client, connection := hub(t, 3)
		for p := range int32(3) {
			for _, v := range numbers(40 + int(p)) {
				kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Partition: p, Value: []byte(v), Timestamp: time.Unix(1000, 0)})
			}
		}
		return hubInput(t, connection)
	})
}

// The connection string is user and password, and where they go.
func TestEventHubsConnection(t *testing.T) {
	_, client, connection := hub(t, 2)
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: []byte("a")}, &kgo.Record{Topic: "orders", Partition: 1, Value: []byte("a")})
	for position, want := range map[string]string{`{"offset":"-1"}`: "0", `{"offset":"@latest"}`: "1", `{"enqueuedTime":"2020-01-01T00:00:00Z"}`: "0", `{"enqueuedTime":"2120-01-01T00:00:00Z"}`: "1"} {
		in, err := kafka.EventHubs(map[string]string{"eventhubs.connectionString": connection, "eventhubs.startingPosition": position, "eventhubs.consumerGroup": "$Default", "maxEventsPerTrigger": "5"})
		if err != nil {
			t.Fatal(err)
		}
		at, err := in.Start(within(t), nil)
		if err != nil || string(at["orders/0"]) != want {
			t.Errorf("%s: %v, %v", position, at, err)
		}
		in.Close()
	}
	schema := batch.NewSchema(batch.Field{Name: "body", Type: batch.StringType}, batch.Field{Name: "partitionKey", Type: batch.StringType})
	rows, err := memory.Build(schema, []any{"b", "k"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := kafka.EventHubsSink(map[string]string{"eventhubs.connectionString": connection})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	writeOnce(t, out, schema, connectors.Append, rows)
	for bad, says := range map[string]string{"": "expected Endpoint", "Endpoint=sb://x;SharedAccessKeyName=a;SharedAccessKey=hunter2": "names no hub", "Endpoint=:;" + hubKey: "expected Endpoint"} {
		_, err := kafka.EventHubs(map[string]string{"eventhubs.connectionString": bad})
		_, also := kafka.EventHubsSink(map[string]string{"eventhubs.connectionString": bad})
		if err == nil || also == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, %v", bad, err, also)
		}
	}
	if _, err := kafka.EventHubs(map[string]string{"eventhubs.connectionString": connection, "eventhubs.startingPosition": `{"seqNo":7}`}); err == nil || !strings.Contains(err.Error(), "startingOffsets") {
		t.Errorf("got %v", err)
	}
}

// What Spark's columns body, partitionKey and properties are read as goes out as they are, properties too.
func TestEventHubsProperties(t *testing.T) {
	_, client, connection := hub(t, 1)
	sent := []kgo.RecordHeader{{Key: "none"}, {Key: "type", Value: []byte("order")}}
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Key: []byte("ada"), Value: []byte("one"), Headers: sent}, &kgo.Record{Topic: "orders", Value: []byte("two")})
	in := hubInput(t, connection)
	r, err := in.Open(within(t), connectors.Positions{"orders/0": "0"}, connectors.OpenOptions{Pool: batch.NewPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := r.Next(within(t))
	if err != nil || f.Batch.N != 2 {
		t.Fatal(f, err)
	}
	out, err := kafka.EventHubsSink(map[string]string{"eventhubs.connectionString": connection})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	from := in.Schema()
	rows := &batch.Batch{N: 2}
	var fields []batch.Field
	for _, name := range []string{"body", "partitionKey", "properties"} {
		i := from.IndexFold(name)
		fields, rows.Columns = append(fields, from.Fields[i]), append(rows.Columns, f.Batch.Columns[i])
	}
	rows.Schema = batch.NewSchema(fields...)
	writeOnce(t, out, rows.Schema, connectors.Append, rows)
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{"orders": {0: kgo.NewOffset().At(2)}})
	var all []*kgo.Record
	for len(all) < 2 {
		all = append(all, client.PollFetches(within(t)).Records()...)
	}
	if a, b := all[0], all[1]; string(a.Key) != "ada" || string(a.Value) != "one" || fmt.Sprint(a.Headers) != fmt.Sprint(sent) || b.Key != nil || string(b.Value) != "two" || len(b.Headers) != 0 {
		t.Errorf("%v %v", a, b)
	}
	both := batch.NewSchema(append(fields, batch.Field{Name: "headers", Type: batch.ArrayType(batch.StructType(batch.Field{Name: "key", Type: batch.StringType}, batch.Field{Name: "value", Type: batch.BinaryType}), true)})...)
	wantFailure(t, out.Bind(within(t), both, connectors.Append), "KAFKA_INVALID_SINK_COLUMN", "leave one out")
}
