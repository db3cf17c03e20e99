package alerts

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpguts"

	"github.com/deltaic/deltaic/supervision"
)

// Webhook posts each event as a JSON document. An answer of 2xx takes it, 408, 429 and 5xx are tried again, any other refuses it.
type Webhook struct {
	address string
	host    string // what errors name: an address may hold a secret
	headers map[string]string
	client  *http.Client
}

// own are headers that follow from the request.
var own = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Content-Type": true, "Connection": true, "Te": true, "Trailer": true, "Upgrade": true}

// NewWebhook returns the target at an address of http or https, with further headers, such as Authorization.
func NewWebhook(address string, headers map[string]string) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "a webhook is an address such as https://host/path")
	}
	for name, value := range headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "the webhook's header %q is not a header", name)
		}
		if own[http.CanonicalHeaderKey(name)] {
			return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "the webhook's header %q follows from the address and the event; leave it out", name)
		}
	}
	// A redirect would take headers, and with them secrets, elsewhere.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Webhook{address: address, host: u.Scheme + "://" + u.Host, headers: headers, client: client}, nil
}

// Send posts the event.
func (w *Webhook) Send(ctx context.Context, event []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(event))
	if err != nil {
		return Refused(fmt.Errorf("%s: the request cannot be made", w.host))
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range w.headers {
		r.Header.Set(name, value)
	}
	answer, err := w.client.Do(r)
	if err != nil {
		if e, ok := err.(*url.Error); ok { // which names the whole address
			err = e.Err
		}
		return fmt.Errorf("%s: %w", w.host, err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection is used again
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return nil
	case code/100 == 5 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return fmt.Errorf("%s answers %s", w.host, answer.Status)
	default:
		return Refused(fmt.Errorf("%s answers %s", w.host, answer.Status))
	}
}

// Close ends idle connections.
func (w *Webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}
