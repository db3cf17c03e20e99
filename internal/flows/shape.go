package flows

import (
	"fmt"
	"strings"
	"time"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/stream"
)

// shape is a flow as it was drawn, with what it must write: as a query, or as a check of what it wrote.
type shape struct {
	name  string
	mode  connectors.OutputMode
	timed bool // it has a watermark
	fixed bool // the input does not end: the check relies on it

	build func(*stream.Frame) *stream.Frame
	wide  func(scene) *stream.Frame // instead of build, of a flow with a second source or sink

	twin      connectors.OutputMode // in which a second sink is told the same; "" if there is none
	twinQuery string                // what that one must be told

	query  string                      // over the table t, with $final, the last watermark, in it
	floats map[int]bool                // columns that are compared to nine digits
	late   string                      // a query of the ids of late rows; "" if the shape drops none
	want   func() ([]string, []string) // rows and late ids, instead of queries
	check  func(written) error         // instead of a comparison

	ended bool // the input ends, so every window closes
}

// tellsLate reports whether the ids of late rows are known.
func (s *shape) tellsLate() bool {
	return s.late != "" || s.want != nil || s.timed && s.check != nil
}

// asks makes the queries of what a flow over event time must write, for each of its modes.
func (s *shape) asks(query func(m connectors.OutputMode) string) {
	s.query = query(s.mode)
	if s.twin != "" {
		s.twinQuery = query(s.twin)
	}
}

// drops reports whether late rows are dropped. Where nothing but the whole result is written no window is over, so
// no row is late, as in Spark.
func (s *shape) drops() bool { return s.mode != stream.Complete || s.twin != "" }

// scene is what a wide shape builds its flow of.
type scene struct {
	flow  *stream.Flow
	t     *stream.Frame
	other connectors.Source // of the rows of in.other
	side  connectors.Sink
}

// written is what a flow wrote.
type written struct {
	rows, side, late []string
	duck             *anchors.Session
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
	for i := range 1 + d.IntN(5) {
		m := measures[d.IntN(len(measures))]
		d.note("measure " + m.ours)
		ours = append(ours, fmt.Sprintf("%s AS a%d", m.ours, i))
		them = append(them, fmt.Sprintf("%s AS a%d", m.theirs, i))
		floats[from+i] = m.float
	}
	return ours, strings.Join(them, ", ")
}

// shapes are the flows that are drawn, each as often as the next; those that have several forms, or much state, stand here more than once.
var shapes = []func(*draw, *data) shape{
	tumbling, sliding, sliding, sessions, sessions, topOfWindow, windowOfWindows, unions, typedWindows,
	grouped, global, seen, seenByTime, seenWithin, distinct, newest, top, topWithTies, topOfAggregate, twice, emptied, sorted,
	joined, joined, joined, joined, joined, exploded, exploded, exploded, filled, dropped, byName, functions, batches,
	processed, processed, expiring, onTheClock, fastest,
}

// drawShape draws a flow; which it is, all tries of a seed have in common.
func drawShape(d *draw, in *data) shape {
	s := shapes[d.seed%uint64(len(shapes))](d, in)
	if s.ended = !s.fixed && d.chance(2); s.ended {
		d.note("input ends")
	}
	final := in.final()
	if s.timed && s.query != "" && d.chance(5) {
		in.limit = pick(d, int64(3), 20, 100)
		final = in.shared(d, in.limit)
		d.note("verb splits: max")
	}
	if s.ended {
		final = 1<<63 - 1
	}
	d.note("verb " + s.name)
	d.note("mode " + string(s.mode))
	if s.twin != "" {
		d.note("verb second sink, other mode")
	}
	s.query = strings.ReplaceAll(s.query, "$final", fmt.Sprint(final))
	s.twinQuery = strings.ReplaceAll(s.twinQuery, "$final", fmt.Sprint(final))
	return s
}

// before draws verbs in front of the one that keeps state, in both languages: a frame, and a condition.
func before(d *draw) (func(*stream.Frame) *stream.Frame, string) {
	switch d.IntN(3) {
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
	options := []stream.WatermarkOption{stream.AllowedLateness(time.Duration(in.lateness) * time.Microsecond)}
	if in.limit > 0 {
		options = append(options, stream.SplitsMax())
	}
	return f.WithWatermark("ts", time.Duration(in.delay)*time.Microsecond, options...)
}

// drawLateness lets late rows correct windows for a while longer, every third time.
func drawLateness(d *draw, in *data) {
	if d.chance(3) {
		in.lateness = pick(d, int64(1), 10, 60) * second
		d.note("verb allowed lateness")
	}
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
