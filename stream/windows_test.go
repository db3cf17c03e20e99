package stream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// Windowed aggregates in each output mode: everything is told once the source is at its end.
func TestWindowsEndToEnd(t *testing.T) {
	type from = *stream.Frame
	tumbling := []string{`{"start":"2026-03-01T10:00:00.000000Z","n":3}`, `{"start":"2026-03-01T10:01:00.000000Z","n":2}`, `{"start":"2026-03-01T10:02:00.000000Z","n":1}`}
	for _, c := range []struct {
		name  string
		modes string // first letters
		say   func(from) from
		want  []string
	}{
		{"tumbling", "auc", func(d from) from {
			return d.GroupBy(windows.Tumbling(time.Minute).On("at")).Agg("per-minute", "count(*) AS n").Select("window.start AS start", "n")
		}, tumbling},
		{"tumbling in SQL", "auc", func(d from) from {
			return d.GroupBy("window(at, '1 minute')").Agg("", "count(*) AS n").Select("window.start AS start", "n")
		}, tumbling},
		{"tumbling by user", "au", func(d from) from {
			return d.GroupBy("user", windows.Tumbling(time.Minute).On("at")).Agg("", "sum(amount) AS total").Where("user = 'ann'").Select("user", "window.end AS end", "total")
		}, []string{`{"user":"ann","end":"2026-03-01T10:01:00.000000Z","total":20}`, `{"user":"ann","end":"2026-03-01T10:02:00.000000Z","total":7}`}},
		{"sliding", "auc", func(d from) from {
			return d.Where("id = 4").GroupBy("window(at, '2 minutes', '1 minute')").Agg("", "count(*) AS n").Select("window.start AS start", "n")
		}, []string{`{"start":"2026-03-01T10:01:00.000000Z","n":1}`, `{"start":"2026-03-01T10:02:00.000000Z","n":1}`}},
		{"sessions", "ac", func(d from) from {
			return d.GroupBy("session_window(at, '40 seconds')", "user").Agg("", "count(*) AS n").Select("user", "session_window.start AS start", "n")
		}, []string{`{"user":"ann","start":"2026-03-01T10:00:10.000000Z","n":2}`, `{"user":"ann","start":"2026-03-01T10:01:20.000000Z","n":1}`,
			`{"user":"bob","start":"2026-03-01T10:00:40.000000Z","n":1}`, `{"user":"bob","start":"2026-03-01T10:01:50.000000Z","n":1}`, `{"user":"cid","start":"2026-03-01T10:02:05.000000Z","n":1}`}},
		{"windows over sessions", "auc", func(d from) from {
			return d.GroupBy("session_window(at, '40 seconds')", "user").Agg("", "count(*) AS n").GroupBy("window(session_window, '1 hour')").Agg("", "count(*) AS sessions").Select("sessions")
		}, []string{`{"sessions":5}`}},
		{"count distinct", "auc", func(d from) from {
			return d.GroupBy("window(at, '1 hour')").Agg("", "count(DISTINCT user) AS users").Select("users")
		}, []string{`{"users":3}`}},
		{"count distinct of sliding windows", "auc", func(d from) from {
			return d.GroupBy("window(at, '2 minutes', '1 minute')").Agg("", "count(DISTINCT user) AS users").Select("window.start AS start", "users")
		}, []string{`{"start":"2026-03-01T09:59:00.000000Z","users":2}`, `{"start":"2026-03-01T10:00:00.000000Z","users":2}`,
			`{"start":"2026-03-01T10:01:00.000000Z","users":3}`, `{"start":"2026-03-01T10:02:00.000000Z","users":1}`}},
		{"windows over windows", "au", func(d from) from {
			return d.GroupBy("window(at, '1 minute')").Agg("minutes", "count(*) AS n").
				GroupBy("window(window, '1 hour')").Agg("hours", "sum(n) AS n", "count(*) AS minutes").Select("window.start AS start", "n", "minutes")
		}, []string{`{"start":"2026-03-01T10:00:00.000000Z","n":6,"minutes":3}`}},
		{"group by a window that is there", "au", func(d from) from {
			return d.GroupBy("window(at, '1 minute')", "user").Agg("", "count(*) AS n").GroupBy("window").Agg("", "count(*) AS users").Select("window.start AS start", "users")
		}, []string{`{"start":"2026-03-01T10:00:00.000000Z","users":2}`, `{"start":"2026-03-01T10:01:00.000000Z","users":2}`, `{"start":"2026-03-01T10:02:00.000000Z","users":1}`}},
		{"group by event time", "au", func(d from) from { return d.GroupBy("at").Count().Where("count > 1") },
			[]string{`{"at":"2026-03-01T10:00:10.000000Z","count":2}`}},
		{"the top of each window", "au", func(d from) from {
			return d.GroupBy("window(at, '1 minute')", "user").Agg("", "count(*) AS n").
				TopN(stream.Top{Keys: []string{"window"}, By: []string{"n DESC"}, N: 1, Rank: stream.Rank}).Where("n > 1").Select("window.start AS start", "user", "n")
		}, []string{`{"start":"2026-03-01T10:00:00.000000Z","user":"ann","n":2}`}},
	} {
		for _, m := range []connectors.OutputMode{stream.Append, stream.Update, stream.Complete} {
			if !strings.Contains(c.modes, string(m[:1])) {
				continue
			}
			t.Run(strings.ReplaceAll(c.name, " ", "_")+"/"+string(m), func(t *testing.T) {
				flow, sink := stream.New("windows").Parallelism(2), memory.NewSink("out")
				c.say(flow.From("clicks", some(t)).WithWatermark("at", time.Minute)).To("out", sink, m)
				same(t, outcome(t, flow, sink), c.want...)
			})
		}
	}
}
