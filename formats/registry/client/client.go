// Package client asks a schema registry that speaks Confluent's protocol over HTTP.
//
// # Main types
//
// [Open] makes a [Client], which is a [registry.Registry]: it keeps up to 1,000 schemas, of 64 MiB in all, by number, and
// for a minute which numbers there are not, so that a stream of bad records does not ask for each.
//
// # The caller's duties
//
// A call may take as long as three tries with their timeout (5 s, option request.timeout.ms), and longer where schemas
// name others, up to a minute more. Errors other than [registry.ErrUnknown] are [supervision.Transient] where the registry cannot be
// reached or fails, [supervision.Fatal] where it refuses who asks. Any other refusal of a number, and
// a schema that is too large, is of who named it: ErrUnknown.
//
// What the package does not do: it registers no schema and deletes none, follows no redirect, and reads no answer
// longer than 8 MiB, nor a schema that is with all that it names. No error repeats a secret, or what an answer says.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/deltaic/deltaic/formats/registry"
	"github.com/deltaic/deltaic/supervision"
)

// The bounds of what is kept and asked.
const (
	maxKept       = 1000
	maxAnswer     = 8 << 20
	maxKeptBytes  = 64 << 20
	maxReferences = 200
	maxWhole      = maxAnswer // of a schema with all that it names
	wholeWithin   = time.Minute
	unknownFor    = time.Minute
)

// Client asks one registry.
type Client struct {
	api     *sr.Client
	address string
	s       settings
	now     func() time.Time
	sleep   func(time.Duration)

	mu        sync.Mutex
	kept      map[int]registry.Schema
	keptBytes int
	unknown   map[int]time.Time // until when
}

// Open returns a client of the registry at an address, or at several with commas between. It sends nothing.
func Open(address string, options map[string]string) (registry.Registry, error) {
	c, err := open(address, options)
	if err != nil {
		return nil, err // not a nil *Client
	}
	return c, nil
}

func open(address string, options map[string]string) (*Client, error) {
	s, err := read(address, options)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = s.tls
	settings := []sr.ClientOpt{sr.URLs(s.urls...), sr.UserAgent("deltaic"), sr.HTTPClient(&http.Client{
		Timeout: s.timeout, Transport: bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})}
	if s.user != "" || s.password != "" {
		settings = append(settings, sr.BasicAuth(s.user, s.password))
	}
	if s.token != "" {
		settings = append(settings, sr.BearerToken(s.token))
	}
	api, err := sr.NewClient(settings...)
	if err != nil {
		return nil, err
	}
	return &Client{api: api, address: address, s: s, now: time.Now, sleep: time.Sleep, kept: map[int]registry.Schema{}, unknown: map[int]time.Time{}}, nil
}

// ByID returns the schema with the number.
func (c *Client) ByID(id int) (registry.Schema, error) {
	c.mu.Lock()
	s, ok := c.kept[id]
	missing := c.now().Before(c.unknown[id])
	c.mu.Unlock()
	if ok {
		return s, nil
	}
	if missing {
		return s, fmt.Errorf("number %d: %w", id, registry.ErrUnknown)
	}
	answer, err := ask(c, fmt.Sprintf("number %d", id), func(ctx context.Context) (sr.Schema, error) { return c.api.SchemaByID(ctx, id) })
	if err == nil {
		s, err = c.whole(id, answer)
	}
	var refused *supervision.Failure
	if errors.Is(err, errAsked) && errors.As(err, &refused) { // the record chose the number
		err = fmt.Errorf("%s: %w", refused.Message, registry.ErrUnknown)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.keep(id, s)
	case errors.Is(err, registry.ErrUnknown):
		keep(c.unknown, id, c.now().Add(unknownFor))
	}
	return s, err
}

// keep adds to a map of bounded size; who must go is left to chance.
func keep[V any](m map[int]V, id int, v V) {
	if len(m) >= maxKept {
		for other := range m {
			delete(m, other)
			break
		}
	}
	m[id] = v
}

// keep adds a schema, and gives others up while there is no room for it. c.mu is held.
func (c *Client) keep(id int, s registry.Schema) {
	c.keptBytes += bytesOf(s) - bytesOf(c.kept[id])
	c.kept[id] = s
	for other := range c.kept {
		if len(c.kept) <= maxKept && c.keptBytes <= maxKeptBytes {
			break
		}
		if other != id {
			c.keptBytes -= bytesOf(c.kept[other])
			delete(c.kept, other)
		}
	}
}

// bytesOf is what keeping a schema takes.
func bytesOf(s registry.Schema) int {
	n := len(s.Text)
	for _, r := range s.References {
		n += len(r.Name) + len(r.Text)
	}
	return n
}

