package windows_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/windows"
)

// What is parsed from SQL is what is said in Go, and a spec's own SQL parses to it.
func TestParseEqualsGo(t *testing.T) {
	for text, want := range map[string]windows.Spec{
		"window(at, '10 seconds')":                                windows.Tumbling(10 * time.Second).On("at"),
		"WINDOW(at, INTERVAL 1 hour)":                             windows.Tumbling(time.Hour).On("at"),
		"window(at, '1 hour 30 minutes', interval '5' minute)":    windows.Sliding(90*time.Minute, 5*time.Minute).On("at"),
		"window(at, '10 minutes', '10 minutes', '-1 minute')":     windows.Tumbling(10 * time.Minute).Offset(-time.Minute).On("at"),
		"window(o.at, '2 days', '7 hours', '15 minutes') AS span": windows.Sliding(48*time.Hour, 7*time.Hour).Offset(15 * time.Minute).On("o.at").As("span"),
		"session_window(at, '5 minutes')":                         windows.Session(5 * time.Minute).On("at"),
		"session_window(at, gap) s":                               windows.SessionExpr("gap").On("at").As("s"),
		"window(processing_time(), '1 second')":                   windows.Tumbling(time.Second).OnProcessingTime(),
		"window(window, '1 hour')":                                windows.Tumbling(time.Hour).On("window"),
	} {
		got, ok, err := windows.Parse(text)
		if err != nil || !ok {
			t.Errorf("%s: %v %v", text, ok, err)
			continue
		}
		if got.SQL() != want.SQL() || got.Column() != want.Column() || got.Kind() != want.Kind() || got.Processing() != want.Processing() {
			t.Errorf("%s: got %s as %s, want %s as %s", text, got.SQL(), got.Column(), want.SQL(), want.Column())
		}
		again, ok, err := windows.Parse(want.SQL())
		if err != nil || !ok || again.SQL() != want.SQL() {
			t.Errorf("%s: its own SQL gives %v %v %v", want.SQL(), again.SQL(), ok, err)
		}
	}
	for _, text := range []string{"region", "upper(region) AS r", "window", "count(*)"} {
		if _, ok, err := windows.Parse(text); ok || err != nil {
			t.Errorf("%s: %v %v", text, ok, err)
		}
	}
}

func TestWhatIsNoWindowIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"window(at)":                                          "WRONG_NUM_ARGS",
		"window(at, '1 hour', '2 hours')":                     "PARAMETER_CONSTRAINT_VIOLATION",
		"window(at, '0 seconds')":                             "VALUE_OUT_OF_RANGE",
		"window(at, '-1 hour')":                               "VALUE_OUT_OF_RANGE",
		"window(at, '1 hour', '0 seconds')":                   "VALUE_OUT_OF_RANGE",
		"window(at, '1 hour', '30 minutes', '30 minutes')":    "PARAMETER_CONSTRAINT_VIOLATION",
		"window(at, '1 hour', '30 minutes', '-30 minutes')":   "PARAMETER_CONSTRAINT_VIOLATION",
		"window(at, '1 month')":                               "months and years differ in length",
		"window(at, INTERVAL 1 YEAR)":                         "months and years differ in length",
		"window(at, 'soon')":                                  "\"soon\" is no interval",
		"window(at, n)":                                       "n is no constant",
		"session_window(at, '1 month')":                       "months and years differ in length",
		"session_window(at, '-1 second')":                     "VALUE_OUT_OF_RANGE",
		"session_window(at)":                                  "WRONG_NUM_ARGS",
		"window(at, '100000000 days')":                        "VALUE_OUT_OF_RANGE",
		"window(at, '1 hour', '1 hour', '0 seconds', 'more')": "WRONG_NUM_ARGS",
	} {
		_, ok, err := windows.Parse(text)
		var f *supervision.Failure
		if !ok || !errors.As(err, &f) || !strings.Contains(f.Error(), want) || f.Column == 0 {
			t.Errorf("%s: %v %v, want %s and a place", text, ok, err, want)
		}
	}
	for _, s := range []windows.Spec{windows.Tumbling(0), windows.Sliding(time.Second, time.Minute), windows.Session(-time.Second),
		windows.Session(time.Second).Offset(time.Second), {}} {
		if s.Check() == nil {
			t.Errorf("%s is accepted", s.SQL())
		}
	}
}

