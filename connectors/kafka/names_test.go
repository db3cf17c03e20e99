package kafka_test

import (
	"os"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors/kafka"
)

// samples are values that properties take which take no number.
var samples = map[string]string{
	"bootstrap.servers": "localhost:9092", "isolation.level": "read_committed", "check.crcs": "true", "security.protocol": "PLAINTEXT", "acks": "all", "enable.idempotence": "true",
	"compression.type": "zstd", "ssl.endpoint.identification.algorithm": "https", "ssl.keystore.type": "PEM", "ssl.truststore.type": "PEM", "transaction.timeout.ms": "60000", "request.timeout.ms": "30000",
	"sasl.login.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler", "fetch.max.bytes": "65536", "max.partition.fetch.bytes": "65536", "max.request.size": "65536", "buffer.memory": "65536",
	"sasl.oauthbearer.token.endpoint.url": "https://login.example.com/token",
}

// alone are properties that mean something only together with others.
var alone = map[string]bool{"sasl.mechanism": true, "sasl.jaas.config": true, "ssl.keystore.certificate.chain": true, "ssl.keystore.key": true, "ssl.truststore.certificates": true}

// Every property of the consumer and of the producer of Kafka 4.2 (testdata/properties-4.2.txt is what ConsumerConfig and ProducerConfig name) has an
// effect, is named as without one, or is refused with the reason. None is unknown.
func TestEveryPropertyOfKafkaIsKnown(t *testing.T) {
	text, err := os.ReadFile("testdata/properties-4.2.txt")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		of, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		value := samples[name]
		if value == "" {
			value = "5"
		}
		given := map[string]string{"kafka.bootstrap.servers": "localhost:9092", "kafka." + name: value}
		var notes []string
		var err error
		if of == "consumer" {
			given["subscribe"] = "orders"
			in, e := kafka.New(given)
			if err = e; err == nil {
				notes = in.Notes()
			}
		} else {
			given["topic"] = "orders"
			out, e := kafka.NewSink(given)
			if err = e; err == nil {
				notes = out.Notes()
			}
		}
		switch {
		case err == nil && len(notes) > 0:
			counts[of+" without effect"]++
			if !strings.Contains(notes[0], name) || len(notes[0]) < len(name)+30 {
				t.Errorf("%s: the note is %q", line, notes)
			}
		case err == nil:
			counts[of+" taken"]++
		case strings.Contains(err.Error(), "is refused: "):
			counts[of+" refused"]++
		case alone[name]:
			counts[of+" taken"]++
		default:
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	t.Log(counts)
	if counts["consumer taken"] < 25 || counts["producer taken"] < 25 {
		t.Errorf("%v are too few", counts)
	}
	if _, err := kafka.New(map[string]string{"kafka.bootstrap.servers": "localhost:9092", "subscribe": "orders", "kafka.linger.ms": "5"}); err == nil || !strings.Contains(err.Error(), "of sinks") {
		t.Errorf("a property of producers: %v", err)
	}
}
