// Package azure keeps objects in Azure Blob Storage, with a hierarchical namespace (Data Lake) or without.
//
// [New] makes the store of a container and a prefix; importing the package lets location.Open take az://CONTAINER/PREFIX,
// azure:// and, with the account in it, abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX, abfs://, wasbs:// and wasb://. It
// speaks the Blob service's REST interface itself: its library brings a whole columnar engine along. Only the identities of
// Entra come from Azure's own.
//
// The account and its key come from AZURE_STORAGE_CONNECTION_STRING, or from AZURE_STORAGE_ACCOUNT_NAME (or
// AZURE_STORAGE_ACCOUNT) with AZURE_STORAGE_ACCOUNT_KEY (AZURE_STORAGE_KEY) or AZURE_STORAGE_SAS_TOKEN; AZURE_STORAGE_ENDPOINT
// names another endpoint than Azure's, AZURE_STORAGE_USE_EMULATOR the emulator's (or where AZURITE_BLOB_STORAGE_URL says). With none of them the identity is the default
// one: AZURE_CLIENT_ID and its like, a workload's or the machine's identity, the command line's login.
//
// A conditional put is If-None-Match: *. Blocks that a killed process left behind cannot be seen and go after a week.
//
// What the package does not do: it takes no leases and knows no soft deletes, snapshots or versions.
package azure

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/objstore/location"
)

// Options tune a store. The zero value takes all from the environment.
type Options struct {
	Store   bucket.Options      // with the prefix
	Account string              // "": from the environment
	Env     func(string) string // nil: os.Getenv
	HTTP    *http.Client        // nil: one of the package's own
	Now     func() time.Time    // of signatures; nil: time.Now
}

const (
	// tagName is the metadata that a put is recognised by. A dash may not be in it.
	tagName = "deltaicput"
	// apiVersion is the first one that lists from a name on.
	apiVersion = "2026-02-06"
	answer     = 64 << 20 // what is read of an answer that is no object, in bytes
)

// clients are shared by the stores of a container: connections, credentials, what is known of the service.
var (
	clientsMu sync.Mutex
	clients   = map[string]*client{}
)

func init() {
	for _, scheme := range []string{"az", "azure", "abfs", "abfss", "wasb", "wasbs"} {
		location.Register(scheme, func(p location.Place) (objstore.Store, error) {
			clientsMu.Lock()
			defer clientsMu.Unlock()
			known := p.Account + "/" + p.Bucket + settings()
			c := clients[known]
			if c == nil {
				account, _, _ := strings.Cut(p.Account, ".")
				var err error
				if c, err = newClient(p.Bucket, Options{Account: account}); err != nil {
					return nil, err
				}
				c.uri = strings.TrimSuffix(location.Place{Scheme: p.Scheme, Bucket: p.Bucket, Account: p.Account}.URI(), "/")
				clients[known] = c
			}
			return bucket.New(c, bucket.Options{Prefix: p.Prefix})
		})
	}
}

// settings are the variables that a client was made under.
func settings() string {
	var all []string
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "AZUR") { // AZURE_ and AZURITE_
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return "\n" + strings.Join(all, "\n")
}

// New returns the store of a container. It sends nothing.
func New(container string, o Options) (*bucket.Store, error) {
	c, err := newClient(container, o)
	if err != nil {
		return nil, err
	}
	return bucket.New(c, o.Store)
}

// client is a container.
type client struct {
	bucket.Probed
	uri  string
	base string // of the container
	http *http.Client
	auth *authority

	mu      sync.Mutex
	ordered *bool // nil: not known yet
}

var _ bucket.Client = (*client)(nil)

func newClient(container string, o Options) (*client, error) {
	if o.Env == nil {
		o.Env = os.Getenv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HTTP == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 64
		o.HTTP = &http.Client{Transport: t}
	}
	auth, endpoint, err := authorityOf(o)
	if err != nil {
		return nil, err
	}
	return &client{uri: "az://" + container, base: endpoint + "/" + url.PathEscape(container), http: o.HTTP, auth: auth}, nil
}

// URI names the container.
func (c *client) URI() string { return c.uri }

// request is what differs between requests.
type request struct {
	method, key string // key "": the container's own
	query       url.Values
	header      map[string]string
	body        []byte
}

// do sends a request. The caller closes the answer's body.
func (c *client) do(ctx context.Context, r request) (*http.Response, error) {
	at := c.base
	if r.key != "" {
		parts := strings.Split(r.key, "/")
		for i, p := range parts {
			parts[i] = url.PathEscape(p)
		}
		at += "/" + strings.Join(parts, "/")
	}
	q, err := http.NewRequestWithContext(ctx, r.method, at, bytes.NewReader(r.body))
	if err != nil {
		return nil, bucket.Unsent(err)
	}
	if len(r.body) == 0 {
		q.Body, q.ContentLength = http.NoBody, 0
	}
	q.URL.RawQuery = r.query.Encode()
	for name, value := range r.header {
		q.Header.Set(name, value)
	}
	q.Header.Set("x-ms-version", apiVersion)
	if err := c.auth.sign(ctx, q); err != nil {
		return nil, err
	}
	a, err := c.http.Do(q)
	if err != nil {
		return nil, bucket.Unsent(err)
	}
	if a.StatusCode/100 == 2 {
		return a, nil
	}
	defer a.Body.Close()
	return nil, c.judge(a)
}

