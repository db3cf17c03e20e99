package client

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/deltaic/deltaic/formats/registry"
	"github.com/deltaic/deltaic/internal/certificates"
	"github.com/deltaic/deltaic/supervision"
)

// counted serves the registry and counts what it is asked.
func counted(t *testing.T, r *srfake.Registry) (address string, asked *atomic.Int64) {
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Add(1)
		r.Handler().ServeHTTP(w, q)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func opened(t *testing.T, address string, options map[string]string) *Client {
	t.Helper()
	c, err := open(address, options)
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(time.Duration) {}
	return c
}

func TestSchemasAreKept(t *testing.T) {
	fake := srfake.NewRegistry()
	first, _, err := fake.RegisterSchema("orders-value", sr.Schema{Schema: `"int"`})
	if err != nil {
		t.Fatal(err)
	}
	address, asked := counted(t, fake)
	c := opened(t, address, nil)
	for range 3 {
		s, err := c.ByID(first)
		if err != nil || s.Text != `"int"` || s.Kind != registry.Avro || s.ID != first {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times for one number", asked.Load())
	}
	second, _, err := fake.RegisterSchema("orders-value", sr.Schema{Schema: `"long"`})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Latest("orders-value"); err != nil || s.ID != second || s.Text != `"long"` {
		t.Fatalf("%+v, %v", s, err)
	}
	before := asked.Load()
	if s, err := c.ByID(second); err != nil || s.Text != `"long"` || asked.Load() != before {
		t.Errorf("the newest schema is asked for again: %+v, %v", s, err)
	}
}

func TestUnknownNumbersAreAskedForOnceAMinute(t *testing.T) {
	address, asked := counted(t, srfake.NewRegistry())
	c := opened(t, address, nil)
	now := time.Unix(0, 0)
	c.now = func() time.Time { return now }
	for range 5 {
		if _, err := c.ByID(77); !errors.Is(err, registry.ErrUnknown) || !strings.Contains(err.Error(), "77") {
			t.Fatal(err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	now = now.Add(2 * time.Minute)
	if _, err := c.ByID(77); !errors.Is(err, registry.ErrUnknown) || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
	for id := range 3 * maxKept {
		keep(c.unknown, id, now)
	}
	if len(c.unknown) > maxKept {
		t.Errorf("%d numbers are kept", len(c.unknown))
	}
	if _, err := c.Latest("none"); !errors.Is(err, registry.ErrUnknown) {
		t.Error(err)
	}
}

func TestReferencesComeBeforeThoseThatNameThem(t *testing.T) {
	fake := srfake.NewRegistry()
	register := func(subject, text string, refs ...sr.SchemaReference) int {
		id, _, err := fake.RegisterSchema(subject, sr.Schema{Schema: text, References: refs})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	register("money", `{"type":"record","name":"Money","fields":[{"name":"cents","type":"long"}]}`)
	register("line", `{"type":"record","name":"Line","fields":[{"name":"price","type":"Money"}]}`, sr.SchemaReference{Name: "Money", Subject: "money", Version: 1})
	id := register("order", `{"type":"record","name":"Order","fields":[{"name":"line","type":"Line"},{"name":"tax","type":"Money"}]}`,
		sr.SchemaReference{Name: "Line", Subject: "line", Version: 1}, sr.SchemaReference{Name: "Money", Subject: "money", Version: 1})
	address, _ := counted(t, fake)
	s, err := opened(t, address, nil).ByID(id)
	if err != nil || len(s.References) != 2 || s.References[0].Name != "Money" || s.References[1].Name != "Line" {
		t.Fatalf("%+v, %v", s, err)
	}
}

func TestWhoAsks(t *testing.T) {
	for name, c := range map[string]struct {
		options map[string]string
		header  string
	}{
		"basic":  {map[string]string{"confluent.schema.registry.basic.auth.credentials.source": "USER_INFO", "confluent.schema.registry.basic.auth.user.info": "me:canary"}, "Basic bWU6Y2FuYXJ5"},
		"bearer": {map[string]string{"confluent.schema.registry.bearer.auth.token": "canary"}, "Bearer canary"},
	} {
		fake := srfake.NewRegistry(srfake.WithAuth(c.header))
		id, _, _ := fake.RegisterSchema("s", sr.Schema{Schema: `"int"`})
		address, _ := counted(t, fake)
		if _, err := opened(t, address, c.options).ByID(id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := opened(t, address, map[string]string{"confluent.schema.registry.bearer.auth.token": "canary-other"}).ByID(id)
		if supervision.KindOf(err) != supervision.Fatal || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMutualTLS(t *testing.T) {
	fake := srfake.NewRegistry()
	id, _, _ := fake.RegisterSchema("s", sr.Schema{Schema: `"int"`})
	chain, key := certificates.New(t)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(chain))
	server := httptest.NewUnstartedServer(fake.Handler())
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}
	server.StartTLS()
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	options := map[string]string{"confluent.schema.registry.ssl.truststore.certificates": ca,
		"confluent.schema.registry.ssl.keystore.certificate.chain": chain, "confluent.schema.registry.ssl.keystore.key": key, "confluent.schema.registry.ssl.keystore.type": "PEM"}
	if _, err := opened(t, server.URL, options).ByID(id); err != nil {
		t.Error(err)
	}
	for _, without := range []string{"confluent.schema.registry.ssl.truststore.certificates", "confluent.schema.registry.ssl.keystore.key"} {
		fewer := map[string]string{}
		for k, v := range options {
			if k != without && (without == "confluent.schema.registry.ssl.truststore.certificates" || !strings.Contains(k, "keystore")) {
				fewer[k] = v
			}
		}
		if _, err := opened(t, server.URL, fewer).ByID(id); supervision.KindOf(err) != supervision.Transient {
			t.Errorf("without %s: %v", without, err)
		}
	}
}

func TestRegistriesThatFail(t *testing.T) {
	var answers atomic.Int64
	fail := func(status int, times int64, then http.Handler) *Client {
		answers.Store(0)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if answers.Add(1) > times && then != nil {
				then.ServeHTTP(w, q)
				return
			}
			w.WriteHeader(status)
		}))
		t.Cleanup(s.Close)
		return opened(t, s.URL, nil)
	}
	fake := srfake.NewRegistry()
	id, _, _ := fake.RegisterSchema("s", sr.Schema{Schema: `"int"`})
	if _, err := fail(503, 2, fake.Handler()).ByID(id); err != nil || answers.Load() != 3 {
		t.Errorf("after %d answers: %v", answers.Load(), err)
	}
	if _, err := fail(500, 1000, nil).ByID(id); supervision.KindOf(err) != supervision.Transient || answers.Load() != 3 {
		t.Errorf("after %d answers: %v", answers.Load(), err)
	}
	if _, err := fail(422, 1000, nil).Latest("s"); supervision.KindOf(err) != supervision.Fatal || answers.Load() != 1 {
		t.Errorf("after %d answers: %v", answers.Load(), err)
	}
	elsewhere := httptest.NewServer(fake.Handler())
	defer elsewhere.Close()
	if _, err := fail(0, 0, http.RedirectHandler(elsewhere.URL, http.StatusFound)).ByID(id); err == nil {
		t.Error("a redirect was followed")
	}
	huge := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := []byte(strings.Repeat(" ", 1<<20))
		for range 2 * maxAnswer >> 20 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	if _, err := fail(0, 0, huge).ByID(id); err == nil || !strings.Contains(err.Error(), "8 MiB") {
		t.Errorf("a huge answer: %v", err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if _, err := opened(t, gone.URL, nil).ByID(id); supervision.KindOf(err) != supervision.Transient {
		t.Errorf("nobody there: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		address string
		options map[string]string
		want    string
	}{
		{"localhost:8081", nil, "http://host:port"},
		{"http://me:canary@r", nil, "user.info"},
		{"http://r", map[string]string{"confluent.schema.registry.no.such": "canary"}, "no.such"},
		{"http://r", map[string]string{"confluent.schema.registry.ssl.truststore.location": "/canary"}, "PEM"},
		{"http://r", map[string]string{"confluent.schema.registry.basic.auth.user.info": "canary"}, "user:password"},
		{"http://r", map[string]string{"confluent.schema.registry.ssl.keystore.key": "canary"}, "belong together"},
		{"http://r", map[string]string{"confluent.schema.registry.basic.auth.credentials.source": "URL"}, "USER_INFO"},
		{"http://r", map[string]string{"confluent.schema.registry.request.timeout.ms": "0"}, "60000"},
	} {
		if r, err := Open(c.address, c.options); err == nil || r != nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s %v: %v", c.address, c.options, err)
		}
	}
	if _, err := Open("https://a, https://b", map[string]string{"confluent.schema.registry.request.timeout.ms": "1000"}); err != nil {
		t.Error(err)
	}
}

// What an answer says is not repeated, and a number that is not taken is of the record that has it.
func TestRefusedQuestions(t *testing.T) {
	status := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error_code":%d,"message":"you sent %s and canary"}`, status*100+1, q.Header.Get("Authorization"))
	}))
	defer server.Close()
	c := opened(t, server.URL, map[string]string{"confluent.schema.registry.basic.auth.credentials.source": "USER_INFO", "confluent.schema.registry.basic.auth.user.info": "me:canary"})
	for id, code := range []int{400, 401, 403, 404, 405, 409, 422, 429, 500, 501} {
		status = code
		_, err := c.ByID(id)
		_, latest := c.Latest("orders")
		for _, err := range []error{err, latest} {
			if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "bWU6Y2FuYXJ5") {
				t.Errorf("%d: %v", code, err)
			}
		}
		ofTheRecord := code < 429 && code != 401 && code != 403
		if errors.Is(err, registry.ErrUnknown) != ofTheRecord || ofTheRecord && code != 404 && !strings.Contains(err.Error(), fmt.Sprintf("status %d, error code %d", code, code*100+1)) {
			t.Errorf("%d: %v", code, err)
		}
		if errors.Is(latest, registry.ErrUnknown) != (code == 404) {
			t.Errorf("%d, by subject: %v", code, latest)
		}
		if hint := hintOf(latest); strings.Contains(hint, "the flow tries again") || (code >= 429) != strings.Contains(hint, "started again") {
			t.Errorf("%d: %s", code, hint)
		}
	}
}

func hintOf(err error) string {
	var f *supervision.Failure
	if errors.As(err, &f) {
		return f.Hint
	}
	return ""
}

// A record chooses the number of its schema: one that is too large, by itself or with what it names, is of that record alone, and never of the flow.
func TestSchemasThatAreTooLarge(t *testing.T) {
	text := func(pad int) string { return `"{\"type\":\"record\",\"doc\":\"` + strings.Repeat("d", pad) + `\"}"` }
	names := func(first, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"name":"P%d","subject":"P%[1]d","version":1}`, first+i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		part := 0
		switch _, err := fmt.Sscanf(q.URL.Path, "/subjects/P%d/versions/1", &part); {
		case err == nil && part < 10:
			fmt.Fprintf(w, `{"subject":"P","version":1,"id":%d,"schema":%s}`, 100+part, text(1<<20))
		case err == nil:
			fmt.Fprintf(w, `{"subject":"P","version":1,"id":%d,"schema":%s}`, 100+part, text(0))
		case strings.HasSuffix(q.URL.Path, "/1"):
			fmt.Fprintf(w, `{"schema":%s}`, text(9<<20))
		case strings.HasSuffix(q.URL.Path, "/2"):
			fmt.Fprintf(w, `{"schema":%s,"references":%s}`, text(0), names(0, 10))
		case strings.HasSuffix(q.URL.Path, "/3"):
			fmt.Fprintf(w, `{"schema":%s,"references":%s}`, text(0), names(10, maxReferences+1))
		}
	}))
	t.Cleanup(s.Close)
	c := opened(t, s.URL, nil)
	for id, why := range map[int]string{1: "longer than 8 MiB", 2: "longer than 8 MiB", 3: "more than 200 others"} {
		if _, err := c.ByID(id); !errors.Is(err, registry.ErrUnknown) || !strings.Contains(err.Error(), why) {
			t.Errorf("number %d: %v", id, err)
		}
	}
}

// What is kept is bounded in bytes too.
func TestKeptSchemasAreBounded(t *testing.T) {
	c := opened(t, "http://localhost:1", nil)
	for id := range 100 {
		c.keep(id, registry.Schema{ID: id, Text: strings.Repeat("x", 4<<20)})
		c.keep(id, registry.Schema{ID: id, Text: strings.Repeat("x", 3<<20), References: []registry.Reference{{Name: "r", Text: strings.Repeat("y", 1<<20)}}})
	}
	total := 0
	for _, s := range c.kept {
		total += bytesOf(s)
	}
	if total > maxKeptBytes || total != c.keptBytes || len(c.kept) < 10 || c.kept[99].ID != 99 {
		t.Errorf("%d schemas of %d bytes are kept, %d by the books", len(c.kept), total, c.keptBytes)
	}
	for id := range 2 * maxKept {
		c.keep(id, registry.Schema{ID: id, Text: "x"})
	}
	if len(c.kept) > maxKept {
		t.Errorf("%d schemas are kept", len(c.kept))
	}
}
