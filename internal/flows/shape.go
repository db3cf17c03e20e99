package flows

import (
	"fmt"
	"strings"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/stream"
)

// shape is a flow as it was drawn, with the query that says what it must write.
type shape struct {
	name   string
	mode   connectors.OutputMode
	build  func(*stream.Frame) *stream.Frame
	query  string       // over the table t, with ended and final in it
	floats map[int]bool // columns that are compared to nine digits
	late   string       // a query of (split, pos) of late rows; "" if the shape drops none
	ended  bool         // the input ends, so every window closes
	needs  func(*data)  // what the rows must be like for the result to be one
}

// macros are what queries use. floor_to rounds down, also below zero.
var macros = []string{"CREATE OR REPLACE TEMP MACRO floor_to(a, s) AS a - ((a % s) + s) % s"}

// measures are aggregates whose result does not depend on the order of rows, each as text
// here and in DuckDB.
var measures = []struct {
	ours, theirs string
	float        bool
}{
	{"count(*)", "count(*)", false},
	{"count(v)", "count(v)", false},
	{"sum(v)", "sum(v)::BIGINT", false},
	{"min(v)", "min(v)", false},
	{"max(x)", "max(x)", false},
	{"sum(x)", "sum(x)::DECIMAL(20,2)", false},
	{"avg(v)", "avg(v)", true},
	{"count(DISTINCT v)", "count(DISTINCT v)", false},
	{"count(DISTINCT k, g)", "count(DISTINCT CASE WHEN k IS NOT NULL THEN (k, g) END)", false},
	{"sum(DISTINCT v)", "sum(DISTINCT v)::BIGINT", false},
	{"count(*) FILTER (WHERE v > 20)", "count(*) FILTER (WHERE v > 20)", false},
	{"count(DISTINCT v) FILTER (WHERE g < 2)", "count(DISTINCT v) FILTER (WHERE g < 2)", false},
	{"max(k)", "max(k)", false},
	{"min(ts)", "min(ts)", false},
	{"stddev(v)", "stddev(v)", true},
	{"bool_and(v > 0)", "bool_and(v > 0)", false},
	{"max_by(g, id)", "max_by(g, id)", false},
}

// drawMeasures returns some of them, named a0, a1, ... in both languages.
func drawMeasures(d *draw, from int, floats map[int]bool) (ours []string, theirs string) {
	var them []string
	for i := range 1 + d.IntN(4) {
		m := measures[d.IntN(len(measures))]
		d.note("measure " + m.ours)
		ours = append(ours, fmt.Sprintf("%s AS a%d", m.ours, i))
		them = append(them, fmt.Sprintf("%s AS a%d", m.theirs, i))
		floats[from+i] = m.float
	}
	return ours, strings.Join(them, ", ")
}

func drawShape(d *draw, in *data) shape {
	draws := []func(*draw, *data) shape{tumbling, sliding, sessions, grouped, global, seen, seenByTime, newest, top, topOfWindow, twice, windowOfWindows, unions, sorted, distinct}
	s := draws[d.IntN(len(draws))](d, in)
	s.ended = d.chance(2)
	d.note("verb " + s.name)
	d.note("mode " + string(s.mode))
	if s.ended {
		d.note("input ends")
	}
	final := in.final()
	if s.ended {
		final = 1<<63 - 1
	}
	s.query = strings.ReplaceAll(s.query, "$final", fmt.Sprint(final))
	return s
}

// before draws verbs in front of the one that keeps state, in both languages: a frame, and a condition.
func before(d *draw) (func(*stream.Frame) *stream.Frame, string) {
	switch d.IntN(4) {
	case 0:
		d.note("verb where")
		return func(f *stream.Frame) *stream.Frame { return f.Where("g <> 3") }, "g <> 3"
	case 1:
		d.note("verb where null")
		return func(f *stream.Frame) *stream.Frame { return f.Where("v % 2 = 0") }, "((v % 2) + 2) % 2 = 0"
	}
	return func(f *stream.Frame) *stream.Frame { return f }, "true"
}

func watermarked(f *stream.Frame, in *data) *stream.Frame {
	return f.WithWatermark("ts", time.Duration(in.delay)*time.Microsecond)
}

// groups draws group columns.
func groups(d *draw) []string {
	return pick(d, []string{"k"}, []string{"g"}, []string{"k", "g"}, nil)
}

func list(columns []string, more ...string) string {
	return strings.Join(append(append([]string(nil), columns...), more...), ", ")
}

