package deltaic_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// The flows of docs/COMING-FROM-SPARK.md that keep state, word for word. The guide shows them from Kafka to
// Delta; the examples run them from memory to memory.

const eventColumns = "'event_id STRING, user_id STRING, region STRING, amount DOUBLE, ts TIMESTAMP'"

func eventsOf(flow *stream.Flow, source connectors.Source) *stream.Frame {
	return flow.From("events", source).As("parsed").
		Select("from_json(cast(value AS string), " + eventColumns + ") AS e").
		Select("e.*")
}

func usersFlow(source connectors.Source, sink connectors.Sink) *stream.Flow {
	flow := stream.New("users")
	eventsOf(flow, source).
		WithWatermark("ts", 10*time.Minute).
		GroupBy(windows.Tumbling(10*time.Minute).On("ts"), "region").
		Agg("users-by-region", "count(*) AS events", "count(DISTINCT user_id) AS users", "sum(amount) AS revenue").
		Select("window.start AS start", "region", "events", "users", "revenue").
		To("users", sink, stream.Append)
	return flow
}

func slidingFlow(source connectors.Source, sink connectors.Sink) *stream.Flow {
	flow := stream.New("sliding")
	eventsOf(flow, source).
		WithWatermark("ts", 10*time.Minute).
		GroupBy(windows.Sliding(10*time.Minute, 5*time.Minute).On("ts")).
		Agg("", "count(*) AS events", "approx_count_distinct(user_id) AS users").
		Select("window.start AS start", "window.end AS end", "events", "users").
		To("sliding", sink, stream.Append)
	return flow
}

func sessionsFlow(source connectors.Source, sink connectors.Sink) *stream.Flow {
	flow := stream.New("sessions")
	eventsOf(flow, source).
		WithWatermark("ts", 10*time.Minute).
		GroupBy("session_window(ts, '5 minutes')", "user_id").
		Agg("", "count(*) AS events").
		Select("user_id", "session_window.start AS start", "session_window.end AS end", "events").
		To("sessions", sink, stream.Append)
	return flow
}

func hoursFlow(source connectors.Source, sink connectors.Sink) *stream.Flow {
	flow := stream.New("hours")
	eventsOf(flow, source).
		WithWatermark("ts", 10*time.Minute).
		GroupBy("window(ts, '10 minutes')", "region").Agg("per-ten-minutes", "count(*) AS events").
		GroupBy("window(window_time(window), '1 hour')").Agg("per-hour", "sum(events) AS events", "max(events) AS most").
		Select("window.start AS start", "events", "most").
		To("hours", sink, stream.Append)
	return flow
}

func onceFlow(source connectors.Source, ever, timed, within connectors.Sink) *stream.Flow {
	flow := stream.New("once")
	events := eventsOf(flow, source).WithWatermark("ts", time.Hour)
	byID := events.As("by_id").DropDuplicates("event_id")
	byTime := events.As("by_time").DropDuplicates("event_id", "ts")
	byDelay := events.As("by_delay").DropDuplicatesWithinWatermark("event_id")
	byID.To("ever", ever, stream.Append)
	byTime.To("timed", timed, stream.Append)
	byDelay.To("within", within, stream.Append)
	return flow
}

func latestFlow(source connectors.Source, sink connectors.Sink) *stream.Flow {
	flow := stream.New("latest")
	eventsOf(flow, source).
		WithWatermark("ts", 10*time.Minute).
		GroupBy("window(ts, '10 minutes')", "region").
		Agg("", "sum(amount) AS revenue").
		Select("window.start AS start", "region", "revenue").
		To("latest", sink, stream.Update)
	return flow
}

func rankingFlow(source connectors.Source, sink connectors.Sink) *stream.Flow {
	flow := stream.New("ranking")
	eventsOf(flow, source).
		GroupBy("region").Agg("", "count(*) AS events", "sum(amount) AS revenue").
		Sort("revenue DESC").
		Limit(2).
		To("ranking", sink, stream.Complete)
	return flow
}

