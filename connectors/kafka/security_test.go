package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/internal/certificates"
)

// A broker that asks for a certificate: with it a source reads and a sink writes, without it neither.
func TestMutualTLS(t *testing.T) {
	chain, key := certificates.New(t)
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(chain))
	b := kafkatest.Start(t, 1, []string{"orders"}, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}))
	client := b.Client(kgo.DialTLSConfig(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}))
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: []byte("a")})
	secure := []kafka.Option{kafka.Set("kafka.security.protocol", "SSL"), kafka.Set("kafka.ssl.truststore.type", "PEM"), kafka.Set("kafka.ssl.truststore.certificates", chain)}
	mutual := append(secure, kafka.Set("kafka.ssl.keystore.certificate.chain", chain), kafka.Set("kafka.ssl.keystore.key", key))
	if got := drain(t, reader(t, source(t, b, "orders", mutual...), connectors.Positions{"orders/0": "0"}), "1"); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if err := sink(t, b, "orders", mutual...).Bind(within(t), numbered, connectors.Append); err != nil {
		t.Error(err)
	}
	anonymous := source(t, b, "orders", append(secure, kafka.Set("kafka.default.api.timeout.ms", "300"))...)
	if _, err := anonymous.Start(within(t), nil); err == nil {
		t.Error("a source without a certificate was let in")
	}
	for name, options := range map[string][]kafka.Option{
		"belong together":     append(secure, kafka.Set("kafka.ssl.keystore.key", key)),
		"not one PEM":         append(secure, kafka.Set("kafka.ssl.keystore.key", "hunter2"), kafka.Set("kafka.ssl.keystore.certificate.chain", chain)),
		"no PEM certificate":  {kafka.Set("kafka.security.protocol", "SSL"), kafka.Set("kafka.ssl.truststore.certificates", "x")},
		"must be SSL":         {kafka.Set("kafka.ssl.truststore.certificates", chain)},
		"expected PEM":        append(secure, kafka.Set("kafka.ssl.keystore.type", "JKS")),
		"may not read files":  append(secure, kafka.Set("kafka.ssl.keystore.location", "keys.jks")),
		"names a Java class":  append(secure, kafka.Set("kafka.sasl.login.callback.handler.class", "evil.Class")),
		"a secret is sent":    append(secure, kafka.Set("kafka.sasl.oauthbearer.token.endpoint.url", "http://login.example.com/token")),
		"endpoint.url: is re": {kafka.Set("kafka.security.protocol", "SASL_SSL"), kafka.Set("kafka.sasl.mechanism", "OAUTHBEARER"), kafka.Set("kafka.sasl.jaas.config", bearerLogin)},
	} {
		err := kafka.Source("orders", append([]kafka.Option{kafka.Brokers("localhost:9092")}, options...)...).Err()
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const bearerLogin = `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="ada" clientSecret="hunter2" scope="kafka";`

// The token that a provider gives is what the broker is shown; what it refuses is an error without the secret.
func TestOAuthBearer(t *testing.T) {
	b := kafkatest.Start(t, 1, []string{"orders"}, kfake.EnableSASL())
	asked := false
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka" || id != "ada" || secret != "hunter2" {
			http.Error(w, "who is hunter2?", http.StatusUnauthorized)
			return
		}
		asked = true
		_, _ = w.Write([]byte(`{"access_token":"the-token","expires_in":60}`))
	}))
	defer provider.Close()
	shown := make(chan string, 16)
	b.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		return req.ResponseKind(), nil, req.(*kmsg.SASLHandshakeRequest).Mechanism == "OAUTHBEARER"
	})
	b.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		shown <- string(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes)
		return nil, errors.New("seen"), true
	})
	login := func(jaas string) error {
		in := source(t, b, "orders", kafka.Set("kafka.security.protocol", "SASL_PLAINTEXT"), kafka.Set("kafka.sasl.mechanism", "OAUTHBEARER"),
			kafka.Set("kafka.sasl.jaas.config", jaas), kafka.Set("kafka.sasl.oauthbearer.token.endpoint.url", provider.URL), kafka.Set("kafka.default.api.timeout.ms", "300"),
			kafka.Set("kafka.sasl.login.callback.handler.class", "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"))
		_, err := in.Start(within(t), nil)
		return err
	}
	_ = login(bearerLogin)
	select {
	case got := <-shown:
		if !asked || !strings.Contains(got, "auth=Bearer the-token") {
			t.Errorf("the broker was shown %q", got)
		}
	default:
		t.Error("the broker was shown nothing")
	}
	if err := login(strings.Replace(bearerLogin, "ada", "eve", 1)); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong name: %v", err)
	}
}
