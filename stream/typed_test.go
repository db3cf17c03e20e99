package stream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// order is a row of orders.
type order struct {
	ID     int64
	Region string
	Amount float64
}

func ExampleMap() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	orders := stream.Typed[order](flow.From("orders", orders()))
	paid := stream.Filter(orders, func(o order) bool { return o.Amount > 0 })
	type line struct{ Text string }
	stream.Map(paid, func(o order) line { return line{fmt.Sprintf("%s %.2f", strings.ToUpper(o.Region), o.Amount)} }).
		Frame().To("out", sink, stream.Append)
	show(flow, sink)
	// Output:
	// {"text":"NORTH 10.50"}
	// {"text":"NORTH 10.50"}
	// {"text":"SOUTH 20.00"}
}

func ExampleAggregate() {
	flow, sink := stream.New("example"), memory.NewSink("out")
	orders := stream.Typed[order](flow.From("orders", orders()))
	byRegion := stream.KeyBy(orders, "by-region", func(o order) string { return o.Region })
	stream.Aggregate(byRegion, "totals", windows.Spec{}, stream.Count[order]().As("orders"),
		stream.Sum(func(o order) int64 { return int64(o.Amount * 100) }).As("cents")).
		To("out", sink, stream.Update)
	showState(flow, sink)
	// Output:
	// {"key":"north","orders":3,"cents":2000}
	// {"key":"south","orders":1,"cents":2000}
}

// visit is a row of clicks.
type visit struct {
	ID     int64
	User   *string
	Amount float64
	At     time.Time
}

// visitor is a key of two columns.
type visitor struct {
	User string
	Odd  bool
}

func TestValuesAreAggregatedInWindows(t *testing.T) {
	flow, sink := stream.New("typed").Parallelism(2), memory.NewSink("out")
	visits := stream.Typed[visit](flow.From("clicks", some(t)).WithWatermark("at", time.Minute))
	twice := stream.FlatMap(visits, func(v visit, emit func(visit)) {
		emit(v)
		if v.ID == 4 {
			emit(v)
		}
	})
	byUser := stream.KeyBy(twice, "by-user", func(v visit) visitor { return visitor{*v.User, v.ID%2 == 1} })
	stream.Aggregate(byUser, "per-minute", windows.Tumbling(time.Minute), stream.Max(func(v visit) int64 { return v.ID }), stream.Over("avg", func(v visit) float64 { return v.Amount }),
		stream.CountDistinct(func(v visit) string { return *v.User }).As("users"), stream.Count[visit]()).
		Select("user", "odd", "window.start AS start", "max", "avg", "users", "count").To("out", sink, stream.Append)
	same(t, outcome(t, flow, sink),
		`{"user":"ann","odd":true,"start":"2026-03-01T10:00:00.000000Z","max":1,"avg":10,"users":1,"count":2}`,
		`{"user":"bob","odd":false,"start":"2026-03-01T10:00:00.000000Z","max":2,"avg":5,"users":1,"count":1}`,
		`{"user":"ann","odd":true,"start":"2026-03-01T10:01:00.000000Z","max":3,"avg":7,"users":1,"count":1}`,
		`{"user":"bob","odd":true,"start":"2026-03-01T10:01:00.000000Z","max":5,"avg":2,"users":1,"count":1}`,
		`{"user":"cid","odd":false,"start":"2026-03-01T10:02:00.000000Z","max":4,"avg":1,"users":1,"count":2}`)
}
