package gcs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/deltaic/deltaic/objstore/bucket"
)

// judge says what an answer that is an error means.
func (c *client) judge(a *http.Response) error {
	var said struct {
		Error struct {
			Message string
			Errors  []struct{ Reason string }
		}
	}
	reason := ""
	if json.NewDecoder(io.LimitReader(a.Body, 1<<16)).Decode(&said) == nil && len(said.Error.Errors) > 0 {
		reason = said.Error.Errors[0].Reason
	}
	e := &bucket.Error{Verdict: bucket.ByStatus(a.StatusCode), Cause: fmt.Errorf("%s (%s, HTTP status %d)", said.Error.Message, reason, a.StatusCode)}
	if said.Error.Message == "" {
		e.Cause = fmt.Errorf("HTTP status %d", a.StatusCode)
	}
	switch {
	case reason == "rateLimitExceeded" || reason == "userRateLimitExceeded":
		e.Verdict = bucket.Busy
	case a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden:
		e.Verdict, e.Class, e.Hint = bucket.Refused, bucket.ClassDenied, "are these the right credentials, and may they read, write, list and delete here?"
	}
	return e
}

// ofBucket turns "not found" of a request that names no object.
func (c *client) ofBucket(err error) error {
	var e *bucket.Error
	if errors.As(err, &e) && e.Verdict == bucket.NotFound {
		e.Verdict, e.Class, e.Hint = bucket.Refused, bucket.ClassNoBucket, "create the bucket "+c.name+", or correct its name"
	}
	return err
}
