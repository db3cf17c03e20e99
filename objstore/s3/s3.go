// Package s3 keeps objects in Amazon S3 and the services that speak its protocol.
//
// [New] makes the store of a bucket and a prefix; importing the package lets location.Open take s3:// and s3a://.
//
// Credentials, region and endpoint come from the SDK's standard chain: the environment (AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL), the shared
// files below ~/.aws, web identity, containers' and instances' roles. Besides, as other readers of tables have it,
// AWS_VIRTUAL_HOSTED_STYLE_REQUEST (by default a service with an endpoint of its own is asked by path, Amazon's by host)
// and AWS_SKIP_SIGNATURE for public buckets.
//
// # The caller's duties
//
// The service must honour If-None-Match: * (it is asked before the first write), and every other writer of a table in it must
// use it, too. Spark's default log store on S3 does not: it looks and then puts, and would overwrite our commits.
//
// What the package does not do: it knows no directory buckets, whose listings have no order, and no DynamoDB lock.
package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/aws/smithy-go/logging"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/objstore/location"
)

// Options tune a store. The zero value takes all from the environment.
type Options struct {
	Store bucket.Options      // with the prefix
	Env   func(string) string // nil: os.Getenv; of the names that are this package's, not the SDK's
	HTTP  aws.HTTPClient      // nil: the SDK's
}

// tagName is the metadata that a put is recognised by.
const tagName = "deltaic-put"

// clients are shared by the stores of a bucket: connections, credentials, what is known of the service.
var (
	clientsMu sync.Mutex
	clients   = map[string]*client{}
)

func init() {
	for _, scheme := range []string{"s3", "s3a"} {
		location.Register(scheme, func(p location.Place) (objstore.Store, error) {
			clientsMu.Lock()
			defer clientsMu.Unlock()
			known := p.Bucket + settings()
			c := clients[known]
			if c == nil {
				c = newClient(p.Bucket, Options{})
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
		if strings.HasPrefix(v, "AWS_") {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return "\n" + strings.Join(all, "\n")
}

// New returns the store of a bucket. It sends nothing.
func New(name string, o Options) (*bucket.Store, error) {
	return bucket.New(newClient(name, o), o.Store)
}

// client is a bucket. What the SDK needs is read by the first request.
type client struct {
	bucket.Probed
	name string
	o    Options

	mu  sync.Mutex
	api *s3.Client
	cfg aws.Config
}

var _ bucket.Client = (*client)(nil)

func newClient(name string, o Options) *client {
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return &client{name: name, o: o}
}

// URI names the bucket.
func (c *client) URI() string { return "s3://" + c.name }

// unsigned reports that requests go out without a signature.
func (c *client) unsigned() bool {
	on, _ := strconv.ParseBool(c.o.Env("AWS_SKIP_SIGNATURE"))
	return on
}

// ready returns the SDK's client, with credentials that are valid now.
func (c *client) ready(ctx context.Context) (*s3.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.api == nil {
		if err := c.configure(ctx); err != nil {
			return nil, err
		}
	}
	if c.cfg.Credentials == nil {
		return c.api, nil
	}
	if _, err := c.cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, &bucket.Error{Class: bucket.ClassCredentials, Cause: fmt.Errorf("there are no credentials: %w", bucket.Unsent(err)),
			Hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket AWS_SKIP_SIGNATURE=true"}
	}
	return c.api, nil
}

func (c *client) configure(ctx context.Context) error {
	load := []func(*config.LoadOptions) error{config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), config.WithDefaultRegion("us-east-1"),
		config.WithLogger(logging.Nop{}), config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired)}
	if c.o.HTTP != nil {
		load = append(load, config.WithHTTPClient(c.o.HTTP))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return &bucket.Error{Class: bucket.ClassCredentials, Cause: err, Hint: "look at the AWS_ variables and at ~/.aws/config"}
	}
	if c.unsigned() {
		cfg.Credentials = nil
	}
	c.cfg = cfg
	c.api = s3.NewFromConfig(cfg, func(o *s3.Options) {
		if c.unsigned() {
			o.Credentials = aws.AnonymousCredentials{}
		}
		if o.BaseEndpoint == nil {
			return
		}
		hosted, _ := strconv.ParseBool(c.o.Env("AWS_VIRTUAL_HOSTED_STYLE_REQUEST"))
		o.UsePathStyle = !hosted
		if c.o.Env("AWS_REQUEST_CHECKSUM_CALCULATION") == "" {
			// Services other than Amazon's know trailing checksums late or not at all.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		}
	})
	return nil
}

// Put is PutObject.
func (c *client) Put(ctx context.Context, key string, data []byte, tag string, absent bool) error {
	api, err := c.ready(ctx)
	if err != nil {
		return err
	}
	in := &s3.PutObjectInput{Bucket: &c.name, Key: &key, Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))), Metadata: map[string]string{tagName: tag}}
	if absent {
		in.IfNoneMatch = aws.String("*")
	}
	_, err = api.PutObject(ctx, in)
	return c.judge(err)
}

// Get is GetObject of a range.
func (c *client) Get(ctx context.Context, key string, r bucket.Range, version string) (io.ReadCloser, bucket.Object, error) {
	api, err := c.ready(ctx)
	if err != nil {
		return nil, bucket.Object{}, err
	}
	in := &s3.GetObjectInput{Bucket: &c.name, Key: &key, Range: given(rangeOf(r))}
	if version != "" {
		in.IfMatch = &version
	}
	out, err := api.GetObject(ctx, in)
	if statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
		return c.unranged(ctx, key, r)
	}
	if err != nil {
		err := c.judge(err)
		if e := err.(*bucket.Error); e.Verdict == bucket.Exists {
			e.Verdict = bucket.Changed
		}
		return nil, bucket.Object{}, err
	}
	o := bucket.Object{Key: key, Size: aws.ToInt64(out.ContentLength), ModTime: aws.ToTime(out.LastModified), Version: aws.ToString(out.ETag), Tag: out.Metadata[tagName]}
	if _, total, found := strings.Cut(aws.ToString(out.ContentRange), "/"); found {
		if o.Size, err = strconv.ParseInt(total, 10, 64); err != nil {
			out.Body.Close()
			return nil, o, &bucket.Error{Cause: fmt.Errorf("the answer's Content-Range is %q", aws.ToString(out.ContentRange))}
		}
	}
	return out.Body, o, nil
}