func anys(columns []string, more ...string) []any {
	var out []any
	for _, c := range append(more, columns...) {
		out = append(out, c)
	}
	return out
}

// windowMode is a mode of a windowed aggregate.
func windowMode(d *draw) connectors.OutputMode {
	return pick(d, stream.Append, stream.Update, stream.Complete)
}

// inTime is the condition of rows that come in time for a window that ends there. Where the whole result is
// written every time no window is over, so no row is late, as in Spark.
func inTime(m connectors.OutputMode, condition string) string {
	if m == stream.Complete {
		return "true"
	}
	return condition
}

// closedOnly is the condition under which a window that ends there is written in the mode.
func closedOnly(m connectors.OutputMode, end string) string {
	if m == stream.Append {
		return end + " <= $final"
	}
	return "true"
}

func tumbling(d *draw, in *data) shape {
	size := pick(d, int64(1), 7, 10, 60)
	g, floats := groups(d), map[int]bool{}
	ours, theirs := drawMeasures(d, len(g)+2, floats)
	front, condition := before(d)
	s := shape{name: "tumbling", mode: windowMode(d), floats: floats}
	s.build = func(f *stream.Frame) *stream.Frame {
		return front(watermarked(f, in)).GroupBy(anys(g, fmt.Sprintf("window(ts, '%d seconds')", size))...).
			Agg("windowed", ours...).Select(append([]string{"window.start AS ws", "window.end AS we"}, rest(g, len(ours))...)...)
	}
	rows := fmt.Sprintf("SELECT *, floor_to(ts, %d) AS ws, floor_to(ts, %d) + %d AS we FROM t WHERE ts IS NOT NULL AND %s", size*second, size*second, size*second, condition)
	s.query = fmt.Sprintf("SELECT %s, %s FROM (%s) WHERE %s GROUP BY ALL HAVING %s", list([]string{"ws", "we"}, g...), theirs, rows, inTime(s.mode, "we > behind"), closedOnly(s.mode, "we"))
	s.late = lateRows(s.mode, fmt.Sprintf("SELECT split, pos FROM (%s) WHERE we <= behind", rows))
	return s
}

// rest names the columns behind the first ones.
func rest(g []string, measures int) []string {
	out := append([]string(nil), g...)
	for i := range measures {
		out = append(out, fmt.Sprintf("a%d", i))
	}
	return out
}

// lateRows is the query of late rows, none where the whole result is written.
func lateRows(m connectors.OutputMode, query string) string {
	if m == stream.Complete {
		return ""
	}
	return query
}

func sliding(d *draw, in *data) shape {
	span := pick(d, [2]int64{10, 2}, [2]int64{10, 3}, [2]int64{60, 10}, [2]int64{7, 7}, [2]int64{30, 1})
	size, slide := span[0], span[1]
	offset := d.Int64N(slide)
	g, floats := groups(d), map[int]bool{}
	ours, theirs := drawMeasures(d, len(g)+2, floats)
	front, condition := before(d)
	s := shape{name: "sliding", mode: windowMode(d), floats: floats}
	s.build = func(f *stream.Frame) *stream.Frame {
		return front(watermarked(f, in)).GroupBy(anys(g, fmt.Sprintf("window(ts, '%d seconds', '%d seconds', '%d seconds')", size, slide, offset))...).
			Agg("windowed", ours...).Select(append([]string{"window.start AS ws", "window.end AS we"}, rest(g, len(ours))...)...)
	}
	rows := fmt.Sprintf(`SELECT * FROM (SELECT *, ws + %d AS we FROM (SELECT *, unnest([floor_to(ts - %d, %d) + %d - %d * i FOR i IN range(%d)]) AS ws FROM t WHERE ts IS NOT NULL AND %s)) WHERE ts < we`,
		size*second, offset*second, slide*second, offset*second, slide*second, (size+slide-1)/slide, condition)
	s.query = fmt.Sprintf("SELECT %s, %s FROM (%s) WHERE %s GROUP BY ALL HAVING %s", list([]string{"ws", "we"}, g...), theirs, rows, inTime(s.mode, "we > behind"), closedOnly(s.mode, "we"))
	s.late = lateRows(s.mode, fmt.Sprintf("SELECT DISTINCT split, pos FROM (%s) WHERE we <= behind", rows))
	return s
}

