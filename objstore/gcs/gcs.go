// Package gcs keeps objects in Google Cloud Storage.
//
// [New] makes the store of a bucket and a prefix; importing the package lets location.Open take gs://. It speaks the JSON API
// itself: its own library would more than double the size of a program.
//
// Credentials are Google's default ones: the file that GOOGLE_APPLICATION_CREDENTIALS names (or, as other readers of tables
// have it, GOOGLE_SERVICE_ACCOUNT), what gcloud left, or the machine's service account. STORAGE_EMULATOR_HOST names an
// emulator, which is asked without any.
//
// A conditional put is one on generation 0. Uploads that a killed process left behind cannot be listed there; they cost
// nothing and end after a week.
//
// What the package does not do: it takes no customer-supplied keys and no requester-pays buckets.
package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/objstore/location"
)

// Options tune a store. The zero value takes all from the environment.
type Options struct {
	Store bucket.Options      // with the prefix
	Env   func(string) string // nil: os.Getenv
	HTTP  *http.Client        // nil: one of the package's own
}

const (
	// tagName is the metadata that a put is recognised by.
	tagName = "deltaic-put"
	scope   = "https://www.googleapis.com/auth/devstorage.read_write"
	service = "https://storage.googleapis.com"
	answer  = 4 << 20 // what is read of an answer that is no object, in bytes
)

// clients are shared by the stores of a bucket: connections, credentials, what is known of the service.
var (
	clientsMu sync.Mutex
	clients   = map[string]*client{}
)

func init() {
	location.Register("gs", func(p location.Place) (objstore.Store, error) {
		clientsMu.Lock()
		defer clientsMu.Unlock()
		known := p.Bucket + "\n" + os.Getenv("STORAGE_EMULATOR_HOST")
		c := clients[known]
		if c == nil {
			c = newClient(p.Bucket, Options{})
			clients[known] = c
		}
		return bucket.New(c, bucket.Options{Prefix: p.Prefix})
	})
}

// New returns the store of a bucket. It sends nothing.
func New(name string, o Options) (*bucket.Store, error) {
	if o.Store.PartSize%grain != 0 {
		return nil, fmt.Errorf("a part of %d bytes: the service takes multiples of %d", o.Store.PartSize, grain)
	}
	return bucket.New(newClient(name, o), o.Store)
}

// client is a bucket.
type client struct {
	bucket.Probed
	name, base string
	emulated   bool
	env        func(string) string
	http       *http.Client

	mu     sync.Mutex
	tokens oauth2.TokenSource
}

var _ bucket.Client = (*client)(nil)

func newClient(name string, o Options) *client {
	c := &client{name: name, base: service, env: o.Env, http: o.HTTP}
	if c.env == nil {
		c.env = os.Getenv
	}
	if c.http == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 64
		c.http = &http.Client{Transport: t}
	}
	if host := c.env("STORAGE_EMULATOR_HOST"); host != "" {
		if !strings.Contains(host, "://") {
			host = "http://" + host
		}
		c.base, c.emulated = strings.TrimRight(host, "/"), true
	}
	return c
}

// URI names the bucket.
func (c *client) URI() string { return "gs://" + c.name }

// token returns an access token that is good now.
func (c *client) token(ctx context.Context) (*oauth2.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil {
		found, err := c.credentials(ctx)
		if err != nil {
			return nil, noCredentials(err)
		}
		c.tokens = found.TokenSource
	}
	t, err := c.tokens.Token()
	if err != nil {
		return nil, noCredentials(err)
	}
	return t, nil
}

func (c *client) credentials(ctx context.Context) (*google.Credentials, error) {
	for _, name := range []string{"GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"} {
		if path := c.env(name); path != "" {
			key, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			return google.CredentialsFromJSONWithType(context.WithoutCancel(ctx), key, google.ServiceAccount, scope)
		}
	}
	return google.FindDefaultCredentials(context.WithoutCancel(ctx), scope)
}

// noCredentials says why there is no token. What a token server answered is left out: it may repeat what it was sent.
func noCredentials(err error) error {
	var asked *oauth2.RetrieveError
	if errors.As(err, &asked) {
		err = fmt.Errorf("the token server refuses: %s", asked.ErrorCode)
	}
	return &bucket.Error{Class: bucket.ClassCredentials, Cause: fmt.Errorf("there are no credentials: %w", bucket.Unsent(err)),
		Hint: "set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account, or run gcloud auth application-default login"}
}

// request is what differs between requests.
type request struct {
	method, url string
	header      map[string]string
	body        []byte
	good        []int // statuses besides 2xx that are answers
}

// do sends a request. The caller closes the answer's body.
func (c *client) do(ctx context.Context, r request) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, bucket.Unsent(err)
	}
	if r.body == nil {
		q.Body, q.ContentLength = http.NoBody, 0
	}
	for name, value := range r.header {
		q.Header.Set(name, value)
	}
	if !c.emulated {
		t, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		t.SetAuthHeader(q)
	}
	a, err := c.http.Do(q)
	if err != nil {
		return nil, bucket.Unsent(err)
	}
	if a.StatusCode/100 == 2 {
		return a, nil
	}
	for _, status := range r.good {
		if a.StatusCode == status {
			return a, nil
		}
	}
	defer a.Body.Close()
	return nil, c.judge(a)
}

// ask is do for an answer in JSON.
func (c *client) ask(ctx context.Context, r request, into any) error {
	a, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(a.Body, answer)).Decode(into); err != nil {
		return bucket.Unsent(fmt.Errorf("the answer broke off: %w", err))
	}
	return nil
}

