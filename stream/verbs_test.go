package stream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// clicks is a source of events of users, one split: id, user, page, amount, tags, at.
func clicks(t *testing.T, rows ...[]any) *memory.Source {
	t.Helper()
	s := memory.NewSource(batch.NewSchema(
		batch.Field{Name: "id", Type: batch.BigIntType},
		batch.Field{Name: "user", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "amount", Type: batch.DoubleType, Nullable: true},
		batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true}), 1)
	if err := s.AddRows(0, rows...); err != nil {
		t.Fatal(err)
	}
	s.Finish()
	return s
}

// clock is a time of one day, "10:04:30".
func clock(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-03-01 "+text)
	if err != nil {
		panic(err)
	}
	return t
}

// click is a row of clicks.
func click(id int, user string, amount float64, at string) []any {
	return []any{int64(id), user, amount, clock(at)}
}

// outcome runs a flow with a checkpoint folder of its own over what is there.
func outcome(t *testing.T, flow *stream.Flow, sink *memory.Sink) []string {
	t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	ctx, cancel := context.WithTimeout(deltaic.WithLogger(context.Background(), zap.New(core)), 20*time.Second)
	defer cancel()
	q, err := deltaic.Start(ctx, flow, stream.AvailableNow(), stream.CheckpointLocation(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	err = q.AwaitTermination(ctx)
	for _, entry := range logs.All() {
		t.Errorf("logged: %s %v", entry.Message, entry.ContextMap())
	}
	if err != nil {
		t.Fatal(err)
	}
	return sink.Rows()
}

// same compares rows whatever their order.
func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	got = slices.Clone(got)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// some is a small stream with duplicates and disorder.
func some(t *testing.T) *memory.Source {
	return clicks(t, click(1, "ann", 10, "10:00:10"), click(2, "bob", 5, "10:00:40"), click(1, "ann", 10, "10:00:10"),
		click(3, "ann", 7, "10:01:20"), click(4, "cid", 1, "10:02:05"), click(5, "bob", 2, "10:01:50"))
}

// Each verb, from a source to a sink, in each mode that it has.
func TestVerbsEndToEnd(t *testing.T) {
	minute := 60 * time.Second
	type from = *stream.Frame
	for _, c := range []struct {
		name string
		mode connectors.OutputMode
		say  func(from) from
		want []string
	}{
		{"count", stream.Update, func(d from) from { return d.GroupBy("user").Count() },
			[]string{`{"user":"ann","count":3}`, `{"user":"bob","count":2}`, `{"user":"cid","count":1}`}},
		{"aggregate", stream.Complete, func(d from) from {
			return d.GroupBy("upper(user) AS who").Agg("sums", "sum(amount) AS total", "max(id) - min(id) AS span")
		},
			[]string{`{"who":"ANN","total":27,"span":2}`, `{"who":"BOB","total":7,"span":3}`, `{"who":"CID","total":1,"span":0}`}},
		{"global", stream.Complete, func(d from) from { return d.GroupBy().Agg("", "count(*) AS n", "avg(amount) AS mean") },
			[]string{`{"n":6,"mean":5.833333333333333}`}},
		{"having", stream.Update, func(d from) from { return d.GroupBy("user").Count().Where("count > 1").Select("user") },
			[]string{`{"user":"ann"}`, `{"user":"bob"}`}},
		{"aggregate of an aggregate", stream.Update, func(d from) from { return d.GroupBy("user").Count().GroupBy("count").Agg("", "count(*) AS users") },
			[]string{`{"count":1,"users":1}`, `{"count":2,"users":1}`, `{"count":3,"users":1}`}},
		{"dropDuplicates", stream.Append, func(d from) from { return d.DropDuplicates("id").Select("id") },
			[]string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`, `{"id":5}`}},
		{"dropDuplicates by time", stream.Append, func(d from) from { return d.WithWatermark("at", minute).DropDuplicates("id", "at").Select("id") },
			[]string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`, `{"id":5}`}},
		{"dropDuplicatesWithinWatermark", stream.Append, func(d from) from {
			return d.WithWatermark("at", minute).DropDuplicatesWithinWatermark("user").Select("id")
		}, []string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`, `{"id":5}`}},
		{"distinct", stream.Append, func(d from) from { return d.Select("user").Distinct() },
			[]string{`{"user":"ann"}`, `{"user":"bob"}`, `{"user":"cid"}`}},
		{"keepLatest", stream.Update, func(d from) from { return d.KeepLatest("at", "user").Select("user", "id") },
			[]string{`{"user":"ann","id":3}`, `{"user":"bob","id":5}`, `{"user":"cid","id":4}`}},
		{"topN", stream.Update, func(d from) from {
			return d.Select("user", "id").TopN(stream.Top{Keys: []string{"user"}, By: []string{"id DESC"}, N: 1, As: "place"})
		}, []string{`{"user":"ann","id":3,"place":1}`, `{"user":"bob","id":5,"place":1}`, `{"user":"cid","id":4,"place":1}`}},
		{"rank", stream.Update, func(d from) from {
			return d.Select("user", "amount").TopN(stream.Top{Keys: []string{"user"}, By: []string{"amount DESC"}, N: 1, Rank: stream.Rank})
		}, []string{`{"user":"ann","amount":10}`, `{"user":"ann","amount":10}`, `{"user":"bob","amount":5}`, `{"user":"cid","amount":1}`}},
		{"sort and limit", stream.Complete, func(d from) from { return d.GroupBy("user").Count().Sort("count DESC", "user").Limit(2) },
			[]string{`{"user":"ann","count":3}`, `{"user":"bob","count":2}`}},
		{"limit", stream.Append, func(d from) from { return d.Select("id").Limit(2) }, []string{`{"id":1}`, `{"id":2}`}},
		{"repartition", stream.Append, func(d from) from { return d.Select("id").Repartition("id").Where("id > 4") }, []string{`{"id":5}`}},
		{"explode", stream.Append, func(d from) from { return d.Where("id = 4").Select("explode(split('a b', ' ')) AS word", "id") },
			[]string{`{"word":"a","id":4}`, `{"word":"b","id":4}`}},
		{"posexplode", stream.Append, func(d from) from {
			return d.Where("id = 4").Select("id").PosExplode("array(7, 8)", "place", "n")
		}, []string{`{"id":4,"place":0,"n":7}`, `{"id":4,"place":1,"n":8}`}},
		{"explode of a map", stream.Append, func(d from) from { return d.Where("id = 4").Select("id", "explode(map('x', 1))") },
			[]string{`{"id":4,"key":"x","value":1}`}},
		{"fillna", stream.Append, func(d from) from {
			return d.Where("id = 4").Select("id", "cast(NULL AS string) AS s", "cast(NULL AS double) AS x").FillNA("none").FillNAWith(map[string]any{"x": 1.5})
		}, []string{`{"id":4,"s":"none","x":1.5}`}},
		{"dropna", stream.Append, func(d from) from { return d.Select("id", "nullif(user, 'ann') AS user").DropNA("any").Select("id") },
			[]string{`{"id":2}`, `{"id":4}`, `{"id":5}`}},
		{"unionByName", stream.Append, func(d from) from {
			return d.Where("id = 4").Select("id", "user").UnionByName(true, d.Where("id = 5").Select("amount", "id"))
		}, []string{`{"id":4,"user":"cid","amount":null}`, `{"id":5,"user":null,"amount":2}`}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			flow, sink := stream.New("verbs").Parallelism(3), memory.NewSink("out")
			c.say(flow.From("clicks", some(t))).To("out", sink, c.mode)
			same(t, outcome(t, flow, sink), c.want...)
		})
	}
}

// people is a static table.
type people struct{}

func (people) Schema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "user", Type: batch.StringType}, batch.Field{Name: "city", Type: batch.StringType})
}
func (people) Newest(context.Context) (int64, error) { return 1, nil }
func (p people) Read(_ context.Context, _ int64, _ *batch.Pool, f func(*batch.Batch) error) error {
	b, err := memory.Build(p.Schema(), []any{"ann", "Basel"}, []any{"bob", "Bern"})
	if err != nil {
		return err
	}
	defer b.Release()
	return f(b)
}

func TestAStreamIsJoinedWithATable(t *testing.T) {
	for name, c := range map[string]struct {
		o    stream.JoinOptions
		cols []string
		want []string
	}{
		"using": {stream.JoinOptions{Using: []string{"user"}}, []string{"user", "city", "id"}, []string{`{"user":"ann","city":"Basel","id":3}`, `{"user":"bob","city":"Bern","id":5}`}},
		"left":  {stream.JoinOptions{On: "c.user = p.user", As: [2]string{"c", "p"}, Type: stream.Left}, []string{"c.id", "p.city"}, []string{`{"id":3,"city":"Basel"}`, `{"id":4,"city":null}`, `{"id":5,"city":"Bern"}`}},
		"anti":  {stream.JoinOptions{Using: []string{"user"}, Type: stream.LeftAnti}, []string{"id"}, []string{`{"id":4}`}},
	} {
		t.Run(name, func(t *testing.T) {
			flow, sink := stream.New("join"), memory.NewSink("out")
			flow.From("clicks", some(t)).Where("id > 2").JoinStatic("people", people{}, c.o).Select(c.cols...).To("out", sink, stream.Append)
			same(t, outcome(t, flow, sink), c.want...)
		})
	}
}

// What is wrong is said when the flow is built, with the step and what to do.
func TestMistakesOfVerbsAreTold(t *testing.T) {
	type from = *stream.Frame
	minute := time.Minute
	for name, c := range map[string]struct {
		say   func(from) from
		class string
		says  string
	}{
		"watermark on a string":  {func(d from) from { return d.WithWatermark("user", minute) }, "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", "string"},
		"watermark on no column": {func(d from) from { return d.WithWatermark("att", minute) }, "UNRESOLVED_COLUMN", "att"},
		"two watermarks":         {func(d from) from { return d.WithWatermark("at", minute).WithWatermark("at", minute) }, "EVENT_TIME_WATERMARK_REDEFINED", "at"},
		"a negative delay":       {func(d from) from { return d.WithWatermark("at", -minute) }, "INVALID_FLOW", "negative"},
		"watermark behind state": {func(d from) from { return d.DropDuplicates("id").WithWatermark("at", minute) }, "INVALID_FLOW", "clicks-dropDuplicates"},
		"within no watermark":    {func(d from) from { return d.DropDuplicatesWithinWatermark("id") }, "MISSING_WATERMARK", "watermark"},
		"unknown aggregate":      {func(d from) from { return d.GroupBy("user").Agg("", "summ(amount) AS s") }, "", "summ"},
		"aggregate of nothing":   {func(d from) from { return d.GroupBy("user").Agg("") }, "INVALID_FLOW", "nothing"},
		"a key that is not":      {func(d from) from { return d.GroupBy("usr").Count() }, "UNRESOLVED_COLUMN", "usr"},
		"a key of another kind":  {func(d from) from { return d.GroupBy(7).Count() }, "INVALID_FLOW", "int"},
		"a name twice": {func(d from) from {
			return d.GroupBy("user").Agg("a", "count(*) AS n").GroupBy("n").Agg("a", "count(*) AS m")
		}, "DUPLICATE_NAME", "a"},
		"top of nothing": {func(d from) from { return d.TopN(stream.Top{Keys: []string{"user"}, By: []string{"id"}}) }, "INVALID_PARAMETER_VALUE", "0"},
		"two generators": {func(d from) from { return d.Select("explode(array(1))", "explode(array(2))") }, "UNSUPPORTED_GENERATOR.MULTI_GENERATOR", "only one"},
		"a right join": {func(d from) from {
			return d.JoinStatic("p", people{}, stream.JoinOptions{Using: []string{"user"}, Type: "right"})
		}, "", "right"},
		"a join by nothing": {func(d from) from { return d.JoinStatic("p", people{}, stream.JoinOptions{}) }, "INVALID_FLOW", "condition"},
		"sort by nothing":   {func(d from) from { return d.Sort() }, "INVALID_FLOW", "nothing"},
		"a negative limit":  {func(d from) from { return d.Limit(-1) }, "INVALID_LIMIT_LIKE_EXPRESSION", "negative"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			flow := stream.New("wrong")
			c.say(flow.From("clicks", some(t))).To("out", memory.NewSink("out"), stream.Update)
			_, err := flow.Build()
			var f *supervision.Failure
			if !errors.As(err, &f) || !strings.HasPrefix(f.Class, c.class) || !strings.Contains(err.Error(), c.says) || f.Step == "" {
				t.Errorf("%v", err)
			}
		})
	}
}
