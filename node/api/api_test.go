package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a flow that does as it is told.
type fake struct {
	name    string
	stopped atomic.Bool
	block   chan struct{} // Stop waits for it, nil: it does not
}

func (f *fake) Name() string                      { return f.name }
func (f *fake) ID() string                        { return "id" }
func (f *fake) RunID() string                     { return "run" }
func (f *fake) Status() stream.Status             { return stream.Status{State: "RUNNING", Message: "a < b"} }
func (f *fake) RecentProgress() []stream.Progress { return nil }
func (f *fake) Explain(what string) (string, error) {
	if what == "nonsense" {
		return "", errors.New("nonsense")
	}
	return "plan with canary", nil
}
func (f *fake) Watermarks(context.Context) []topology.StepWatermark {
	return []topology.StepWatermark{{Step: "clock", Watermark: "2026-01-01T00:00:00.000Z", WaitsFor: "in/a", Why: "canary",
		Splits: []topology.SplitWatermark{{Source: "in", Split: "a", State: topology.SplitReading, Since: "now", Position: "1", End: "2"}}}}
}
func (f *fake) Stop(ctx context.Context) error {
	f.stopped.Store(true)
	if f.block == nil {
		return nil
	}
	select {
	case <-f.block:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func surfaceOf(reasons []Reason, flows ...*fake) http.Handler {
	return New(Options{
		Streams: func() []Stream {
			var all []Stream
			for _, f := range flows {
				all = append(all, f)
			}
			return all
		},
		Ready:   func() []Reason { return reasons },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") }),
		Mask:    func(s string) string { return strings.ReplaceAll(s, "canary", "***") },
	})
}

func ask(h http.Handler, method, path, host string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(""))
	r.Host = host
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every route has a policy that fits its method, answers on loopback names and on no others,
// and takes no other method.
func TestEveryRouteHasAPolicy(t *testing.T) {
	for _, route := range Routes() {
		if route.Doc == "" || (route.Policy == Read) != (route.Method == http.MethodGet) || route.Policy == 0 {
			t.Errorf("%s %s: policy %d", route.Method, route.Pattern, route.Policy)
		}
		h := surfaceOf(nil, &fake{name: "orders"})
		path := strings.ReplaceAll(route.Pattern, "{name}", "orders")
		for _, host := range []string{"localhost", "127.0.0.1:8085", "[::1]:1", "LOCALHOST:9"} {
			if w := ask(h, route.Method, path, host, nil); w.Code != http.StatusOK {
				t.Errorf("%s for %s: %d %s", path, host, w.Code, w.Body)
			}
		}
		for _, host := range []string{"", "evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example", "[::2]"} {
			if w := ask(h, route.Method, path, host, nil); w.Code != http.StatusMisdirectedRequest {
				t.Errorf("%s for host %q: %d", path, host, w.Code)
			}
		}
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			if w := ask(h, method, path, "localhost", nil); method != route.Method && w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
}

func TestChangesComeFromTheSameOrigin(t *testing.T) {
	f := &fake{name: "orders"}
	h := surfaceOf(nil, f)
	for _, header := range []http.Header{{"Origin": {"http://evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}} {
		if w := ask(h, "POST", "/api/v1/streams/orders/stop", "localhost", header); w.Code != http.StatusForbidden || f.stopped.Load() {
			t.Errorf("%v: %d, stopped %v", header, w.Code, f.stopped.Load())
		}
	}
	if w := ask(h, "POST", "/api/v1/streams/orders/stop", "localhost", nil); w.Code != http.StatusOK || !f.stopped.Load() {
		t.Errorf("%d, stopped %v", w.Code, f.stopped.Load())
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		path string
		code int
		body string
	}{
		{"/readyz", 503, `{"ready":false,"reasons":[{"stream":"orders","reason":"no epoch"}]}`},
		{"/livez", 200, `{"live":true}`},
		{"/api/v1/streams", 200, `[{"name":"orders","id":"id","runId":"run","state":"RUNNING"}]`},
		{"/api/v1/streams/orders/status", 200, `{"message":"a < b","isDataAvailable":false,"isTriggerActive":false,"state":"RUNNING"}`},
		{"/api/v1/streams/orders/progress", 200, `[]`},
		{"/api/v1/streams/orders/explain", 200, `{"name":"orders","plan":"plan with ***"}`},
		{"/api/v1/streams/orders/explain?what=nonsense", 400, ""},
		{"/api/v1/streams/orders/explain?what=watermark", 200, `{"name":"orders","plan":"clock: the watermark is 2026-01-01T00:00:00.000Z; ***\n> in a  no event time  at 1, its end is 2\n","watermarks":[{"step":"clock","watermark":"2026-01-01T00:00:00.000Z","waitsFor":"in/a","why":"***","splits":[{"source":"in","split":"a","state":"reading","since":"now","position":"1","end":"2"}]}]}`},
		{"/api/v1/streams/nobody/status", 404, ""},
		{"/api/v1/nothing", 404, ""},
	} {
		w := ask(surfaceOf([]Reason{{"orders", "no epoch"}}, &fake{name: "orders"}), "GET", c.path, "localhost", nil)
		if w.Code != c.code || c.body != "" && strings.TrimSpace(w.Body.String()) != c.body {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
	w := ask(surfaceOf(nil), "GET", "/api/v1/streams/nobody/status", "localhost", nil)
	var problem struct {
		Class, Detail string
		Status        int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Class != "STREAM_NOT_FOUND" || problem.Status != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%v %s", err, w.Body)
	}
}

// More requests at once than are allowed are answered, not queued, and those that wait for a flow to stop leave room for those who ask whether
// the process lives.
func TestRequestsInWorkAreBounded(t *testing.T) {
	f := &fake{name: "orders", block: make(chan struct{})}
	h := surfaceOf(nil, f)
	var wait sync.WaitGroup
	codes := make(chan int, atOnce+8)
	for range atOnce {
		wait.Go(func() { codes <- ask(h, "POST", "/api/v1/streams/orders/stop", "localhost", nil).Code })
	}
	for range atOnce - changesAtOnce {
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("%d", code)
		}
	}
	if w := ask(h, "GET", "/livez", "localhost", nil); w.Code != http.StatusOK {
		t.Errorf("while flows are waited for: %d", w.Code)
	}
	close(f.block)
	wait.Wait()
	for range changesAtOnce {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("%d", code)
		}
	}
}

// silent is a flow that does not answer.
type silent struct{ *fake }

func (silent) Watermarks(ctx context.Context) []topology.StepWatermark {
	<-ctx.Done()
	return nil
}

// A flow that does not answer holds no request for ever.
func TestAFlowThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Streams: func() []Stream { return []Stream{silent{&fake{name: "orders"}}} }, Ready: func() []Reason { return nil }})
		began := time.Now()
		w := ask(h, "GET", "/api/v1/streams/orders/explain?what=watermark", "localhost", nil)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "STREAM_BUSY") || time.Since(began) != answerTimeout {
			t.Errorf("%d %s after %v", w.Code, w.Body, time.Since(began))
		}
	})
}

