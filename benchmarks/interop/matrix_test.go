package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic/benchmarks/matrixtest"
	"github.com/deltaic/deltaic/internal/certificates"
)

// real is the broker of the matrix: one process with every way in.
type real struct {
	*broker
	dir     string
	secrets matrixtest.Secrets
}

// offsets of the ports of the ways in from the broker's own; the next one is the controller's.
var ports = map[matrixtest.Listener]int{matrixtest.Plain: 0, matrixtest.SASL: 2, matrixtest.TLS: 3, matrixtest.Mutual: 4, matrixtest.SASLOver: 5}

func startReal(t *testing.T) *real {
	kit(t)
	chain, key := certificates.New(t)
	folder := t.TempDir()
	pem := filepath.Join(folder, "broker.pem")
	if err := os.WriteFile(pem, []byte(key+chain), 0o600); err != nil {
		t.Fatal(err)
	}
	trusted := filepath.Join(folder, "trusted.pem")
	if err := os.WriteFile(trusted, []byte(chain), 0o600); err != nil {
		t.Fatal(err)
	}
	port := number(t, "DELTAIC_INTEROP_PORT", 19192)
	var listeners []string
	for _, name := range []string{"PLAINTEXT 0", "SASL 2", "TLS 3", "MUTUAL 4", "BOTH 5"} {
		name, offset, _ := strings.Cut(name, " ")
		n, _ := strconv.Atoi(offset)
		listeners = append(listeners, fmt.Sprintf("%s://127.0.0.1:%d", name, port+n))
	}
	flags := []string{"--heap", "512m", "--sasl"}
	for _, set := range []string{
		"listeners=" + strings.Join(listeners, ",") + fmt.Sprintf(",CONTROLLER://127.0.0.1:%d", port+1),
		"advertised.listeners=" + strings.Join(listeners, ","),
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,MUTUAL:SSL,BOTH:SASL_SSL",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		`listener.name.sasl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
		"listener.name.sasl.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
		"listener.name.both.sasl.enabled.mechanisms=SCRAM-SHA-512",
		"listener.name.both.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + pem, "ssl.truststore.type=PEM", "ssl.truststore.location=" + trusted,
		"listener.name.mutual.ssl.client.auth=required",
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "allow.everyone.if.no.acl.found=true", "super.users=User:ANONYMOUS;User:CN=deltaic",
		"message.max.bytes=90000000", "socket.request.max.bytes=110000000", "log.cleaner.backoff.ms=300", "log.cleaner.dedupe.buffer.size=8388608", "quota.window.size.seconds=1",
	} {
		flags = append(flags, "--set", set)
	}
	dir := filepath.Join(folder, "kafka")
	b := &real{broker: &broker{t: t, port: port, where: []string{"--port", strconv.Itoa(port), "--dir", dir}}, dir: dir,
		secrets: matrixtest.Secrets{User: "deltaic", Password: "deltaic-secret", Authority: chain, Chain: chain, Key: key}}
	t.Cleanup(func() {
		if err := stopBroker(b.broker); err != nil {
			t.Error(err)
		}
	})
	b.script("up", flags...)
	return b
}

func (b *real) Address(_ *testing.T, by matrixtest.Listener) string {
	return fmt.Sprint("127.0.0.1:", b.port+ports[by])
}

func (b *real) Client(t *testing.T, _ matrixtest.Listener, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.address()), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (b *real) Secrets(*testing.T) matrixtest.Secrets { return b.secrets }

func (b *real) Stop(t *testing.T, cleanly bool) {
	t.Helper()
	name := map[bool]string{true: "down", false: "kill9"}[cleanly]
	mustScript(t, "", "kafka/"+name, b.where...)
}

// Start starts the broker as it was set up: the script keeps what is there and writes its settings anew.
func (b *real) Start(t *testing.T) {
	t.Helper()
	mustScript(t, "", "kafka/restart", b.where...)
}

