package matrixtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

const loginModule = `org.apache.kafka.common.security.%s required username="%s" password="%s";`

// login are the options of a user.
func login(protocol, mechanism, user, password string) options {
	module := "scram.ScramLoginModule"
	if mechanism == "PLAIN" {
		module = "plain.PlainLoginModule"
	}
	return options{"kafka.security.protocol": protocol, "kafka.sasl.mechanism": mechanism, "kafka.sasl.jaas.config": fmt.Sprintf(loginModule, module, user, password)}
}

// token are the options of a client whose tokens a provider of the cell's own gives, unsigned, as brokers take them for trials.
func (e *env) token(expires time.Time) options {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		claims := fmt.Sprintf(`{"sub":"%s","iat":%d,"exp":%d}`, e.Secrets(e.T).User, expires.Add(-time.Hour).Unix(), expires.Unix())
		_, _ = fmt.Fprintf(w, `{"access_token":"%s.%s.","expires_in":60}`, part(`{"alg":"none"}`), part(claims))
	}))
	e.Cleanup(provider.Close)
	return options{"kafka.security.protocol": "SASL_PLAINTEXT", "kafka.sasl.mechanism": "OAUTHBEARER", "kafka.sasl.oauthbearer.token.endpoint.url": provider.URL,
		"kafka.sasl.jaas.config": `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="ada" clientSecret="` + e.Secrets(e.T).Password + `";`}
}

func security() []Cell {
	in := func(name string, by Listener, o func(e *env) options) Cell {
		return Cell{Name: name, run: func(e *env) {
			e.listener = by
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 20))
			e.end(e.read(o(e), nil))
		}}
	}
	out := func(name string, by Listener, class, says string, o func(e *env) options) Cell {
		return Cell{Name: name, run: func(e *env) {
			e.listener = by
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 20))
			began := time.Now()
			more := o(e)
			more["kafka.default.api.timeout.ms"] = "5000"
			_, err := e.run(more)
			e.fails(err, class, says)
			if took := time.Since(began); took > 30*time.Second {
				e.Errorf("it took %s", took)
			}
		}}
	}
	user := func(protocol, mechanism string) func(e *env) options {
		return func(e *env) options { return login(protocol, mechanism, e.Secrets(e.T).User, e.Secrets(e.T).Password) }
	}
	trusting := func(o options, e *env) options {
		o["kafka.ssl.truststore.type"], o["kafka.ssl.truststore.certificates"] = "PEM", e.Secrets(e.T).Authority
		return o
	}
	cells := []Cell{
		in("PLAINTEXT", Plain, func(*env) options { return nil }),
		in("SASL PLAIN", SASL, user("SASL_PLAINTEXT", "PLAIN")),
		in("SASL SCRAM-SHA-256", SASL, user("SASL_PLAINTEXT", "SCRAM-SHA-256")),
		in("SASL SCRAM-SHA-512", SASL, user("SASL_PLAINTEXT", "SCRAM-SHA-512")),
		in("SASL_SSL, SCRAM-SHA-512", SASLOver, func(e *env) options { return trusting(user("SASL_SSL", "SCRAM-SHA-512")(e), e) }),
		in("TLS", TLS, func(e *env) options { return trusting(options{"kafka.security.protocol": "SSL"}, e) }),
		in("mutual TLS", Mutual, func(e *env) options {
			return trusting(options{"kafka.security.protocol": "SSL", "kafka.ssl.keystore.certificate.chain": e.Secrets(e.T).Chain, "kafka.ssl.keystore.key": e.Secrets(e.T).Key}, e)
		}),
		in("OAUTHBEARER", SASL, func(e *env) options { return e.token(time.Now().Add(time.Hour)) }),
		out("OAUTHBEARER, expired token", SASL, "SASL_AUTHENTICATION_FAILED", "", func(e *env) options { return e.token(time.Now().Add(-time.Hour)) }),
		out("wrong password", SASL, "SASL_AUTHENTICATION_FAILED", "", func(e *env) options {
			return login("SASL_PLAINTEXT", "PLAIN", e.Secrets(e.T).User, "not-"+strings.ToUpper(e.Secrets(e.T).Password))
		}),
		out("wrong password, SCRAM", SASL, "SASL_AUTHENTICATION_FAILED", "", func(e *env) options {
			return login("SASL_PLAINTEXT", "SCRAM-SHA-256", e.Secrets(e.T).User, "not-"+strings.ToUpper(e.Secrets(e.T).Password))
		}),
		out("unknown user", SASL, "SASL_AUTHENTICATION_FAILED", "", func(*env) options { return login("SASL_PLAINTEXT", "PLAIN", "nobody", "nothing-much") }),
		out("wrong certificate authority", TLS, "KAFKA_TLS_REFUSED", "truststore", func(*env) options { return options{"kafka.security.protocol": "SSL"} }),
		{Name: "topic that may not be read", run: func(e *env) {
			e.listener = SASL
			e.create(1, nil, e.topic)
			e.produce(values(e.topic, 0, 0, 20))
			e.Deny(e.T, e.topic)
			_, err := e.run(user("SASL_PLAINTEXT", "PLAIN")(e))
			e.fails(err, "TOPIC_AUTHORIZATION_FAILED", e.topic)
		}},
	}
	for i := range cells {
		switch {
		case strings.HasPrefix(cells[i].Name, "OAUTHBEARER"):
			cells[i].NotFake = "the embedded broker has no OAUTHBEARER; TestOAuthBearer of connectors/kafka shows what it is sent"
		case strings.HasPrefix(cells[i].Name, "wrong password"), cells[i].Name == "unknown user":
			cells[i].NotFake = "the embedded broker closes the connection without an answer; TestSASLPlain of connectors/kafka answers as Kafka does"
		}
	}
	return cells
}
