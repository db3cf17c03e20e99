package metrics

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/topology"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Doc describes a metric.
type Doc struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Labels []string `json:"labels,omitempty"`
	Doc    string   `json:"doc"`
	Since  string   `json:"since"`
}

const since = "0.1"

// Docs are the metrics that this package counts, in the order of their names.
func Docs() []Doc {
	return []Doc{
		{"deltaic_build_info", "gauge", []string{"version", "revision", "go"}, "1, with what was built in the labels", since},
		{"deltaic_checkpoint_duration_seconds", "histogram", []string{"stream"}, "from an epoch's barrier until every table has it", since},
		{"deltaic_checkpoints_total", "counter", []string{"stream", "result"}, "epochs that are done", since},
		{"deltaic_delta_commits_total", "counter", []string{"stream", "operator"}, "epochs committed to a table, by sink", since},
		{"deltaic_delta_files_written_total", "counter", []string{"stream", "operator"}, "data files added, by sink", since},
		{"deltaic_expectation_dropped_records_total", "counter", []string{"stream"}, "rows that expectations left out", since},
		{"deltaic_expectation_records_total", "counter", []string{"stream", "dataset", "expectation", "outcome"}, "rows that an expectation has seen, by outcome: passed or failed", since},
		{"deltaic_http_request_duration_seconds", "histogram", []string{"route", "code"}, "answers of the HTTP surface", since},
		{"deltaic_last_checkpoint_timestamp_seconds", "gauge", []string{"stream"}, "when the last epoch was done, seconds since 1970", since},
		{"deltaic_quarantined_records_total", "counter", []string{"stream"}, "rows that could not be decoded or computed, or violate a rule that quarantines", since},
		{"deltaic_restarts_total", "counter", []string{"stream"}, "attempts after the first one of this process", since},
		{"deltaic_sink_records_total", "counter", []string{"stream", "operator"}, "rows committed, by sink", since},
		{"deltaic_source_bytes_total", "counter", []string{"stream"}, "bytes read, of rows that are committed", since},
		{"deltaic_source_lag_bytes", "gauge", []string{"stream"}, "what the rows behind the end of the sources may weigh, of sources that can tell", since},
		{"deltaic_source_lag_records", "gauge", []string{"stream"}, "rows behind the end of the sources as last heard", since},
		{"deltaic_source_partition_lag_records", "gauge", []string{"stream", "operator", "topic", "partition"}, "rows behind the end of a partition of Kafka as last heard, by source", since},
		{"deltaic_source_records_total", "counter", []string{"stream", "operator"}, "rows read, of epochs that are done, by source", since},
		{"deltaic_state_bytes", "gauge", []string{"stream", "operator"}, "bytes of keyed state", since},
		{"deltaic_state_rows", "gauge", []string{"stream", "operator"}, "rows of keyed state", since},
		{"deltaic_stream_state", "gauge", []string{"stream", "state"}, "1 for the state a flow is in", since},
		{"deltaic_trigger_duration_seconds", "histogram", []string{"stream", "phase"}, "parts of an epoch: the keys of durationMs", since},
	}
}

// Metrics is a registry.
type Metrics struct {
	registry   *prometheus.Registry
	counters   map[string]*prometheus.CounterVec
	gauges     map[string]*prometheus.GaugeVec
	histograms map[string]*prometheus.HistogramVec
}

// New returns a registry with build information.
func New(version, revision, goVersion string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), counters: map[string]*prometheus.CounterVec{}, gauges: map[string]*prometheus.GaugeVec{}, histograms: map[string]*prometheus.HistogramVec{}}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, d := range Docs() {
		switch {
		case d.Name == "deltaic_stream_state": // collected from the flows themselves
		case d.Type == "counter":
			m.counters[d.Name] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.Name, Help: d.Doc}, d.Labels)
			m.registry.MustRegister(m.counters[d.Name])
		case d.Type == "gauge":
			m.gauges[d.Name] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: d.Name, Help: d.Doc}, d.Labels)
			m.registry.MustRegister(m.gauges[d.Name])
		default:
			m.histograms[d.Name] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: d.Name, Help: d.Doc,
				Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18)}, d.Labels)
			m.registry.MustRegister(m.histograms[d.Name])
		}
	}
	m.gauges["deltaic_build_info"].WithLabelValues(version, revision, goVersion).Set(1)
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Request counts an answer of the HTTP surface.
func (m *Metrics) Request(route string, status int, seconds float64) {
	m.histograms["deltaic_http_request_duration_seconds"].WithLabelValues(route, strconv.Itoa(status)).Observe(seconds)
}

// Stream is the recorder of a flow.
type Stream struct {
	m       *Metrics
	name    string
	graph   *topology.Graph
	attempt int64 // newest one seen; 0: none yet
}

