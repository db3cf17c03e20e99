package kafka

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// properties are the options of Kafka's Java client that may be given as
// kafka.NAME. Nothing that names a class or reads a file is among them.
var properties = map[string]func(c *config, name, value string) error{
	"bootstrap.servers": setBrokers,
	"client.id":         setClientID,
	"client.rack":       func(c *config, n, v string) error { return c.option(kgo.Rack(v), nonEmpty(n, v)) },
	"group.id":          setGroup,
	"isolation.level":   setIsolation,

	"fetch.min.bytes":           integer(1, 1<<30, func(c *config, v int64) { c.fetch.minBytes = v }),
	"fetch.max.bytes":           integer(1024, 1<<30, func(c *config, v int64) { c.fetch.maxBytes = v }),
	"max.partition.fetch.bytes": integer(1024, 1<<30, func(c *config, v int64) { c.fetch.partitionBytes = v }),
	"fetch.max.wait.ms":         milliseconds(func(c *config, d time.Duration) { c.fetch.maxWait = max(d, 10*time.Millisecond) }),
	"check.crcs":                setCheckCRCs,

	"request.timeout.ms":                 milliseconds(func(c *config, d time.Duration) { c.add(kgo.RequestTimeoutOverhead(d)) }),
	"default.api.timeout.ms":             milliseconds(func(c *config, d time.Duration) { c.askTimeout = d }),
	"retry.backoff.ms":                   milliseconds(func(c *config, d time.Duration) { c.backoff = d; c.backoffMax = max(c.backoffMax, d) }),
	"retry.backoff.max.ms":               milliseconds(func(c *config, d time.Duration) { c.backoffMax = d }),
	"metadata.max.age.ms":                milliseconds(func(c *config, d time.Duration) { c.add(kgo.MetadataMaxAge(d)) }),
	"connections.max.idle.ms":            milliseconds(func(c *config, d time.Duration) { c.add(kgo.ConnIdleTimeout(d)) }),
	"socket.connection.setup.timeout.ms": milliseconds(func(c *config, d time.Duration) { c.add(kgo.DialTimeout(d)) }),

	"security.protocol":                   setProtocol,
	"sasl.mechanism":                      setMechanism,
	"sasl.jaas.config":                    setJAAS,
	"sasl.oauthbearer.token.endpoint.url": setTokenEndpoint,
	"sasl.login.callback.handler.class": func(_ *config, n, v string) error {
		if !strings.HasSuffix(v, ".OAuthBearerLoginCallbackHandler") {
			return invalid(n, "is refused: it names a Java class; of OAUTHBEARER the one that Kafka has is meant anyway")
		}
		return nil
	},
	"ssl.keystore.type":              pemStore,
	"ssl.truststore.type":            pemStore,
	"ssl.keystore.certificate.chain": func(c *config, n, v string) error { c.security.pem.Chain = v; return nonEmpty(n, v) },
	"ssl.keystore.key":               func(c *config, n, v string) error { c.security.pem.Key = v; return nonEmpty(n, v) },
	"ssl.truststore.certificates":    func(c *config, n, v string) error { c.security.pem.Trusted = v; return nonEmpty(n, v) },
	"ssl.endpoint.identification.algorithm": func(_ *config, n, v string) error {
		return oneOf(n, v, "https")
	},

	// Of a consumer group, or of the Java client's own threads: there is none here.
	"session.timeout.ms":       unused,
	"heartbeat.interval.ms":    unused,
	"max.poll.interval.ms":     unused,
	"max.poll.records":         unused,
	"receive.buffer.bytes":     unused,
	"send.buffer.bytes":        unused,
	"reconnect.backoff.ms":     unused,
	"reconnect.backoff.max.ms": unused,
}

