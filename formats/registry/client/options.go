package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/internal/pem"
)

// The prefixes that an option may have, in lower case.
var prefixes = []string{"confluent.schema.registry.", "schema.registry."}

// settings are how a registry is reached.
type settings struct {
	urls           []string
	user, password string
	token          string
	tls            *tls.Config
	timeout        time.Duration
	tries          int
}

// read reads the address and the options of a registry. No error repeats a secret.
func read(address string, named map[string]string) (settings, error) {
	s := settings{timeout: 5 * time.Second, tries: 3}
	for _, u := range strings.Split(address, ",") {
		u = strings.TrimSpace(u)
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return s, errors.New("the address of a schema registry is http://host:port or https://host:port, several with commas between")
		}
		if parsed.User != nil {
			return s, errors.New("the address of a schema registry has no user; use confluent.schema.registry.basic.auth.user.info")
		}
		s.urls = append(s.urls, u)
	}
	var text pem.Text
	for name, value := range named {
		key := strings.ToLower(name)
		for _, p := range prefixes {
			key = strings.TrimPrefix(key, p)
		}
		if err := s.set(key, name, value, &text); err != nil {
			return s, err
		}
	}
	if text != (pem.Text{}) {
		var err error
		if s.tls, err = text.Config(); err != nil {
			return s, fmt.Errorf("the options ssl.* of the schema registry: %w", err)
		}
	}
	return s, nil
}

func (s *settings) set(key, name, value string, text *pem.Text) error {
	switch key {
	case "basic.auth.credentials.source":
		return only(name, value, "USER_INFO")
	case "bearer.auth.credentials.source":
		return only(name, value, "STATIC_TOKEN")
	case "ssl.truststore.type", "ssl.keystore.type":
		return only(name, value, "PEM")
	case "basic.auth.user.info":
		var ok bool
		if s.user, s.password, ok = strings.Cut(value, ":"); !ok {
			return fmt.Errorf("%s is user:password", name)
		}
	case "bearer.auth.token":
		s.token = value
	case "ssl.truststore.certificates":
		text.Trusted = value
	case "ssl.keystore.certificate.chain":
		text.Chain = value
	case "ssl.keystore.key":
		text.Key = value
	case "request.timeout.ms":
		ms, err := strconv.Atoi(value)
		if err != nil || ms < 1 || ms > 60_000 {
			return fmt.Errorf("%s is a number of milliseconds, from 1 to 60000", name)
		}
		s.timeout = time.Duration(ms) * time.Millisecond
	case "ssl.truststore.location", "ssl.keystore.location", "ssl.truststore.password", "ssl.keystore.password", "ssl.key.password":
		return fmt.Errorf("%s: Java's key stores are not read; give PEM text by ssl.truststore.certificates, ssl.keystore.certificate.chain and ssl.keystore.key", name)
	default:
		return fmt.Errorf("there is no option %q of the schema registry; there are %s", name, strings.Join(Options(), ", "))
	}
	return nil
}

func only(name, value, known string) error {
	if !strings.EqualFold(value, known) {
		return fmt.Errorf("%s is %s here, nothing else", name, known)
	}
	return nil
}

// Options are the names of the options, without their prefix.
func Options() []string {
	return []string{"basic.auth.credentials.source", "basic.auth.user.info", "bearer.auth.credentials.source", "bearer.auth.token", "request.timeout.ms",
		"ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.keystore.type", "ssl.truststore.certificates", "ssl.truststore.type"}
}
