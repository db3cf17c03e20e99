package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// moment is a row with a time.
type moment struct {
	K  string
	At time.Time
}

// alarm emits its row again when a timer fires, an hour after it.
type alarm struct {
	keyed.Base[string, moment]
	at *keyed.Value[time.Time]
}

func (a *alarm) Init(h *keyed.Handle) (err error) {
	a.at, err = keyed.NewValue[time.Time](h, "at", 0)
	return err
}

func (a *alarm) Input(_ string, rows []moment, c *keyed.Call[moment]) error {
	for _, r := range rows {
		c.SetTimer(keyed.Timer{Clock: keyed.EventTime, At: r.At.Add(time.Hour)})
	}
	return nil
}

func (a *alarm) Timer(k string, t keyed.Timer, c *keyed.Call[moment]) error {
	c.Emit(moment{k, t.At.Add(-time.Hour)})
	return nil
}

// Event times of the first and the last year there are pass through everything that computes with them, with no
// overflow: what comes after the last of them is late, and nothing before.
func TestEventTimesOfYear1AndYear9999(t *testing.T) {
	year1, now, year9999 := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	for name, verbs := range map[string]func(*stream.Frame) *stream.Frame{
		"tumbling": func(d *stream.Frame) *stream.Frame {
			return d.GroupBy(windows.Tumbling(time.Minute).On("at"), "k").Agg("w", "min(at) AS at").Select("k", "at")
		},
		"sliding": func(d *stream.Frame) *stream.Frame {
			return d.GroupBy(windows.Sliding(2*time.Minute, time.Minute).On("at"), "k").Agg("w", "min(at) AS at").Where("at >= window.end - INTERVAL 1 MINUTE").Select("k", "at")
		},
		"sessions": func(d *stream.Frame) *stream.Frame {
			return d.GroupBy(windows.Session(time.Minute).On("at"), "k").Agg("w", "min(at) AS at").Select("k", "at")
		},
		"duplicates":                  func(d *stream.Frame) *stream.Frame { return d.DropDuplicates("k", "at") },
		"duplicates within the delay": func(d *stream.Frame) *stream.Frame { return d.DropDuplicatesWithinWatermark("k") },
		"timers": func(d *stream.Frame) *stream.Frame {
			return stream.Process(d, "alarm", []string{"k"}, func() keyed.Processor[string, moment, moment] { return &alarm{} }, stream.ProcessOptions{}).Frame()
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			source := memory.NewSource(batch.NewSchema(batch.Field{Name: "k", Type: batch.StringType}, batch.Field{Name: "at", Type: batch.TimestampType}), 1)
			if err := source.AddRows(0, []any{"a", year1}, []any{"a", now}, []any{"a", year9999}, []any{"a", now}); err != nil {
				t.Fatal(err)
			}
			source.Finish()
			flow, sink, late := stream.New("far"), memory.NewSink("out"), memory.NewSink("late")
			flow.Late(late)
			verbs(flow.From("in", source).WithWatermark("at", time.Hour)).To("out", sink, stream.Append)
			q, err := deltaic.Start(t.Context(), flow, stream.AvailableNow(), stream.CheckpointLocation(t.TempDir()))
			if err == nil {
				err = q.AwaitTermination(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			got := sink.Rows()
			slices.Sort(got)
			want := []string{`{"k":"a","at":"0001-01-01T00:00:00.000000Z"}`, `{"k":"a","at":"2026-03-01T10:00:00.000000Z"}`, `{"k":"a","at":"9999-12-31T23:59:59.999999Z"}`}
			if fmt.Sprint(got) != fmt.Sprint(want) || late.Len() != 1 {
				t.Errorf("%d late, got\n%s", late.Len(), strings.Join(got, "\n"))
			}
		})
	}
}
