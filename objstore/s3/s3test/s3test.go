// Package s3test serves S3 in the process of a test, and makes the service fail as real ones do.
//
// [Start] makes a [Server] with an empty bucket; [Server.Use] lets the standard chain find it. [Server.Break] decides,
// request by request, what goes wrong ([Fault]).
//
// What it does not do: it checks no signatures, and it is no measure of speed.
package s3test

import (
	"bytes"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Bucket is the one that a server begins with.
const Bucket = "lake"

// Fault is what becomes of a request.
type Fault uint8

// The faults.
const (
	None        Fault = iota
	LoseRequest       // nothing happens, and the connection breaks
	LoseReply         // it happens, and the connection breaks before an answer
	SlowDown          // nothing happens; 503
	Fails             // nothing happens; 500
	FailsLate         // it happens; 500
	Conflict          // nothing happens; 409: another conditional request is under way
	Skewed            // nothing happens; 403: the clocks differ
	Denied            // nothing happens; 403
	Tear              // half of the answer's body comes
	Ignore            // the condition of a put is not looked at
	Never             // nothing happens, and no answer comes while the client waits
)

// Request is what a fault is decided by.
type Request struct {
	N        int // of all requests, from 1
	Method   string
	Key      string // without the bucket
	Query    string
	IfAbsent bool
}

// Server is an S3 service. It is safe for concurrent use.
type Server struct {
	URL   string
	below http.Handler
	puts  sync.Mutex // held by conditional writes, which are atomic so

	mu     sync.Mutex
	faults func(Request) Fault
	n      int
	all    []Request
}

// Start serves until the test ends, on the listener that wrap, if there is one, makes of the server's own.
func Start(t testing.TB, wrap ...func(net.Listener) net.Listener) *Server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(Bucket); err != nil {
		t.Fatal(err)
	}
	s := &Server{below: gofakes3.New(backend, gofakes3.WithoutVersioning(), gofakes3.WithTimeSkewLimit(0)).Server()}
	web := httptest.NewUnstartedServer(s)
	for _, w := range wrap {
		web.Listener = w(web.Listener)
	}
	web.Start()
	t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
	})
	s.URL = web.URL
	return s
}

// Use sets the environment so that the standard chain leads to the server, and nowhere else.
func (s *Server) Use(t testing.TB) {
	t.Helper()
	for name, value := range s.Env() {
		t.Setenv(name, value)
	}
}

// Env is what Use sets.
func (s *Server) Env() map[string]string {
	return map[string]string{"AWS_ENDPOINT_URL": s.URL, "AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_REGION": "us-east-1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none"}
}

// Break decides the faults of the requests from now on; nil: there are none.
func (s *Server) Break(faults func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Requests returns those that came so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.all...)
}

func (s *Server) decide(r *http.Request) Fault {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	q := Request{N: s.n, Method: r.Method, Key: key, Query: r.URL.RawQuery, IfAbsent: r.Header.Get("If-None-Match") == "*"}
	s.all = append(s.all, q)
	if s.faults == nil {
		return None
	}
	return s.faults(q)
}

// ServeHTTP answers a request, or not.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch s.decide(r) {
	case LoseRequest:
		panic(http.ErrAbortHandler)
	case Never:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case LoseReply:
		s.serve(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case SlowDown:
		refuse(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case Fails:
		refuse(w, http.StatusInternalServerError, "InternalError", "We encountered an internal error.")
	case FailsLate:
		s.serve(httptest.NewRecorder(), r)
		refuse(w, http.StatusInternalServerError, "InternalError", "We encountered an internal error.")
	case Conflict:
		refuse(w, http.StatusConflict, "ConditionalRequestConflict", "A conflicting operation occurred.")
	case Skewed:
		refuse(w, http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	case Denied:
		refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied")
	case Tear:
		answer := httptest.NewRecorder()
		s.serve(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		panic(http.ErrAbortHandler)
	case Ignore:
		r.Header.Del("If-None-Match")
		s.serve(w, r)
	default:
		s.serve(w, r)
	}
}

// serve answers in order. The server below looks at the condition of a put, but not at that of an upload's completion.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("If-None-Match") == "*" {
		s.puts.Lock()
		defer s.puts.Unlock()
		if r.Method == http.MethodPost {
			look := httptest.NewRecorder()
			s.below.ServeHTTP(look, httptest.NewRequest(http.MethodHead, r.URL.Path, nil))
			if look.Code == http.StatusOK {
				refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
				return
			}
		}
	}
	s.below.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName struct{} `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: message})
}