// Latest returns the newest schema of the subject.
func (c *Client) Latest(subject string) (registry.Schema, error) {
	answer, err := ask(c, fmt.Sprintf("subject %q", subject), func(ctx context.Context) (sr.SubjectSchema, error) { return c.api.SchemaByVersion(ctx, subject, -1) })
	if err != nil {
		return registry.Schema{}, err
	}
	s, err := c.whole(answer.ID, answer.Schema)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.keep(s.ID, s)
		delete(c.unknown, s.ID)
	}
	return s, err
}

// whole adds what a schema names.
func (c *Client) whole(id int, answer sr.Schema) (registry.Schema, error) {
	s := registry.Schema{ID: id, Kind: answer.Type.String(), Text: answer.Schema}
	seen, size, until := map[sr.SchemaReference]bool{}, len(s.Text), c.now().Add(wholeWithin)
	var add func(l []sr.SchemaReference) error
	add = func(l []sr.SchemaReference) error {
		for _, r := range l {
			if seen[r] {
				continue
			}
			if seen[r] = true; len(seen) > maxReferences {
				return fmt.Errorf("the schema of number %d names more than %d others: %w", id, maxReferences, registry.ErrUnknown)
			}
			of, err := ask(c, fmt.Sprintf("subject %q, version %d", r.Subject, r.Version), func(ctx context.Context) (sr.SubjectSchema, error) {
				return c.api.SchemaByVersion(ctx, r.Subject, r.Version)
			})
			if err != nil {
				return err
			}
			if size += len(of.Schema.Schema); size > maxWhole {
				return fmt.Errorf("the schema of number %d, with those that it names, is longer than %d MiB: %w", id, maxWhole>>20, registry.ErrUnknown)
			}
			if c.now().After(until) {
				return &supervision.Failure{Kind: supervision.Transient, Class: "SCHEMA_REGISTRY_UNAVAILABLE",
					Message: fmt.Sprintf("the schema registry at %s takes more than %v to tell what the schema of number %d names", c.address, wholeWithin, id), Hint: hintUnavailable}
			}
			if err := add(of.References); err != nil {
				return err
			}
			s.References = append(s.References, registry.Reference{Name: r.Name, Text: of.Schema.Schema})
		}
		return nil
	}
	return s, add(answer.References)
}

// ask asks, and asks again where the registry could not answer.
func ask[T any](c *Client, what string, call func(context.Context) (T, error)) (T, error) {
	wait := 100 * time.Millisecond
	for try := 1; ; try++ {
		v, err := call(context.Background()) // each request has its own timeout
		if err == nil {
			return v, nil
		}
		failed := c.judge(what, err)
		if supervision.KindOf(failed) != supervision.Transient || try >= c.s.tries {
			return v, failed
		}
		c.sleep(wait)
		wait *= 4
	}
}

// errAsked is of answers that blame the question.
var errAsked = errors.New("the registry does not take the question")

const hintUnavailable = "is the address right, and is the registry up? A flow that runs tries again by itself; one that was about to start has to be started again"

// judge says what an error is of: the number, the registry, or who asks. What an answer says in words is not repeated: it may hold
// what was sent, secrets too.
func (c *Client) judge(what string, err error) error {
	if errors.Is(err, errTooLong) { // whoever named it named nothing that is taken
		return fmt.Errorf("%s: %w: %w", what, errTooLong, registry.ErrUnknown)
	}
	var answer *sr.ResponseError
	if !errors.As(err, &answer) {
		return &supervision.Failure{Kind: supervision.Transient, Class: "SCHEMA_REGISTRY_UNAVAILABLE",
			Message: fmt.Sprintf("the schema registry at %s does not answer for %s: %v", c.address, what, err),
			Hint:    hintUnavailable}
	}
	switch code := answer.StatusCode; {
	case code == http.StatusNotFound:
		return fmt.Errorf("%s: %w", what, registry.ErrUnknown)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &supervision.Failure{Kind: supervision.Fatal, Class: "SCHEMA_REGISTRY_REFUSED",
			Message: fmt.Sprintf("the schema registry at %s refuses %s: status %d", c.address, what, code),
			Hint:    "confluent.schema.registry.basic.auth.user.info, .bearer.auth.token and .ssl.keystore.* say who asks"}
	case code == http.StatusTooManyRequests || code >= 500:
		return &supervision.Failure{Kind: supervision.Transient, Class: "SCHEMA_REGISTRY_UNAVAILABLE",
			Message: fmt.Sprintf("the schema registry at %s cannot answer for %s: status %d", c.address, what, code), Hint: hintUnavailable}
	default:
		failed := &supervision.Failure{Kind: supervision.Fatal, Class: "SCHEMA_REGISTRY_FAILED",
			Message: fmt.Sprintf("the schema registry at %s answers %s with status %d, error code %d", c.address, what, code, answer.ErrorCode)}
		if code >= 400 {
			failed.Cause = errAsked
		}
		return failed
	}
}

var errTooLong = errors.New("the answer is longer than 8 MiB")

// bounded cuts answers that nobody sends who means well.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = &limited{answer.Body, maxAnswer}
	}
	return answer, err
}

type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
