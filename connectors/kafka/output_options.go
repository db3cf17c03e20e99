package kafka

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// outputConfig is everything the options of a sink say, read and checked.
type outputConfig struct {
	config             // how to reach the brokers
	topic       string // of all rows; "": each row says
	exactly     bool
	positions   string // the topic of positions; "": named by the flow
	idPrefix    string // of transactional ids
	adopt       bool
	columns     columnNames
	maxRequest  int64 // bytes of a batch, and so of a record
	bufferBytes int64 // that a transaction has on its way at most
	producer    []kgo.Opt
	codec       kgo.CompressionCodec // none at first
	codecName   string
	levels      map[string]int // by codec
}

const (
	defaultMaxRequest  = 1 << 20
	defaultBufferBytes = 32 << 20
)

// columnNames are the names of the columns that make a record.
type columnNames struct{ key, value, topic, partition, headers, properties string }

func outputDefaults() outputConfig {
	c := outputConfig{levels: map[string]int{}, columns: columnNames{key: "key", value: "value", topic: "topic", partition: "partition", headers: "headers"}, config: defaults(), idPrefix: "deltaic", maxRequest: defaultMaxRequest, bufferBytes: defaultBufferBytes}
	// A row leaves at once; what comes while a request is on its way makes the next one.
	c.producer = []kgo.Opt{kgo.ProducerLinger(0), kgo.RecordPartitioner(partitioner{}), kgo.AllowAutoTopicCreation()}
	return c
}

