package s3

import (
	"errors"
	"fmt"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/deltaic/deltaic/objstore/bucket"
)

// statusOf returns the HTTP status of an answer that was an error, 0 if there was none.
func statusOf(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// judge says what an error of the SDK means. The causes are made of the service's code and message alone: what the SDK
// adds names hosts and requests, and may name more one day.
func (c *client) judge(err error) error {
	if err == nil {
		return nil
	}
	status := statusOf(err)
	var api smithy.APIError
	if !errors.As(err, &api) {
		if status == 0 || status < 300 { // an answer that broke off
			return bucket.Unsent(err)
		}
		return &bucket.Error{Verdict: bucket.ByStatus(status), Cause: fmt.Errorf("HTTP status %d", status)}
	}
	e := &bucket.Error{Verdict: bucket.ByStatus(status), Cause: fmt.Errorf("%s: %s (HTTP status %d)", api.ErrorCode(), api.ErrorMessage(), status)}
	switch api.ErrorCode() {
	case "NoSuchBucket":
		e.Verdict, e.Class, e.Hint = bucket.Refused, bucket.ClassNoBucket, "create the bucket "+c.name+", or correct its name or the endpoint"
	case "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "ConditionalRequestConflict", "OperationAborted":
		e.Verdict = bucket.Busy
	case "InternalError", "RequestTimeout":
		e.Verdict = bucket.Unclear
	case "RequestTimeTooSkewed", "RequestExpired":
		// The SDK learns the difference from the answer, so the next attempt may pass.
		e.Verdict, e.Class = bucket.Busy, bucket.ClassClock
		e.Hint = "set this machine's clock: a signature is good for 15 minutes"
	case "NotImplemented":
		e.Verdict = bucket.Refused
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken":
		e.Verdict, e.Class, e.Hint = bucket.Refused, bucket.ClassDenied, "are these the right credentials, and may they read, write, list and delete here?"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		e.Verdict, e.Hint = bucket.Refused, "set AWS_REGION to the region of the bucket "+c.name
	}
	if status == 403 && e.Class == "" {
		e.Class, e.Hint = bucket.ClassDenied, "are these the right credentials, and may they read, write, list and delete here?"
	}
	return e
}
