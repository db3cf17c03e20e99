package metrics

import (
	"io"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/topology"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatal(w.Code, err, string(text))
	}
	return string(text)
}

func observed() *Metrics {
	m := New("v", "r", "go")
	g := &topology.Graph{Flow: "orders", Steps: []*topology.Step{{Name: "in", Verb: topology.VerbSource}, {Name: "out", Verb: topology.VerbSink}}}
	s := m.Stream("orders", g, func() string { return "RUNNING" })
	m.Stream("other", g, func() string { return "FAILED" })
	at := time.Unix(1000, 0)
	for attempt := range int64(2) {
		p := actors.Progress{Attempt: 4 + attempt*2, Rejected: 3, BytesIn: 100, Lag: 7, LeftOut: 2,
			Expectations: []topology.Expectation{{Name: "paid", Dataset: "parsed", PassedRecords: 8, FailedRecords: 2}}, Stats: actors.EpochStats{Closed: at, Done: at.Add(time.Second),
				Committed: map[string]connectors.Committed{"out": {Version: 2, Files: 5}, "again": {Version: 1, Repeat: true}}}}
		p.DurationMs = map[string]int64{"addBatch": 10}
		p.Sources = []topology.SourceProgress{{NumInputRows: 10, Metrics: map[string]string{"offsetsBehindLatest": `{"orders":{"0":3,"1":4}}`, "estimatedTotalBytesBehindLatest": "700"}}}
		p.Sinks = []topology.SinkProgress{{Name: "out", NumOutputRows: 8}, {Name: "unknown", NumOutputRows: -1}}
		p.StateOperators = []topology.StateProgress{{OperatorName: "dedup", NumRowsTotal: 11, MemoryUsedBytes: 12}}
		s.Observe(p)
	}
	m.Request("/livez", 200, 0.001)
	return m
}

// What is documented is what is shown, and the other way round.
func TestDocumentedMetricsAreThose(t *testing.T) {
	text := scrape(t, observed())
	var shown []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (deltaic_\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		shown = append(shown, m[1]+" "+m[2])
	}
	var documented []string
	for _, d := range Docs() {
		documented = append(documented, d.Name+" "+d.Type)
		if d.Doc == "" || d.Since == "" {
			t.Errorf("%s is not described", d.Name)
		}
		if (d.Type == "counter") != strings.HasSuffix(d.Name, "_total") {
			t.Errorf("%s is a %s", d.Name, d.Type)
		}
	}
	if !slices.Equal(shown, documented) {
		t.Errorf("shown\n%v\ndocumented\n%v", shown, documented)
	}
}

func TestEpochsAreCounted(t *testing.T) {
	text := scrape(t, observed())
	for _, line := range []string{
		`deltaic_source_records_total{operator="in",stream="orders"} 20`,
		`deltaic_sink_records_total{operator="out",stream="orders"} 16`,
		`deltaic_sink_records_total{operator="unknown",stream="orders"} 0`,
		`deltaic_quarantined_records_total{stream="orders"} 6`,
		`deltaic_restarts_total{stream="orders"} 2`,
		`deltaic_restarts_total{stream="other"} 0`,
		`deltaic_source_lag_records{stream="orders"} 7`,
		`deltaic_source_lag_bytes{stream="orders"} 700`,
		`deltaic_source_partition_lag_records{operator="in",partition="1",stream="orders",topic="orders"} 4`,
		`deltaic_state_rows{operator="dedup",stream="orders"} 11`,
		`deltaic_delta_commits_total{operator="out",stream="orders"} 2`,
		`deltaic_delta_files_written_total{operator="out",stream="orders"} 10`,
		`deltaic_stream_state{state="RUNNING",stream="orders"} 1`,
		`deltaic_stream_state{state="FAILED",stream="other"} 1`,
		`deltaic_checkpoint_duration_seconds_sum{stream="orders"} 2`,
		`deltaic_last_checkpoint_timestamp_seconds{stream="orders"} 1001`,
		`deltaic_http_request_duration_seconds_count{code="200",route="/livez"} 1`,
		`deltaic_trigger_duration_seconds_sum{phase="addBatch",stream="orders"} 0.02`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	if strings.Contains(text, `operator="again"`) {
		t.Error("a repeated commit was counted")
	}
}
