package azure_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/azure"
	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/objstore/storetest"
	"github.com/deltaic/deltaic/supervision"
)

// service answers the requests of the Blob service that the package sends.
type service struct {
	mu           sync.Mutex
	blobs        map[string]blob
	blocks       map[string][]byte
	clock        int
	hierarchical bool // lists folder by folder
	lose         func(r *http.Request) bool
	refuse       func(r *http.Request) (status int, code, detail string)
}

type blob struct {
	tag, etag string
	data      []byte
}

func start(t *testing.T) (*service, string) {
	s := &service{blobs: map[string]blob{}, blocks: map[string][]byte{}}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, web.URL
}

func open(t *testing.T, address string, env map[string]string, o bucket.Options) *bucket.Store {
	t.Helper()
	o.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	all := map[string]string{"AZURE_STORAGE_ACCOUNT_NAME": "acc", "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0", "AZURE_STORAGE_ENDPOINT": address}
	for name, value := range env {
		all[name] = value
	}
	s, err := azure.New("lake", azure.Options{Store: o, Env: func(name string) string { return all[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if status, code, detail := s.refuse(r); status != 0 {
			fail(w, status, code, detail)
			return
		}
	}
	answer := httptest.NewRecorder()
	s.serve(answer, r, body)
	if s.lose != nil && s.lose(r) {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func fail(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("x-ms-error-code", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no\nsigned: secret</Message><AuthenticationErrorDetail>%s</AuthenticationErrorDetail></Error>", code, detail)
}

func (s *service) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	q := r.URL.Query()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/lake"), "/")
	b, there := s.blobs[key]
	switch {
	case q.Get("comp") == "properties":
		w.Header().Set("x-ms-is-hns-enabled", strconv.FormatBool(s.hierarchical))
	case q.Get("comp") == "list":
		s.list(w, q)
	case q.Get("comp") == "block":
		s.blocks[key+"\n"+q.Get("blockid")] = body
		w.WriteHeader(201)
	case r.Method == http.MethodPut:
		if there && r.Header.Get("If-None-Match") == "*" {
			fail(w, 409, "BlobAlreadyExists", "")
			return
		}
		if q.Get("comp") == "blocklist" {
			var list struct{ Uncommitted []string }
			_ = xml.Unmarshal(body, &list)
			body = nil
			for _, id := range list.Uncommitted {
				body = append(body, s.blocks[key+"\n"+id]...)
			}
		}
		s.clock++
		s.blobs[key] = blob{tag: r.Header.Get("x-ms-meta-deltaicput"), etag: strconv.Quote(strconv.Itoa(s.clock)), data: body}
		w.WriteHeader(201)
	case !there:
		fail(w, 404, "BlobNotFound", "")
	case r.Method == http.MethodDelete:
		delete(s.blobs, key)
		w.WriteHeader(202)
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != b.etag:
		fail(w, 412, "ConditionNotMet", "")
	case r.Header.Get("Range") != "" && len(b.data) == 0:
		fail(w, 416, "InvalidRange", "")
	default:
		w.Header().Set("ETag", b.etag)
		w.Header().Set("x-ms-meta-deltaicput", b.tag)
		r.Header.Del("If-Match")
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(b.data))
	}
}

func (s *service) list(w http.ResponseWriter, q url.Values) {
	var keys []string
	for k := range s.blobs {
		if strings.HasPrefix(k, q.Get("prefix")) {
			keys = append(keys, k)
		}
	}
	order := func(k string) string { return k }
	if s.hierarchical {
		order = func(k string) string { return strings.ReplaceAll(k, "/", "\x00") }
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	from := max(order(q.Get("startFrom")), order(q.Get("marker")))
	var text strings.Builder
	n, next := 0, ""
	for _, k := range keys {
		if order(k) < from {
			continue
		}
		if n == 5 {
			next = k
			break
		}
		n++
		text.WriteString("<Blob><Name>")
		_ = xml.EscapeText(&text, []byte(k))
		fmt.Fprintf(&text, "</Name><Properties><Content-Length>%d</Content-Length></Properties></Blob>", len(s.blobs[k].data))
	}
	if s.hierarchical {
		text.WriteString("<Blob><Name>p/a/folder</Name><Properties><Content-Length>0</Content-Length><ResourceType>directory</ResourceType></Properties></Blob>")
	}
	fmt.Fprintf(w, "<EnumerationResults><Blobs>%s</Blobs><NextMarker>%s</NextMarker></EnumerationResults>", text.String(), next)
}

func TestStore(t *testing.T) {
	for name, hierarchical := range map[string]bool{"flat": false, "hierarchical": true} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func() objstore.Store {
				s, address := start(t)
				s.hierarchical = hierarchical
				return open(t, address, nil, bucket.Options{Prefix: "p/"})
			})
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLostReplies(t *testing.T) {
	s, address := start(t)
	store := open(t, address, nil, bucket.Options{PartSize: 512 << 10})
	must(t, store.PutIfAbsent(t.Context(), "first", nil))
	seen := map[string]bool{}
	s.lose = func(r *http.Request) bool {
		if id := r.Method + r.URL.String(); r.Method == http.MethodPut && !seen[id] {
			seen[id] = true
			return true
		}
		return false
	}
	must(t, store.PutIfAbsent(t.Context(), "log/1", []byte("ours")))
	data := bytes.Repeat([]byte("0123456789"), 200_000)
	w, err := store.Create(t.Context(), "data/a")
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	must(t, w.Close())
	got, err := store.Get(t.Context(), "data/a", 0)
	must(t, err)
	if !bytes.Equal(got, data) {
		t.Fatalf("%d bytes differ from the %d written", len(got), len(data))
	}
	if err := store.PutIfAbsent(t.Context(), "log/1", nil); !errors.Is(err, objstore.ErrExists) {
		t.Fatalf("a second put: %v", err)
	}
	if len(seen) != 6 {
		t.Fatalf("%d replies were lost, want those of a put, four blocks and a list", len(seen))
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status              int
		code, detail, class string
		kind                supervision.Kind
	}{
		{403, "AuthorizationFailure", "", bucket.ClassDenied, supervision.Fatal},
		{403, "AuthenticationFailed", "Request date header too old: 'x'", bucket.ClassClock, supervision.Fatal},
		{503, "ServerBusy", "", bucket.ClassThrottled, supervision.Transient},
		{500, "OperationTimedOut", "", bucket.ClassUnavailable, supervision.Transient},
		{404, "ContainerNotFound", "", bucket.ClassNoBucket, supervision.Fatal},
	} {
		s, address := start(t)
		store := open(t, address, nil, bucket.Options{})
		s.refuse = func(*http.Request) (int, string, string) { return c.status, c.code, c.detail }
		err := store.List(t.Context(), "", "", func(objstore.Info) bool { return true })
		if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class != c.class || f.Kind != c.kind {
			t.Errorf("%d %s: %v", c.status, c.code, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells what was signed: %v", err)
		}
	}
}

func TestASignatureIsNotTold(t *testing.T) {
	s, address := start(t)
	store := open(t, address, map[string]string{"AZURE_STORAGE_ACCOUNT_KEY": "", "AZURE_STORAGE_SAS_TOKEN": "?sv=2024&sig=secret"}, bucket.Options{})
	signatures := make(chan string, 100)
	s.lose = func(r *http.Request) bool { signatures <- r.URL.Query().Get("sig"); return true }
	_, err := store.Head(t.Context(), "a")
	sent := <-signatures
	if err == nil || sent != "secret" || strings.Contains(fmt.Sprintf("%+v", err), "secret") {
		t.Fatalf("sent %q: %v", sent, err)
	}
}

func TestTheAccountIsNamed(t *testing.T) {
	_, err := azure.New("lake", azure.Options{Env: func(string) string { return "" }})
	if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class != bucket.ClassCredentials {
		t.Fatalf("%v", err)
	}
}
