package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
)

// Stream is a flow that runs in this process.
type Stream interface {
	Name() string
	ID() string
	RunID() string
	Status() stream.Status
	RecentProgress() []stream.Progress
	// Explain describes the flow; what is "" or "state".
	Explain(what string) (string, error)
	// Watermarks says what event time waits for.
	Watermarks(context.Context) []topology.StepWatermark
	// Stop stops the flow after a last epoch and waits for it.
	Stop(ctx context.Context) error
}

// Reason is why the process is not ready.
type Reason struct {
	Stream string `json:"stream,omitempty"`
	Reason string `json:"reason"`
}

// Options are what the surface shows.
type Options struct {
	Streams func() []Stream
	Ready   func() []Reason // empty: ready
	Metrics http.Handler
	// Observe is told of every answered request, nil: nobody is.
	Observe func(route string, status int, seconds float64)
	// Mask hides secrets in what is answered.
	Mask func(string) string
}

// Policy says who may use a route, and how.
type Policy uint8

// The policies. A route without one is a mistake that New panics on.
const (
	Read   Policy = iota + 1 // GET, changes nothing
	Change                   // POST from the same origin
)

// Route is an entry of the surface.
type Route struct {
	Method  string
	Pattern string
	Policy  Policy
	Doc     string
	serve   func(*surface, http.ResponseWriter, *http.Request)
}

// Routes are all there are.
func Routes() []Route {
	return []Route{
		{"GET", "/livez", Read, "200 while the process lives", (*surface).live},
		{"GET", "/ping", Read, "the same as /livez", (*surface).live},
		{"GET", "/readyz", Read, "200 when every flow runs and its epochs are young, else 503 with the reasons", (*surface).ready},
		{"GET", "/ready", Read, "the same as /readyz", (*surface).ready},
		{"GET", "/metrics", Read, "Prometheus metrics", (*surface).metrics},
		{"GET", "/api/v1/streams", Read, "the flows of this process", (*surface).streams},
		{"GET", "/api/v1/streams/{name}/status", Read, "what a flow does now", (*surface).status},
		{"GET", "/api/v1/streams/{name}/progress", Read, "recentProgress: the last epochs, oldest first", (*surface).progress},
		{"GET", "/api/v1/streams/{name}/explain", Read, "how a flow runs; ?what=watermark or state", (*surface).explain},
		{"POST", "/api/v1/streams/{name}/stop", Change, "stops a flow after a last epoch and waits for it", (*surface).stop},
	}
}

type surface struct{ Options }

func (s *surface) live(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, map[string]bool{"live": true})
}

// readiness is what /readyz answers.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []Reason `json:"reasons"`
}

func (s *surface) ready(w http.ResponseWriter, _ *http.Request) {
	r := readiness{Reasons: s.Ready()}
	r.Ready = len(r.Reasons) == 0
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	} else {
		r.Reasons = []Reason{}
	}
	s.answer(w, status, r)
}

func (s *surface) metrics(w http.ResponseWriter, r *http.Request) { s.Metrics.ServeHTTP(w, r) }

// listed is a flow in the list of flows.
type listed struct {
	Name  string `json:"name"`
	ID    string `json:"id"`
	RunID string `json:"runId"`
	State string `json:"state"`
}

func (s *surface) streams(w http.ResponseWriter, _ *http.Request) {
	all := []listed{}
	for _, f := range s.Streams() {
		all = append(all, listed{f.Name(), f.ID(), f.RunID(), f.Status().State})
	}
	s.answer(w, http.StatusOK, all)
}

// find returns the flow that the path names, or answers 404.
func (s *surface) find(w http.ResponseWriter, r *http.Request) Stream {
	name := r.PathValue("name")
	for _, f := range s.Streams() {
		if f.Name() == name {
			return f
		}
	}
	s.problem(w, http.StatusNotFound, "STREAM_NOT_FOUND", "no flow of that name runs in this process")
	return nil
}

func (s *surface) status(w http.ResponseWriter, r *http.Request) {
	if f := s.find(w, r); f != nil {
		s.answer(w, http.StatusOK, f.Status())
	}
}

func (s *surface) progress(w http.ResponseWriter, r *http.Request) {
	if f := s.find(w, r); f != nil {
		all := f.RecentProgress()
		if all == nil {
			all = []stream.Progress{}
		}
		s.answer(w, http.StatusOK, all)
	}
}

func (s *surface) explain(w http.ResponseWriter, r *http.Request) {
	f := s.find(w, r)
	if f == nil {
		return
	}
	if r.URL.Query().Get("what") == "watermark" {
		steps := f.Watermarks(r.Context())
		if r.Context().Err() != nil {
			s.problem(w, http.StatusServiceUnavailable, "STREAM_BUSY", "the flow has not answered in time; status may say what it is at")
			return
		}
		if steps == nil {
			steps = []topology.StepWatermark{}
		}
		s.answer(w, http.StatusOK, map[string]any{"name": f.Name(), "plan": topology.ExplainWatermarks(steps), "watermarks": steps})
		return
	}
	text, err := f.Explain(r.URL.Query().Get("what"))
	if err != nil {
		s.problem(w, http.StatusBadRequest, "USAGE", err.Error())
		return
	}
	s.answer(w, http.StatusOK, map[string]string{"name": f.Name(), "plan": text})
}

func (s *surface) stop(w http.ResponseWriter, r *http.Request) {
	f := s.find(w, r)
	if f == nil {
		return
	}
	if err := f.Stop(r.Context()); err != nil {
		s.problem(w, http.StatusInternalServerError, "STOP_FAILED", err.Error())
		return
	}
	s.answer(w, http.StatusOK, map[string]any{"name": f.Name(), "stopped": true, "status": f.Status()})
}

// answer writes a JSON document.
func (s *surface) answer(w http.ResponseWriter, status int, v any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		s.problem(w, http.StatusInternalServerError, "INTERNAL_ERROR", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	s.write(w, status, bytes.TrimSuffix(text.Bytes(), []byte{'\n'}))
}

// problem answers with an RFC 9457 document.
func (s *surface) problem(w http.ResponseWriter, status int, class, detail string) {
	data, err := json.Marshal(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "class": class, "detail": detail})
	if err != nil {
		data = []byte(`{"status":500}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	s.write(w, status, data)
}

func (s *surface) write(w http.ResponseWriter, status int, data []byte) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	text := string(data)
	if s.Mask != nil {
		text = s.Mask(text)
	}
	_, _ = w.Write(append([]byte(text), '\n'))
}
