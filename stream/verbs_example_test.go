package stream_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
	"github.com/deltaic/deltaic/windows"
)

// visits is a source of visits of pages with their time; it ends with the last one.
func visits() *memory.Source {
	s := memory.NewSource(batch.NewSchema(
		batch.Field{Name: "user", Type: batch.StringType}, batch.Field{Name: "page", Type: batch.StringType, Nullable: true}, batch.Field{Name: "at", Type: batch.TimestampType}), 1)
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC) }
	if err := s.AddRows(0, []any{"ann", "home", at(0)}, []any{"bob", "home", at(1)}, []any{"ann", "shop", at(2)}, []any{"ann", "home", at(7)}, []any{"bob", nil, at(30)}); err != nil {
		log.Fatal(err)
	}
	s.Finish()
	return s
}

func ExampleFrame_WithWatermark() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	late := memory.NewSink("late")
	flow.Late(late)
	flow.From("visits", visits()).
		WithWatermark("at", 10*time.Minute, stream.MaxFutureSkew(time.Hour), stream.IdleAfter(time.Minute)).
		GroupBy(windows.Tumbling(5*time.Minute).On("at")).Count().
		Select("window.start AS start", "count").To("out", sink, stream.Append)
	showState(flow, sink)
	// Output:
	// {"start":"2026-03-01T10:00:00.000000Z","count":3}
	// {"start":"2026-03-01T10:05:00.000000Z","count":1}
	// {"start":"2026-03-01T10:30:00.000000Z","count":1}
}

func ExampleFrame_GroupBy() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).
		GroupBy("user").Agg("per-user", "count(*) AS visits", "count(DISTINCT page) AS pages", "count(*) FILTER (WHERE page = 'shop') AS shopped").
		To("out", sink, stream.Complete)
	showState(flow, sink)
	// Output:
	// {"user":"ann","visits":3,"pages":2,"shopped":1}
	// {"user":"bob","visits":2,"pages":1,"shopped":0}
}

func ExampleGrouped_Count() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).GroupBy("page").Count().Where("count > 1").To("out", sink, stream.Update)
	showState(flow, sink)
	// Output: {"page":"home","count":3}
}

func ExampleFrame_DropDuplicatesWithinWatermark() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).WithWatermark("at", 5*time.Minute).
		DropDuplicatesWithinWatermark("user").Select("user", "minute(at) AS minute").To("out", sink, stream.Append)
	showState(flow, sink)
	// Output:
	// {"user":"ann","minute":0}
	// {"user":"ann","minute":7}
	// {"user":"bob","minute":1}
	// {"user":"bob","minute":30}
}

func ExampleFrame_Distinct() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Select("page").Distinct().To("out", sink, stream.Append)
	showState(flow, sink)
	// Output:
	// {"page":"home"}
	// {"page":"shop"}
	// {"page":null}
}

func ExampleFrame_Named() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Select("user").Named("known-users").Distinct().To("out", sink, stream.Append)
	g, err := flow.Build()
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range g.Steps {
		if s.Stateful {
			fmt.Println(s.Name)
		}
	}
	// Output: known-users
}

func ExampleFrame_KeepLatest() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).KeepLatest("at", "user").Select("user", "page").To("out", sink, stream.Update)
	showState(flow, sink)
	// Output:
	// {"user":"ann","page":"home"}
	// {"user":"bob","page":null}
}

func ExampleFrame_TopN() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Select("user", "minute(at) AS minute").
		TopN(stream.Top{Keys: []string{"user"}, By: []string{"minute DESC"}, N: 2, As: "place"}).To("out", sink, stream.Update)
	showState(flow, sink)
	// Output:
	// {"user":"ann","minute":2,"place":2}
	// {"user":"ann","minute":7,"place":1}
	// {"user":"bob","minute":1,"place":2}
	// {"user":"bob","minute":30,"place":1}
}

func ExampleFrame_Sort() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).GroupBy("user").Count().Sort("count DESC").Limit(1).To("out", sink, stream.Complete)
	showState(flow, sink)
	// Output: {"user":"ann","count":3}
}

func ExampleFrame_Limit() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Select("user").Limit(1).To("out", sink, stream.Append)
	showState(flow, sink)
	// Output: {"user":"ann"}
}

func ExampleFrame_Explode() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("page = 'shop'").Select("user", "array('a', 'b') AS letters").Explode("letters", "letter").Drop("letters").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"user":"ann","letter":"a"}
	// {"user":"ann","letter":"b"}
}

func ExampleFrame_PosExplode() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("page = 'shop'").Select("user", "posexplode(array('a', 'b'))").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"user":"ann","pos":0,"col":"a"}
	// {"user":"ann","pos":1,"col":"b"}
}

func ExampleFrame_FillNA() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("page IS NULL").Select("user", "page").FillNA("none").To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"user":"bob","page":"none"}
}