func sessions(d *draw, in *data) shape {
	gap := pick(d, int64(2), 5, 15)
	floats := map[int]bool{}
	ours, theirs := drawMeasures(d, 3, floats)
	s := shape{name: "session", mode: pick(d, stream.Append, stream.Complete), floats: floats}
	s.build = func(f *stream.Frame) *stream.Frame {
		return watermarked(f, in).GroupBy(fmt.Sprintf("session_window(ts, '%d seconds')", gap), "k").
			Agg("sessions", ours...).Select(append([]string{"session_window.start AS ws", "session_window.end AS we"}, rest([]string{"k"}, len(ours))...)...)
	}
	s.query = fmt.Sprintf(`SELECT min(ts) AS ws, max(ts) + %d AS we, k, %s FROM
		(SELECT *, sum(fresh) OVER (PARTITION BY k ORDER BY ts, id ROWS UNBOUNDED PRECEDING) AS session FROM
		(SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY k ORDER BY ts, id) <= %d THEN 0 ELSE 1 END AS fresh FROM t WHERE ts IS NOT NULL AND %s))
		GROUP BY k, session HAVING %s`, gap*second, theirs, gap*second, inTime(s.mode, "ts >= behind"), strings.Replace(closedOnly(s.mode, "max(ts) + "+fmt.Sprint(gap*second)), "<=", "<", 1))
	s.late = lateRows(s.mode, "SELECT split, pos FROM t WHERE ts IS NOT NULL AND ts < behind")
	return s
}

func grouped(d *draw, _ *data) shape {
	g := pick(d, []string{"k"}, []string{"g"}, []string{"k", "g"})
	floats := map[int]bool{}
	ours, theirs := drawMeasures(d, len(g), floats)
	front, condition := before(d)
	return shape{name: "keyed aggregate", mode: pick(d, stream.Update, stream.Complete), floats: floats,
		build: func(f *stream.Frame) *stream.Frame { return front(f).GroupBy(anys(g)...).Agg("keyed", ours...) },
		query: fmt.Sprintf("SELECT %s, %s FROM t WHERE %s GROUP BY ALL", list(g), theirs, condition)}
}

func global(d *draw, _ *data) shape {
	floats := map[int]bool{}
	ours, theirs := drawMeasures(d, 0, floats)
	return shape{name: "global aggregate", mode: pick(d, stream.Update, stream.Complete), floats: floats,
		build: func(f *stream.Frame) *stream.Frame { return f.GroupBy().Agg("global", ours...) },
		query: fmt.Sprintf("SELECT %s FROM t", theirs)}
}

func seen(d *draw, _ *data) shape {
	keys := pick(d, []string{"k"}, []string{"k", "g"}, []string{"v"})
	return shape{name: "dropDuplicates", mode: pick(d, stream.Append, stream.Update),
		build: func(f *stream.Frame) *stream.Frame { return f.DropDuplicates(keys...).Select(keys...) },
		query: fmt.Sprintf("SELECT DISTINCT %s FROM t", list(keys))}
}

func seenByTime(d *draw, in *data) shape {
	keys := pick(d, []string{"k", "ts"}, []string{"g", "ts"}, []string{"ts"})
	return shape{name: "dropDuplicates with event time", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame { return watermarked(f, in).DropDuplicates(keys...).Select(keys...) },
		query: fmt.Sprintf("SELECT DISTINCT %s FROM t WHERE ts IS NULL OR ts >= behind", list(keys)),
		late:  "SELECT split, pos FROM t WHERE ts < behind"}
}

func distinct(d *draw, _ *data) shape {
	return shape{name: "distinct", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame { return f.Select("k", "v").Distinct() },
		query: "SELECT DISTINCT k, v FROM t"}
}

func newest(d *draw, _ *data) shape {
	return shape{name: "keepLatest", mode: pick(d, stream.Update, stream.Complete),
		build: func(f *stream.Frame) *stream.Frame { return f.KeepLatest("id", "k").Select("k", "id", "v", "x") },
		query: "SELECT k, id, v, x FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY id DESC) = 1"}
}

func top(d *draw, _ *data) shape {
	n, ties := 1+d.IntN(4), d.chance(2)
	t := stream.Top{Keys: []string{"k"}, By: []string{"v DESC NULLS LAST", "id"}, N: n, As: "r"}
	rank := "row_number()"
	order := "v DESC NULLS LAST, id"
	if ties {
		t.Rank, t.By = stream.Rank, t.By[:1]
		rank, order = "rank()", "v DESC NULLS LAST"
		d.note("verb topN with ties")
	}
	return shape{name: "topN", mode: pick(d, stream.Update, stream.Complete),
		build: func(f *stream.Frame) *stream.Frame { return f.TopN(t).Select("k", "id", "v", "r") },
		query: fmt.Sprintf("SELECT k, id, v, %s OVER (PARTITION BY k ORDER BY %s) AS r FROM t QUALIFY r <= %d", rank, order, n)}
}

