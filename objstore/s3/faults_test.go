package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/objstore/s3/s3test"
	"github.com/deltaic/deltaic/supervision"
)

// serve starts a service whose bucket is known to keep what is there.
func serve(t *testing.T, o bucket.Options) (*s3test.Server, *bucket.Store) {
	t.Helper()
	server := s3test.Start(t)
	server.Use(t)
	store := open(t, o)
	must(t, store.PutIfAbsent(t.Context(), "first", nil))
	return server, store
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// first gives the fault to the first n requests that are meant, and says how many it met.
func first(n int, f s3test.Fault, meant func(s3test.Request) bool) (func(s3test.Request) s3test.Fault, *atomic.Int64) {
	var met atomic.Int64
	return func(r s3test.Request) s3test.Fault {
		if meant(r) && met.Add(1) <= int64(n) {
			return f
		}
		return s3test.None
	}, &met
}

func conditional(r s3test.Request) bool { return r.IfAbsent }

func classOf(err error) string {
	var f *supervision.Failure
	if errors.As(err, &f) {
		return f.Class
	}
	return ""
}

func TestAPutIsSettledWhateverTheReply(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault s3test.Fault
		times int
		other bool // another writer has put the name before
		want  error
	}{
		{"a lost reply is ours", s3test.LoseReply, 1, false, nil},
		{"three lost replies are ours", s3test.LoseReply, 3, false, nil},
		{"a lost request is sent again", s3test.LoseRequest, 2, false, nil},
		{"an error after the fact is ours", s3test.FailsLate, 1, false, nil},
		{"an error before is sent again", s3test.Fails, 4, false, nil},
		{"a conflict is tried again", s3test.Conflict, 3, false, nil},
		{"a storm passes", s3test.SlowDown, 7, false, nil},
		{"one skewed answer is learned from", s3test.Skewed, 1, false, nil},
		{"behind a lost reply another's object is seen", s3test.LoseReply, 1, true, objstore.ErrExists},
		{"behind a lost request another's object is seen", s3test.LoseRequest, 1, true, objstore.ErrExists},
		{"behind a conflict another's object is seen", s3test.Conflict, 1, true, objstore.ErrExists},
		{"nothing but lost replies is ours", s3test.LoseReply, 99, false, nil},
		{"nothing but lost requests is unknown", s3test.LoseRequest, 99, false, objstore.ErrUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, store := serve(t, bucket.Options{})
			if c.other {
				must(t, store.PutIfAbsent(t.Context(), "log/1", []byte("another's")))
			}
			faults, met := first(c.times, c.fault, conditional)
			server.Break(faults)
			err := store.PutIfAbsent(t.Context(), "log/1", []byte("ours"))
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if met.Load() < int64(min(c.times, 8)) {
				t.Fatalf("only %d requests met the fault", met.Load())
			}
			server.Break(nil)
			data, err := store.Get(t.Context(), "log/1", 0)
			switch {
			case c.want == objstore.ErrUnknown:
				if !errors.Is(err, objstore.ErrNotFound) {
					t.Fatalf("%q, %v", data, err)
				}
			case err != nil || (string(data) == "ours") == c.other:
				t.Fatalf("the object holds %q, %v", data, err)
			}
		})
	}
}

func TestARefusalHasItsName(t *testing.T) {
	for _, c := range []struct {
		fault s3test.Fault
		class string
		kind  supervision.Kind
	}{
		{s3test.SlowDown, bucket.ClassThrottled, supervision.Transient},
		{s3test.Skewed, bucket.ClassClock, supervision.Transient},
		{s3test.Denied, bucket.ClassDenied, supervision.Fatal},
		{s3test.Fails, bucket.ClassUnavailable, supervision.Transient},
	} {
		server, store := serve(t, bucket.Options{})
		server.Break(func(s3test.Request) s3test.Fault { return c.fault })
		err := store.PutIfAbsent(t.Context(), "a", nil)
		if classOf(err) != c.class || supervision.KindOf(err) != c.kind {
			t.Errorf("%v: %v %s, want %v %s", err, supervision.KindOf(err), classOf(err), c.kind, c.class)
		}
		if unknown := errors.Is(err, objstore.ErrUnknown); unknown != (c.fault == s3test.Fails) {
			t.Errorf("%v: unknown: %v", err, unknown)
		}
		for _, secret := range []string{"a-secret", "an-id", "Signature=", "Credential="} {
			if strings.Contains(fmt.Sprintf("%+v", err), secret) {
				t.Errorf("the error holds %q: %v", secret, err)
			}
		}
	}
}