// NewSink returns the sink that options describe: Spark's topic and kafka.*, and
// deliveryGuarantee. Names are taken without regard to letter case; an
// unknown one is an error that names the nearest.
func NewSink(options map[string]string) (*Output, error) {
	c := outputDefaults()
	for _, name := range sortedKeys(options) {
		if err := c.set(name, strings.TrimSpace(options[name])); err != nil {
			return nil, err
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return newOutput(c), nil
}

// Sink returns the sink that writes to the topic, or, if it is "", to the topic
// that the column topic names. A mistake is kept and returned by [Output.Err] and by every call that could fail.
func Sink(topic string, options ...Option) *Output {
	c := outputDefaults()
	err := error(nil)
	if topic != "" {
		err = c.set("topic", topic)
	}
	for _, set := range options {
		if e := set(&c); err == nil {
			err = e
		}
	}
	if err == nil {
		err = c.check()
	}
	out := newOutput(c)
	out.err = err
	return out
}

// ExactlyOnce makes a sink write each row once, as a reader of committed records sees it.
func ExactlyOnce() Option { return spark("deliveryGuarantee", exactlyOnce) }

const (
	atLeastOnce = "at-least-once"
	exactlyOnce = "exactly-once"
)

// outputSetters are the options of the sink, by name in lower case.
var outputSetters = map[string]struct {
	name string // as it is written
	set  func(c *outputConfig, value string) error
}{
	"topic": {"topic", func(c *outputConfig, v string) error { c.topic = v; return checkTopic("topic", v) }},
	"deliveryguarantee": {"deliveryGuarantee", func(c *outputConfig, v string) error {
		v = strings.ReplaceAll(v, "_", "-")
		c.exactly = strings.EqualFold(v, exactlyOnce)
		return oneOf("deliveryGuarantee", v, atLeastOnce, exactlyOnce)
	}},
	"positiontopic":         {"positionTopic", func(c *outputConfig, v string) error { c.positions = v; return checkTopic("positionTopic", v) }},
	"transactionalidprefix": {"transactionalIdPrefix", func(c *outputConfig, v string) error { c.idPrefix = v; return nonEmpty("transactionalIdPrefix", v) }},
	"adopt":                 {"adopt", func(c *outputConfig, v string) error { return parseBool("adopt", v, &c.adopt) }},
}

// outputShared are the properties of Kafka's client that a sink takes as a source does.
var outputShared = map[string]bool{
	"bootstrap.servers": true, "client.id": true, "request.timeout.ms": true, "default.api.timeout.ms": true,
	"retry.backoff.ms": true, "retry.backoff.max.ms": true, "metadata.max.age.ms": true, "connections.max.idle.ms": true,
	"socket.connection.setup.timeout.ms": true, "security.protocol": true, "sasl.mechanism": true, "sasl.jaas.config": true,
	"ssl.endpoint.identification.algorithm": true, "sasl.oauthbearer.token.endpoint.url": true, "sasl.login.callback.handler.class": true,
	"ssl.keystore.type": true, "ssl.truststore.type": true, "ssl.keystore.certificate.chain": true, "ssl.keystore.key": true, "ssl.truststore.certificates": true,
	"receive.buffer.bytes": true, "send.buffer.bytes": true, "reconnect.backoff.ms": true, "reconnect.backoff.max.ms": true,
}

// outputProperties are those that only a sink has.
var outputProperties = map[string]func(c *outputConfig, name, value string) error{
	"acks": func(_ *outputConfig, n, v string) error {
		if v != "all" && v != "-1" {
			return invalid(n, "is %s; only all is accepted: with less, acknowledged rows are lost with a broker", quote(v))
		}
		return nil
	},
	"enable.idempotence": func(_ *outputConfig, n, v string) error {
		if !strings.EqualFold(v, "true") {
			return invalid(n, "is %s; only true is accepted: without it a retry doubles rows and changes their order", quote(v))
		}
		return nil
	},
	"linger.ms":        outputMilliseconds(0, func(c *outputConfig, d time.Duration) { c.add(kgo.ProducerLinger(d)) }),
	"compression.type": setCompression,

	"compression.gzip.level": setLevel("gzip", -1, 9),
	"compression.lz4.level":  setLevel("lz4", 1, 17),
	"compression.zstd.level": setLevel("zstd", -131072, 22),
	"max.request.size": func(c *outputConfig, n, v string) (err error) {
		c.maxRequest, err = parseInt(n, v, 1024, 1<<30)
		return err
	},
	"buffer.memory": func(c *outputConfig, n, v string) (err error) {
		c.bufferBytes, err = parseInt(n, v, 1024, 1<<40)
		return err
	},
	"delivery.timeout.ms":    outputMilliseconds(1, func(c *outputConfig, d time.Duration) { c.add(kgo.RecordDeliveryTimeout(max(d, time.Second))) }),
	"transaction.timeout.ms": outputMilliseconds(1000, func(c *outputConfig, d time.Duration) { c.add(kgo.TransactionTimeout(d)) }),

	"batch.size":                            outputUnused("batches grow while a request is on its way, up to kafka.max.request.size"),
	"max.block.ms":                          outputUnused("a sink waits for as long as it takes"),
	"retries":                               outputUnused("what can be tried again is, for as long as it takes or kafka.delivery.timeout.ms says"),
	"max.in.flight.requests.per.connection": outputUnused("the client keeps the order whatever it is"),
	"metadata.max.idle.ms":                  outputUnused("topics stay known while the flow runs"),
}

// outputRefused are the options that would break what the sink promises, or that name code, with the reason.
var outputRefused = map[string]string{
	"key.serializer":      "the column key is written as it is; cast or encode it in the flow",
	"value.serializer":    "the column value is written as it is; cast or encode it in the flow",
	"partitioner.class":   "it names a Java class; the column partition says where a row goes, else the hash of its key, as Java's client has it",
	"transactional.id":    "transactions are named by the engine; transactionalIdPrefix is what they begin with",
	"interceptor.classes": "it names Java classes",
}

func (c *outputConfig) set(name, value string) error {
	key := strings.ToLower(strings.TrimSpace(name))
	if s, ok := outputSetters[key]; ok {
		return s.set(c, value)
	}
	property, ok := strings.CutPrefix(key, "kafka.")
	why := outputRefused[property]
	switch {
	case ok && outputShared[property]:
		return c.config.setProperty(property, value)
	case ok && outputProperties[property] != nil:
		return outputProperties[property](c, name, value)
	case ok && inert[property] != "":
		c.note(name, inert[property])
		return nil
	case ok && inertOutput[property] != "":
		c.note(name, inertOutput[property])
		return nil
	case why == "" && properties[property] == nil:
		why = refusal(property)
	}
	if why != "" {
		return invalid(name, "is refused: %s", why)
	}
	if _, of := setters[key]; of || properties[property] != nil {
		return invalid(name, "is of sources; a sink has no use for it")
	}
	var names []string
	for _, s := range outputSetters {
		names = append(names, s.name)
	}
	for p := range outputShared {
		names = append(names, "kafka."+p)
	}
	for p := range outputProperties {
		names = append(names, "kafka."+p)
	}
	return unknown(name, names)
}

// check finds what is missing or contradictory once all options are in.
func (c *outputConfig) check() error {
	if len(c.brokers) == 0 {
		return invalid("kafka.bootstrap.servers", "is required: the brokers to begin with, such as localhost:9092")
	}
	if c.positions != "" && !c.exactly {
		return invalid("positionTopic", "is of deliveryGuarantee %s, which is not set", exactlyOnce)
	}
	if c.positions != "" && c.positions == c.topic {
		return invalid("positionTopic", "is the topic of the rows; positions have one of their own")
	}
	return c.security.check()
}

// producing are the options of a client that writes.
func (c *outputConfig) producing() []kgo.Opt {
	// A client sorts its codecs in place, so each gets an option of its own.
	return append(append(c.clientOptions(), c.producer...), kgo.ProducerBatchCompression(c.leveled()), kgo.ProducerBatchMaxBytes(int32(c.maxRequest)), kgo.BrokerMaxWriteBytes(int32(max(c.maxRequest+1<<20, 100<<20))))
}

// leveled is the codec with its level.
func (c *outputConfig) leveled() kgo.CompressionCodec {
	if level, given := c.levels[c.codecName]; given {
		return c.codec.WithLevel(level)
	}
	return c.codec
}

func (c *outputConfig) add(o kgo.Opt) { c.producer = append(c.producer, o) }

func outputMilliseconds(least int64, set func(*outputConfig, time.Duration)) func(*outputConfig, string, string) error {
	const day = 24 * 60 * 60 * 1000
	return func(c *outputConfig, name, value string) error {
		n, err := parseInt(name, value, least, day)
		if err == nil {
			set(c, time.Duration(n)*time.Millisecond)
		}
		return err
	}
}

// outputUnused accepts a number that changes nothing here and notes so.
func outputUnused(why string) func(*outputConfig, string, string) error {
	return func(c *outputConfig, name, value string) error {
		if _, err := parseInt(name, value, 0, 1<<40); err != nil {
			return err
		}
		c.notes = append(c.notes, name+" has no effect: "+why)
		return nil
	}
}

// elsewhere says that a property is of producers, "" if it is not.
func elsewhere(property string) string {
	if outputProperties[property] != nil || inertOutput[property] != "" || outputRefused[property] != "" {
		return "is of sinks; a source has no use for it"
	}
	return ""
}

// setLevel reads how hard a codec tries. It counts where compression.type names the codec, whichever of the two is read first.
func setLevel(codec string, least, most int64) func(*outputConfig, string, string) error {
	return func(c *outputConfig, name, value string) error {
		n, err := parseInt(name, value, least, most)
		if err == nil {
			c.levels[codec] = int(n)
		}
		return err
	}
}

func setCompression(c *outputConfig, name, value string) error {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	codec, ok := codecs[strings.ToLower(value)]
	if !ok {
		return oneOf(name, value, sortedKeys(codecs)...)
	}
	c.codec, c.codecName = codec, strings.ToLower(value)
	return nil
}