func (c *client) objects() string { return c.base + "/storage/v1/b/" + url.PathEscape(c.name) + "/o" }

func (c *client) object(key string) string { return c.objects() + "/" + url.PathEscape(key) }

// uploads is where objects are put; kind is multipart or resumable.
func (c *client) uploads(kind string, absent bool) string {
	u := c.base + "/upload/storage/v1/b/" + url.PathEscape(c.name) + "/o?uploadType=" + kind
	if absent {
		u += "&ifGenerationMatch=0"
	}
	return u
}

// resource is an object's description in the API.
type resource struct {
	Name       string            `json:"name"`
	Size       string            `json:"size,omitempty"`
	Generation string            `json:"generation,omitempty"`
	Updated    *time.Time        `json:"updated,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

func (r *resource) object() bucket.Object {
	o := bucket.Object{Key: r.Name, Version: r.Generation, Tag: r.Metadata[tagName]}
	o.Size, _ = strconv.ParseInt(r.Size, 10, 64)
	if r.Updated != nil {
		o.ModTime = r.Updated.UTC()
	}
	return o
}

// Put is an insert with description and bytes in one request.
func (c *client) Put(ctx context.Context, key string, data []byte, tag string, absent bool) error {
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	about, err := json.Marshal(resource{Name: key, Metadata: map[string]string{tagName: tag}})
	for _, part := range []struct {
		kind string
		data []byte
	}{{"application/json; charset=UTF-8", about}, {"application/octet-stream", data}} {
		w, partErr := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {part.kind}})
		if partErr == nil {
			_, partErr = w.Write(part.data)
		}
		err = errors.Join(err, partErr)
	}
	if err = errors.Join(err, parts.Close()); err != nil {
		return &bucket.Error{Cause: err}
	}
	return c.ofBucket(c.ask(ctx, request{method: http.MethodPost, url: c.uploads("multipart", absent), body: body.Bytes(),
		header: map[string]string{"Content-Type": "multipart/related; boundary=" + parts.Boundary()}}, nil))
}

// Get reads a range of a generation.
func (c *client) Get(ctx context.Context, key string, r bucket.Range, version string) (io.ReadCloser, bucket.Object, error) {
	q := request{method: http.MethodGet, url: c.object(key) + "?alt=media", header: map[string]string{"Accept-Encoding": "identity"}, good: []int{http.StatusRequestedRangeNotSatisfiable}}
	if version != "" {
		q.url += "&generation=" + url.QueryEscape(version)
	}
	switch {
	case r.Last > 0:
		q.header["Range"] = fmt.Sprintf("bytes=-%d", r.Last)
	case r.To > 0:
		q.header["Range"] = fmt.Sprintf("bytes=%d-%d", r.From, r.To-1)
	}
	a, err := c.do(ctx, q)
	if err != nil {
		var e *bucket.Error
		if version != "" && errors.As(err, &e) && e.Verdict == bucket.NotFound {
			e.Verdict = bucket.Changed
		}
		return nil, bucket.Object{}, err
	}
	if a.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		a.Body.Close()
		return c.unranged(ctx, key, r)
	}
	o := bucket.Object{Key: key, Size: a.ContentLength, Version: a.Header.Get("X-Goog-Generation")}
	if _, total, found := strings.Cut(a.Header.Get("Content-Range"), "/"); found {
		if o.Size, err = strconv.ParseInt(total, 10, 64); err != nil {
			a.Body.Close()
			return nil, o, &bucket.Error{Cause: fmt.Errorf("the answer's Content-Range is %q", a.Header.Get("Content-Range"))}
		}
	}
	if o.Size < 0 {
		a.Body.Close()
		return nil, o, &bucket.Error{Cause: errors.New("the answer does not say how long the object is")}
	}
	return a.Body, o, nil
}

// unranged gets an object that has not the range asked for: none of an empty object can be had.
func (c *client) unranged(ctx context.Context, key string, r bucket.Range) (io.ReadCloser, bucket.Object, error) {
	o, err := c.Head(ctx, key)
	switch {
	case err != nil || o.Size == 0:
		return http.NoBody, o, err
	case r.Last >= o.Size:
		return c.Get(ctx, key, bucket.Range{}, o.Version)
	}
	return nil, o, &bucket.Error{Verdict: bucket.Changed, Cause: fmt.Errorf("it has %d bytes now", o.Size)}
}

// Head gets the description.
func (c *client) Head(ctx context.Context, key string) (bucket.Object, error) {
	var r resource
	err := c.ask(ctx, request{method: http.MethodGet, url: c.object(key)}, &r)
	return r.object(), err
}

// List begins with the key after, which the store passes over.
func (c *client) List(ctx context.Context, prefix, after, token string) (bucket.Page, error) {
	q := url.Values{"fields": {"items(name,size,generation,updated),nextPageToken"}}
	for name, value := range map[string]string{"prefix": prefix, "startOffset": after, "pageToken": token} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var found struct {
		Items         []resource
		NextPageToken string
	}
	if err := c.ask(ctx, request{method: http.MethodGet, url: c.objects() + "?" + q.Encode()}, &found); err != nil {
		return bucket.Page{}, c.ofBucket(err)
	}
	page := bucket.Page{Next: found.NextPageToken, Objects: make([]bucket.Object, len(found.Items))}
	for i := range found.Items {
		page.Objects[i] = found.Items[i].object()
	}
	return page, nil
}

// Delete deletes the object.
func (c *client) Delete(ctx context.Context, key string) error {
	return c.ask(ctx, request{method: http.MethodDelete, url: c.object(key)}, nil)
}
