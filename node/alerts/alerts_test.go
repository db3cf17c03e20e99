package alerts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"
)

func ExampleMonitor() {
	m, start := NewMonitor(Rules{Lag: &Threshold{Above: 100, For: time.Minute}}), time.Unix(0, 0)
	for minute, lag := range []int64{50, 500, 400, 300, 90} {
		for _, e := range m.Look(start.Add(time.Duration(minute)*time.Minute), Sample{Lag: lag}) {
			fmt.Println(minute, e.Alert, e.State, e.Value, m.Firing())
		}
	}
	// Output:
	// 2 lag firing 400 [lag]
	// 4 lag resolved 90 []
}

// TestAlertsBeginAndEndOnce: whatever the samples, events of one subject alternate between firing and resolved, an alert fires only after
// its bound was exceeded for its time without a break, and Firing is what has begun and not ended.
func TestAlertsBeginAndEndOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		during := time.Duration(rapid.IntRange(0, 5).Draw(r, "for")) * time.Second
		m := NewMonitor(Rules{Expectation: &Threshold{Above: 0.5, For: during}, Failed: true})
		firing, since := map[string]bool{}, map[string]time.Time{}
		for i := range rapid.IntRange(1, 40).Draw(r, "samples") {
			now := time.Unix(int64(i), 0)
			s := Sample{Violations: map[string]float64{}, Failure: rapid.SampledFrom([]string{"", "broken"}).Draw(r, "failure")}
			for _, name := range []string{"a", "b"} {
				if rapid.Bool().Draw(r, "judged") {
					s.Violations[name] = rapid.Float64Range(0, 1).Draw(r, "share")
					if s.Violations[name] <= 0.5 {
						delete(since, name)
					} else if since[name].IsZero() {
						since[name] = now
					}
				}
			}
			for _, e := range m.Look(now, s) {
				name := e.Alert + ":" + e.Subject
				if (e.State == Firing) == firing[name] {
					r.Fatalf("%s twice: %+v", name, e)
				}
				if firing[name] = e.State == Firing; e.Alert == "expectation" && firing[name] && (since[e.Subject].IsZero() || now.Sub(since[e.Subject]) < during || !e.Since.Equal(since[e.Subject])) {
					r.Fatalf("too early: %+v, above since %v", e, since[e.Subject])
				}
			}
			if firing["failed:"] != (s.Failure != "") {
				r.Fatalf("failed fires: %v, failure %q", firing["failed:"], s.Failure)
			}
			n := 0
			for _, on := range firing {
				if on {
					n++
				}
			}
			if len(m.Firing()) != n {
				r.Fatalf("firing: %v, want %v", m.Firing(), firing)
			}
		}
	})
}

// answers is a target that answers as it is told, and then takes everything.
type answers struct {
	with []error
	got  []string
}

func (a *answers) Send(ctx context.Context, e []byte) error {
	if len(a.with) > 0 {
		err := a.with[0]
		if a.with = a.with[1:]; err == context.Canceled {
			<-ctx.Done()
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	a.got = append(a.got, string(e))
	return nil
}

func (a *answers) Close() error { return nil }

func TestSenderTriesAgainAndGivesUp(t *testing.T) {
	away := errors.New("away")
	for name, c := range map[string]struct {
		with []error
		want string
		gave int
	}{
		"at once":            {nil, "a b", 0},
		"the third time":     {[]error{away, away}, "a b", 0},
		"refused":            {[]error{Refused(away)}, "b", 1},
		"never":              {[]error{away, away, away, away, away, away}, "b", 1},
		"no answer in a try": {[]error{context.Canceled}, "a b", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			target := &answers{with: c.with}
			s := NewSender("t", target, zap.New(core))
			s.Tell(Event{Alert: "a"})
			s.Tell(Event{Alert: "b"})
			if err := s.Close(t.Context()); err != nil {
				t.Error(name, err)
			}
			var got []string
			for _, e := range target.got {
				got = append(got, e[strings.Index(e, `"alert":"`)+9:][:1])
			}
			if strings.Join(got, " ") != c.want || logs.Len() != c.gave {
				t.Errorf("%s: sent %v, gave up %d times; want %s and %d", name, got, logs.Len(), c.want, c.gave)
			}
		})
	}
}

// TestSenderNeverHoldsUp: a target that hangs takes nothing from those who tell, and Close ends with its context.
func TestSenderNeverHoldsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		s := NewSender("t", &answers{with: []error{context.Canceled, context.Canceled, context.Canceled, context.Canceled, context.Canceled, context.Canceled}}, zap.New(core))
		s.Tell(Event{Alert: "first"})
		synctest.Wait()
		for range mostQueued + 3 {
			s.Tell(Event{Alert: "more"})
		}
		if logs.Len() != 3 {
			t.Errorf("%d events left out, want 3", logs.Len())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := s.Close(ctx); err != nil || time.Since(began) > time.Second {
			t.Errorf("closed after %v: %v", time.Since(began), err)
		}
	})
}

func TestWebhook(t *testing.T) {
	code, bodies := 204, []string{}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Method+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization")+" "+string(body))
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(code)
	}))
	defer server.Close()
	w, err := NewWebhook(server.URL+"/secret-path", map[string]string{"Authorization": "Bearer x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code          int
		fails, refuse bool
	}{{204, false, false}, {500, true, false}, {429, true, false}, {404, true, true}, {302, true, true}} {
		code = c.code
		err := w.Send(t.Context(), []byte(`{}`))
		var r refused
		if (err != nil) != c.fails || errors.As(err, &r) != c.refuse || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", c.code, err)
		}
	}
	if bodies[0] != "POST application/json Bearer x {}" {
		t.Errorf("posted %q", bodies[0])
	}
	server.Close()
	if err := w.Send(t.Context(), nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody there: %v", err)
	}
	for _, address := range []string{"", "host/path", "ftp://host", "http://"} {
		if _, err := NewWebhook(address, nil); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
	for name, value := range map[string]string{"A": "b\r\nC: d", "Authörization": "x", "B": "\x00", "host": "elsewhere", "Content-Length": "1"} {
		if _, err := NewWebhook("http://h", map[string]string{name: value}); err == nil {
			t.Errorf("header %q: %q was taken", name, value)
		}
	}
}
