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