func TestBindFindsTheEventTime(t *testing.T) {
	span := batch.StructType(batch.Field{Name: "start", Type: batch.TimestampNTZType}, batch.Field{Name: "end", Type: batch.TimestampNTZType})
	schema := batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType}, batch.Field{Name: "local", Type: batch.TimestampNTZType},
		batch.Field{Name: "window", Type: span}, batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "day", Type: batch.DateType})
	for text, want := range map[string]string{
		"window(at, '1 minute')":         "window struct<start:timestamp,end:timestamp>",
		"window(local, '1 minute') AS w": "w struct<start:timestamp_ntz,end:timestamp_ntz>",
		"window(window, '1 hour')":       "window struct<start:timestamp_ntz,end:timestamp_ntz>",
		"window(day, '1 hour')":          "window struct<start:timestamp,end:timestamp>",
		"session_window(at, '1 minute')": "session_window struct<start:timestamp,end:timestamp>",
		"session_window(at, case when n > 5 then '1 minute' else '1 hour' end)": "session_window struct<start:timestamp,end:timestamp>",
		"window(n, '1 minute')":   "is of type bigint",
		"window(att, '1 minute')": "UNRESOLVED_COLUMN",
		"session_window(at, n)":   "is of type bigint",
	} {
		s, _, err := windows.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if b, err := s.Bind(schema, expr.NewOptions()); err != nil {
			got = err.Error()
		} else {
			got = b.Field().Name + " " + b.Field().Type.String()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	if _, err := windows.Tumbling(time.Second).Bind(schema, expr.NewOptions()); err == nil || !strings.Contains(err.Error(), ".On(column)") {
		t.Errorf("got %v", err)
	}
}

// Every window that the arithmetic names holds the time, no other does, and
// all times of a pane are in the same windows.
func TestPanesAgreeWithTheDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, 40).Draw(rt, "size")
		slide := rapid.Int64Range(1, size).Draw(rt, "slide")
		start := rapid.Int64Range(-slide+1, slide-1).Draw(rt, "start")
		spec := windows.Sliding(time.Duration(size)*time.Microsecond, time.Duration(slide)*time.Microsecond).Offset(time.Duration(start) * time.Microsecond)
		if err := spec.Check(); err != nil {
			rt.Fatal(err)
		}
		p := windows.PanesOf(spec)
		at := rapid.OneOf(rapid.Int64Range(-100, 100), rapid.Int64Range(windows.MinTime, windows.MaxTime-1)).Draw(rt, "at")
		first, last := p.Windows(at)
		var got, want []int64
		for w := first; w <= last; w += slide {
			got = append(got, w)
		}
		for w := at - size + 1; w <= at; w++ {
			if (w-start)%slide == 0 {
				want = append(want, w)
			}
		}
		if len(got) != len(want) || int64(len(got)) > p.Most() || len(got) == 0 {
			rt.Fatalf("windows of %d: %v, want %v", at, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				rt.Fatalf("windows of %d: %v, want %v", at, got, want)
			}
		}
		from, to := p.Pane(at)
		if at < from || at >= to || to-from > slide {
			rt.Fatalf("pane of %d is [%d,%d)", at, from, to)
		}
		for x := from; x < to; x++ {
			if f, l := p.Windows(x); f != first || l != last {
				rt.Fatalf("%d and %d are in pane [%d,%d) and not in the same windows", at, x, from, to)
			}
			if f, _ := p.Pane(x); f != from {
				rt.Fatalf("%d is in pane %d, %d in pane %d", at, from, x, f)
			}
		}
		if p.FirstEnd(at) != first+size || p.LastEnd(at) != last+size {
			rt.Fatalf("ends of %d: %d %d", at, p.FirstEnd(at), p.LastEnd(at))
		}
	})
}
