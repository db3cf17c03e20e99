package windows_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/windows"
)

// recorder is an output that keeps its rows as text.
type recorder struct{ rows []string }

func (r *recorder) Emit(b *batch.Batch) error { return r.EmitTo(operators.PortFinal, b) }

func (r *recorder) EmitTo(port int, b *batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		row, kind := b.Row(i), batch.Insert
		if b.Kinds != nil {
			kind = b.Kinds[row]
		}
		r.rows = append(r.rows, fmt.Sprintf("%d %s %d", port, batch.AppendRowJSON(nil, b, row), kind))
	}
	return nil
}

func (r *recorder) Advance(int64) error { return nil }

func (r *recorder) Late(in *batch.Batch, rows []int32, watermark int64) error {
	for _, row := range rows {
		r.rows = append(r.rows, fmt.Sprintf("late %s %d", batch.AppendRowJSON(nil, in, int(row)), watermark))
	}
	return nil
}

func (r *recorder) Reject(in *batch.Batch, rows []operators.Rejected) error {
	for _, x := range rows {
		r.rows = append(r.rows, fmt.Sprintf("rejected %d %s %s", x.Row, x.Rule, x.Class))
	}
	return nil
}

// take returns what was recorded and forgets it.
func (r *recorder) take() []string {
	rows := r.rows
	r.rows = nil
	slices.Sort(rows)
	return rows
}

// share is one task of a windowed aggregate by k.
type share struct {
	recorder
	operators.Operator
	epoch operators.Epoch
	store *persistence.Store
}

func open(t *testing.T, spec windows.Spec, updating bool, ports []int, items ...string) *share {
	t.Helper()
	store, err := persistence.NewStore(persistence.Options{Step: "windows", Groups: 256, Hi: 256})
	if err != nil {
		t.Fatal(err)
	}
	return openOn(t, store, spec, updating, ports, items...)
}

