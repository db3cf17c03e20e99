package suite

import (
	"fmt"
	"time"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/benchmarks/nexmark/fold"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/stream"
)

// query is a Nexmark query as a frame over the bids, with the check columns of what it writes.
type query struct {
	name   string
	mode   connectors.OutputMode
	keys   []string // by which update mode upserts
	build  func(bids *stream.Frame, o *Options) *stream.Frame
	checks []fold.Check
}

// The benchmark's clock ticks in milliseconds, and a window is over when its last one has passed: end - 1 ms is not
// after the greatest time less 4 s.
const delay = nexmark.WatermarkDelay*time.Millisecond - time.Millisecond

func timed(bids *stream.Frame) *stream.Frame { return bids.WithWatermark("dateTime", delay) }

const (
	day   = "date_format(dateTime, 'yyyy-MM-dd') AS day"
	rank1 = "price < 10000"
	rank2 = "price >= 10000 AND price < 1000000"
	rank3 = "price >= 1000000"
)

// counts are the twelve numbers of q15 and q16.
func counts() []string {
	items := []string{"count(*) AS bids"}
	for i, r := range []string{rank1, rank2, rank3} {
		items = append(items, fmt.Sprintf("count(*) FILTER (WHERE %s) AS bids_rank%d", r, i+1))
	}
	for _, of := range []string{"bidder", "auction"} {
		items = append(items, fmt.Sprintf("count(DISTINCT %s) AS %ss", of, of))
		for i, r := range []string{rank1, rank2, rank3} {
			items = append(items, fmt.Sprintf("count(DISTINCT %s) FILTER (WHERE %s) AS %ss_rank%d", of, r, of, i+1))
		}
	}
	return items
}

func sums(prefix string, columns ...string) []fold.Check {
	var checks []fold.Check
	for _, c := range columns {
		checks = append(checks, fold.Check{Key: prefix + c, How: fold.Sum, Column: c})
	}
	return checks
}

var rows = fold.Check{Key: "rows", How: fold.Rows}

