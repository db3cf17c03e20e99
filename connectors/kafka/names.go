package kafka

import "strings"

// inert are properties of Kafka's Java clients that mean nothing here, whatever they say, with the reason. What they ask for is either so
// anyway or of a part that is not there; each is noted once.
var inert = map[string]string{
	"allow.auto.create.topics":   "topics are not made by reading them",
	"exclude.internal.topics":    "a pattern never names internal topics",
	"group.protocol":             ofGroups,
	"group.remote.assignor":      ofGroups,
	"share.acknowledgement.mode": ofGroups,
	"share.acquire.mode":         ofGroups,

	"client.dns.lookup":                                 "all addresses of a name are tried",
	"socket.connection.setup.timeout.max.ms":            "every attempt has socket.connection.setup.timeout.ms",
	"metadata.recovery.strategy":                        "the client goes back to bootstrap.servers when no broker that it knows answers",
	"metadata.recovery.rebootstrap.trigger.ms":          "the client goes back to bootstrap.servers when no broker that it knows answers",
	"enable.metrics.push":                               ofMetrics,
	"metrics.num.samples":                               ofMetrics,
	"metrics.recording.level":                           ofMetrics,
	"metrics.sample.window.ms":                          ofMetrics,
	"internal.throw.on.fetch.stable.offset.unsupported": "brokers that cannot tell committed records have not been made for years",

	"sasl.login.connect.timeout.ms":                       ofTokens,
	"sasl.login.read.timeout.ms":                          ofTokens,
	"sasl.login.retry.backoff.ms":                         ofTokens,
	"sasl.login.retry.backoff.max.ms":                     ofTokens,
	"sasl.login.refresh.buffer.seconds":                   ofTokens,
	"sasl.login.refresh.min.period.seconds":               ofTokens,
	"sasl.login.refresh.window.factor":                    ofTokens,
	"sasl.login.refresh.window.jitter":                    ofTokens,
	"sasl.oauthbearer.header.urlencode":                   "names and secrets are encoded as RFC 6749 has it",
	"sasl.oauthbearer.clock.skew.seconds":                 ofChecks,
	"sasl.oauthbearer.expected.audience":                  ofChecks,
	"sasl.oauthbearer.expected.issuer":                    ofChecks,
	"sasl.oauthbearer.scope.claim.name":                   ofChecks,
	"sasl.oauthbearer.sub.claim.name":                     ofChecks,
	"sasl.oauthbearer.jwks.endpoint.url":                  ofChecks,
	"sasl.oauthbearer.jwks.endpoint.refresh.ms":           ofChecks,
	"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms":     ofChecks,
	"sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": ofChecks,

	"ssl.protocol":                     "TLS 1.3 is spoken, or 1.2 with brokers that have no other",
	"ssl.provider":                     ofJava,
	"ssl.keymanager.algorithm":         ofJava,
	"ssl.trustmanager.algorithm":       ofJava,
	"ssl.secure.random.implementation": ofJava,
}

const (
	ofGroups  = "partitions are assigned by the engine, without a consumer group"
	ofMetrics = "the numbers are those of the flow's progress and /metrics"
	ofTokens  = "a token is asked for whenever a connection has to prove who it is"
	ofChecks  = "brokers check tokens; the client passes them on"
	ofJava    = "it is of the Java runtime"
)

// inertOutput are those of producers.
var inertOutput = map[string]string{
	"partitioner.adaptive.partitioning.enable": "rows without a key go to all partitions in turn, a batch each",
	"partitioner.availability.timeout.ms":      "rows without a key go to all partitions in turn, a batch each",
}

// alsoRefused are further properties that name code or files, or ask for what is not here: to pass over them would be to do less than was asked for.
var alsoRefused = map[string]string{
	"config.providers":      "it names Java classes; write ${file:/path} or ${env:NAME}",
	"security.providers":    "it names Java classes",
	"ssl.cipher.suites":     "suites cannot be chosen: those of TLS 1.3, and of 1.2 that have forward secrecy, are offered",
	"ssl.enabled.protocols": "versions cannot be chosen: TLS 1.2 and 1.3 are spoken",

	"sasl.oauthbearer.client.credentials.client.id":     inJAAS,
	"sasl.oauthbearer.client.credentials.client.secret": inJAAS,
	"sasl.oauthbearer.scope":                            inJAAS,
	"sasl.oauthbearer.jwt.retriever.class":              "it names a Java class",
	"sasl.oauthbearer.jwt.validator.class":              "it names a Java class",

	"transaction.two.phase.commit.enable": "an epoch is decided in the ledger, not by Kafka; deliveryGuarantee says what is wanted",
	"partitioner.ignore.keys":             "rows of a key would lose their order; set the column partition to place rows yourself",
}

const inJAAS = "write clientId, clientSecret and scope into sasl.jaas.config, which is printed as ***"

// families are refused by what they begin with.
var families = []struct{ prefix, why string }{
	{"sasl.kerberos.", "Kerberos is not spoken; PLAIN, SCRAM, OAUTHBEARER and client certificates are"},
	{"sasl.oauthbearer.assertion.", "signed assertions are not made, and options read no files; client credentials are sent"},
}

// refusal says why a property is refused, "" if it is not.
func refusal(property string) string {
	for _, f := range families {
		if strings.HasPrefix(property, f.prefix) {
			return f.why
		}
	}
	if why := alsoRefused[property]; why != "" {
		return why
	}
	return refused[property]
}

// note takes a property that changes nothing.
func (c *config) note(name, why string) {
	c.notes = append(c.notes, name+" has no effect: "+why)
}
