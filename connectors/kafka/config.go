package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/deltaic/deltaic/internal/pem"
	"github.com/deltaic/deltaic/supervision"
)

// config is everything the options say, read and checked.
type config struct {
	brokers         []string
	topics          []string           // subscribe, in the order given
	pattern         *regexp.Regexp     // subscribePattern; nil with the others
	assign          map[string][]int32 // assign; nil with subscribe
	starting        StartingOffsets
	startingTimes   offsets       // startingOffsetsByTimestamp
	startingTime    int64         // startingTimestamp, milliseconds; -1: not given
	laterIsLatest   bool          // startingOffsetsByTimestampStrategy is latest
	ending          offsets       // endingOffsets
	endingTimes     offsets       // endingOffsetsByTimestamp
	endingTime      int64         // endingTimestamp; -1: not given
	maxOffsets      int64         // a trigger's; 0: no bound
	minOffsets      int64         // a trigger waits for so many, 0: for none,
	maxTriggerDelay time.Duration // and for no longer than this
	minPartitions   int64         // parts in which partitions are read, at least; 0: one each
	stripe          int64         // offsets of a stripe of a part
	aside           int64         // bytes that a reader holds for parts that are paused while others are not
	now             func() time.Time
	failOnDataLoss  bool
	headers         bool
	uncommitted     bool
	groupPrefix     string
	group           string
	maxBatchBytes   int64 // a record batch's, decompressed

	askTimeout   time.Duration // for one question of Start or End
	backoff      time.Duration // the first; it doubles
	backoffMax   time.Duration
	checkEvery   time.Duration // how often a quiet reader asks where the ends are
	missingAfter int           // checks in a row that do not find a topic before it counts as gone
	security     security
	fetch        fetching
	given        []string  // properties as they were given, in order
	client       []kgo.Opt // options that map onto the client's one to one
	notes        []string  // options that were accepted and change nothing
}

// security is how to reach and convince the brokers. It holds secrets.
type security struct {
	protocol       string // as Kafka's security.protocol; "" is PLAINTEXT
	mechanism      string
	jaas           bool
	user, password string
	bearer         bearer // OAUTHBEARER
	pem            pem.Text
	tls            *tls.Config // made of pem by check
}

// fetching bounds what one fetch brings.
type fetching struct {
	maxBytes, partitionBytes, minBytes int64
	maxWait                            time.Duration
}

const (
	metadataAge          = 100 * time.Millisecond
	defaultMaxBatchBytes = 64 << 20
	// batchSlack lets a record of exactly the limit pass with its framing.
	batchSlack = 1 << 20
)

func defaults() config {
	return config{
		starting: Latest, startingTime: -1, endingTime: -1, maxTriggerDelay: defaultDelay, now: time.Now, stripe: stripeOffsets, aside: defaultAside, failOnDataLoss: true, maxBatchBytes: defaultMaxBatchBytes, groupPrefix: "deltaic",
		askTimeout: defaultAskTimeout, backoff: 100 * time.Millisecond, backoffMax: time.Second,
		checkEvery: 500 * time.Millisecond, missingAfter: 10,
		// Small fetches are faster (the cache) and bound what lies decompressed in memory.
		fetch: fetching{maxBytes: 8 << 20, partitionBytes: 1 << 20, minBytes: 1, maxWait: 500 * time.Millisecond},
	}
}

// check finds what is missing or contradictory once all options are in.
func (c *config) check() error {
	if len(c.brokers) == 0 {
		return invalid("kafka.bootstrap.servers", "is required: the brokers to begin with, such as localhost:9092")
	}
	ways := 0
	for _, given := range []bool{len(c.topics) > 0, len(c.assign) > 0, c.pattern != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return invalid("subscribe", "exactly one of subscribe, subscribePattern and assign is required")
	}
	if c.fetch.minBytes > c.fetch.maxBytes {
		return invalid("kafka.fetch.min.bytes", "%d is more than fetch.max.bytes, %d", c.fetch.minBytes, c.fetch.maxBytes)
	}
	if c.maxOffsets > 0 && c.minOffsets > c.maxOffsets {
		return invalid("minOffsetsPerTrigger", "%d is more than maxOffsetsPerTrigger, %d: no epoch would ever have so many", c.minOffsets, c.maxOffsets)
	}
	c.fetch.partitionBytes = min(c.fetch.partitionBytes, c.fetch.maxBytes)
	if err := c.security.check(); err != nil {
		return err
	}
	switch { // Spark's order of precedence
	case c.startingTime >= 0:
		c.starting = FromTime(time.UnixMilli(c.startingTime))
	case c.startingTimes != nil:
		c.starting = StartingOffsets{kind: startTimes, at: c.startingTimes}
	}
	return c.starting.check()
}

func (s *security) check() (err error) {
	if s.pem != (pem.Text{}) && s.protocol != "SSL" && s.protocol != "SASL_SSL" {
		return invalid("kafka.security.protocol", "certificates are given, so it must be SSL or SASL_SSL")
	}
	if s.tls, err = encryption(s.pem); err != nil {
		return err
	}
	switch s.protocol {
	case "", "PLAINTEXT", "SSL":
		if s.mechanism != "" || s.jaas {
			return invalid("kafka.security.protocol", "sasl options are given, so it must be SASL_SSL or SASL_PLAINTEXT")
		}
		return nil
	}
	if !s.jaas {
		return invalid("kafka.sasl.jaas.config", "is required with %s", s.protocol)
	}
	if s.mechanism == "" {
		return invalid("kafka.sasl.mechanism", "is required with %s: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", s.protocol)
	}
	if oauth := s.mechanism == oauthBearer; oauth != (s.bearer.id != "") {
		return invalid("kafka.sasl.jaas.config", "its login module is not one of %s", s.mechanism)
	} else if oauth && s.bearer.endpoint == "" {
		return invalid("kafka.sasl.oauthbearer.token.endpoint.url", "is required with %s", oauthBearer)
	}
	return nil
}

