package stream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// perMinute counts by minute and tells start and number.
func perMinute(d *stream.Frame) *stream.Frame {
	return d.GroupBy(windows.Tumbling(time.Minute).On("at")).Count().Select("minute(window.start) AS minute", "count")
}

// A row behind the watermark by less than the allowed lateness corrects its window; one that is further behind is
// late, in each mode.
func TestAllowedLatenessCorrects(t *testing.T) {
	for _, m := range []connectors.OutputMode{stream.Append, stream.Update} {
		flow, sink, late := stream.New("late"), memory.NewSink("out"), memory.NewSink("late")
		flow.Late(late)
		source := clicks(t, click(1, "a", 1, "10:01:00"), click(2, "b", 1, "10:05:00"), click(3, "c", 1, "10:03:30"), click(4, "d", 1, "10:00:30"), click(5, "e", 1, "10:01:59"))
		perMinute(flow.From("clicks", source.Exactly(1)).WithWatermark("at", 0, stream.AllowedLateness(4*time.Minute))).To("out", sink, m)
		same(t, outcome(t, flow, sink), `{"minute":1,"count":2}`, `{"minute":3,"count":1}`, `{"minute":5,"count":1}`)
		if rows := late.Rows(); len(rows) != 1 || !strings.Contains(rows[0], `\"id\":4`) || !strings.Contains(rows[0], `"step":"clicks-aggregate"`) {
			t.Errorf("mode %s: late rows %v", m, rows)
		}
	}
}

// Each split has its own watermark: what one brings behind the other's is in time.
func TestASlowSplitLosesNothing(t *testing.T) {
	flow, sink := stream.New("splits"), memory.NewSink("out")
	source := memory.NewSource(clicks(t).Schema(), 2)
	for i, at := range []string{"10:30:00", "10:01:00"} {
		if err := source.AddRows(i, click(i, "a", 1, at)); err != nil {
			t.Fatal(err)
		}
	}
	source.Finish()
	perMinute(flow.From("clicks", source).WithWatermark("at", time.Minute)).To("out", sink, stream.Append)
	same(t, outcome(t, flow, sink), `{"minute":1,"count":1}`, `{"minute":30,"count":1}`)
}

// Two inputs with watermarks meet in the least, so neither loses rows to the other.
func TestWatermarksMeetThroughUnions(t *testing.T) {
	flow, sink := stream.New("union").Parallelism(2), memory.NewSink("out")
	fast := flow.From("fast", clicks(t, click(1, "a", 1, "10:40:00"))).WithWatermark("at", time.Minute)
	slow := flow.From("slow", clicks(t, click(2, "b", 1, "10:02:00"), click(3, "c", 1, "10:02:30"))).WithWatermark("at", 2*time.Minute)
	perMinute(fast.UnionByName(false, slow)).To("out", sink, stream.Append)
	same(t, outcome(t, flow, sink), `{"minute":2,"count":2}`, `{"minute":40,"count":1}`)
}

// A union with an input that has no watermark has none.
func TestAUnionWithoutAWatermarkIsNeverFinal(t *testing.T) {
	flow := stream.New("union")
	timed := flow.From("timed", clicks(t)).WithWatermark("at", time.Minute)
	perMinute(timed.Union(flow.From("untimed", clicks(t)))).To("out", memory.NewSink("out"), stream.Append)
	if _, err := flow.Build(); err == nil || !strings.Contains(err.Error(), "without a watermark on what it groups by") {
		t.Errorf("%v", err)
	}
}

// A watermark on another column than that of the window closes nothing, and is said.
func TestAWatermarkOnAnotherColumnIsSaid(t *testing.T) {
	flow, sink := stream.New("other"), memory.NewSink("out")
	source := clicks(t, click(1, "a", 1, "10:30:00"), click(2, "b", 1, "10:01:00"))
	perMinute(flow.From("clicks", source.Exactly(1)).WithColumn("other", "at").WithWatermark("other", 0)).To("out", sink, stream.Update)
	g, err := flow.Build()
	if err != nil {
		t.Fatal(err)
	}
	if text := stream.Explain(g); !strings.Contains(text, "makes windows over at, and the watermark is on other: no window is ever closed") {
		t.Error(text)
	}
	same(t, outcome(t, flow, sink), `{"minute":1,"count":1}`, `{"minute":30,"count":1}`)
}
