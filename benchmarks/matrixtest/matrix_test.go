package matrixtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/deltaic/deltaic/benchmarks/matrixtest"
	"github.com/deltaic/deltaic/internal/certificates"
)

// embedded is a broker within this process: one for each way in.
type embedded struct {
	secrets  matrixtest.Secrets
	pair     tls.Certificate
	pool     *x509.CertPool
	clusters map[matrixtest.Listener]*kfake.Cluster
	dir      string
	port     int // of the plain one, which comes back there
}

const administrator, hers = "admin", "admin-secret"

func newEmbedded(t *testing.T) *embedded {
	chain, key := certificates.New(t)
	b := &embedded{clusters: map[matrixtest.Listener]*kfake.Cluster{}, pool: x509.NewCertPool(), dir: t.TempDir(),
		secrets: matrixtest.Secrets{User: "deltaic", Password: "deltaic-secret", Authority: chain, Chain: chain, Key: key}}
	b.pool.AppendCertsFromPEM([]byte(chain))
	var err error
	if b.pair, err = tls.X509KeyPair([]byte(chain), []byte(key)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range b.clusters {
			c.Close()
		}
	})
	b.Start(t)
	return b
}

func (b *embedded) cluster(t *testing.T, by matrixtest.Listener) *kfake.Cluster {
	t.Helper()
	if b.clusters[by] != nil {
		return b.clusters[by]
	}
	options := []kfake.Opt{kfake.NumBrokers(1)}
	switch by {
	case matrixtest.TLS, matrixtest.SASLOver:
		options = append(options, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{b.pair}}))
	case matrixtest.Mutual:
		options = append(options, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{b.pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: b.pool}))
	case matrixtest.Plain:
		options = append(options, kfake.DataDir(b.dir), kfake.SyncWrites(), kfake.BrokerConfigs(map[string]string{"message.max.bytes": strconv.Itoa(80 << 20)}))
		if b.port != 0 {
			options = append(options, kfake.Ports(b.port))
		}
	}
	if by == matrixtest.SASL || by == matrixtest.SASLOver {
		options = append(options, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", administrator, hers))
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			var rules []kfake.ACL
			for _, may := range []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationDescribe} {
				rules = append(rules, kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: may, Allow: true})
			}
			options = append(options, kfake.User(mechanism, b.secrets.User, b.secrets.Password, rules...))
		}
	}
	c, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	b.clusters[by] = c
	return c
}

func (b *embedded) Address(t *testing.T, by matrixtest.Listener) string {
	if by == matrixtest.Plain { // also while it is away
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port))
	}
	return b.cluster(t, by).ListenAddrs()[0]
}

func (b *embedded) Client(t *testing.T, by matrixtest.Listener, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	all := []kgo.Opt{kgo.SeedBrokers(b.Address(t, by)), kgo.RecordPartitioner(kgo.ManualPartitioner())}
	if by == matrixtest.TLS || by == matrixtest.Mutual || by == matrixtest.SASLOver {
		all = append(all, kgo.DialTLSConfig(&tls.Config{RootCAs: b.pool, Certificates: []tls.Certificate{b.pair}}))
	}
	if by == matrixtest.SASL || by == matrixtest.SASLOver {
		all = append(all, kgo.SASL(plain.Auth{User: administrator, Pass: hers}.AsMechanism()))
	}
	c, err := kgo.NewClient(append(all, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (b *embedded) Secrets(*testing.T) matrixtest.Secrets { return b.secrets }

func (b *embedded) Stop(*testing.T, bool) {
	b.clusters[matrixtest.Plain].Close()
	delete(b.clusters, matrixtest.Plain)
}

func (b *embedded) Start(t *testing.T) {
	t.Helper()
	_, port, err := net.SplitHostPort(b.cluster(t, matrixtest.Plain).ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	if b.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
}

// Throttle has the broker put off the first answers; it counts no bytes.
func (b *embedded) Throttle(t *testing.T, _ string, _ int) {
	c, left := b.cluster(t, matrixtest.Plain), 3
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if left--; left < 0 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		resp.ThrottleMillis = 800
		return resp, nil, true
	})
}

func (b *embedded) Deny(t *testing.T, topic string) {
	t.Helper()
	rule := kadm.NewACLs().Deny("User:" + b.secrets.User).DenyHosts("*").Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpRead)
	r, err := kadm.NewClient(b.Client(t, matrixtest.SASL)).CreateACLs(t.Context(), rule)
	if err != nil || len(r) == 0 || r[0].Err != nil {
		t.Fatal(r, err)
	}
}

// stored are the batches of a topic's first partition as they are.
func (b *embedded) stored(t *testing.T, topic string) (id [16]byte, batches []byte) {
	t.Helper()
	c := b.Client(t, matrixtest.Plain)
	details, err := kadm.NewClient(c).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	id = details[topic].ID
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.SessionEpoch = 1<<20, -1
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes = 1 << 20
	req.Topics = append(req.Topics, kmsg.FetchRequestTopic{Topic: topic, TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{p}})
	resp, err := c.Broker(0).Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return id, resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches
}

// serve answers fetches of the topic's first partition at its beginning with other batches, so many times.
func (b *embedded) serve(t *testing.T, id [16]byte, batches []byte, times int) {
	c := b.cluster(t, matrixtest.Plain)
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		if times == 0 || len(req.Topics) != 1 || req.Topics[0].TopicID != id || req.Topics[0].Partitions[0].FetchOffset >= 20 {
			return nil, nil, false
		}
		times--
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset, p.RecordBatches = 20, 20, batches
		resp.Topics = append(resp.Topics, kmsg.FetchResponseTopic{Topic: req.Topics[0].Topic, TopicID: id, Partitions: []kmsg.FetchResponseTopicPartition{p}})
		return resp, nil, true
	})
}

func (b *embedded) Damage(t *testing.T, topic string) {
	id, batches := b.stored(t, topic)
	batches[len(batches)-3] ^= 1
	b.serve(t, id, batches, -1)
}

func (b *embedded) Tear(t *testing.T, topic string) {
	id, batches := b.stored(t, topic)
	b.serve(t, id, batches[:len(batches)-20], 1)
}

func (b *embedded) Compact(t *testing.T, topic string) {
	t.Fatal("the embedded broker does not compact")
}

func (b *embedded) Patience() (cell, ask time.Duration) {
	return 20 * time.Second, 20 * time.Millisecond
}

// Every cell, with an embedded broker; one for each lane of cells, since faults end it and lanes run beside each other.
func TestMatrix(t *testing.T) {
	lanes := map[string][]matrixtest.Cell{}
	for i, c := range matrixtest.Cells() {
		lane := c.Group
		if c.Group == "fault" { // which mostly wait
			lane += strconv.Itoa(i % 4)
		}
		lanes[lane] = append(lanes[lane], c)
	}
	for lane, cells := range lanes {
		t.Run(lane, func(t *testing.T) {
			t.Parallel()
			b := newEmbedded(t)
			for _, c := range cells {
				t.Run(c.Name, func(t *testing.T) {
					if c.NotFake != "" {
						t.Skip(c.NotFake)
					}
					t.Log(matrixtest.Run(t, c, b))
				})
			}
		})
	}
}
