package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// A row without elements stays, as with LEFT JOIN.
func ExampleFrame_ExplodeOuter() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("user = 'bob'").Select("user", "CASE WHEN page IS NULL THEN NULL ELSE array(page, 'exit') END AS pages").
		ExplodeOuter("pages", "page").Drop("pages").To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"user":"bob","page":"exit"}
	// {"user":"bob","page":"home"}
	// {"user":"bob","page":null}
}

func ExampleFrame_PosExplodeOuter() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	pages := flow.From("visits", visits()).Where("user = 'bob'").Select("user", "CASE WHEN page IS NULL THEN NULL ELSE array(page, 'exit') END AS pages")
	pages.PosExplodeOuter("pages", "place", "page").Drop("pages").To("out", sink, stream.Append)
	inner := memory.NewSink("inner")
	pages.PosExplode("pages", "place", "page").Drop("pages").To("inner", inner, stream.Append)
	show(flow, sink)
	fmt.Println(inner.Len(), "without outer")
	// Output:
	// {"user":"bob","place":0,"page":"home"}
	// {"user":"bob","place":1,"page":"exit"}
	// {"user":"bob","place":null,"page":null}
	// 2 without outer
}

func ExampleFrame_FillNAWith() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("page IS NULL").Select("user", "page", "CAST(NULL AS BIGINT) AS seconds").
		FillNAWith(map[string]any{"page": "none", "seconds": 0}).To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"user":"bob","page":"none","seconds":0}
}

func ExampleFrame_DropNALess() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).Where("user = 'bob'").Select("user", "page").DropNALess(2).To("out", sink, stream.Append)
	show(flow, sink)
	// Output: {"user":"bob","page":"home"}
}

func ExampleFrame_OrderBy() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", visits()).GroupBy("page").Count().OrderBy("count DESC", "page NULLS LAST").Limit(2).To("out", sink, stream.Complete)
	showState(flow, sink)
	// Output:
	// {"page":"home","count":3}
	// {"page":"shop","count":1}
}

// Windows are kept for the allowed lateness after the watermark has passed them: a late row corrects a result that was told.
func ExampleAllowedLateness() {
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType}), 1)
	for _, minute := range []int{1, 30, 3} {
		if err := source.AddRows(0, []any{time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC)}); err != nil {
			log.Fatal(err)
		}
	}
	flow, sink := stream.New("example"), memory.NewSink("out")
	flow.From("visits", source).WithWatermark("at", 10*time.Minute, stream.AllowedLateness(time.Hour), stream.MaxLead(time.Hour)).
		GroupBy(windows.Tumbling(5*time.Minute).On("at")).Count().
		Select("minute(window.start) AS minute", "count").To("out", sink, stream.Update)
	showState(flow, sink)
	// Output:
	// {"minute":0,"count":2}
	// {"minute":30,"count":1}
}

// Spark lets the split that is furthest ahead make the watermark; what others bring behind it is late.
func ExampleSplitsMax() {
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType}), 2)
	at := func(minute int) []any { return []any{time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC)} }
	err := errors.Join(source.AddRows(0, at(30)), source.AddRows(1, at(1)))
	flow, sink, late := stream.New("example"), memory.NewSink("out"), memory.NewSink("late")
	flow.Late(late).From("clicks", source).WithWatermark("at", 10*time.Minute, stream.SplitsMax()).
		GroupBy(windows.Tumbling(5*time.Minute).On("at")).Count().Select("minute(window.start) AS minute", "count").To("out", sink, stream.Append)
	folder, made := os.MkdirTemp("", "example")
	if err = errors.Join(err, made); err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for range 2 { // the second run brings one more row of the slow split
		q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow(), stream.CheckpointLocation(folder))
		if err == nil {
			err = q.AwaitTermination(context.Background())
		}
		if err = errors.Join(err, source.AddRows(1, at(2))); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(sink.Rows(), late.Len(), "late")
	// Output: [{"minute":0,"count":1}] 1 late
}

func ExampleMin() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	byRegion := stream.KeyBy(stream.Typed[order](flow.From("orders", orders())), "by-region", func(o order) string { return o.Region })
	id := func(o order) int64 { return o.ID }
	stream.Aggregate(byRegion, "ids", windows.Spec{}, stream.Min(id), stream.Max(id), stream.CountDistinct(func(o order) string { return fmt.Sprint(o.ID) }).As("ids"),
		stream.Over("stddev_pop", func(o order) float64 { return o.Amount }).As("spread")).
		Where("key = 'north'").Select("key", "min", "max", "ids", "round(spread, 2) AS spread").To("out", sink, stream.Complete)
	showState(flow, sink)
	// Output: {"key":"north","min":1,"max":3,"ids":2,"spread":5.42}
}

// carried is a counter that begins with what a table says.
type carried struct{ counter }

// Initial takes a row of the table.
func (c *carried) Initial(_ string, row struct{ City string }, _ *keyed.Call[seen]) error {
	c.times.Set(int64(len(row.City)))
	return nil
}

// The table cities has a row for ann: her count begins with the length of the city's name.
func ExampleProcessWithInitial() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	users := flow.From("visits", visits()).Select("user")
	stream.ProcessWithInitial(users, "counter", []string{"user"}, cities{}, func() stream.InitialProcessor[string, struct{ User string }, seen, struct{ City string }] {
		return &carried{}
	},
		stream.ProcessOptions{}).Frame().To("out", sink, stream.Append)
	showState(flow, sink)
	// Output:
	// {"user":"ann","times":6}
	// {"user":"ann","times":7}
	// {"user":"ann","times":8}
	// {"user":"bob","times":1}
	// {"user":"bob","times":2}
}

// What holds for every expression of a flow, and for its tasks.
func ExampleFlow_ANSI() {
	zone := time.FixedZone("+02:00", 2*3600)
	flow, sink := stream.New("example").ANSI(false).SessionZone(zone).KeyGroups(64).ActorPerKeyGroup(), memory.NewSink("out")
	flow.From("visits", visits()).Where("page = 'shop'").DropDuplicates("user").Select("hour(at) AS hour", "1 / 0 AS nothing", "CAST('x' AS INT) AS no_number").To("out", sink, stream.Append)
	showState(flow, sink)
	fmt.Println(strings.Contains(graph(flow), "64 key groups"))
	// Output:
	// {"hour":12,"nothing":null,"no_number":null}
	// true
}

func graph(flow *stream.Flow) string {
	g, err := flow.Build()
	if err != nil {
		return err.Error()
	}
	return stream.Explain(g)
}
