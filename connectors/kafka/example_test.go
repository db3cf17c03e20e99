package kafka_test

import (
	"context"
	"fmt"
	"testing"

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
