package flowfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// every is a flow with each verb of event time and state.
const every = `
name: every
checkpointLocation: ./state/every
multipleWatermarkPolicy: max
sources:
  orders: {format: kafka, options: {subscribe: orders}}
  more: {format: kafka, options: {subscribe: more}}
  customers: {format: delta, path: lake/customers, static: true, versionAsOf: 3}
steps:
  both: {from: [orders, more]}
  parsed:
    from: both
    do:
      - select: ["from_json(cast(value AS string), 'order_id STRING, customer BIGINT, region STRING, amount DOUBLE, tags ARRAY<STRING>, at TIMESTAMP') AS o"]
      - select: ["o.*"]
      - withColumnRenamed: {at: ordered_at}
      - watermark: {column: ordered_at, delay: 10 minutes, maxFutureSkew: 1 hour, idleAfter: never, splits: max, allowedLateness: 5 minutes, maxLead: 2 hours}
      - dropDuplicates: [order_id, ordered_at]
      - dropDuplicatesWithinWatermark: {columns: [order_id], name: once}
      - repartition: {by: [region]}
      - fillna: {region: none, amount: 0.5}
      - fillna: 0
      - dropna: [order_id]
      - dropna: {how: all, subset: [region, customer]}
      - dropna: {thresh: 2}
  tagged:
    from: parsed
    do:
      - explode: {of: tags, as: tag}
      - select: [order_id, tag]
      - distinct
      - distinct: {name: twice}
  enriched:
    from: parsed
    do:
      - join: {with: customers, as: [o, c], on: "o.customer = c.id", type: left}
      - join: {with: customers, using: [name], type: leftsemi}
  per_region:
    from: enriched
    do:
      - aggregate:
          name: per-region
          groupBy: ["window(ordered_at, '5 minutes', '1 minute')", region]
          agg: ["count(*) AS orders", "sum(amount) AS revenue"]
      - select: [window, "window.start AS start", "window.end AS end", region, orders, revenue]
  best: {from: per_region, do: [{topN: {keys: [window], by: ["revenue DESC"], n: 3, rank: rank, as: place, name: best-rows}}]}
  newest: {from: parsed, do: [{keepLatest: {keys: [customer], by: ordered_at}}]}
  ranking: {from: parsed, do: [{aggregate: {groupBy: [region], agg: ["count(*) AS n"]}}, {sort: ["n DESC"]}, {limit: 10}]}
  sessions: {from: parsed, do: [{aggregate: {groupBy: ["session_window(ordered_at, '10 minutes')", customer], agg: ["count(*) AS n"]}}]}
  ticks: {from: parsed, do: [{aggregate: {groupBy: ["window(processing_time(), '10 seconds')"], agg: ["count(*) AS n"]}}]}
sinks:
  revenue: {from: per_region, format: delta, path: lake/revenue}
  latest: {from: per_region, format: console, outputMode: update, keys: [start, region]}
  best: {from: best, format: delta, path: lake/best}
  newest: {from: newest, format: console, outputMode: update}
  ranking: {from: ranking, format: console, outputMode: complete}
  tags: {from: tagged, format: delta, path: lake/tags}
  sessions: {from: sessions, format: delta, path: lake/sessions}
  ticks: {from: ticks, format: delta, path: lake/ticks}
quarantine: {path: lake/quarantine}
late: {path: lake/late}
`

func TestEveryVerbIsReadAndSaid(t *testing.T) {
	var n noted
	files, err := Parse("flow.yaml", []byte(every), options(&n))
	if err != nil {
		t.Fatal(err)
	}
	g, err := files[0].Flow().Build()
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string]*topology.Step{}
	for _, s := range g.Steps {
		steps[s.Name] = s
	}
	if w := steps["parsed-watermark"].Watermark; w == nil || w.Delay != 600e6 || w.Splits != "max" || w.IdleAfter >= 0 || w.Lead != 7200e6 {
		t.Errorf("watermark %+v", w)
	}
	for name, bound := range map[string]string{"parsed-dropDuplicates": "until the watermark passes ordered_at", "once": "plus 10m0s", "tagged-distinct": "never evicted", "twice": "never evicted",
		"per-region": "until the watermark passes the window's end by more than 5m0s", "best-rows": "until the watermark passes window", "newest-keepLatest": "never evicted",
		"ranking-aggregate": "never evicted", "sessions-aggregate": "until the watermark", "ticks-aggregate": "processing time"} {
		if s := steps[name]; s == nil || !s.Stateful || !strings.Contains(s.StateBound, bound) {
			t.Errorf("step %s: %+v, want state %q", name, s, bound)
		}
	}
	if g.WatermarkPolicy != "max" || g.LateSink == 0 || g.Steps[g.LateSink-1].Name != "late" {
		t.Errorf("policy %q, late sink %d", g.WatermarkPolicy, g.LateSink)
	}
	if p := steps["per-region"]; !steps["latest"].Updating || steps["revenue"].Updating || p == nil {
		t.Errorf("the sink in update mode reads %v", steps["latest"].Ports)
	}
	for _, s := range g.Steps {
		if s.Verb == topology.VerbOperate && s.Operator() == nil {
			t.Errorf("step %s makes no operator", s.Name)
		}
	}
	if len(n.statics) != 1 || n.statics[0].Version != "3" {
		t.Errorf("static sources %+v", n.statics)
	}
	for _, s := range n.sinks {
		if keys := strings.Join(s.Keys, ","); (s.Name == "latest") != (keys == "start,region") {
			t.Errorf("keys of %s: %s", s.Name, keys)
		}
	}
}