// unranged gets an object that has not the range asked for: none of an empty object can be had, and some services refuse
// a range that is longer than the object.
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

// rangeOf is the value of a Range header, "" for all.
func rangeOf(r bucket.Range) string {
	if r == (bucket.Range{}) {
		return ""
	}
	if r.Last > 0 {
		return fmt.Sprintf("bytes=-%d", r.Last)
	}
	return fmt.Sprintf("bytes=%d-%d", r.From, r.To-1)
}

// Head is HeadObject.
func (c *client) Head(ctx context.Context, key string) (bucket.Object, error) {
	api, err := c.ready(ctx)
	if err != nil {
		return bucket.Object{}, err
	}
	out, err := api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &c.name, Key: &key})
	if err != nil {
		return bucket.Object{}, c.judge(err)
	}
	return bucket.Object{Key: key, Size: aws.ToInt64(out.ContentLength), ModTime: aws.ToTime(out.LastModified), Version: aws.ToString(out.ETag), Tag: out.Metadata[tagName]}, nil
}

// List is ListObjectsV2.
func (c *client) List(ctx context.Context, prefix, after, token string) (bucket.Page, error) {
	api, err := c.ready(ctx)
	if err != nil {
		return bucket.Page{}, err
	}
	in := &s3.ListObjectsV2Input{Bucket: &c.name, Prefix: given(prefix), StartAfter: given(after), ContinuationToken: given(token)}
	out, err := api.ListObjectsV2(ctx, in)
	if err != nil {
		return bucket.Page{}, c.judge(err)
	}
	page := bucket.Page{Objects: make([]bucket.Object, len(out.Contents)), Next: aws.ToString(out.NextContinuationToken)}
	for i, o := range out.Contents {
		page.Objects[i] = bucket.Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), ModTime: aws.ToTime(o.LastModified), Version: aws.ToString(o.ETag)}
	}
	return page, nil
}

func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Delete is DeleteObject.
func (c *client) Delete(ctx context.Context, key string) error {
	api, err := c.ready(ctx)
	if err != nil {
		return err
	}
	_, err = api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &c.name, Key: &key})
	return c.judge(err)
}

// Begin is CreateMultipartUpload.
func (c *client) Begin(ctx context.Context, key, tag string) (bucket.Upload, error) {
	api, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	out, err := api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &c.name, Key: &key, Metadata: map[string]string{tagName: tag}})
	if err != nil {
		return nil, c.judge(err)
	}
	return &upload{c: c, key: key, id: aws.ToString(out.UploadId)}, nil
}

// Uploads is ListMultipartUploads. The token is the key and the upload where the page before ended.
func (c *client) Uploads(ctx context.Context, prefix, token string) (bucket.UploadPage, error) {
	api, err := c.ready(ctx)
	if err != nil {
		return bucket.UploadPage{}, err
	}
	key, id, _ := strings.Cut(token, "\x00")
	out, err := api.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &c.name, Prefix: given(prefix), KeyMarker: given(key), UploadIdMarker: given(id)})
	if err != nil {
		return bucket.UploadPage{}, c.judge(err)
	}
	var page bucket.UploadPage
	for _, u := range out.Uploads {
		page.Uploads = append(page.Uploads, bucket.UploadInfo{Key: aws.ToString(u.Key), ID: aws.ToString(u.UploadId)})
	}
	if aws.ToBool(out.IsTruncated) {
		page.Next = aws.ToString(out.NextKeyMarker) + "\x00" + aws.ToString(out.NextUploadIdMarker)
	}
	return page, nil
}

// Abort is AbortMultipartUpload.
func (c *client) Abort(ctx context.Context, key, id string) error {
	return (&upload{c: c, key: key, id: id}).Abort(ctx)
}

// upload is a multi-part upload.
type upload struct {
	c       *client
	key, id string
	parts   []types.CompletedPart
}

// Part is UploadPart.
func (u *upload) Part(ctx context.Context, n int, data []byte) error {
	api, err := u.c.ready(ctx)
	if err != nil {
		return err
	}
	out, err := api.UploadPart(ctx, &s3.UploadPartInput{Bucket: &u.c.name, Key: &u.key, UploadId: &u.id, PartNumber: aws.Int32(int32(n)),
		Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data)))})
	if err != nil {
		return u.c.judge(err)
	}
	u.parts = append(u.parts[:n-1], types.CompletedPart{PartNumber: aws.Int32(int32(n)), ETag: out.ETag,
		ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C, ChecksumCRC64NVME: out.ChecksumCRC64NVME})
	return nil
}

// Complete is CompleteMultipartUpload.
func (u *upload) Complete(ctx context.Context) error {
	api, err := u.c.ready(ctx)
	if err != nil {
		return err
	}
	_, err = api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &u.c.name, Key: &u.key, UploadId: &u.id, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts}})
	return u.c.judge(err)
}

// Abort is AbortMultipartUpload.
func (u *upload) Abort(ctx context.Context) error {
	api, err := u.c.ready(ctx)
	if err != nil {
		return err
	}
	_, err = api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &u.c.name, Key: &u.key, UploadId: &u.id})
	return u.c.judge(err)
}
