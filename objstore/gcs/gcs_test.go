package gcs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/objstore/gcs"
	"github.com/deltaic/deltaic/objstore/storetest"
	"github.com/deltaic/deltaic/supervision"
)

// service answers the requests of the JSON API that the package sends. break says of the n-th one whether its reply is
// lost, or what it is refused with.
type service struct {
	mu       sync.Mutex
	objects  map[string]object
	sessions map[string]*object
	clock    int64
	n        int
	lose     func(n int, r *http.Request) bool
	refuse   func(n int, r *http.Request) (status int, reason string)
}

type object struct {
	Name       string            `json:"name"`
	Size       string            `json:"size"`
	Generation string            `json:"generation"`
	Updated    string            `json:"updated"`
	Metadata   map[string]string `json:"metadata"`
	data       []byte
}

func start(t *testing.T) (*service, string) {
	s := &service{objects: map[string]object{}, sessions: map[string]*object{}}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, web.URL
}

func open(t *testing.T, url string, o bucket.Options) *bucket.Store {
	t.Helper()
	o.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	s, err := gcs.New("lake", gcs.Options{Store: o, Env: func(name string) string { return map[string]string{"STORAGE_EMULATOR_HOST": url}[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if s.refuse != nil {
		if status, reason := s.refuse(s.n, r); status != 0 {
			fail(w, status, reason)
			return
		}
	}
	answer := httptest.NewRecorder()
	s.serve(answer, r, body)
	if s.lose != nil && s.lose(s.n, r) {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func fail(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":"no","errors":[{"reason":%q}]}}`, status, reason)
}

func (s *service) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	q := r.URL.Query()
	key, named := strings.CutPrefix(r.URL.Path, "/storage/v1/b/lake/o/")
	switch {
	case r.Method == http.MethodPost && q.Get("uploadType") == "multipart":
		_, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
		var o object
		about, _ := parts.NextPart()
		_ = json.NewDecoder(about).Decode(&o)
		data, _ := parts.NextPart()
		o.data, _ = io.ReadAll(data)
		s.put(w, o, q.Get("ifGenerationMatch") == "0")
	case r.Method == http.MethodPost:
		o := new(object)
		_ = json.Unmarshal(body, o)
		id := strconv.Itoa(len(s.sessions))
		s.sessions[id] = o
		w.Header().Set("Location", "http://"+r.Host+"/session/"+id)
	case strings.HasPrefix(r.URL.Path, "/session/"):
		s.session(w, r, strings.TrimPrefix(r.URL.Path, "/session/"), body)
	case !named:
		s.list(w, q.Get("prefix"), q.Get("startOffset"), q.Get("pageToken"))
	default:
		s.one(w, r, key)
	}
}

func (s *service) put(w http.ResponseWriter, o object, absent bool) {
	if _, there := s.objects[o.Name]; there && absent {
		fail(w, 412, "conditionNotMet")
		return
	}
	s.clock++
	o.Generation, o.Size, o.Updated = strconv.FormatInt(s.clock, 10), strconv.Itoa(len(o.data)), "2026-01-02T03:04:05.678Z"
	s.objects[o.Name] = o
	_ = json.NewEncoder(w).Encode(o)
}

func (s *service) session(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	o := s.sessions[id]
	if o == nil {
		if there, done := s.objects["done/"+id]; done {
			_ = json.NewEncoder(w).Encode(there)
			return
		}
		fail(w, 410, "gone")
		return
	}
	if r.Method == http.MethodDelete {
		delete(s.sessions, id)
		w.WriteHeader(499)
		return
	}
	where, total, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Content-Range"), "bytes "), "/")
	if from, _, found := strings.Cut(where, "-"); found {
		at, _ := strconv.Atoi(from)
		if at != len(o.data) {
			fail(w, 400, "invalid")
			return
		}
		if total == "*" && len(body) > 300_000 {
			body = body[:300_000] // a service may take less than it is sent
		}
		o.data = append(o.data, body...)
	}
	if total != "*" {
		delete(s.sessions, id)
		s.put(w, *o, true)
		return
	}
	if len(o.data) > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(o.data)-1))
	}
	w.WriteHeader(308)
}

func (s *service) list(w http.ResponseWriter, prefix, from, token string) {
	var page struct {
		Items []object `json:"items"`
		Next  string   `json:"nextPageToken,omitempty"`
	}
	var keys []string
	for k := range s.objects {
		if strings.HasPrefix(k, prefix) && k >= from && k >= token {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if len(page.Items) == 7 {
			page.Next = k
			break
		}
		page.Items = append(page.Items, s.objects[k])
	}
	_ = json.NewEncoder(w).Encode(page)
}

func (s *service) one(w http.ResponseWriter, r *http.Request, key string) {
	o, there := s.objects[key]
	if g := r.URL.Query().Get("generation"); !there || g != "" && g != o.Generation {
		fail(w, 404, "notFound")
		return
	}
	switch {
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(204)
	case r.URL.Query().Get("alt") == "media":
		w.Header().Set("X-Goog-Generation", o.Generation)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.data))
	default:
		_ = json.NewEncoder(w).Encode(o)
	}
}

func TestStore(t *testing.T) {
	storetest.Run(t, func() objstore.Store {
		_, url := start(t)
		return open(t, url, bucket.Options{Prefix: "p/"})
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLostReplies(t *testing.T) {
	s, url := start(t)
	store := open(t, url, bucket.Options{PartSize: 512 << 10})
	must(t, store.PutIfAbsent(t.Context(), "first", nil))
	// Each first answer to a request that changes something is lost.
	seen := map[string]bool{}
	s.lose = func(_ int, r *http.Request) bool {
		id := r.Method + r.URL.String() + r.Header.Get("Content-Range")
		if r.Method == http.MethodGet || seen[id] {
			return false
		}
		seen[id] = true
		return true
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
	if len(seen) < 7 {
		t.Fatalf("only %d replies were lost", len(seen))
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status        int
		reason, class string
		kind          supervision.Kind
	}{
		{403, "forbidden", bucket.ClassDenied, supervision.Fatal}, {401, "required", bucket.ClassDenied, supervision.Fatal},
		{403, "rateLimitExceeded", bucket.ClassThrottled, supervision.Transient}, {429, "", bucket.ClassThrottled, supervision.Transient},
		{503, "backendError", bucket.ClassUnavailable, supervision.Transient}, {404, "notFound", bucket.ClassNoBucket, supervision.Fatal},
	} {
		s, url := start(t)
		store := open(t, url, bucket.Options{})
		s.refuse = func(int, *http.Request) (int, string) { return c.status, c.reason }
		err := store.List(t.Context(), "", "", func(objstore.Info) bool { return true })
		if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class != c.class || f.Kind != c.kind {
			t.Errorf("%d %s: %v", c.status, c.reason, err)
		}
	}
}

func TestCredentialsAreNotTold(t *testing.T) {
	s, err := gcs.New("lake", gcs.Options{Env: func(name string) string {
		return map[string]string{"GOOGLE_SERVICE_ACCOUNT": "/none/secret.json"}[name]
	}})
	must(t, err)
	_, err = s.Head(t.Context(), "a")
	if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class != bucket.ClassCredentials {
		t.Fatalf("%v", err)
	}
}