func ExampleFrame_DropNA() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("user = 'bob'").Select("user", "page").DropNA("any", "page").To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"user":"bob","page":"home"}
}

func ExampleFrame_UnionByName() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	all := flow.From("visits", visits())
	shop, none := all.Where("page = 'shop'").Select("user", "page"), all.Where("page IS NULL").Select("minute(at) AS minute", "user")
	shop.UnionByName(true, none).To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"user":"ann","page":"shop","minute":null}
	// {"user":"bob","page":null,"minute":30}
}

func ExampleFrame_Repartition() {
	flow, sink := stream.New("example").Parallelism(4), memory.NewSink("out")
	flow.From("visits", visits()).Where("user = 'bob'").Repartition("user").Select("user", "minute(at) AS minute").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"user":"bob","minute":1}
	// {"user":"bob","minute":30}
}

// cities is a table that every epoch sees as it is then.
type cities struct{}

func (cities) Schema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "user", Type: batch.StringType}, batch.Field{Name: "city", Type: batch.StringType})
}
func (cities) Newest(context.Context) (int64, error) { return 0, nil }
func (c cities) Read(_ context.Context, _ int64, _ *batch.Pool, f func(*batch.Batch) error) error {
	b, err := memory.Build(c.Schema(), []any{"ann", "Basel"})
	if err != nil {
		return err
	}
	defer b.Release()
	return f(b)
}

func ExampleFrame_JoinStatic() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("minute(at) < 2").
		JoinStatic("cities", cities{}, stream.JoinOptions{Using: []string{"user"}, Type: stream.Left}).Select("user", "city").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"user":"ann","city":"Basel"}
	// {"user":"bob","city":null}
}

func ExampleFrame_MapBatches() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	numbers := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType})
	flow.From("orders", orders()).Select("id").MapBatches(numbers, func(in *batch.Batch, pool *batch.Pool) (*batch.Batch, error) {
		b := batch.NewBuilder(batch.BigIntType, pool)
		for i := range in.Rows() {
			b.Int64(in.Columns[0].I64[in.Row(i)] * 100)
		}
		return batch.NewBatch(numbers, in.Rows(), b.Finish()), nil
	}).To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"id":100}
	// {"id":100}
	// {"id":200}
	// {"id":300}
}

func ExampleFrame_Transform() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	paid := func(d *stream.Frame) *stream.Frame { return d.Where("amount > 0") }
	flow.From("orders", orders()).Transform(paid).Select("id").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"id":1}
	// {"id":1}
	// {"id":2}
}

func ExampleFlatMap() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	type half struct{ Amount float64 }
	halves := stream.FlatMap(stream.Typed[order](flow.From("orders", orders())), func(o order, emit func(half)) {
		if o.ID == 2 {
			emit(half{o.Amount / 2})
			emit(half{o.Amount / 2})
		}
	})
	halves.Frame().To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"amount":10}
	// {"amount":10}
}

// seen is how often a user came.
type seen struct {
	User  string
	Times int64
}

// counter counts the rows of each user.
type counter struct {
	keyed.Base[string, seen]
	times *keyed.Value[int64]
}

// Init opens the count.
func (c *counter) Init(h *keyed.Handle) (err error) {
	c.times, err = keyed.NewValue[int64](h, "times", 0)
	return err
}

// Input counts and tells.
func (c *counter) Input(user string, rows []struct{ User string }, call *keyed.Call[seen]) error {
	n, _ := c.times.Get()
	for range rows {
		n++
		call.Emit(seen{user, n})
	}
	c.times.Set(n)
	return nil
}

func ExampleProcess() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	users := flow.From("visits", visits()).Select("user")
	counts := stream.Process(users, "counter", []string{"user"}, func() keyed.Processor[string, struct{ User string }, seen] { return &counter{} }, stream.ProcessOptions{})
	counts.Frame().Where("times > 1").To("out", sink, stream.Append)
	showState(flow, sink)
	// Output:
	// {"user":"ann","times":2}
	// {"user":"ann","times":3}
	// {"user":"bob","times":2}
}

func ExampleFlow_MultipleWatermarkPolicy() {
	flow, sink := stream.New("example").MultipleWatermarkPolicy("max"), memory.NewSink("out")
	flow.From("visits", visits()).WithWatermark("at", time.Minute).To("out", sink, stream.Append)
	g, err := flow.Build()
	if err != nil {
		log.Fatal(err)
	}
	p, err := topology.MakePlan(g)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Explain().Policy)
	// Output: max
}

// Without keys there is one group, whether it has rows or not.
func ExampleGrouped_Agg() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("user = 'nobody'").GroupBy().Agg("all", "count(*) AS visits", "min(at) AS first").To("out", sink, stream.Complete)
	showState(flow, sink)
	// Output: {"visits":0,"first":null}
}
