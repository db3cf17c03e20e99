package deltaic_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/windows"
)

// What Spark's users write over one stream in event time, beside the flows of the guide: each with the result it promises.

// timed is a source of rows of a key, a number and a minute after 10 o'clock; nil is null.
func timed(rows ...[]any) *memory.Source {
	s := memory.NewSource(batch.NewSchema(batch.Field{Name: "k", Type: batch.StringType, Nullable: true}, batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true},
		batch.Field{Name: "ts", Type: batch.TimestampType}), 1)
	for _, r := range rows {
		if err := s.AddRows(0, []any{r[0], r[1], time.Date(2026, 3, 1, 10, r[2].(int), 0, 0, time.UTC)}); err != nil {
			panic(err)
		}
	}
	return s
}

// A third argument of window moves where windows begin (FN-14).
func Example_windowStart() {
	flow, sink := stream.New("offset"), memory.NewSink("out")
	flow.From("in", timed([]any{"a", 1, 1}, []any{"a", 1, 3}, []any{"a", 1, 12}, []any{"a", 1, 59})).WithWatermark("ts", time.Minute).
		GroupBy("window(ts, '10 minutes', '10 minutes', '2 minutes')").Count().
		Select("date_format(window.start, 'HH:mm') AS start", "count").To("out", sink, stream.Append)
	printed(flow, sink)
	// Output:
	// {"start":"09:52","count":1}
	// {"start":"10:02","count":1}
	// {"start":"10:12","count":1}
}

// Nulls: count(*) counts rows, count(x) values; all others pass them over, and are null where nothing is left (FN-17). countDistinct of
// several columns leaves out rows in which any is null (FN-19).
func Example_aggregatesOfNulls() {
	flow, sink := stream.New("nulls"), memory.NewSink("out")
	flow.From("in", timed([]any{"a", 1, 0}, []any{"a", nil, 1}, []any{"a", 3, 2}, []any{"a", 1, 3}, []any{"b", nil, 4}, []any{nil, 7, 5})).
		GroupBy("k").Agg("", "count(*) AS rows", "count(n) AS values", "sum(n) AS sum", "min(n) AS min", "avg(n) AS avg", "count(DISTINCT n) AS different", "count(DISTINCT k, n) AS pairs").
		To("out", sink, stream.Complete)
	printed(flow, sink)
	// Output:
	// {"k":"a","rows":4,"values":3,"sum":5,"min":1,"avg":1.6666666666666667,"different":2,"pairs":2}
	// {"k":"b","rows":1,"values":0,"sum":null,"min":null,"avg":null,"different":0,"pairs":0}
	// {"k":null,"rows":1,"values":1,"sum":7,"min":7,"avg":7,"different":1,"pairs":0}
}

// The rest of the usual aggregates (FN-21), also over rows that are taken back: the second aggregation reads the
// changes of the first.
func Example_moreAggregates() {
	flow, sink := stream.New("more").Parallelism(1), memory.NewSink("out")
	perKey := flow.From("in", timed([]any{"a", 4, 0}, []any{"b", 2, 1}, []any{"c", 6, 2}, []any{"a", 6, 3})).GroupBy("k").Agg("per-key", "sum(n) AS sum", "max(ts) AS ts")
	perKey.GroupBy().Agg("all", "first(k) AS first", "last(k) AS last", "max_by(k, sum) AS largest", "min_by(k, ts) AS oldest", "percentile_approx(sum, 0.5) AS median",
		"array_size(collect_set(sum)) AS sums", "stddev_pop(sum) AS deviation").To("out", sink, stream.Complete)
	printed(flow, sink)
	// Output: {"first":"a","last":"c","largest":"a","oldest":"b","median":6,"sums":3,"deviation":3.265986323710904}
}

// An event time stays one through projections, renames and unions (FN-26): the window is closed by the watermark of a column of
// another name.
func Example_eventTimePropagates() {
	flow, sink := stream.New("propagates"), memory.NewSink("out")
	in := flow.From("in", timed([]any{"a", 1, 1}, []any{"b", 1, 2}, []any{"a", 1, 30})).WithWatermark("ts", 10*time.Minute)
	in.Where("k = 'a'").Union(in.Where("k = 'b'")).WithColumnRenamed("ts", "seen").Select("upper(k) AS who", "seen AS at").
		GroupBy("window(at, '10 minutes')").Agg("", "min(who) AS first", "max(who) AS last").Select("first", "last").To("out", sink, stream.Append)
	printed(flow, sink)
	// Output: {"first":"A","last":"B"}
}

