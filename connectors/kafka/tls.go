package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
)

// pemText are certificates and a key as the text of PEM, which is how Java's
// client takes them without a file.
type pemText struct{ chain, key, trusted string }

func pemStore(_ *config, name, value string) error { return oneOf(name, value, "PEM") }

// config returns what connections are encrypted with. No error repeats the key.
func (p *pemText) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if (p.chain == "") != (p.key == "") {
		return nil, invalid("kafka.ssl.keystore.key", "and kafka.ssl.keystore.certificate.chain belong together")
	}
	if p.key != "" {
		pair, err := tls.X509KeyPair([]byte(p.chain), []byte(p.key))
		if err != nil {
			why := "the two are not one PEM certificate chain and its PEM key"
			if strings.Contains(p.key, "ENCRYPTED") {
				why = "the key is encrypted; give it as plain PEM, such as ${file:/run/secrets/kafka.key}"
			}
			return nil, invalid("kafka.ssl.keystore.key", "%s", why)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if p.trusted != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(p.trusted)) {
			return nil, invalid("kafka.ssl.truststore.certificates", "holds no PEM certificate")
		}
	}
	return c, nil
}
