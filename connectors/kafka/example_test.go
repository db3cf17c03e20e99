package kafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// Spark's options, taken as they are.
func ExampleNew() {
	in, err := kafka.New(map[string]string{
		"kafka.bootstrap.servers": "localhost:9092",
		"subscribe":               "orders,payments",
		"startingOffsets":         `{"orders":{"0":23,"1":-1},"payments":{"0":-2}}`,
		"maxOffsetsPerTrigger":    "100000",
	})
	fmt.Println(in, err)
	_, err = kafka.New(map[string]string{"kafka.bootstrap.servers": "localhost:9092", "suscribe": "orders"})
	fmt.Println(err)
	// Output:
	// KafkaV2[Subscribe[orders, payments]] <nil>
	// KAFKA_INVALID_OPTION: option suscribe: is unknown; did you mean subscribe?
}

// Reading by hand what an engine reads: to the end of what exists now.
func ExampleSource() {
	broker := kafkatest.Start(&testing.B{}, 1, []string{"greetings"})
	defer broker.Close()
	broker.Values("greetings", 0, "hello", "world")

	ctx := context.Background()
	in := kafka.Source("greetings", kafka.Brokers(broker.Addresses()...), kafka.StartAt(kafka.Earliest))
	defer in.Close()
	at, _ := in.Start(ctx, nil)
	end, _ := in.End(ctx, []connectors.SplitID{"greetings/0"})
	reader, err := in.Open(ctx, at, connectors.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close()
	for in.Behind(at["greetings/0"], end["greetings/0"]) > 0 {
		fetch, _ := reader.Next(ctx)
		for i := range fetch.Batch.N {
			fmt.Printf("%s\n", fetch.Batch.Columns[1].Bytes(i))
		}
		at[fetch.Split] = fetch.After
		fetch.Batch.Release()
	}
	fmt.Println(string(in.Offsets(at)))
	// Output:
	// hello
	// world
	// {"greetings":{"0":2}}
}

// A sink that writes each row once for whoever reads committed records.
func ExampleSink() {
	out := kafka.Sink("revenue", kafka.Brokers("localhost:9092"), kafka.ExactlyOnce(), kafka.Set("kafka.compression.type", "zstd"))
	fmt.Println(out, out.Err())
	_, err := kafka.NewSink(map[string]string{"kafka.bootstrap.servers": "localhost:9092", "topic": "revenue", "kafka.acks": "1"})
	fmt.Println(err)
	// Output:
	// Kafka[revenue] <nil>
	// KAFKA_INVALID_OPTION: option kafka.acks: is "1"; only all is accepted: with less, acknowledged rows are lost with a broker
}

// The connection string says everything; it is never shown.
func ExampleEventHubs() {
	in, err := kafka.EventHubs(map[string]string{
		"eventhubs.connectionString": "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=reader;SharedAccessKey=secret;EntityPath=orders",
		"eventhubs.startingPosition": `{"enqueuedTime":"2026-01-31T00:00:00Z"}`,
	})
	fmt.Println(in, err)
	fmt.Println(in.Schema())
	// Output:
	// EventHubs[orders] <nil>
	// body binary, partition string, offset string, sequenceNumber bigint, enqueuedTime timestamp, publisher string, partitionKey string, properties map<string,string>, systemProperties map<string,string>
}

// A hub to write to, as body and partitionKey say.
func ExampleEventHubsSink() {
	out, err := kafka.EventHubsSink(map[string]string{"eventhubs.connectionString": "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=writer;SharedAccessKey=secret;EntityPath=orders"})
	fmt.Println(out, err)
	// Output: Kafka[orders] <nil>
}

// Beginning at a time: every partition at its first record that is not older.
func ExampleFromTime() {
	in := kafka.Source("orders", kafka.Brokers("localhost:9092"), kafka.StartAt(kafka.FromTime(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC))), kafka.Set("startingOffsetsByTimestampStrategy", "latest"))
	fmt.Println(in, in.Err())
	// Output: KafkaV2[Subscribe[orders]] <nil>
}
