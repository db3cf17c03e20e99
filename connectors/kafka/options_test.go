package kafka_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/supervision"
)

func options(more ...string) map[string]string {
	o := map[string]string{"kafka.bootstrap.servers": "localhost:9092", "subscribe": "orders"}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] == "" {
			delete(o, more[i])
		} else {
			o[more[i]] = more[i+1]
		}
	}
	return o
}

func TestOptionsAreTakenAsSparkDoes(t *testing.T) {
	for _, o := range []map[string]string{
		options(),
		options("STARTINGOFFSETS", "Earliest", "FailOnDataLoss", "FALSE", "includeheaders", "true"),
		options("subscribe", "a, b ,a", "startingOffsets", `{"a":{"0":-2},"b":{"0":23}}`),
		options("subscribe", "", "assign", `{"orders":[1,0,1]}`),
		options("minOffsetsPerTrigger", "10000", "maxTriggerDelay", "5 min", "maxOffsetsPerTrigger", "10000", "groupIdPrefix", "p", "kafka.group.id", "g"),
		options("kafka.session.timeout.ms", "10000", "kafka.request.timeout.ms", "5000", "kafka.fetch.max.bytes", "1048576",
			"kafka.max.partition.fetch.bytes", "65536", "kafka.fetch.min.bytes", "1", "kafka.fetch.max.wait.ms", "100",
			"kafka.client.id", "c", "kafka.client.rack", "r", "kafka.retry.backoff.ms", "10", "kafka.check.crcs", "false"),
		options("kafka.security.protocol", "SASL_PLAINTEXT", "kafka.sasl.mechanism", "PLAIN", "kafka.sasl.jaas.config", jaas("u", "p")),
		options("kafka.security.protocol", "ssl"),
	} {
		if _, err := kafka.New(o); err != nil {
			t.Errorf("%v: %v", o, err)
		}
	}
}

func jaas(user, password string) string {
	return fmt.Sprintf(`org.apache.kafka.common.security.plain.PlainLoginModule required username=%q password=%q;`, user, password)
}

func TestOptionsAreRefusedWithTheReason(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"subscribe", "a,,b", "empty topic"},
		{"subscribe", "a b", "cannot be a topic"},
		{"subscribe", "", "exactly one of"},
		{"assign", `{"orders":[0]}`, "exactly one of"},
		{"kafka.bootstrap.servers", "", "is required"},
		{"kafka.bootstrap.servers", "localhost", "host:port"},
		{"kafka.bootstrap.servers", "localhost:99999", "host:port"},
		{"startingOffset", "earliest", "did you mean startingOffsets?"},
		{"kafka.fetch.max.byte", "1", "did you mean kafka.fetch.max.bytes?"},
		{"zzzzzzzzzzzzzzzz", "1", "is unknown"},
		{"startingOffsets", "first", "expected latest, earliest or JSON"},
		{"startingOffsets", `{"orders":{"0":-3}}`, "is negative"},
		{"startingOffsets", `{"orders":{"x":1}}`, "is not a partition"},
		{"startingOffsets", `{"orders":{"0":1}} {}`, "expected latest"},
		{"maxOffsetsPerTrigger", "0", "whole number from 1"},
		{"minOffsetsPerTrigger", "x", "whole number from 1"}, {"maxTriggerDelay", "soon", "a time such as 15m"}, {"maxTriggerDelay", "0s", "a time such as 15m"},
		{"failOnDataLoss", "maybe", "true or false"},
		{"kafka.isolation.level", "serializable", "read_committed or read_uncommitted"},
		{"kafka.group.id", " ", "is empty"},
		{"group.id", "g", "write kafka.group.id"},
		{"auto.offset.reset", "earliest", "startingOffsets"},
		{"kafka.auto.offset.reset", "earliest", "startingOffsets"},
		{"kafka.key.deserializer", "x", "binary"},
		{"kafka.value.deserializer", "x", "binary"},
		{"kafka.enable.auto.commit", "true", "never committed"},
		{"kafka.interceptor.classes", "x", "Java classes"},
		{"kafka.ssl.truststore.location", "/etc/passwd", "may not read files"},
		{"kafka.ssl.endpoint.identification.algorithm", " ", "expected https"},
		{"kafka.security.protocol", "SASL_SSL", "jaas.config: is required"},
		{"kafka.security.protocol", "TLS", "expected PLAINTEXT"},
		{"kafka.sasl.mechanism", "PLAIN", "security.protocol"},
		{"kafka.sasl.mechanism", "GSSAPI", "expected PLAIN"},
		{"kafka.fetch.min.bytes", "1000000000", "more than fetch.max.bytes"},
		{"subscribePattern", "a.*", "exactly one of subscribe"},
	} {
		o := options(c.name, c.value)
		if c.value == " " {
			o[c.name] = " "
		}
		_, err := kafka.New(o)
		var f *supervision.Failure
		if err == nil || !errors.As(err, &f) || f.Kind != supervision.Fatal || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s=%q: got %v, want it to say %q", c.name, c.value, err, c.says)
		}
	}
}

