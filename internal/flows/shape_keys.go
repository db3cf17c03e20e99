package flows

import (
	"fmt"
	"strconv"

	"github.com/deltaic/deltaic/stream"
)

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
	return shape{name: "dropDuplicates with event time", timed: true, mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame { return watermarked(f, in).DropDuplicates(keys...).Select(keys...) },
		query: fmt.Sprintf("SELECT DISTINCT %s FROM t WHERE ts IS NULL OR ts >= behind", list(keys)),
		late:  "SELECT id FROM t WHERE ts < behind"}
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
	return topRows(d, "topN", stream.RowNumber, "v DESC NULLS LAST", "id")
}

func topWithTies(d *draw, _ *data) shape {
	return topRows(d, "topN with ties", stream.Rank, "v DESC NULLS LAST")
}

func topRows(d *draw, name, rank string, by ...string) shape {
	n := 1 + d.IntN(4)
	function := map[string]string{stream.RowNumber: "row_number()", stream.Rank: "rank()"}[rank]
	return shape{name: name, mode: pick(d, stream.Update, stream.Complete),
		build: func(f *stream.Frame) *stream.Frame {
			return f.TopN(stream.Top{Keys: []string{"k"}, By: by, N: n, As: "r", Rank: rank}).Select("k", "id", "v", "r")
		},
		query: fmt.Sprintf("SELECT k, id, v, %s OVER (PARTITION BY k ORDER BY %s) AS r FROM t QUALIFY r <= %d", function, list(by), n)}
}

// seenWithin has one split: which of two rows was first is fixed there alone.
func seenWithin(d *draw, in *data) shape {
	in.splits = in.splits[:1]
	return shape{name: "dropDuplicatesWithinWatermark", timed: true, mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return watermarked(f.Where("ts IS NOT NULL"), in).DropDuplicatesWithinWatermark("k").Select("k", "id")
		},
		want: func() (rows, late []string) {
			expiry := map[string]int64{}
			for _, r := range in.splits[0] {
				if r.at == nil {
					continue
				}
				if *r.at < r.behind {
					late = append(late, strconv.FormatInt(r.id, 10))
					continue
				}
				k := textOf(r.k)
				if until, known := expiry[k]; known && *r.at < until {
					continue
				}
				expiry[k] = *r.at + in.delay
				rows = append(rows, k+"|"+strconv.FormatInt(r.id, 10))
			}
			return rows, late
		}}
}

func textOf(s *string) string {
	if s == nil {
		return "NULL"
	}
	return *s
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

// emptied is an aggregate whose groups lose all their rows, as a key's count goes from one group to the next, and
// get others: how many keys have so many rows.
func emptied(d *draw, _ *data) shape {
	keys := pick(d, []string{"k"}, []string{"k", "g"}, []string{"v"})
	return shape{name: "groups that become empty", mode: pick(d, stream.Update, stream.Complete),
		build: func(f *stream.Frame) *stream.Frame {
			return f.GroupBy(anys(keys)...).Agg("inner", "count(*) AS n", "max(id) AS last").
				GroupBy("n").Agg("outer", "count(*) AS keys", "sum(last) AS lasts", "min(last) AS least")
		},
		query: fmt.Sprintf("SELECT n, count(*), sum(last)::BIGINT, min(last) FROM (SELECT count(*) AS n, max(id) AS last FROM t GROUP BY %s) GROUP BY n", list(keys))}
}

// topOfAggregate has rows that go, come back and change their place as sums go up and down.
func topOfAggregate(d *draw, _ *data) shape {
	n := 1 + d.IntN(4)
	return shape{name: "topN of an aggregate", mode: pick(d, stream.Update, stream.Complete),
		build: func(f *stream.Frame) *stream.Frame {
			return f.GroupBy("g", "k").Agg("sums", "sum(v) AS s").
				TopN(stream.Top{Keys: []string{"g"}, By: []string{"s DESC NULLS LAST", "k NULLS LAST"}, N: n, As: "r", Rank: stream.RowNumber}).Select("g", "k", "s", "r")
		},
		query: fmt.Sprintf("SELECT g, k, s, row_number() OVER (PARTITION BY g ORDER BY s DESC NULLS LAST, k NULLS LAST) AS r FROM (SELECT g, k, sum(v)::BIGINT AS s FROM t GROUP BY g, k) QUALIFY r <= %d", n)}
}

func sorted(d *draw, _ *data) shape {
	return shape{name: "sort and limit", mode: stream.Complete,
		build: func(f *stream.Frame) *stream.Frame {
			return f.GroupBy("k").Agg("keyed", "count(*) AS n", "max(id) AS last").Sort("n DESC", "last").Limit(3)
		},
		query: "SELECT k, count(*) AS n, max(id) AS last FROM t GROUP BY k ORDER BY n DESC, last LIMIT 3"}
}