// Connections are bounded: those beyond wait until others end.
func TestConnectionsAreBounded(t *testing.T) {
	s, err := Listen("127.0.0.1:0", surfaceOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	var open []net.Conn
	for range connections {
		c, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		_, _ = io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	last, err := net.Dial("tcp", s.Address()) // the kernel takes it; nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	_, _ = io.WriteString(last, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
	_ = last.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := last.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one more connection was answered: %d bytes, %v", n, err)
	}
	for _, c := range open {
		c.Close()
	}
	_ = last.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := last.Read(make([]byte, 1)); err != nil {
		t.Errorf("once others have ended: %v", err)
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "10.1.2.3:0", "example.com:80", "nonsense"} {
		if s, err := Listen(address, http.NotFoundHandler()); err == nil {
			t.Errorf("%s is served", address)
			_ = s.Close(t.Context())
		}
	}
	s, err := Listen("127.0.0.1:0", surfaceOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(s.Address(), http.NotFoundHandler()); err == nil || !strings.Contains(err.Error(), "LISTEN_FAILED") {
		t.Errorf("a taken port: %v", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + s.Address() + "/readyz")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r, err)
	}
	r.Body.Close()
	// Headers beyond the limit are refused.
	request, _ := http.NewRequest("GET", "http://"+s.Address()+"/livez", nil)
	request.Header.Set("X-Large", strings.Repeat("x", 2*headerBytes))
	if r, err = client.Do(request); err != nil || r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large headers: %v %v", r, err)
	}
	r.Body.Close()
	// A client that says nothing does not keep Close waiting.
	silent, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = s.Close(ctx)
	if _, err := net.Dial("tcp", s.Address()); err == nil {
		t.Error("it still listens")
	}
}