func TestAServiceThatOverwritesIsRefused(t *testing.T) {
	server := s3test.Start(t)
	server.Use(t)
	server.Break(func(s3test.Request) s3test.Fault { return s3test.Ignore })
	store := open(t, bucket.Options{Prefix: "tables/t/"})
	for range 2 {
		if err := store.PutIfAbsent(t.Context(), "_delta_log/0.json", []byte("x")); classOf(err) != bucket.ClassUnconditional {
			t.Fatalf("error %v, want %s", err, bucket.ClassUnconditional)
		}
	}
	if _, err := store.Head(t.Context(), "_delta_log/0.json"); !errors.Is(err, objstore.ErrNotFound) {
		t.Fatalf("something was written all the same: %v", err)
	}
	for _, r := range server.Requests() {
		if r.Method == "PUT" && !strings.HasPrefix(r.Key, "tables/t/_deltaic-probe/") {
			t.Fatalf("the probe wrote %s", r.Key)
		}
	}
}

func TestACommitIsOneRequest(t *testing.T) {
	server, store := serve(t, bucket.Options{})
	before := len(server.Requests())
	must(t, store.PutIfAbsent(t.Context(), "log/1", []byte("commit")))
	if n := len(server.Requests()) - before; n != 1 {
		t.Fatalf("%d requests, want 1", n)
	}
}

func TestAnAnswerThatNeverComesIsWaitedForALimit(t *testing.T) {
	server, store := serve(t, bucket.Options{Limit: 50 * time.Millisecond, Slowest: 1 << 30, Attempts: 2})
	server.Break(func(s3test.Request) s3test.Fault { return s3test.Never })
	if err := store.PutIfAbsent(t.Context(), "a", nil); !errors.Is(err, objstore.ErrUnknown) {
		t.Fatalf("error %v, want unknown", err)
	}
	if _, err := store.Get(t.Context(), "a", 0); classOf(err) != bucket.ClassUnavailable {
		t.Fatalf("error %v, want %s", err, bucket.ClassUnavailable)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := store.PutIfAbsent(ctx, "a", nil); !errors.Is(err, objstore.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want unknown by the caller's deadline", err)
	}
}

func TestAListingOfManyPagesGoesOnAfterFaults(t *testing.T) {
	server, store := serve(t, bucket.Options{Prefix: "p/"})
	const n = 2300
	for i := range n {
		must(t, store.Put(t.Context(), fmt.Sprintf("log/%05d", i), nil))
	}
	lists := 0
	server.Break(func(r s3test.Request) s3test.Fault {
		if !strings.Contains(r.Query, "list-type") {
			return s3test.None
		}
		lists++
		return []s3test.Fault{s3test.Tear, s3test.None, s3test.SlowDown, s3test.None, s3test.LoseReply, s3test.None}[(lists-1)%6]
	})
	i := 0
	must(t, store.List(t.Context(), "log/", "log/00009", func(o objstore.Info) bool {
		if want := fmt.Sprintf("log/%05d", i+10); o.Name != want {
			t.Fatalf("listed %s, want %s", o.Name, want)
		}
		i++
		return true
	}))
	if i != n-10 || lists != 6 {
		t.Fatalf("%d objects in %d requests, want %d in 6", i, lists, n-10)
	}
}

// large writes an object in more than one part.
func large(ctx context.Context, store *bucket.Store, name string) (int, objstore.Writer, error) {
	w, err := store.Create(ctx, name)
	if err != nil {
		return 0, nil, err
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 100<<10)
	for len(data) > 0 {
		n, err := w.Write(data[:min(len(data), 333<<10)])
		if err != nil {
			return 0, w, err
		}
		data = data[n:]
	}
	return 1600 << 10, w, nil
}

func TestAnUploadIsCompletedWhateverTheReply(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault s3test.Fault
		meant func(s3test.Request) bool
	}{
		{"begin", s3test.LoseReply, func(r s3test.Request) bool { return r.Method == "POST" && r.Query == "uploads=" }},
		{"parts", s3test.LoseReply, func(r s3test.Request) bool { return strings.Contains(r.Query, "partNumber") }},
		{"storm", s3test.SlowDown, func(r s3test.Request) bool { return r.Method == "POST" || r.Method == "PUT" }},
		{"complete", s3test.LoseReply, func(r s3test.Request) bool { return r.Method == "POST" && r.IfAbsent }},
		{"complete never got there", s3test.LoseRequest, func(r s3test.Request) bool { return r.Method == "POST" && r.IfAbsent }},
		{"complete failed late", s3test.FailsLate, func(r s3test.Request) bool { return r.Method == "POST" && r.IfAbsent }},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, store := serve(t, bucket.Options{PartSize: 512 << 10})
			faults, met := first(2, c.fault, c.meant)
			server.Break(faults)
			size, w, err := large(t.Context(), store, "data/a")
			must(t, err)
			must(t, w.Close())
			if met.Load() < 2 {
				t.Fatalf("%d requests met the fault", met.Load())
			}
			server.Break(nil)
			data, err := store.Get(t.Context(), "data/a", 0)
			must(t, err)
			if !bytes.Equal(data, bytes.Repeat([]byte("0123456789abcdef"), size/16)) {
				t.Fatalf("%d bytes differ from the %d written", len(data), size)
			}
			if _, w, err = large(t.Context(), store, "data/a"); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); !errors.Is(err, objstore.ErrExists) {
				t.Fatalf("a second object of the name: %v", err)
			}
		})
	}
}