// event is a record as Kafka has it.
func event(id, user, region string, amount float64, at string) []any {
	return []any{fmt.Appendf(nil, `{"event_id":%q,"user_id":%q,"region":%q,"amount":%g,"ts":"2026-03-01T%s:00Z"}`, id, user, region, amount, at)}
}

// records is a source of events in one partition that ends with them.
func records(rows ...[]any) connectors.Source {
	s := memory.NewSource(batch.NewSchema(batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true}), 1)
	if err := s.AddRows(0, rows...); err != nil {
		panic(err)
	}
	s.Finish()
	return s
}

// three are the events of most examples.
func three() connectors.Source {
	return records(event("a", "ann", "north", 10, "10:01"), event("b", "bob", "north", 5, "10:04"), event("a", "ann", "north", 10, "10:01"),
		event("c", "ann", "south", 7, "10:12"), event("d", "cid", "north", 1, "10:31"))
}

// printed runs a flow to its end and prints what the sinks hold.
func printed(flow *stream.Flow, sinks ...*memory.Sink) {
	folder, err := os.MkdirTemp("", "guide")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	query, err := deltaic.Start(ctx, flow, stream.AvailableNow(), stream.CheckpointLocation(folder))
	if err == nil {
		err = query.AwaitTermination(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, sink := range sinks {
		rows := sink.Rows()
		if sink.Name() != "ranking" {
			slices.Sort(rows)
		}
		for _, row := range rows {
			fmt.Println(row)
		}
	}
}

// The numbers of Spark's guide (WM-3): greatest event time 10:30, delay 10 minutes, so the watermark is 10:20. What
// is older is late; the window that ends at 10:20 is closed.
func Example_watermark() {
	users, late := memory.NewSink("users"), memory.NewSink("late")
	flow := usersFlow(records(event("a", "ann", "north", 1, "10:14"), event("b", "bob", "north", 2, "10:30"),
		event("c", "cid", "north", 4, "10:19"), event("d", "dan", "north", 8, "10:21")), users)
	flow.Late(late)
	printed(flow, users)
	fmt.Println(late.Len(), "late row")
	// Output:
	// {"start":"2026-03-01T10:10:00.000000Z","region":"north","events":1,"users":1,"revenue":1}
	// {"start":"2026-03-01T10:20:00.000000Z","region":"north","events":1,"users":1,"revenue":8}
	// {"start":"2026-03-01T10:30:00.000000Z","region":"north","events":1,"users":1,"revenue":2}
	// 1 late row
}

// countDistinct, which Spark refuses on streams (T1), is exact.
func Example_countDistinct() {
	sink := memory.NewSink("users")
	printed(usersFlow(three(), sink), sink)
	// Output:
	// {"start":"2026-03-01T10:00:00.000000Z","region":"north","events":3,"users":2,"revenue":25}
	// {"start":"2026-03-01T10:10:00.000000Z","region":"south","events":1,"users":1,"revenue":7}
	// {"start":"2026-03-01T10:30:00.000000Z","region":"north","events":1,"users":1,"revenue":1}
}

func Example_slidingWindows() {
	sink := memory.NewSink("sliding")
	printed(slidingFlow(three(), sink), sink)
	// Output:
	// {"start":"2026-03-01T09:55:00.000000Z","end":"2026-03-01T10:05:00.000000Z","events":3,"users":2}
	// {"start":"2026-03-01T10:00:00.000000Z","end":"2026-03-01T10:10:00.000000Z","events":3,"users":2}
	// {"start":"2026-03-01T10:05:00.000000Z","end":"2026-03-01T10:15:00.000000Z","events":1,"users":1}
	// {"start":"2026-03-01T10:10:00.000000Z","end":"2026-03-01T10:20:00.000000Z","events":1,"users":1}
	// {"start":"2026-03-01T10:25:00.000000Z","end":"2026-03-01T10:35:00.000000Z","events":1,"users":1}
	// {"start":"2026-03-01T10:30:00.000000Z","end":"2026-03-01T10:40:00.000000Z","events":1,"users":1}
}

func Example_sessionWindows() {
	sink := memory.NewSink("sessions")
	printed(sessionsFlow(three(), sink), sink)
	// Output:
	// {"user_id":"ann","start":"2026-03-01T10:01:00.000000Z","end":"2026-03-01T10:06:00.000000Z","events":2}
	// {"user_id":"ann","start":"2026-03-01T10:12:00.000000Z","end":"2026-03-01T10:17:00.000000Z","events":1}
	// {"user_id":"bob","start":"2026-03-01T10:04:00.000000Z","end":"2026-03-01T10:09:00.000000Z","events":1}
	// {"user_id":"cid","start":"2026-03-01T10:31:00.000000Z","end":"2026-03-01T10:36:00.000000Z","events":1}
}

func Example_windowsOverWindows() {
	sink := memory.NewSink("hours")
	printed(hoursFlow(three(), sink), sink)
	// Output: {"start":"2026-03-01T10:00:00.000000Z","events":5,"most":3}
}

// The same id comes again with another time, within the hour and beyond it.
func Example_dropDuplicates() {
	ever, timed, within := memory.NewSink("ever"), memory.NewSink("timed"), memory.NewSink("within")
	source := records(event("a", "ann", "north", 1, "10:00"), event("a", "ann", "north", 1, "10:00"), event("a", "ann", "north", 2, "10:30"), event("a", "ann", "north", 3, "11:10"))
	flow := onceFlow(source, ever, timed, within)
	printed(flow)
	fmt.Println("by id:", ever.Len(), "by id and time:", timed.Len(), "by id within the watermark:", within.Len())
	// Output: by id: 1 by id and time: 3 by id within the watermark: 2
}

func Example_updateMode() {
	sink := memory.NewSink("latest")
	printed(latestFlow(three(), sink), sink)
	// Output:
	// {"start":"2026-03-01T10:00:00.000000Z","region":"north","revenue":25}
	// {"start":"2026-03-01T10:10:00.000000Z","region":"south","revenue":7}
	// {"start":"2026-03-01T10:30:00.000000Z","region":"north","revenue":1}
}

func Example_completeMode() {
	sink := memory.NewSink("ranking")
	printed(rankingFlow(three(), sink), sink)
	// Output:
	// {"region":"north","events":4,"revenue":26}
	// {"region":"south","events":1,"revenue":7}
}

// stateful are the flows of the guide from Kafka to Delta.
var stateful = map[string]func() *stream.Flow{
	"users":    func() *stream.Flow { return usersFlow(kafkaEvents(), table("users")) },
	"sliding":  func() *stream.Flow { return slidingFlow(kafkaEvents(), table("sliding")) },
	"sessions": func() *stream.Flow { return sessionsFlow(kafkaEvents(), table("sessions")) },
	"hours":    func() *stream.Flow { return hoursFlow(kafkaEvents(), table("hours")) },
	"once":     func() *stream.Flow { return onceFlow(kafkaEvents(), table("ever"), table("timed"), table("within")) },
	"latest":   func() *stream.Flow { return latestFlow(kafkaEvents(), table("latest", "start", "region")) },
	"ranking":  func() *stream.Flow { return rankingFlow(kafkaEvents(), table("ranking")) },
}

func kafkaEvents() connectors.Source {
	return kafka.Source("events", kafka.Brokers("localhost:9092"), kafka.StartAt(kafka.Earliest))
}

func table(name string, keys ...string) connectors.Sink {
	return delta.SinkAt("lake/"+name, delta.SinkOptions{Keys: keys})
}

// The guide warns of state that grows (T2, T3), and says what a refused mode should be (MODE-4).
func TestTheGuidesAdviceIsGiven(t *testing.T) {
	g, err := stateful["once"]().Build()
	if err != nil {
		t.Fatal(err)
	}
	text := stream.Explain(g)
	for _, want := range []string{"state: every key, never evicted: no event time is among the keys", "state: until the watermark passes ts",
		"advice: state of dropDuplicates by event_id grows with every new key although there is a watermark on ts; dropDuplicatesWithinWatermark keeps a key for the watermark's delay only, or add ts to the keys if duplicates have the same"} {
		if !strings.Contains(text, want) {
			t.Errorf("explain does not say %q:\n%s", want, text)
		}
	}
}