func topOfWindow(d *draw, in *data) shape {
	s := shape{name: "topN of a window", mode: stream.Append}
	s.build = func(f *stream.Frame) *stream.Frame {
		counts := watermarked(f, in).GroupBy("window(ts, '10 seconds', '5 seconds')", "k").Agg("counts", "count(*) AS n")
		return counts.TopN(stream.Top{Keys: []string{"window"}, By: []string{"n DESC"}, N: 1, Rank: stream.Rank}).
			Select("window.start AS ws", "k", "n")
	}
	s.query = `SELECT ws, k, n FROM (SELECT ws, k, count(*) AS n FROM
		(SELECT *, unnest([floor_to(ts, 5000000) - 5000000 * i FOR i IN range(2)]) AS ws FROM t WHERE ts IS NOT NULL)
		WHERE ws + 10000000 > behind AND ws + 10000000 <= $final GROUP BY ws, k) QUALIFY rank() OVER (PARTITION BY ws ORDER BY n DESC) = 1`
	return s
}

// twice is an aggregate over a changing aggregate: how many keys have how many rows.
func twice(d *draw, _ *data) shape {
	return shape{name: "aggregate of an aggregate", mode: pick(d, stream.Update, stream.Complete),
		build: func(f *stream.Frame) *stream.Frame {
			return f.GroupBy("k", "g").Agg("inner", "count(*) AS n", "sum(v) AS s").
				GroupBy("g").Agg("outer", "count(*) AS groups", "sum(n) AS n", "max(s) AS s", "count(DISTINCT n) AS ns")
		},
		query: "SELECT g, count(*), sum(n)::BIGINT, max(s), count(DISTINCT n) FROM (SELECT k, g, count(*) AS n, sum(v)::BIGINT AS s FROM t GROUP BY ALL) GROUP BY g"}
}

func windowOfWindows(d *draw, in *data) shape {
	return shape{name: "window of windows", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return watermarked(f, in).GroupBy("window(ts, '5 seconds')", "k").Agg("inner", "count(*) AS n").
				GroupBy("window(window, '20 seconds')").Agg("outer", "sum(n) AS n", "max(n) AS m").
				Select("window.start AS ws", "n", "m")
		},
		query: `SELECT floor_to(ws, 20000000) AS w, sum(n)::BIGINT, max(n) FROM (SELECT ws, k, count(*) AS n FROM (SELECT *, floor_to(ts, 5000000) AS ws FROM t)
			WHERE ts IS NOT NULL AND ws + 5000000 > behind AND ws + 5000000 <= $final GROUP BY ws, k) GROUP BY w HAVING w + 20000000 <= $final`}
}

// unions reads the same rows by two branches.
func unions(d *draw, in *data) shape {
	mode := windowMode(d)
	return shape{name: "union", mode: mode,
		build: func(f *stream.Frame) *stream.Frame {
			w := watermarked(f, in)
			return w.Where("g < 2").Union(w.Where("g >= 1")).GroupBy("window(ts, '10 seconds')", "g").Agg("united", "count(*) AS n").
				Select("window.start AS ws", "g", "n")
		},
		query: fmt.Sprintf(`SELECT ws, g, count(*) FROM (SELECT *, floor_to(ts, 10000000) AS ws FROM (SELECT * FROM t WHERE g < 2 UNION ALL SELECT * FROM t WHERE g >= 1))
			WHERE ts IS NOT NULL AND %s AND %s GROUP BY ws, g`, inTime(mode, "ws + 10000000 > behind"), closedOnly(mode, "ws + 10000000"))}
}

func sorted(d *draw, _ *data) shape {
	return shape{name: "sort and limit", mode: stream.Complete,
		build: func(f *stream.Frame) *stream.Frame {
			return f.GroupBy("k").Agg("keyed", "count(*) AS n", "max(id) AS last").Sort("n DESC", "last").Limit(3)
		},
		query: "SELECT k, count(*) AS n, max(id) AS last FROM t GROUP BY k ORDER BY n DESC, last LIMIT 3"}
}
