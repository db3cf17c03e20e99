package azure

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/deltaic/deltaic/objstore/bucket"
)

// classRange marks a refusal for a range that the object does not have; no caller sees it.
const classRange = "range"

// judge says what an answer that is an error means. The text of the answer is not passed on but for its first line: of a
// refused signature it holds what was signed.
func (c *client) judge(a *http.Response) error {
	code := a.Header.Get("x-ms-error-code")
	var said struct{ Code, Message, AuthenticationErrorDetail string }
	_ = xml.NewDecoder(io.LimitReader(a.Body, 1<<16)).Decode(&said)
	if code == "" {
		code = said.Code
	}
	message, _, _ := strings.Cut(said.Message, "\n")
	e := &bucket.Error{Verdict: bucket.ByStatus(a.StatusCode), Cause: fmt.Errorf("%s: %s (HTTP status %d)", code, strings.TrimSpace(message), a.StatusCode)}
	switch code {
	case "BlobAlreadyExists", "ConditionNotMet", "UnmodifiedBlob", "TargetConditionNotMet":
		e.Verdict = bucket.Exists
	case "ContainerNotFound", "ContainerDisabled", "ResourceNotFound":
		if code != "ResourceNotFound" {
			e.Verdict, e.Class, e.Hint = bucket.Refused, bucket.ClassNoBucket, "create the container of "+c.uri+", or correct its name"
		}
	case "ServerBusy", "ContainerBeingDeleted", "TooManyRequests":
		e.Verdict = bucket.Busy
	case "InvalidRange":
		e.Class = classRange
	case "InvalidBlockList":
		e.Verdict = bucket.NotFound // another has completed, and our blocks are gone
	}
	if a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden {
		e.Verdict, e.Class, e.Hint = bucket.Refused, bucket.ClassDenied, "are these the right credentials, and may they read, write, list and delete here?"
		if strings.Contains(strings.ToLower(said.AuthenticationErrorDetail), "date header") {
			e.Class, e.Hint = bucket.ClassClock, "set this machine's clock: a signature is good for 15 minutes"
		}
	}
	if a.StatusCode == http.StatusPreconditionFailed && e.Verdict != bucket.Exists {
		e.Verdict = bucket.Refused // a lease
	}
	return e
}