// refused are options that would break what this source promises, or that
// name code or files, with the reason.
var refused = map[string]string{
	"group.id":                "Kafka's own options begin with kafka.; write kafka.group.id",
	"auto.offset.reset":       "where to begin is said by startingOffsets, and positions are kept by the engine",
	"key.deserializer":        "keys arrive as binary; cast them or decode them with from_json",
	"value.deserializer":      "values arrive as binary; cast them or decode them with from_json",
	"key.serializer":          "keys arrive as binary; a source writes nothing",
	"value.serializer":        "values arrive as binary; a source writes nothing",
	"enable.auto.commit":      "offsets are kept by the engine and never committed to a group",
	"auto.commit.interval.ms": "offsets are kept by the engine and never committed to a group",
	"interceptor.classes":     "it names Java classes",
	"metric.reporters":        "it names Java classes",
	"ssl.truststore.location": "options may not read files; give the certificates as text: ssl.truststore.certificates: ${file:/path/ca.pem}",
	"ssl.keystore.location":   "options may not read files; give PEM as text: ssl.keystore.certificate.chain and ssl.keystore.key, with ${file:/path}",
	"ssl.truststore.password": "options may not read files; give the certificates as text: ssl.truststore.certificates: ${file:/path/ca.pem}",
	"ssl.keystore.password":   "options may not read files",
	"ssl.key.password":        "options may not read files",
	"sasl.login.class":        "it names a Java class",

	"sasl.client.callback.handler.class": "it names a Java class",
	"ssl.engine.factory.class":           "it names a Java class",
	"partition.assignment.strategy":      "partitions are assigned by the engine",
	"group.instance.id":                  "partitions are assigned by the engine",
}

func (c *config) setProperty(name, value string) error {
	if set, ok := properties[name]; ok {
		c.given = append(c.given, name+"="+value)
		return set(c, "kafka."+name, value)
	}
	if why := inert[name]; why != "" {
		c.note("kafka."+name, why)
		return nil
	}
	if why := refusal(name); why != "" {
		return invalid("kafka."+name, "is refused: %s", why)
	}
	if why := elsewhere(name); why != "" {
		return invalid("kafka."+name, "%s", why)
	}
	var names []string
	for p := range properties {
		names = append(names, "kafka."+p)
	}
	return unknown("kafka."+name, names)
}

func (c *config) add(o kgo.Opt) { c.client = append(c.client, o) }

func (c *config) option(o kgo.Opt, err error) error {
	if err == nil {
		c.add(o)
	}
	return err
}

func setBrokers(c *config, name, value string) error {
	c.brokers = nil
	for b := range strings.SplitSeq(value, ",") {
		b = strings.TrimSpace(b)
		host, port, err := net.SplitHostPort(b)
		n, bad := strconv.Atoi(port)
		if err != nil || bad != nil || host == "" || n < 1 || n > 65535 {
			return invalid(name, "expected host:port with commas between, got %s", quote(b))
		}
		c.brokers = append(c.brokers, b)
	}
	return nil
}

func setClientID(c *config, name, value string) error {
	return c.option(kgo.ClientID(value), nonEmpty(name, value))
}

// setGroup takes the name of a group. Requests that read assigned partitions have no place for one.
func setGroup(c *config, name, value string) error {
	c.group = value
	c.notes = append(c.notes, name+" is the client.id that brokers see: partitions are assigned by the engine, without a consumer group, so access rules of groups are not asked for")
	return nonEmpty(name, value)
}

func setIsolation(c *config, name, value string) error {
	if err := oneOf(name, value, "read_committed", "read_uncommitted"); err != nil {
		return err
	}
	c.uncommitted = strings.EqualFold(value, "read_uncommitted")
	return nil
}

func setCheckCRCs(c *config, name, value string) error {
	check := true
	if err := parseBool(name, value, &check); err != nil {
		return err
	}
	if !check {
		c.add(kgo.DisableFetchCRCValidation())
	}
	return nil
}

func setProtocol(c *config, name, value string) error {
	c.security.protocol = strings.ToUpper(value)
	return oneOf(name, value, "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
}

func setMechanism(c *config, name, value string) error {
	c.security.mechanism = strings.ToUpper(value)
	return oneOf(name, value, "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", oauthBearer)
}

// unused accepts a number that changes nothing here and notes so.
func unused(c *config, name, value string) error {
	if _, err := parseInt(name, value, -1, 1<<40); err != nil {
		return err
	}
	c.notes = append(c.notes, name+" has no effect: partitions are assigned by the engine, without a consumer group")
	return nil
}

func integer(least, most int64, set func(*config, int64)) func(*config, string, string) error {
	return func(c *config, name, value string) error {
		n, err := parseInt(name, value, least, most)
		if err == nil {
			set(c, n)
		}
		return err
	}
}

func milliseconds(set func(*config, time.Duration)) func(*config, string, string) error {
	const day = 24 * 60 * 60 * 1000
	return integer(1, day, func(c *config, n int64) { set(c, time.Duration(n)*time.Millisecond) })
}

func oneOf(name, value string, allowed ...string) error {
	for _, a := range allowed {
		if strings.EqualFold(a, value) {
			return nil
		}
	}
	return invalid(name, "expected %s, got %s", strings.Join(allowed, " or "), quote(value))
}