const oauthBearer = "OAUTHBEARER"

// strategy names the splits as Spark does.
func (c *config) strategy() string {
	if c.pattern != nil {
		return "SubscribePattern[" + strings.TrimSuffix(strings.TrimPrefix(c.pattern.String(), "^(?:"), ")$") + "]"
	}
	if c.assign == nil {
		return "Subscribe[" + strings.Join(c.topics, ", ") + "]"
	}
	var names []string
	for _, topic := range sortedKeys(c.assign) {
		for _, id := range c.assign[topic] {
			names = append(names, fmt.Sprintf("%s-%d", topic, id))
		}
	}
	return "Assign[" + strings.Join(names, ", ") + "]"
}

// topics are the topics to be read as they are now.
func (in *Input) topics(ctx context.Context, admin *kadm.Client) ([]string, error) {
	switch {
	case in.c.assign != nil:
		return sortedKeys(in.c.assign), nil
	case in.c.pattern == nil:
		return in.c.topics, nil
	}
	all, err := admin.ListTopics(ctx) // internal ones left out
	if err != nil {
		return nil, in.c.failure(err, "could not list topics")
	}
	var names []string
	for _, name := range all.Names() {
		if in.c.pattern.MatchString(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// reads reports whether a partition of one of the topics is to be read.
func (c *config) reads(topic string, id int32) bool {
	return c.assign == nil || slices.Contains(c.assign[topic], id)
}

// wants reports whether the options ask for the partition, be it there or not.
func (c *config) wants(p partition) bool {
	if c.pattern != nil {
		return c.pattern.MatchString(p.topic)
	}
	return c.reads(p.topic, p.id) && (c.assign != nil || slices.Contains(c.topics, p.topic))
}

// clientOptions are the client's, for asking and reading alike.
func (c *config) clientOptions() []kgo.Opt {
	name := c.groupPrefix
	if c.group != "" {
		name = c.group
	}
	o := []kgo.Opt{
		kgo.SeedBrokers(c.brokers...),
		kgo.ClientID(name),
		kgo.SoftwareNameAndVersion("deltaic", "0"),
		kgo.RetryBackoffFn(c.wait),
		kgo.MaxDecompressBatchBytes(int(c.maxBatchBytes + batchSlack)),
		kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(metadataAge), // what is new is found soon after something else was asked for
	}
	if c.security.protocol == "SSL" || c.security.protocol == "SASL_SSL" {
		o = append(o, kgo.DialTLSConfig(c.security.tls))
	}
	if m := c.security.sasl(); m != nil {
		o = append(o, kgo.SASL(m))
	}
	return append(o, c.client...)
}

func (s *security) sasl() sasl.Mechanism {
	switch s.mechanism {
	case oauthBearer:
		return s.bearer.mechanism()
	case "PLAIN":
		return plain.Auth{User: s.user, Pass: s.password}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.user, Pass: s.password}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.user, Pass: s.password}.AsSha512Mechanism()
	}
	return nil
}

// wait is the backoff before the given retry, the first being 1.
func (c *config) wait(retry int) time.Duration {
	d := c.backoff
	for ; retry > 1 && d < c.backoffMax; retry-- {
		d *= 2
	}
	return min(d, c.backoffMax)
}

// failure wraps an error of the client.
func (c *config) failure(err error, doing string) *supervision.Failure {
	var known *supervision.Failure
	if errors.As(err, &known) {
		return known
	}
	f := supervision.New(supervision.Transient, "KAFKA_UNAVAILABLE", "%s at %s: %w", doing, strings.Join(c.brokers, ","), err)
	f.Hint = "Check that the brokers run and that kafka.bootstrap.servers names them."
	if closed := (*kgo.ErrFirstReadEOF)(nil); errors.As(err, &closed) && c.security.mechanism == "" {
		f.Hint = "A broker that is starting closes connections, and so does one whose listener asks for SASL or TLS: set kafka.security.protocol and what belongs to it, if it does."
	}
	var k *kerr.Error
	if errors.As(err, &k) {
		f.Class = k.Message
		f.Hint = k.Description
		if !k.Retriable {
			f.Kind = supervision.Fatal
		}
	}
	if why := untrusted(err); why != "" {
		f.Kind, f.Class, f.Hint = supervision.Fatal, "KAFKA_TLS_REFUSED", why
	}
	if errors.Is(err, kgo.ErrMaxDecompress) {
		f.Kind, f.Class = supervision.Fatal, "KAFKA_BATCH_TOO_LARGE"
		f.Message = fmt.Sprintf("a record batch decompresses to more than maxBatchBytes, %d", c.maxBatchBytes)
		f.Hint = "If the batch is not hostile, raise maxBatchBytes."
	}
	return f
}

// sortedKeys returns the keys of m in order.
func sortedKeys[M ~map[K]V, K cmp.Ordered, V any](m M) []K {
	return slices.Sorted(maps.Keys(m))
}
