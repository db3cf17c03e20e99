package s3_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/objstore/s3"
	"github.com/deltaic/deltaic/objstore/s3/s3test"
	"github.com/deltaic/deltaic/objstore/storetest"
)

// patient waits no time between attempts.
func patient(o bucket.Options) bucket.Options {
	o.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return o
}

func open(t testing.TB, o bucket.Options) *bucket.Store {
	t.Helper()
	s, err := s3.New(s3test.Bucket, s3.Options{Store: patient(o)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	s3test.Start(t).Use(t)
	n := 0
	storetest.Run(t, func() objstore.Store {
		n++
		return open(t, bucket.Options{Prefix: fmt.Sprintf("stores/%d/", n)})
	})
}