// Each mistake in a verb has its place, and says what is wanted.
func TestMistakesOfVerbsAreNamedWithTheirPlace(t *testing.T) {
	replace := func(old, with string) string {
		if !strings.Contains(every, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(every, old, with, 1)
	}
	for _, c := range []struct{ name, text, class, says string }{
		{"key of watermark", replace("idleAfter: never", "idelAfter: never"), "UNKNOWN_KEY", `did you mean "idleAfter"?`},
		{"no delay", replace("delay: 10 minutes, ", ""), "INVALID_FLOW_FILE", "no delay"},
		{"bad delay", replace("delay: 10 minutes", "delay: soon"), "INVALID_FLOW_FILE", `"soon" is not a duration`},
		{"bad splits", replace("splits: max", "splits: most"), "INVALID_FLOW_FILE", "want min or max"},
		{"watermark on a string", replace("column: ordered_at", "column: region"), "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", "flow.yaml:17:9"},
		{"aggregate without agg", replace(`agg: ["count(*) AS orders", "sum(amount) AS revenue"]`, ""), "INVALID_FLOW_FILE", "no agg"},
		{"unknown aggregate", replace("sum(amount)", "summ(amount)"), "UNRESOLVED_ROUTINE", "Did you mean sum"},
		{"slide above size", replace("'1 minute'", "'9 minutes'"), "DATATYPE_MISMATCH", "slide"},
		{"rank", replace("rank: rank", "rank: dense"), "INVALID_FLOW_FILE", "want row_number or rank"},
		{"right join", replace("type: left}", "type: right}"), "UNSUPPORTED_JOIN_TYPE", "leftanti"},
		{"join of streams", replace("with: customers, as", "with: more, as"), "UNSUPPORTED_FEATURE", "joins of two streams"},
		{"unknown table", replace("with: customers, as", "with: custmers, as"), "TABLE_OR_VIEW_NOT_FOUND", "did you mean customers?"},
		{"version of a stream", replace("subscribe: more}}", "subscribe: more}, versionAsOf: 1}"), "INVALID_FLOW_FILE", "static"},
		{"history without live", replace("  more: {format: kafka", "  both: {history: {format: delta, path: p}}\n  more: {format: kafka"), "INVALID_FLOW_FILE", "has no live"},
		{"hand-off by nothing", replace("  more: {format: kafka", "  both: {history: {format: delta, path: p}, live: {format: kafka}, handOff: luck}\n  more: {format: kafka"), "INVALID_FLOW_FILE", "offsets or timestamp"},
		{"key of a history", replace("  more: {format: kafka", "  both: {history: {format: delta, pth: p}, live: {format: kafka}}\n  more: {format: kafka"), "UNKNOWN_KEY", `did you mean "path"?`},
		{"policy", replace("multipleWatermarkPolicy: max", "multipleWatermarkPolicy: maximum"), "INVALID_FLOW_FILE", "min or max"},
		{"fill with a list", replace("fillna: 0", "fillna: [0]"), "INVALID_FLOW_FILE", "mapping"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("flow.yaml", []byte(c.text), options(&noted{}))
			var f *supervision.Failure
			if !errors.As(err, &f) || f.Line == 0 {
				t.Fatalf("%v", err)
			}
			if !strings.HasPrefix(f.Class, c.class) || !strings.Contains(f.Error()+" "+f.Hint, c.says) {
				t.Errorf("%s %s\nwant %s %s", f.Error(), f.Hint, c.class, c.says)
			}
		})
	}
}

// A sink whose mode is refused is told when the flow is built, with what to do.
func TestARefusedModeSaysWhy(t *testing.T) {
	files, err := Parse("flow.yaml", []byte(strings.Replace(every, "format: console, outputMode: complete", "format: console", 1)), options(&noted{}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = files[0].Flow().Build()
	var f *supervision.Failure
	if !errors.As(err, &f) || f.Class != "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION" || f.Step != "ranking" || f.Hint == "" {
		t.Errorf("%v", err)
	}
	line := 1 + strings.Count(every[:strings.LastIndex(every, "  ranking: ")], "\n")
	if err = files[0].Place(err); !errors.As(err, &f) || f.Path != "flow.yaml" || f.Line != line || f.Column != 3 {
		t.Errorf("%v, want line %d", err, line)
	}
}