func openOn(t *testing.T, store *persistence.Store, spec windows.Spec, updating bool, ports []int, items ...string) *share {
	t.Helper()
	bound, err := spec.Bind(events, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	o := windows.Options{Window: bound, Keys: []int{2}, At: 1, Before: true}
	if o.Plan, err = agg.Bind(items, o.Groups(events), events, agg.Options{Options: expr.NewOptions(), Updating: updating}); err != nil {
		t.Fatal(err)
	}
	s := &share{}
	if s.Operator, err = windows.NewAggregate(events, o); err != nil {
		t.Fatal(err)
	}
	s.store = store
	c := &operators.Context{Step: "windows", State: store, KeyGroups: 256, Epoch: &s.epoch}
	for _, p := range ports {
		c.Wanted[p] = true
	}
	if err := s.Open(c); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *share) put(t *testing.T, kind batch.RowKind, rows ...event) {
	t.Helper()
	if err := s.try(kind, rows...); err != nil {
		t.Fatal(err)
	}
}

func (s *share) try(kind batch.RowKind, rows ...event) error {
	in := toBatch(rows, nil)
	if kind != batch.Insert {
		in.Kinds = slices.Repeat([]batch.RowKind{kind}, in.N)
	}
	return s.Process(in, 0, &s.recorder)
}

func (s *share) expect(t *testing.T, want ...string) {
	t.Helper()
	got := s.take()
	slices.Sort(want)
	if !slices.EqualFunc(got, want, func(g, w string) bool { return strings.Contains(g, w) }) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (s *share) flush(t *testing.T) {
	t.Helper()
	if err := s.Flush(&s.recorder); err != nil {
		t.Fatal(err)
	}
}

// Windows on processing time end when an epoch that begins later has come, and ask to be woken for it.
func TestWindowsOnProcessingTime(t *testing.T) {
	for _, session := range []bool{false, true} {
		spec := windows.Tumbling(10 * time.Second).OnProcessingTime()
		due, end := int64(10_000_000), `"end":"1970-01-01T00:00:10.000000Z"},"n":2} 0`
		if session {
			spec = windows.Session(4 * time.Second).OnProcessingTime()
			due, end = 6_000_001, `"end":"1970-01-01T00:00:09.000000Z"},"n":2} 0`
		}
		s := open(t, spec, false, []int{operators.PortFinal}, "count(*) AS n")
		waker := s.Operator.(operators.Waker)
		if _, ok := waker.NextDue(); ok {
			t.Error("it wants to be woken before there is a row")
		}
		s.epoch = operators.Epoch{Number: 1, Now: 2_000_000, Next: 5_000_000}
		s.put(t, batch.Insert, event{at: 99_000_000, k: "a"})
		s.flush(t)
		s.expect(t)
		if at, ok := waker.NextDue(); !ok || at > due || at <= s.epoch.Next {
			t.Errorf("session %v: due at %d %v, want %d", session, at, ok, due)
		}
		s.epoch = operators.Epoch{Number: 2, Now: 5_000_000, Next: 10_000_000}
		s.put(t, batch.Insert, event{at: 0, k: "a"})
		s.flush(t)
		s.expect(t, end)
		if _, ok := waker.NextDue(); ok {
			t.Error("it wants to be woken with nothing open")
		}
		s.epoch = operators.Epoch{Number: 3, Now: 3_000_000, Next: 4_000_000} // the clock was set back
		s.put(t, batch.Insert, event{at: 0, k: "a"})
		s.flush(t)
		s.expect(t)
		if err := s.Operator.Advance(math.MaxInt64, &s.recorder); err != nil {
			t.Fatal(err)
		}
		s.expect(t, `"start":"1970-01-01T00:00:10.000000Z"`)
	}
}

// Rows that take back earlier ones: a group without rows is deleted.
func TestWindowsOfUpdates(t *testing.T) {
	for _, slide := range []int64{10, 5} {
		spec := windows.Sliding(10*time.Microsecond, time.Duration(slide)*time.Microsecond).On("at")
		s := open(t, spec, true, []int{operators.PortChanges}, "count(*) AS n", "max(v) AS most")
		s.put(t, batch.Insert, event{at: 12, k: "a", v: 3}, event{at: 13, k: "a", v: 4}, event{at: 18, k: "b", v: 7})
		s.flush(t)
		n := int(10 / slide)
		if got := s.take(); len(got) != 2*n {
			t.Errorf("%d of %d rows: %v", len(got), 2*n, got)
		}
		s.put(t, batch.UpdateBefore, event{at: 13, k: "a", v: 4})
		s.put(t, batch.UpdateAfter, event{at: 13, k: "a", v: 2})
		s.put(t, batch.Delete, event{at: 18, k: "b", v: 7})
		s.put(t, batch.Insert, event{at: 18, k: "c", v: 1})
		s.put(t, batch.Delete, event{at: 18, k: "c", v: 1})
		s.flush(t)
		got, kinds := s.take(), map[string]int{}
		for _, r := range got {
			kinds[r[len(r)-1:]]++
		}
		if len(got) != 3*n || kinds["1"] != n || kinds["2"] != n || kinds["3"] != n {
			t.Errorf("slide %d: %s", slide, strings.Join(got, "\n"))
		}
		if err := s.Operator.Advance(math.MaxInt64, &s.recorder); err != nil {
			t.Fatal(err)
		}
		s.flush(t)
		s.expect(t)
	}
}

// What cannot be right is said, with what and where.
func TestMistakesOfSessions(t *testing.T) {
	var f *supervision.Failure
	s := open(t, windows.Session(10*time.Microsecond).AtMost(30*time.Microsecond).On("at"), false, []int{operators.PortFinal}, "count(*) AS n")
	s.put(t, batch.Insert, event{at: 0, k: "busy"}, event{at: 9, k: "busy"}, event{at: 18, k: "busy"})
	if err := s.try(batch.Insert, event{at: 27, k: "busy"}); !errors.As(err, &f) || f.Class != "STREAMING_SESSION_TOO_LONG" || !strings.Contains(f.Message, `{"k":"busy"}`) || f.Hint == "" {
		t.Errorf("got %v", err)
	}
	s = open(t, windows.Session(time.Microsecond).On("at"), false, []int{operators.PortFinal}, "count(*) AS n")
	var err error
	for i := int64(0); err == nil && i < 1<<15; i += 1 << 10 {
		var rows []event
		for k := i; k < i+1<<10; k++ {
			rows = append(rows, event{at: 10 * k, k: "scattered"})
		}
		err = s.try(batch.Insert, rows...)
	}
	if !errors.As(err, &f) || f.Class != "STREAMING_SESSIONS_TOO_MANY" || !strings.Contains(f.Message, "scattered") {
		t.Errorf("got %v", err)
	}
	bound, err := windows.Session(time.Second).On("at").Bind(events, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	o := windows.Options{Window: bound, Keys: []int{}}
	if o.Plan, err = agg.Bind([]string{"count(*)"}, o.Groups(events), events, agg.Options{Options: expr.NewOptions()}); err != nil {
		t.Fatal(err)
	}
	if _, err := windows.NewAggregate(events, o); err == nil || !strings.Contains(err.Error(), "another group column") {
		t.Errorf("got %v", err)
	}
	o.Keys = []int{2}
	if o.Plan, err = agg.Bind([]string{"count(DISTINCT v)"}, o.Groups(events), events, agg.Options{Options: expr.NewOptions(), Updating: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := windows.NewAggregate(events, o); err == nil || !strings.Contains(err.Error(), "would have to part again") || !strings.Contains(err.Error(), "output mode append") {
		t.Errorf("got %v", err)
	}
	if err := windows.Tumbling(time.Second).AtMost(time.Hour).Check(); err == nil {
		t.Error("a tumbling window lasts at most")
	}
}

// Times at the ends of what a timestamp can be, and gaps that are none.
func TestTimesFarAway(t *testing.T) {
	const year1, year9999 = -62135596800000000, 253402300799999999
	s := open(t, windows.Sliding(time.Hour, time.Minute).On("at"), false, []int{operators.PortFinal}, "count(*) AS n")
	s.put(t, batch.Insert, event{at: year1, k: "a"}, event{at: year9999, k: "a"}, event{at: math.MaxInt64, k: "a"}, event{at: math.MinInt64, k: "a"}, event{noTime: true, k: "a"})
	s.expect(t, "rejected 2 window DATETIME_OVERFLOW", "rejected 3 window DATETIME_OVERFLOW")
	if err := s.Operator.Advance(math.MaxInt64, &s.recorder); err != nil {
		t.Fatal(err)
	}
	if got := s.take(); len(got) != 120 {
		t.Errorf("%d windows, want 120", len(got))
	}
	s = open(t, windows.SessionExpr("gap").On("at"), false, []int{operators.PortFinal}, "count(*) AS n")
	s.put(t, batch.Insert, event{at: year1, k: "a", gap: "5 microseconds"}, event{at: year9999, k: "a", gap: "100 days"}, event{at: 7, k: "a", gap: "soon"}, event{at: 8, k: "a", gap: "?"})
	s.expect(t, "rejected 2 session_window CAST_INVALID_INPUT")
	if err := s.Operator.Advance(math.MaxInt64, &s.recorder); err != nil {
		t.Fatal(err)
	}
	s.expect(t, `"start":"0001-01-01T00:00:00.000000Z"`, `"start":"9999-12-31T23:59:59.999999Z"`)
}

// WM-3: greatest time 10:30, delay 10 minutes: rows before 10:20 are late for what ended by then.
func TestWatermarkOfTheGuide(t *testing.T) {
	s := open(t, windows.Tumbling(10*time.Minute).On("at"), false, []int{operators.PortFinal}, "count(*) AS n")
	const minute = 60_000_000
	s.put(t, batch.Insert, event{at: 611 * minute, k: "a"}, event{at: 630 * minute, k: "a"})
	if err := s.Operator.Advance(620*minute, &s.recorder); err != nil {
		t.Fatal(err)
	}
	s.expect(t, `"start":"1970-01-01T10:10:00.000000Z","end":"1970-01-01T10:20:00.000000Z"},"n":1}`)
	s.put(t, batch.Insert, event{at: 619 * minute, k: "a"}, event{at: 620 * minute, k: "a"})
	s.expect(t, fmt.Sprintf("%d", 620*minute))
}

// An accumulator that overflows says which group.
func TestOverflowNamesTheGroup(t *testing.T) {
	s := open(t, windows.Tumbling(time.Minute).On("at"), false, []int{operators.PortFinal}, "sum(v) AS total")
	err := s.try(batch.Insert, event{k: "rich", v: math.MaxInt64}, event{k: "rich", v: math.MaxInt64})
	if err == nil {
		err = s.Operator.Advance(math.MaxInt64, &s.recorder)
	}
	if err == nil || !strings.Contains(err.Error(), "ARITHMETIC_OVERFLOW") || !strings.Contains(err.Error(), "rich") {
		t.Errorf("got %v, %v", err, s.take())
	}
}