// queries are those that read one stream. The others join two.
var queries = []query{
	{name: "q0", build: selected("auction", "bidder", "price", "dateTime", "extra"),
		checks: append([]fold.Check{rows, {Key: "len_extra", How: fold.Length, Column: "extra"}}, sums("sum_", "auction", "bidder", "price")...)},
	{name: "q1", build: selected("auction", "bidder", "CAST(0.908 * price AS DECIMAL(23,3)) AS price", "dateTime", "extra"),
		checks: append([]fold.Check{rows}, sums("sum_", "price")...)},
	{name: "q2", build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.Where("auction % 123 = 0").Select("auction", "price")
	}, checks: append([]fold.Check{rows}, sums("sum_", "auction", "price")...)},
	{name: "q5", build: hottest, checks: append([]fold.Check{rows, {Key: "windows", How: fold.Distinct, Column: "starts"}}, sums("sum_", "num", "auction")...)},
	{name: "q10", build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return timed(bids).Select("auction", "bidder", "price", "dateTime", "extra", "date_format(dateTime, 'yyyy-MM-dd') AS dt", "date_format(dateTime, 'HH:mm') AS hm")
	},
		checks: []fold.Check{{Key: "rows_by_partition", How: fold.Groups, Column: "hm"}}},
	{name: "q11", build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return timed(bids).GroupBy("bidder", "session_window(dateTime, '10 seconds')").Agg("sessions", "count(*) AS bids").
			Select("bidder", "bids", "session_window.start AS starts", "session_window.end AS ends")
	}, checks: []fold.Check{rows, {Key: "bidders", How: fold.Distinct, Column: "bidder"}, {Key: "max_count", How: fold.Max, Column: "bids"},
		{Key: "sum_start_mod", How: fold.Seconds, Column: "starts"}, {Key: "sum_end_mod", How: fold.Seconds, Column: "ends"}}},
	{name: "q12", build: func(bids *stream.Frame, o *Options) *stream.Frame {
		window := "window(processing_time(), '10 seconds')"
		if o.Clock == "event" {
			bids, window = timed(bids), "window(dateTime, '10 seconds')"
		}
		return bids.GroupBy("bidder", window).Agg("tumbles", "count(*) AS bids").Select("bidder", "bids", "window.start AS starts", "window.end AS ends")
	}, checks: []fold.Check{rows, {Key: "sum_count", How: fold.Sum, Column: "bids"}}},
	{name: "q13", build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.JoinStatic("side", side{}, stream.JoinOptions{On: "auction % 10000 = side.key"}).Select("auction", "bidder", "price", "dateTime", "value")
	}, checks: []fold.Check{rows, {Key: "len_value", How: fold.Length, Column: "value"}}},
	{name: "q14", build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.Where("price BETWEEN 1101322 AND 55066079").Select("auction", "bidder", "CAST(0.908 * price AS DECIMAL(23,3)) AS price",
			"CASE WHEN hour(dateTime) BETWEEN 8 AND 18 THEN 'dayTime' WHEN hour(dateTime) <= 6 OR hour(dateTime) >= 20 THEN 'nightTime' ELSE 'otherTime' END AS timeType",
			"dateTime", "extra", "length(extra) - length(replace(extra, 'c', '')) AS c")
	}, checks: append([]fold.Check{rows}, sums("sum_", "c", "price")...)},
	{name: "q15", mode: stream.Update, keys: []string{"day"}, build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.GroupBy(day).Agg("by-day", counts()...)
	}, checks: sums("", "bids", "bids_rank1", "bids_rank2", "bids_rank3", "bidders", "bidders_rank1", "bidders_rank2", "bidders_rank3",
		"auctions", "auctions_rank1", "auctions_rank2", "auctions_rank3")},
	{name: "q16", mode: stream.Update, keys: []string{"channel", "day"}, build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.GroupBy("channel", day).Agg("by-channel", append([]string{"max(date_format(dateTime, 'HH:mm')) AS minute"}, counts()...)...)
	}, checks: append([]fold.Check{rows, {Key: "sum_rank1_bids", How: fold.Sum, Column: "bids_rank1"}},
		sums("sum_", "bidders", "bidders_rank1", "bidders_rank2", "bidders_rank3", "auctions", "auctions_rank1", "auctions_rank2", "auctions_rank3")...)},
	{name: "q17", mode: stream.Update, keys: []string{"auction", "day"}, build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.GroupBy("auction", day).Agg("by-auction", "count(*) AS total_bids",
			"count(*) FILTER (WHERE "+rank1+") AS rank1_bids", "count(*) FILTER (WHERE "+rank2+") AS rank2_bids", "count(*) FILTER (WHERE "+rank3+") AS rank3_bids",
			"min(price) AS min", "max(price) AS max", "sum(price) DIV count(price) AS avg", "sum(price) AS sum")
	}, checks: append([]fold.Check{rows}, sums("sum_", "min", "max", "avg", "sum")...)},
	{name: "q18", mode: stream.Update, keys: []string{"bidder", "auction"}, build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.KeepLatest("dateTime", "bidder", "auction")
	}, checks: append([]fold.Check{rows}, sums("sum_", "auction", "bidder", "price")...)},
	{name: "q19", mode: stream.Update, keys: []string{"auction", "rank"}, build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.TopN(stream.Top{Keys: []string{"auction"}, By: []string{"price DESC"}, N: 10, As: "rank"})
	}, checks: append([]fold.Check{rows}, sums("sum_", "auction", "price", "rank")...)},
	{name: "q21", build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.Select("auction", "bidder", "price", "channel", "CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3' "+
			"ELSE nullif(regexp_extract(url, '(&|^)channel_id=([^&]*)', 2), '') END AS channel_id").Where("channel_id IS NOT NULL")
	}, checks: []fold.Check{rows, {Key: "len_channel_id", How: fold.Length, Column: "channel_id"}, {Key: "distinct_channel_id", How: fold.Distinct, Column: "channel_id"}}},
	{name: "q22", build: func(bids *stream.Frame, _ *Options) *stream.Frame {
		return bids.Select("auction", "bidder", "price", "channel", "split_part(url, '/', 4) AS dir1", "split_part(url, '/', 5) AS dir2", "split_part(url, '/', 6) AS dir3")
	}, checks: []fold.Check{rows, {Key: "distinct_dir1", How: fold.Distinct, Column: "dir1"}, {Key: "len_dirs", How: fold.Length, Column: "dir1"},
		{Key: "len_dirs", How: fold.Length, Column: "dir2"}, {Key: "len_dirs", How: fold.Length, Column: "dir3"}}},
}

func selected(items ...string) func(*stream.Frame, *Options) *stream.Frame {
	return func(bids *stream.Frame, _ *Options) *stream.Frame { return bids.Select(items...) }
}

// hottest counts bids by auction in hops and keeps the auctions with the most of each window.
func hottest(bids *stream.Frame, _ *Options) *stream.Frame {
	return timed(bids).GroupBy("auction", "window(dateTime, '10 seconds', '2 seconds')").Agg("hops", "count(*) AS num").
		TopN(stream.Top{Keys: []string{"window"}, By: []string{"num DESC"}, N: 1, Rank: stream.Rank}).
		Select("auction", "num", "window.start AS starts")
}