func (b *real) Throttle(t *testing.T, clientID string, bytes int) {
	t.Helper()
	req := kmsg.NewPtrAlterClientQuotasRequest()
	name := clientID
	req.Entries = []kmsg.AlterClientQuotasRequestEntry{{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "client-id", Name: &name}},
		Ops: []kmsg.AlterClientQuotasRequestEntryOp{{Key: "consumer_byte_rate", Value: float64(bytes)}}}}
	resp, err := req.RequestWith(t.Context(), b.Client(t, matrixtest.Plain))
	if err != nil || len(resp.Entries) != 1 || resp.Entries[0].ErrorCode != 0 {
		t.Fatal(resp, err)
	}
}

func (b *real) Deny(t *testing.T, topic string) {
	t.Helper()
	rule := kadm.NewACLs().Deny("User:" + b.secrets.User).DenyHosts("*").Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpRead)
	r, err := kadm.NewClient(b.Client(t, matrixtest.Plain)).CreateACLs(t.Context(), rule)
	if err != nil || len(r) == 0 || r[0].Err != nil {
		t.Fatal(r, err)
	}
}

// segment is the file of a topic's first partition.
func (b *real) segment(topic string) string {
	return filepath.Join(b.dir, "data", topic+"-0", "00000000000000000000.log")
}

func (b *real) Damage(t *testing.T, topic string) {
	t.Helper()
	b.Stop(t, true)
	text, err := os.ReadFile(b.segment(topic))
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-3] ^= 1
	if err := os.WriteFile(b.segment(topic), text, 0o600); err != nil {
		t.Fatal(err)
	}
	b.Start(t)
}

func (b *real) Tear(t *testing.T, topic string) {
	t.Helper()
	b.Stop(t, false)
	info, err := os.Stat(b.segment(topic))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(b.segment(topic), info.Size()-20); err != nil {
		t.Fatal(err)
	}
	b.Start(t)
}

// Compact writes until the cleaner has been there: it leaves alone what is written to.
func (b *real) Compact(t *testing.T, topic string) {
	t.Helper()
	c := b.Client(t, matrixtest.Plain)
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for range 150 {
		<-tick.C
		r := &kgo.Record{Topic: topic, Key: []byte("same"), Value: []byte("again")}
		if err := c.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if b.records(t, topic, r.Offset) < int(r.Offset)/2 {
			return
		}
	}
	t.Fatal("the cleaner does not come")
}

// records counts what a topic's first partition holds up to an offset.
func (b *real) records(t *testing.T, topic string, last int64) (n int) {
	t.Helper()
	c := b.Client(t, matrixtest.Plain, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		fetches := c.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			if n++; r.Offset >= last {
				return n
			}
		}
	}
}

func (b *real) Patience() (cell, ask time.Duration) { return 3 * time.Minute, 200 * time.Millisecond }

// matrixPage is made by this test with DELTAIC_INTEROP_DOCS=1, and compared with what it finds without.
const matrixPage = "../../docs/KAFKA-MATRIX.md"

// Every cell of the matrix with a real broker.
func TestKafkaMatrix(t *testing.T) {
	b := startReal(t)
	seen := map[string]string{}
	for _, c := range matrixtest.Cells() {
		t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
			if c.NotReal != "" {
				t.Skip(c.NotReal)
			}
			began := time.Now()
			saw := matrixtest.Run(t, c, b)
			seen[c.Group+"/"+c.Name] = saw
			t.Logf("%s: %s: %s in %s", c.Group, c.Name, saw, time.Since(began).Round(10*time.Millisecond))
		})
	}
	if t.Failed() || len(seen) < len(matrixtest.Cells()) { // or some were left out by -run
		return
	}
	page := matrixtest.Page(seen)
	if os.Getenv("DELTAIC_INTEROP_DOCS") != "" {
		if err := os.WriteFile(matrixPage, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if kept, err := os.ReadFile(matrixPage); err != nil || string(kept) != page {
		t.Errorf("%s says something else than was found (%v):\n%s", matrixPage, err, page)
	}
}