// Of several inputs the least watermark holds, or with the policy max the greatest (SRC-10, WM-5): what the slow input
// brings is late then.
func Example_multipleWatermarkPolicy() {
	for _, policy := range []string{"min", "max"} {
		flow, sink, late := stream.New("policy").MultipleWatermarkPolicy(policy), memory.NewSink("out"), memory.NewSink("late")
		fast, slow := timed([]any{"fast", 1, 5}, []any{"fast", 1, 40}), timed()
		flow.Late(late).From("fast", fast).WithWatermark("ts", time.Minute).Union(flow.From("slow", slow).WithWatermark("ts", time.Minute)).
			GroupBy("window(ts, '10 minutes')").Count().Select("minute(window.start) AS minute", "count").To("out", sink, stream.Append)
		stepwise(flow, func() { add(slow, "slow", 1, 6) }, func() { fmt.Println(policy, sink.Rows(), late.Len(), "late") })
	}
	// Output:
	// min [] 0 late
	// max [{"minute":0,"count":1}] 1 late
}

// A split that has nothing more to read holds the others up for no longer than idleAfter (WM-4): the source has been asked and says that
// it was at its end all the time. The first window is told although the second split never goes beyond 10:02.
func Example_idleSplit() {
	source := memory.NewSource(timed().Schema(), 2)
	for split, minutes := range [][]int{{1, 4, 30}, {2}} {
		for _, m := range minutes {
			if err := source.AddRows(split, []any{"a", 1, time.Date(2026, 3, 1, 10, m, 0, 0, time.UTC)}); err != nil {
				panic(err)
			}
		}
	}
	type count struct{ Minute, Rows int64 }
	flow, told := stream.New("idle"), make(chan count, 1)
	counts := flow.From("in", source).WithWatermark("ts", time.Minute, stream.IdleAfter(10*time.Millisecond)).
		GroupBy("window(ts, '10 minutes')").Agg("counts", "count(*) AS rows").Select("minute(window.start) AS minute", "rows")
	stream.ForeachBatch(stream.Typed[count](counts), "tell", func(_ context.Context, values iter.Seq2[count, error], _ int64) error {
		for c, err := range values {
			if err != nil {
				return err
			}
			told <- c
		}
		return nil
	}, stream.Append)
	folder, err := os.MkdirTemp("", "idle")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	q, err := deltaic.Start(context.Background(), flow, stream.CheckpointLocation(folder))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%+v\n", <-told)
	if err := q.Stop(context.Background()); err != nil {
		panic(err)
	}
	// Output: {Minute:0 Rows:3}
}

// stepwise runs a flow over what there is, then each step, and each time what came by it.
func stepwise(flow *stream.Flow, steps ...func()) *stream.Query {
	folder, err := os.MkdirTemp("", "steps")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	q, err := deltaic.Start(ctx, flow, stream.Manual(), stream.CheckpointLocation(folder))
	for _, step := range append([]func(){func() {}}, steps...) {
		if step(); err == nil {
			err = q.ProcessAllAvailable(ctx)
		}
	}
	if err == nil {
		err = q.Stop(ctx)
	}
	if err != nil {
		panic(err)
	}
	return q
}

// add gives one more row to a source of timed.
func add(s *memory.Source, k string, n, minute int) { addAll(s, []any{k, n, minute}) }

// addAll gives more rows at once: those of two calls may be of two epochs.
func addAll(s *memory.Source, rows ...[]any) {
	for i, r := range rows {
		rows[i] = []any{r[0], r[1], time.Date(2026, 3, 1, 10, r[2].(int), 0, 0, time.UTC)}
	}
	if err := s.AddRows(0, rows...); err != nil {
		panic(err)
	}
}

// Names before a point say which side of a join a column is of (JOIN-10); a left join keeps rows that the table lacks (JOIN-8),
// and a column by which both are joined comes once (JOIN-9). This is enriching with a table (PAT-6).
func Example_joinWithAliases() {
	flow, sink := stream.New("enriched"), memory.NewSink("out")
	events := flow.From("in", timed([]any{"a", 1, 1}, []any{"z", 2, 2})).As("e")
	events.JoinStatic("u", names{}, stream.JoinOptions{On: "e.k = u.k", Type: stream.Left}).Select("e.k", "e.n", "u.name").To("out", sink, stream.Append)
	using := memory.NewSink("using")
	events.JoinStatic("names", names{}, stream.JoinOptions{Using: []string{"k"}}).Drop("ts").To("using", using, stream.Append)
	semi := memory.NewSink("semi")
	events.JoinStatic("known", names{}, stream.JoinOptions{Using: []string{"k"}, Type: stream.LeftSemi}).Select("k").To("semi", semi, stream.Append)
	printed(flow, sink, using, semi)
	// Output:
	// {"k":"a","n":1,"name":"Ann"}
	// {"k":"z","n":2,"name":null}
	// {"k":"a","n":1,"name":"Ann"}
	// {"k":"a"}
}