// Stream returns the recorder of a flow. state tells what the flow does now.
func (m *Metrics) Stream(name string, graph *topology.Graph, state func() string) *Stream {
	m.registry.MustRegister(&stateCollector{name, state, prometheus.NewDesc("deltaic_stream_state", "1 for the state a flow is in", []string{"state"}, prometheus.Labels{"stream": name})})
	s := &Stream{m: m, name: name, graph: graph}
	m.counters["deltaic_checkpoints_total"].WithLabelValues(name, "completed").Add(0)
	m.counters["deltaic_quarantined_records_total"].WithLabelValues(name).Add(0)
	m.counters["deltaic_restarts_total"].WithLabelValues(name).Add(0)
	return s
}

// Observe counts an epoch that is done. It is called from one goroutine at a time.
func (s *Stream) Observe(p actors.Progress) {
	m := s.m
	m.counters["deltaic_checkpoints_total"].WithLabelValues(s.name, "completed").Inc()
	m.counters["deltaic_quarantined_records_total"].WithLabelValues(s.name).Add(float64(p.Rejected))
	m.counters["deltaic_expectation_dropped_records_total"].WithLabelValues(s.name).Add(float64(p.LeftOut))
	for _, e := range p.Expectations {
		rows := m.counters["deltaic_expectation_records_total"]
		rows.WithLabelValues(s.name, e.Dataset, e.Name, "passed").Add(float64(e.PassedRecords))
		rows.WithLabelValues(s.name, e.Dataset, e.Name, "failed").Add(float64(e.FailedRecords))
	}
	m.counters["deltaic_source_bytes_total"].WithLabelValues(s.name).Add(float64(p.BytesIn))
	if s.attempt > 0 && p.Attempt > s.attempt {
		m.counters["deltaic_restarts_total"].WithLabelValues(s.name).Add(float64(p.Attempt - s.attempt))
	}
	s.attempt = max(s.attempt, p.Attempt)
	m.gauges["deltaic_source_lag_records"].WithLabelValues(s.name).Set(float64(p.Lag))
	m.gauges["deltaic_last_checkpoint_timestamp_seconds"].WithLabelValues(s.name).Set(float64(p.Stats.Done.UnixMilli()) / 1000)
	m.histograms["deltaic_checkpoint_duration_seconds"].WithLabelValues(s.name).Observe(p.Stats.Done.Sub(p.Stats.Closed).Seconds())
	for phase, ms := range p.DurationMs {
		m.histograms["deltaic_trigger_duration_seconds"].WithLabelValues(s.name, phase).Observe(float64(ms) / 1000)
	}
	bytes := 0.0
	for i, step := range s.graph.Sources() {
		if i < len(p.Sources) {
			bytes += s.behind(s.graph.Steps[step].Name, p.Sources[i].Metrics)
			m.counters["deltaic_source_records_total"].WithLabelValues(s.name, s.graph.Steps[step].Name).Add(float64(p.Sources[i].NumInputRows))
		}
	}
	m.gauges["deltaic_source_lag_bytes"].WithLabelValues(s.name).Set(bytes)
	for _, sink := range p.Sinks {
		m.counters["deltaic_sink_records_total"].WithLabelValues(s.name, sink.Name).Add(float64(max(0, sink.NumOutputRows)))
	}
	for sink, c := range p.Stats.Committed {
		if c.Version >= 0 && !c.Repeat {
			m.counters["deltaic_delta_commits_total"].WithLabelValues(s.name, sink).Inc()
			m.counters["deltaic_delta_files_written_total"].WithLabelValues(s.name, sink).Add(float64(c.Files))
		}
	}
	for _, state := range p.StateOperators {
		m.gauges["deltaic_state_rows"].WithLabelValues(s.name, state.OperatorName).Set(float64(state.NumRowsTotal))
		m.gauges["deltaic_state_bytes"].WithLabelValues(s.name, state.OperatorName).Set(float64(state.MemoryUsedBytes))
	}
}

// behind sets how far the partitions of a source are behind, and returns what is waiting there in bytes, as far as the source tells.
func (s *Stream) behind(source string, metrics map[string]string) float64 {
	var partitions map[string]map[string]float64
	if text := metrics["offsetsBehindLatest"]; text != "" && json.Unmarshal([]byte(text), &partitions) == nil {
		for topic, all := range partitions {
			for id, lag := range all {
				s.m.gauges["deltaic_source_partition_lag_records"].WithLabelValues(s.name, source, topic, id).Set(lag)
			}
		}
	}
	bytes, err := strconv.ParseFloat(metrics["estimatedTotalBytesBehindLatest"], 64)
	if err != nil {
		bytes, _ = strconv.ParseFloat(metrics["numBytesOutstanding"], 64)
	}
	return bytes
}

// stateCollector shows the state a flow is in.
type stateCollector struct {
	name  string
	state func() string
	desc  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, 1, c.state())
}
