package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/deltaic/deltaic/supervision"
)

// bearer asks an OpenID provider for a token each time a connection has to
// prove who it is: OAUTHBEARER with client credentials, as Java's client does it.
type bearer struct {
	endpoint   string
	id, secret string
	scope      string
}

// mostTokenBytes bounds what a provider may answer.
const mostTokenBytes = 1 << 20

// setTokenEndpoint reads the provider's URL. Secrets go there, so it is encrypted unless it is this machine.
func setTokenEndpoint(c *config, name, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil {
		return invalid(name, "expected a URL such as https://login.example.com/oauth2/token")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return invalid(name, "must be https: a secret is sent there")
	}
	c.security.bearer.endpoint = value
	return nil
}

func (b *bearer) mechanism() sasl.Mechanism {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return bearing{oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := b.token(ctx, client)
		return oauth.Auth{Token: token}, err
	})}
}

// bearing is the client's mechanism, with the broker's reason where it does not take the token: it gives one instead of an error.
type bearing struct{ sasl.Mechanism }

// Authenticate begins a session.
func (m bearing) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	s, first, err := m.Mechanism.Authenticate(ctx, host)
	return bearingSession{s}, first, err
}

type bearingSession struct{ sasl.Session }

// Challenge takes the broker's answer, which is empty if all is well.
func (s bearingSession) Challenge(answer []byte) (done bool, next []byte, err error) {
	if len(answer) == 0 {
		return s.Session.Challenge(answer)
	}
	f := supervision.New(supervision.Fatal, kerr.SaslAuthenticationFailed.Message, "the broker does not take the token: %s", quote(string(answer)))
	f.Hint = "Look at what the provider puts into its tokens: who they are for, what they may be used for, and when they end; and at the clocks of both."
	return false, nil, f
}

// token asks for one. No error repeats the secret or what the provider says.
func (b *bearer) token(ctx context.Context, client *http.Client) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if b.scope != "" {
		form.Set("scope", b.scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(b.id), url.QueryEscape(b.secret))
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("the token endpoint did not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostTokenBytes))
	if err != nil {
		return "", fmt.Errorf("the token endpoint did not answer: %w", err)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Token == "" {
		return "", fmt.Errorf("the token endpoint %s gave no token: %s", b.endpoint, resp.Status)
	}
	return answer.Token, nil
}
