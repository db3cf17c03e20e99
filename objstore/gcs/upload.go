package gcs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/objstore/bucket"
)

// grain is what every chunk but the last must be a multiple of, in bytes.
const grain = 256 << 10

// statusCancelled is the answer to the end of an upload.
const statusCancelled = 499

// Begin begins a resumable upload.
func (c *client) Begin(ctx context.Context, key, tag string) (bucket.Upload, error) {
	about, err := json.Marshal(resource{Name: key, Metadata: map[string]string{tagName: tag}})
	if err != nil {
		return nil, &bucket.Error{Cause: err}
	}
	a, err := c.do(ctx, request{method: http.MethodPost, url: c.uploads("resumable", true), body: about, header: map[string]string{"Content-Type": "application/json; charset=UTF-8"}})
	if err != nil {
		return nil, c.ofBucket(err)
	}
	defer a.Body.Close()
	session := a.Header.Get("Location")
	if session == "" {
		return nil, &bucket.Error{Cause: fmt.Errorf("the answer names no upload")}
	}
	return &upload{c: c, session: session}, nil
}

// Uploads lists none: the service cannot say which there are.
func (c *client) Uploads(context.Context, string, string) (bucket.UploadPage, error) {
	return bucket.UploadPage{}, nil
}

// Abort ends an upload by its session.
func (c *client) Abort(ctx context.Context, _, id string) error {
	return (&upload{c: c, session: id}).Abort(ctx)
}

// upload is a resumable upload: its chunks come in order, and the last one says how long all is.
type upload struct {
	c       *client
	session string
	sent    int64  // bytes of the parts before
	last    []byte // the part that can only be the last one, until Complete sends it
	tried   int    // the newest part that was sent, whatever came of it
}

// Part sends a chunk. One that comes again may have been stored, wholly or in part, so the service is asked how far it is.
func (u *upload) Part(ctx context.Context, n int, data []byte) error {
	if len(data)%grain != 0 {
		u.last = data
		return nil
	}
	have := u.sent
	if u.tried == n {
		stored, err := u.stored(ctx)
		if err != nil {
			return err
		}
		have = max(have, stored)
	}
	u.tried = n
	end := u.sent + int64(len(data))
	for have < end {
		var err error
		from := have
		if have, err = u.put(ctx, data[have-u.sent:], fmt.Sprintf("bytes %d-%d/*", have, end-1)); err != nil {
			return err
		}
		if have <= from || have > end {
			return bucket.Unsent(fmt.Errorf("of %d bytes, sent from %d on, the service has %d", end, from, have))
		}
	}
	u.sent = end
	return nil
}

// put sends bytes of the session, and returns how many it has of the object.
func (u *upload) put(ctx context.Context, data []byte, where string) (int64, error) {
	a, err := u.c.do(ctx, request{method: http.MethodPut, url: u.session, body: data, header: map[string]string{"Content-Range": where}, good: []int{http.StatusPermanentRedirect}})
	if err != nil {
		return 0, over(err)
	}
	defer a.Body.Close()
	_, last, found := strings.Cut(a.Header.Get("Range"), "-")
	if !found {
		return 0, nil
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if err != nil {
		return 0, &bucket.Error{Cause: fmt.Errorf("the answer's Range is %q", a.Header.Get("Range"))}
	}
	return n + 1, nil
}

// stored asks how many bytes of the object the service has.
func (u *upload) stored(ctx context.Context) (int64, error) {
	return u.put(ctx, nil, "bytes */*")
}

// Complete sends the last chunk, or the length alone.
func (u *upload) Complete(ctx context.Context) error {
	total := u.sent + int64(len(u.last))
	where := fmt.Sprintf("bytes */%d", total)
	if len(u.last) > 0 {
		where = fmt.Sprintf("bytes %d-%d/%d", u.sent, total-1, total)
	}
	a, err := u.c.do(ctx, request{method: http.MethodPut, url: u.session, body: u.last, header: map[string]string{"Content-Range": where}})
	if err != nil {
		return over(err)
	}
	return a.Body.Close()
}

// Abort ends the upload.
func (u *upload) Abort(ctx context.Context) error {
	a, err := u.c.do(ctx, request{method: http.MethodDelete, url: u.session, good: []int{statusCancelled}})
	if err != nil {
		return over(err)
	}
	return a.Body.Close()
}

// over tells the end of a session, which has a status of its own.
func over(err error) error {
	if e, is := err.(*bucket.Error); is && e.Verdict == bucket.Refused && strings.Contains(e.Cause.Error(), "HTTP status 410") {
		e.Verdict = bucket.NotFound
	}
	return err
}
