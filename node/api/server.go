package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/deltaic/deltaic/supervision"
)

// Bounds of what a client may ask for.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second // of an answer that does not wait for a flow
	answerTimeout = 20 * time.Second // of a flow that is asked for one
	idleTimeout   = 60 * time.Second
	headerBytes   = 16 << 10
	bodyBytes     = 64 << 10
	atOnce        = 64  // requests in work; more are answered with 503
	changesAtOnce = 8   // of those that change something and may wait for long, beside them
	connections   = 256 // open at a time; more wait
)

// New returns the handler of all routes.
func New(o Options) http.Handler {
	s := &surface{o}
	mux := http.NewServeMux()
	for _, r := range Routes() {
		if r.Policy != Read && r.Policy != Change || (r.Policy == Read) != (r.Method == http.MethodGet) {
			panic("api: route " + r.Pattern + " has no policy that fits its method")
		}
		mux.HandleFunc(r.Method+" "+r.Pattern, func(w http.ResponseWriter, q *http.Request) { s.timed(r, w, q) })
	}
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.problem(w, http.StatusForbidden, "CROSS_ORIGIN", "requests that change something are taken from the same origin only")
	}))
	return s.bounded(s.sameHost(crossOrigin.Handler(mux)))
}

// timed serves a route and tells how long it took.
func (s *surface) timed(r Route, w http.ResponseWriter, q *http.Request) {
	began := time.Now()
	if r.Policy == Read {
		_ = http.NewResponseController(w).SetWriteDeadline(began.Add(writeTimeout))
		// Whoever answers for a flow may hang; the request does not.
		ctx, cancel := context.WithTimeout(q.Context(), answerTimeout)
		defer cancel()
		q = q.WithContext(ctx)
	}
	noted := &noted{ResponseWriter: w, status: http.StatusOK}
	r.serve(s, noted, q)
	if s.Observe != nil {
		s.Observe(r.Pattern, noted.status, time.Since(began).Seconds())
	}
}

// noted remembers the status.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) { n.status = status; n.ResponseWriter.WriteHeader(status) }

// Unwrap lets response controllers through.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// sameHost refuses requests for a name that is not loopback: a page on the web whose name was
// made to point here must not speak to it.
func (s *surface) sameHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopbackHost(r.Host) {
			s.problem(w, http.StatusMisdirectedRequest, "HOST_NOT_LOOPBACK", "the Host of the request is not a loopback name")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bounded limits bodies, and requests in work. Requests that wait for a flow to stop do not keep others from asking whether the process lives.
func (s *surface) bounded(next http.Handler) http.Handler {
	reads, changes := make(chan struct{}, atOnce), make(chan struct{}, changesAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slots := reads
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			slots = changes
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			s.problem(w, http.StatusServiceUnavailable, "TOO_MANY_REQUESTS", fmt.Sprintf("%d requests are in work", cap(slots)))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyBytes)
		next.ServeHTTP(w, r)
	})
}

// loopbackHost reports whether host, with or without a port, is a name of
// this machine for itself.
func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Server is a surface that is being served.
type Server struct {
	server   *http.Server
	listener net.Listener
	wait     sync.WaitGroup
}

// CheckAddress refuses addresses that others can reach.
func CheckAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_ADDRESS", Message: fmt.Sprintf("the address %q is not host:port", address), Hint: "use 127.0.0.1:0 for a free port, or off"}
	}
	if host == "" || !loopbackHost(host) {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "LISTEN_NOT_LOOPBACK",
			Message: fmt.Sprintf("%s can be reached by others, and this version has no authentication", address),
			Hint:    "listen on 127.0.0.1 and put a proxy that authenticates in front of it"}
	}
	return nil
}

// Listen serves the handler on a loopback address; port 0 is a free one.
func Listen(address string, h http.Handler) (*Server, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "LISTEN_FAILED", Message: "cannot listen on " + address, Cause: err, Hint: "choose another --listen, or off"}
	}
	listener = netutil.LimitListener(listener, connections)
	s := &Server{listener: listener, server: &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes}}
	s.wait.Go(func() { _ = s.server.Serve(listener) })
	return s, nil
}

// Address is host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close stops listening, waits for answers under way until ctx ends, and then
// cuts them off.
func (s *Server) Close(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	s.wait.Wait()
	return err
}