// names is a table with one row.
type names struct{}

func (names) Schema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "k", Type: batch.StringType}, batch.Field{Name: "name", Type: batch.StringType})
}

func (names) Newest(context.Context) (int64, error) { return 0, nil }

func (n names) Read(_ context.Context, _ int64, _ *batch.Pool, f func(*batch.Batch) error) error {
	b, err := memory.Build(n.Schema(), []any{"a", "Ann"})
	if err != nil {
		return err
	}
	defer b.Release()
	return f(b)
}

// Progress says of every step how much state it has (MON-4). A window leaves it when the watermark has passed its end (WM-7), in update mode
// without a word, in append mode when it is told.
func Example_stateLeavesWithTheWatermark() {
	for _, mode := range []connectors.OutputMode{stream.Append, stream.Update} {
		flow, source, sink := stream.New("evicted"), timed(), memory.NewSink("out")
		flow.From("in", source).WithWatermark("ts", time.Minute).GroupBy(windows.Tumbling(10*time.Minute).On("ts"), "k").Agg("counts", "count(*) AS n").
			Select("k", "n").To("out", sink, mode)
		q := stepwise(flow, func() { addAll(source, []any{"a", 1, 1}, []any{"b", 1, 2}) }, func() { addAll(source, []any{"a", 1, 3}, []any{"c", 1, 40}) },
			func() { addAll(source, []any{"late", 1, 5}, []any{"c", 1, 41}) })
		for _, p := range q.RecentProgress() {
			s := p.StateOperators[0]
			fmt.Println(mode, "epoch", p.BatchID, "removed", s.NumRowsRemoved, "late", s.NumRowsDroppedByWatermark)
		}
		told := sink.Rows()
		slices.Sort(told)
		fmt.Println(told)
	}
	// Output:
	// append epoch 1 removed 0 late 0
	// append epoch 2 removed 2 late 0
	// append epoch 3 removed 0 late 1
	// [{"k":"a","n":2} {"k":"b","n":1}]
	// update epoch 1 removed 0 late 0
	// update epoch 2 removed 2 late 0
	// update epoch 3 removed 0 late 1
	// [{"k":"a","n":2} {"k":"b","n":1} {"k":"c","n":2}]
}

// A mode that cannot be right is refused when the flow is built, with why and what to do (MODE-4).
func Example_refusedModes() {
	for _, c := range []struct {
		mode connectors.OutputMode
		say  func(*stream.Frame) *stream.Frame
	}{
		{stream.Append, func(d *stream.Frame) *stream.Frame { return d.GroupBy("k").Count() }},
		{stream.Complete, func(d *stream.Frame) *stream.Frame { return d.Where("n > 1") }},
		{stream.Update, func(d *stream.Frame) *stream.Frame { return d.GroupBy("session_window(ts, '5 minutes')", "k").Count() }},
		{stream.Update, func(d *stream.Frame) *stream.Frame { return d.GroupBy("k").Count().Sort("count") }},
	} {
		flow := stream.New("refused")
		c.say(flow.From("in", timed()).WithWatermark("ts", time.Minute)).To("out", memory.NewSink("out"), c.mode)
		_, err := flow.Build()
		var f *supervision.Failure
		if errors.As(err, &f) {
			fmt.Println(f.Message)
			fmt.Println("  " + f.Hint)
		}
	}
	// Output:
	// the sink out cannot be written in output mode append: in-aggregate (aggregate count(*) AS count by k) aggregates without a watermark on what it groups by, so no result is ever final
	//   set a watermark and group by a window over its column, or write in output mode update or complete
	// the sink out cannot be written in output mode complete: no step before in-where keeps a result that could be written as a whole
	//   use append, or aggregate before the sink
	// the sink out cannot be written in output mode update: in-aggregate (aggregate count(*) AS count by session_window(ts, '5 minutes'), k) groups by session windows, which have no name until they are over: two of them become one when a row comes between
	//   write in output mode append, or complete
	// the sink out cannot be written in output mode update: in-sort (sort by count) sorts, and a stream that goes on has no order
	//   sort behind an aggregate that is written in output mode complete
}
