package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/internal/certificates"
	"github.com/deltaic/deltaic/stream"
)

// Apache Kafka behind SASL_SSL, which lets in who has the connection string, as the Kafka endpoint of Event Hubs does: events go from one hub to
// another with body, key and properties.
func TestEventHubs(t *testing.T) {
	kit(t)
	chain, key := certificates.New(t)
	pem := filepath.Join(t.TempDir(), "broker.pem")
	if err := os.WriteFile(pem, []byte(key+chain), 0o600); err != nil {
		t.Fatal(err)
	}
	port := number(t, "DELTAIC_INTEROP_PORT", 19192)
	connection := fmt.Sprintf("Endpoint=sb://127.0.0.1:%d/;SharedAccessKeyName=reader;SharedAccessKey=hunter2=", port+2)
	listeners := fmt.Sprintf("PLAINTEXT://127.0.0.1:%d,HUB://127.0.0.1:%d", port, port+2)
	var flags []string
	for _, set := range []string{
		fmt.Sprintf("listeners=%s,CONTROLLER://127.0.0.1:%d", listeners, port+1), "advertised.listeners=" + listeners,
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,HUB:SASL_SSL", "sasl.enabled.mechanisms=PLAIN",
		`listener.name.hub.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$ConnectionString="` + connection + `";`,
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + pem,
	} {
		flags = append(flags, "--set", set)
	}
	b := startBroker(t, append(flags, "--heap", "512m")...)
	b.create("from", 3)
	b.create("to", 3)
	client, want := b.client(), []string{}
	for n := range 300 {
		r := &kgo.Record{Topic: "from", Partition: int32(n % 3), Key: fmt.Append(nil, "k", n), Value: fmt.Append(nil, n), Headers: []kgo.RecordHeader{{Key: "n", Value: fmt.Append(nil, n)}}}
		want = append(want, fmt.Sprintf("%s %s %s", r.Key, r.Value, r.Headers))
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	with := func(hub string, more ...string) map[string]string {
		o := map[string]string{"eventhubs.connectionString": connection, "eventhubs.name": hub, "kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.certificates": chain}
		for i := 0; i < len(more); i += 2 {
			o[more[i]] = more[i+1]
		}
		return o
	}
	in, err := kafka.EventHubs(with("from", "eventhubs.startingPosition", `{"offset":"-1"}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := kafka.EventHubsSink(with("to"))
	if err != nil {
		t.Fatal(err)
	}
	flow := stream.New("hubs")
	flow.From("in", in).Select("body", "partitionKey", "properties").To("out", out, stream.Append)
	q, err := deltaic.Start(t.Context(), flow, stream.AvailableNow(), stream.CheckpointLocation(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.AwaitTermination(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range b.committed("to") {
		got = append(got, fmt.Sprintf("%s %s %s", r.Key, r.Value, r.Headers))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d events: %.300q, want %d", len(got), got, len(want))
	}
	wrong, err := kafka.EventHubs(with("from", "eventhubs.connectionString", connection+"x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Start(t.Context(), nil); err == nil {
		t.Error("another key is let in")
	} else {
		t.Logf("another key: %v", err)
	}
}
