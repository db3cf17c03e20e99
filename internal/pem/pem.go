// Package pem makes a TLS configuration of certificates and a key that are given as the text of PEM, which is how
// Java's clients take them without a file. It says which of the texts is wrong and repeats none; what the options are called
// is the caller's business.
package pem

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
)

// Text is what is given: a certificate chain with its key, and the certificates that are trusted; each may be empty.
type Text struct{ Chain, Key, Trusted string }

// The parts that an [Error] is about.
const (
	Key     = "key"
	Trusted = "trusted"
)

// Error says what is wrong with which part. It never repeats the key.
type Error struct{ Part, Why string }

func (e *Error) Error() string { return e.Why }

// Config returns what connections are encrypted with.
func (p Text) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if (p.Chain == "") != (p.Key == "") {
		return nil, &Error{Key, "the key and the certificate chain belong together"}
	}
	if p.Key != "" {
		pair, err := tls.X509KeyPair([]byte(p.Chain), []byte(p.Key))
		if err != nil {
			why := "the two are not one PEM certificate chain and its PEM key"
			if strings.Contains(p.Key, "ENCRYPTED") {
				why = "the key is encrypted; give it as plain PEM, such as ${file:/run/secrets/tls.key}"
			}
			return nil, &Error{Key, why}
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if p.Trusted != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(p.Trusted)) {
			return nil, &Error{Trusted, "holds no PEM certificate"}
		}
	}
	return c, nil
}