func TestSecretsStayOut(t *testing.T) {
	const secret = "hunter2secret"
	good := options("kafka.security.protocol", "SASL_PLAINTEXT", "kafka.sasl.mechanism", "PLAIN", "kafka.sasl.jaas.config", jaas("user", secret))
	in, err := kafka.New(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{in.Description(), in.String(), fmt.Sprint(in), fmt.Sprintf("%+v %#v %s", in, in, in)} {
		if strings.Contains(text, secret) {
			t.Errorf("the password is in %s", text)
		}
	}
	for _, broken := range []string{
		secret, "PlainLoginModule " + secret, `PlainLoginModule required username="u" password="` + secret,
		`PlainLoginModule required password="` + secret + `";`, `PlainLoginModule required ` + secret + `="x";`,
		"OtherModule required password=" + secret + ";", `PlainLoginModule required username="u" password="p" ` + secret + `;`,
	} {
		o := maps.Clone(good)
		o["kafka.sasl.jaas.config"] = broken
		if _, err := kafka.New(o); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("a broken login line: got %v", err)
		}
	}
}

func TestOptionsWithoutEffectAreNamed(t *testing.T) {
	in, err := kafka.New(options("kafka.session.timeout.ms", "10000"))
	if err != nil || len(in.Notes()) != 1 || !strings.Contains(in.Notes()[0], "kafka.session.timeout.ms") {
		t.Errorf("got %v, %v", in.Notes(), err)
	}
}

func TestDescriptions(t *testing.T) {
	for _, c := range []struct {
		o    map[string]string
		want string
	}{
		{options(), "KafkaV2[Subscribe[orders]]"},
		{options("subscribe", "b,a"), "KafkaV2[Subscribe[b, a]]"},
		{options("subscribe", "", "assign", `{"b":[1,0],"a":[2]}`), "KafkaV2[Assign[a-2, b-0, b-1]]"},
	} {
		in, err := kafka.New(c.o)
		if err != nil {
			t.Fatal(err)
		}
		if in.Description() != c.want {
			t.Errorf("got %s, want %s", in.Description(), c.want)
		}
	}
}

// A mistake in the Go options is kept and returned wherever a call can fail.
func TestSourceKeepsItsMistake(t *testing.T) {
	in := kafka.Source("orders", kafka.Brokers("nowhere"))
	if in.Err() == nil {
		t.Fatal("no error")
	}
	if _, err := in.Start(within(t), nil); !errors.Is(err, in.Err()) {
		t.Errorf("Start: %v", err)
	}
	if in.Schema().Index("value") != 1 {
		t.Error("a flow must be able to go on and collect mistakes")
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("startingOffsets", `{"a":{"0":1}}`)
	f.Add("assign", `{"a":[0,-1]}`)
	f.Add("kafka.sasl.jaas.config", jaas("a", `b\"c`))
	f.Add("kafka.bootstrap.servers", "[::1]:9092,a:1")
	f.Add("subscribe", "a,b")
	f.Add("Kafka.Fetch.Max.Bytes", "99999999999999999999")
	f.Fuzz(func(t *testing.T, name, value string) {
		o := options()
		o[name] = value
		in, err := kafka.New(o)
		if (in == nil) == (err == nil) {
			t.Fatalf("got %v and %v", in, err)
		}
	})
}
