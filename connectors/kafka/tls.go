package kafka

import (
	"crypto/tls"
	"errors"

	"github.com/deltaic/deltaic/internal/pem"
)

func pemStore(_ *config, name, value string) error { return oneOf(name, value, "PEM") }

// encryption returns what connections are encrypted with. No error repeats the key.
func encryption(text pem.Text) (*tls.Config, error) {
	c, err := text.Config()
	var wrong *pem.Error
	if !errors.As(err, &wrong) {
		return c, err
	}
	option := "kafka.ssl.keystore.key"
	if wrong.Part == pem.Trusted {
		option = "kafka.ssl.truststore.certificates"
	}
	return nil, invalid(option, "%s", wrong.Why)
}

// untrusted says what is wrong where one side does not trust the other's certificate, or does not speak TLS at all: waiting cures neither. "" where it is
// something else.
func untrusted(err error) string {
	var unverified *tls.CertificateVerificationError
	var alert tls.AlertError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unverified):
		return "The broker's certificate is not one that this client trusts, or not for the host name in kafka.bootstrap.servers: give its authority as kafka.ssl.truststore.certificates."
	case errors.As(err, &alert):
		return "The broker refuses the connection: if it asks for a certificate, give one that it trusts as kafka.ssl.keystore.certificate.chain and kafka.ssl.keystore.key."
	case errors.As(err, &plain):
		return "The listener does not speak TLS: use its other port, or set kafka.security.protocol to PLAINTEXT or SASL_PLAINTEXT."
	}
	return ""
}