// done is do for an answer that says no more.
func (c *client) done(ctx context.Context, r request) error {
	a, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	return a.Body.Close()
}

// Put is Put Blob.
func (c *client) Put(ctx context.Context, key string, data []byte, tag string, absent bool) error {
	r := request{method: http.MethodPut, key: key, body: data, header: map[string]string{"x-ms-blob-type": "BlockBlob", "x-ms-meta-" + tagName: tag, "Content-Type": "application/octet-stream"}}
	if absent {
		r.header["If-None-Match"] = "*"
	}
	return c.done(ctx, r)
}

// Get is Get Blob. The service knows no range from the end, so the size is asked for before.
func (c *client) Get(ctx context.Context, key string, r bucket.Range, version string) (io.ReadCloser, bucket.Object, error) {
	var o bucket.Object
	if r.Last > 0 {
		var err error
		if o, err = c.Head(ctx, key); err != nil || o.Size == 0 {
			return http.NoBody, o, err
		}
		r, version = bucket.Range{From: max(0, o.Size-r.Last), To: o.Size}, o.Version
	}
	q := request{method: http.MethodGet, key: key, header: map[string]string{}}
	if r.To > 0 {
		q.header["Range"] = fmt.Sprintf("bytes=%d-%d", r.From, r.To-1)
	}
	if version != "" {
		q.header["If-Match"] = version
	}
	a, err := c.do(ctx, q)
	if err != nil {
		var e *bucket.Error
		switch {
		case !errors.As(err, &e):
		case e.Verdict == bucket.Exists:
			e.Verdict = bucket.Changed
		case e.Class == classRange && version == "": // none of an empty object can be had
			o, err := c.Head(ctx, key)
			return http.NoBody, o, err
		}
		return nil, o, err
	}
	o = described(key, a)
	if _, total, found := strings.Cut(a.Header.Get("Content-Range"), "/"); found {
		if o.Size, err = strconv.ParseInt(total, 10, 64); err != nil {
			a.Body.Close()
			return nil, o, &bucket.Error{Cause: fmt.Errorf("the answer's Content-Range is %q", a.Header.Get("Content-Range"))}
		}
	}
	return a.Body, o, nil
}

// described is an object by the headers of an answer.
func described(key string, a *http.Response) bucket.Object {
	o := bucket.Object{Key: key, Size: a.ContentLength, Version: a.Header.Get("ETag"), Tag: a.Header.Get("x-ms-meta-" + tagName)}
	o.ModTime, _ = http.ParseTime(a.Header.Get("Last-Modified"))
	return o
}

// Head is Get Blob Properties.
func (c *client) Head(ctx context.Context, key string) (bucket.Object, error) {
	a, err := c.do(ctx, request{method: http.MethodHead, key: key})
	if err != nil {
		return bucket.Object{}, err
	}
	if a.Header.Get("x-ms-meta-hdi_isfolder") == "true" {
		return bucket.Object{}, errors.Join(&bucket.Error{Verdict: bucket.NotFound, Cause: errors.New("it is a directory")}, a.Body.Close())
	}
	return described(key, a), a.Body.Close()
}

// Delete is Delete Blob.
func (c *client) Delete(ctx context.Context, key string) error {
	return c.done(ctx, request{method: http.MethodDelete, key: key})
}

// listing is the answer of List Blobs.
type listing struct {
	Blobs struct {
		Blob []struct {
			Name       string
			Properties struct {
				Modified     string `xml:"Last-Modified"`
				Etag         string
				Length       int64 `xml:"Content-Length"`
				ResourceType string
			}
		}
	}
	NextMarker string
}

// List is List Blobs, from a name on where all names have one order.
func (c *client) List(ctx context.Context, prefix, after, token string) (bucket.Page, error) {
	q := url.Values{"restype": {"container"}, "comp": {"list"}}
	for name, value := range map[string]string{"prefix": prefix, "marker": token} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if after != "" && !c.Unordered(ctx) {
		q.Set("startFrom", after)
	}
	a, err := c.do(ctx, request{method: http.MethodGet, query: q})
	if err != nil {
		return bucket.Page{}, err
	}
	defer a.Body.Close()
	var l listing
	if err := xml.NewDecoder(io.LimitReader(a.Body, answer)).Decode(&l); err != nil {
		return bucket.Page{}, bucket.Unsent(fmt.Errorf("the answer broke off: %w", err))
	}
	page := bucket.Page{Next: l.NextMarker}
	for _, b := range l.Blobs.Blob {
		if b.Properties.ResourceType == "directory" {
			continue
		}
		o := bucket.Object{Key: b.Name, Size: b.Properties.Length, Version: b.Properties.Etag}
		o.ModTime, _ = http.ParseTime(b.Properties.Modified)
		page.Objects = append(page.Objects, o)
	}
	return page, nil
}

// Unordered reports that listings come folder by folder, which is not the order of the names' bytes: the account has a
// hierarchical namespace, or does not say.
func (c *client) Unordered(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ordered == nil {
		a, err := c.do(ctx, request{method: http.MethodGet, query: url.Values{"restype": {"account"}, "comp": {"properties"}}})
		if err != nil {
			return true
		}
		flat := a.Header.Get("x-ms-is-hns-enabled") == "false"
		c.ordered = &flat
		_ = a.Body.Close()
	}
	return !*c.ordered
}
