package flows

import (
	"fmt"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/stream"
)

// windowModes are the modes of a windowed aggregate: that of its sink and, every third time, another one of a second sink.
func windowModes(d *draw, of ...connectors.OutputMode) (mode, twin connectors.OutputMode) {
	d.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	if d.chance(3) {
		twin = of[1]
	}
	return of[0], twin
}

// inTime is the condition of rows that come in time for a window that ends there.
func inTime(s *shape, in *data, end string) string {
	if !s.drops() {
		return "true"
	}
	return fmt.Sprintf("%s + %d > behind", end, in.lateness)
}

// closedOnly is the condition under which a window that ends there is written in the mode.
func closedOnly(m connectors.OutputMode, in *data, end string) string {
	if m == stream.Append {
		return fmt.Sprintf("%s + %d <= $final", end, in.lateness)
	}
	return "true"
}

func tumbling(d *draw, in *data) shape {
	size := pick(d, int64(1), 7, 10, 60)
	g, floats := groups(d), map[int]bool{}
	ours, theirs := drawMeasures(d, len(g)+2, floats)
	front, condition := before(d)
	drawLateness(d, in)
	s := shape{name: "tumbling", timed: true, floats: floats}
	s.mode, s.twin = windowModes(d, stream.Append, stream.Update, stream.Complete)
	s.build = func(f *stream.Frame) *stream.Frame {
		return front(watermarked(f, in)).GroupBy(anys(g, fmt.Sprintf("window(ts, '%d seconds')", size))...).
			Agg("windowed", ours...).Select(append([]string{"window.start AS ws", "window.end AS we"}, rest(g, len(ours))...)...)
	}
	rows := fmt.Sprintf("SELECT *, floor_to(ts, %d) AS ws, floor_to(ts, %d) + %d AS we FROM t WHERE ts IS NOT NULL AND %s", size*second, size*second, size*second, condition)
	s.asks(func(m connectors.OutputMode) string {
		return fmt.Sprintf("SELECT %s, %s FROM (%s) WHERE %s GROUP BY ALL HAVING %s", list([]string{"ws", "we"}, g...), theirs, rows, inTime(&s, in, "we"), closedOnly(m, in, "we"))
	})
	s.late = lateRows(&s, fmt.Sprintf("SELECT id FROM (%s) WHERE we + %d <= behind", rows, in.lateness))
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

// lateRows is the query of late rows, if there are any.
func lateRows(s *shape, query string) string {
	if !s.drops() {
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
	drawLateness(d, in)
	s := shape{name: "sliding", timed: true, floats: floats}
	s.mode, s.twin = windowModes(d, stream.Append, stream.Update, stream.Complete)
	s.build = func(f *stream.Frame) *stream.Frame {
		return front(watermarked(f, in)).GroupBy(anys(g, fmt.Sprintf("window(ts, '%d seconds', '%d seconds', '%d seconds')", size, slide, offset))...).
			Agg("windowed", ours...).Select(append([]string{"window.start AS ws", "window.end AS we"}, rest(g, len(ours))...)...)
	}
	rows := fmt.Sprintf(`SELECT * FROM (SELECT *, ws + %d AS we FROM (SELECT *, unnest([floor_to(ts - %d, %d) + %d - %d * i FOR i IN range(%d)]) AS ws FROM t WHERE ts IS NOT NULL AND %s)) WHERE ts < we`,
		size*second, offset*second, slide*second, offset*second, slide*second, (size+slide-1)/slide, condition)
	s.asks(func(m connectors.OutputMode) string {
		return fmt.Sprintf("SELECT %s, %s FROM (%s) WHERE %s GROUP BY ALL HAVING %s", list([]string{"ws", "we"}, g...), theirs, rows, inTime(&s, in, "we"), closedOnly(m, in, "we"))
	})
	s.late = lateRows(&s, fmt.Sprintf("SELECT id FROM (%s) GROUP BY id, behind HAVING max(we) + %d <= behind", rows, in.lateness))
	return s
}

func sessions(d *draw, in *data) shape {
	ours, theirs := drawGap(d)
	g := pick(d, []string{"k"}, []string{"g"}, []string{"k", "g"})
	floats := map[int]bool{}
	mine, measured := drawMeasures(d, 2+len(g), floats)
	drawLateness(d, in)
	s := shape{name: "session", timed: true, floats: floats}
	s.mode, s.twin = windowModes(d, stream.Append, stream.Complete)
	s.build = func(f *stream.Frame) *stream.Frame {
		return watermarked(f, in).GroupBy(anys(g, fmt.Sprintf("session_window(ts, %s)", ours))...).
			Agg("sessions", mine...).Select(append([]string{"session_window.start AS ws", "session_window.end AS we"}, rest(g, len(mine))...)...)
	}
	inside := "true"
	if s.drops() {
		inside = fmt.Sprintf("ts + %d >= behind", in.lateness)
	}
	s.asks(func(m connectors.OutputMode) string {
		here := "true"
		if m == stream.Append {
			here = fmt.Sprintf("max(until) + %d < $final", in.lateness)
		}
		return fmt.Sprintf(`SELECT min(ts) AS ws, max(until) AS we, %[1]s, %[2]s FROM
			(SELECT *, sum(fresh) OVER (PARTITION BY %[1]s ORDER BY ts, id ROWS UNBOUNDED PRECEDING) AS session FROM
			(SELECT *, CASE WHEN ts <= max(until) OVER (PARTITION BY %[1]s ORDER BY ts, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS fresh FROM
			(SELECT *, ts + 1000000 * (%[3]s) AS until FROM t WHERE ts IS NOT NULL AND %[4]s)))
			GROUP BY %[1]s, session HAVING %[5]s`, list(g), measured, theirs, inside, here)
	})
	s.late = lateRows(&s, fmt.Sprintf("SELECT id FROM t WHERE ts IS NOT NULL AND ts + %d < behind", in.lateness))
	return s
}

// drawGap draws the gap of sessions in both languages: the same for all rows, or computed for each.
func drawGap(d *draw) (ours, theirs string) {
	if d.chance(2) {
		d.note("verb session with computed gap")
		return "CASE WHEN v > 20 THEN '3 seconds' ELSE '8 seconds' END", "CASE WHEN v > 20 THEN 3 ELSE 8 END"
	}
	gap := pick(d, "2", "5", "15")
	return "'" + gap + " seconds'", gap
}

func topOfWindow(d *draw, in *data) shape {
	s := shape{name: "topN of a window", timed: true, mode: stream.Append}
	s.build = func(f *stream.Frame) *stream.Frame {
		counts := watermarked(f, in).GroupBy("window(ts, '10 seconds', '5 seconds')", "k").Agg("counts", "count(*) AS n")
		return counts.TopN(stream.Top{Keys: []string{"window"}, By: []string{"n DESC"}, N: 1, Rank: stream.Rank}).
			Select("window.start AS ws", "k", "n")
	}
	s.query = `SELECT ws, k, n FROM (SELECT ws, k, count(*) AS n FROM
		(SELECT *, unnest([floor_to(ts, 5000000) - 5000000 * i FOR i IN range(2)]) AS ws FROM t WHERE ts IS NOT NULL)
		WHERE ws + 10000000 > behind AND ws + 10000000 <= $final GROUP BY ws, k) QUALIFY rank() OVER (PARTITION BY ws ORDER BY n DESC) = 1`
	s.late = "SELECT id FROM t WHERE ts IS NOT NULL AND floor_to(ts, 5000000) + 10000000 <= behind"
	return s
}

func windowOfWindows(d *draw, in *data) shape {
	return shape{name: "window of windows", timed: true, mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return watermarked(f, in).GroupBy("window(ts, '5 seconds')", "k").Agg("inner", "count(*) AS n").
				GroupBy("window(window, '20 seconds')").Agg("outer", "sum(n) AS n", "max(n) AS m").
				Select("window.start AS ws", "n", "m")
		},
		query: `SELECT floor_to(ws, 20000000) AS w, sum(n)::BIGINT, max(n) FROM (SELECT ws, k, count(*) AS n FROM (SELECT *, floor_to(ts, 5000000) AS ws FROM t)
			WHERE ts IS NOT NULL AND ws + 5000000 > behind AND ws + 5000000 <= $final GROUP BY ws, k) GROUP BY w HAVING w + 20000000 <= $final`,
		late: "SELECT id FROM t WHERE ts IS NOT NULL AND floor_to(ts, 5000000) + 5000000 <= behind"}
}

// unions reads the same rows by two branches.
func unions(d *draw, in *data) shape {
	s := shape{name: "union", timed: true}
	s.mode, s.twin = windowModes(d, stream.Append, stream.Update, stream.Complete)
	s.build = func(f *stream.Frame) *stream.Frame {
		w := watermarked(f, in)
		return w.Where("g < 2").Union(w.Where("g >= 1")).GroupBy("window(ts, '10 seconds')", "g").Agg("united", "count(*) AS n").
			Select("window.start AS ws", "g", "n")
	}
	s.asks(func(m connectors.OutputMode) string {
		return fmt.Sprintf(`SELECT ws, g, count(*) FROM (SELECT *, floor_to(ts, 10000000) AS ws FROM (SELECT * FROM t WHERE g < 2 UNION ALL SELECT * FROM t WHERE g >= 1))
			WHERE ts IS NOT NULL AND %s AND %s GROUP BY ws, g`, inTime(&s, in, "ws + 10000000"), closedOnly(m, in, "ws + 10000000"))
	})
	s.late = lateRows(&s, "SELECT id FROM t WHERE ts IS NOT NULL AND floor_to(ts, 10000000) + 10000000 <= behind")
	return s
}