func TestUploadsLeftBehindAreSwept(t *testing.T) {
	_, store := serve(t, bucket.Options{PartSize: 512 << 10, Prefix: "job/"})
	_, dead, err := large(t.Context(), store, "state/1-a")
	must(t, err)
	_, live, err := large(t.Context(), store, "state/2-b")
	must(t, err)
	var asked []string
	must(t, store.Sweep(t.Context(), "state/", func(name string) bool {
		asked = append(asked, name)
		return name == "state/1-a"
	}))
	if len(asked) != 2 {
		t.Fatalf("asked of %v, want both uploads", asked)
	}
	if err := dead.Close(); err == nil {
		t.Fatal("a writer that was swept closed without an error")
	}
	must(t, live.Close())
	var left []string
	must(t, store.List(t.Context(), "", "", func(i objstore.Info) bool { left = append(left, i.Name); return true }))
	if fmt.Sprint(left) != "[first state/2-b]" {
		t.Fatalf("there are %v", left)
	}
	must(t, store.Sweep(t.Context(), "", func(string) bool { t.Fatal("an upload is left"); return false }))
}

func TestAnAbortedUploadLeavesNothing(t *testing.T) {
	_, store := serve(t, bucket.Options{PartSize: 512 << 10})
	ctx, cancel := context.WithCancel(t.Context())
	_, w, err := large(ctx, store, "data/a")
	must(t, err)
	cancel()
	must(t, w.Abort())
	must(t, store.Sweep(t.Context(), "", func(string) bool { t.Fatal("an upload is left"); return false }))
}

func TestAReaderStaysWithItsVersion(t *testing.T) {
	server, store := serve(t, bucket.Options{})
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i * 7 / 1000)
	}
	must(t, store.Put(t.Context(), "a", data))
	before := len(server.Requests())
	r, err := store.Open(t.Context(), "a")
	must(t, err)
	defer r.Close()
	faults, _ := first(1, s3test.Tear, func(r s3test.Request) bool { return r.Method == "GET" })
	server.Break(faults)
	for _, at := range []int64{int64(len(data)) - 60_000, 1000, 2000, 250 << 10, 1<<20 - 5, 100} {
		p := make([]byte, 40_000)
		n, err := r.ReadAt(p, at)
		if err != nil && err != io.EOF || !bytes.Equal(p[:n], data[at:at+int64(n)]) {
			t.Fatalf("at %d: %d bytes, %v", at, n, err)
		}
	}
	// The end came with the opening; the blocks are 0, 1, 3 and 4; one was torn.
	if n := len(server.Requests()) - before; n != 6 {
		t.Fatalf("%d requests, want 6", n)
	}
	all := make([]byte, len(data))
	if _, err := r.ReadAt(all, 0); err != nil || !bytes.Equal(all, data) {
		t.Fatalf("the whole: %v", err)
	}
	must(t, store.Put(t.Context(), "a", bytes.Repeat([]byte("x"), len(data))))
	if _, err := r.ReadAt(all, 0); classOf(err) != bucket.ClassChanged {
		t.Fatalf("error %v, want %s", err, bucket.ClassChanged)
	}
}

func TestAStoreThatDoesNotAnswerIsNoTable(t *testing.T) {
	server, store := serve(t, bucket.Options{})
	for _, fault := range []s3test.Fault{s3test.SlowDown, s3test.Denied, s3test.LoseRequest} {
		server.Break(func(s3test.Request) s3test.Fault { return fault })
		_, err := delta.Create(t.Context(), store, delta.CreateOptions{Schema: batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType})}, delta.Options{})
		if !errors.Is(err, objstore.ErrUnusable) || errors.Is(err, objstore.ErrExists) {
			t.Errorf("%v", err)
		}
	}
}
