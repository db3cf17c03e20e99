package stream_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
)

// skewed is a source of n rows of a key and an amount of 1; every rare-th row has a key of its own, all others key 7.
func skewed(t testing.TB, n, rare int) *memory.Source {
	s := memory.NewSource(batch.NewSchema(batch.Field{Name: "key", Type: batch.BigIntType}, batch.Field{Name: "amount", Type: batch.BigIntType}), 2)
	for from := 0; from < n; from += 4096 {
		key, amount := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.BigIntType, nil)
		rows := min(4096, n-from)
		for i := range rows {
			if key.Int64(7); (from+i)%rare == 0 {
				key.Truncate(i)
				key.Int64(int64(from + i + 1000))
			}
			amount.Int64(1)
		}
		if err := s.Add(from/4096%2, batch.NewBatch(s.Schema(), rows, key.Finish(), amount.Finish())); err != nil {
			t.Fatal(err)
		}
	}
	s.Finish()
	return s
}

// Almost all rows have one key: the sums are right, and progress names the key.
func TestAHotKeyIsSeenInProgress(t *testing.T) {
	const n, rare = 200_000, 100
	flow, sink := stream.New("skew").Parallelism(2), memory.NewSink("out")
	flow.From("rows", skewed(t, n, rare)).GroupBy("key").Agg("sums", "count(*) AS n", "sum(amount) AS total").Where("n > 1").To("out", sink, stream.Complete)
	q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow(), stream.CheckpointLocation(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.AwaitTermination(context.Background()); err != nil {
		t.Fatal(err)
	}
	same(t, sink.Rows(), `{"key":7,"n":198000,"total":198000}`)
	for _, p := range q.RecentProgress() {
		for _, h := range p.HotKeys {
			if h.Step != "sums-fold" || h.Key != `{"key":7}` || h.Share < 0.9 {
				t.Errorf("hot key %v", h)
			}
			return
		}
	}
	t.Error("no hot key in progress")
}

// A row that is too late for its window is kept as its author knows it, although rows fold before the window.
func TestALateRowIsKeptAsItCame(t *testing.T) {
	flow, sink, late := stream.New("late").Parallelism(2), memory.NewSink("out"), memory.NewSink("late")
	flow.Late(late).From("clicks", clicks(t, click(1, "ann", 1, "10:00:10"), click(2, "ann", 2, "11:00:00"), click(3, "ann", 4, "10:00:20"))).
		WithWatermark("at", time.Minute).GroupBy("window(at, '1 minute')", "user").Agg("minutes", "sum(amount) AS total").Select("total").To("out", sink, stream.Append)
	same(t, outcome(t, flow, sink), `{"total":1}`, `{"total":2}`)
	if rows := late.Rows(); len(rows) != 1 || strings.Contains(rows[0], "folded") || !strings.Contains(rows[0], `\"amount\":4`) {
		t.Errorf("late rows are %v", rows)
	}
}

// Rows that only the step behind the exchange can find late must reach it one by one.
func TestRowsFoldWhereTheirSplitKnowsWhichAreLate(t *testing.T) {
	for name, c := range map[string]struct {
		flow  func(*stream.Flow) *stream.Flow
		keys  []any
		folds bool
	}{
		"window":                    {func(f *stream.Flow) *stream.Flow { return f }, []any{"window(at, '1 minute')"}, true},
		"window, late rows kept":    {func(f *stream.Flow) *stream.Flow { return f.Late(memory.NewSink("late")) }, []any{"window(at, '1 minute')"}, false},
		"window, fastest input":     {func(f *stream.Flow) *stream.Flow { return f.MultipleWatermarkPolicy("max") }, []any{"window(at, '1 minute')"}, false},
		"no window, late rows kept": {func(f *stream.Flow) *stream.Flow { return f.Late(memory.NewSink("late")) }, []any{"user"}, true},
	} {
		flow := c.flow(stream.New("folding"))
		flow.From("clicks", clicks(t)).WithWatermark("at", time.Minute).GroupBy(c.keys...).Agg("sums", "sum(amount) AS total").To("out", memory.NewSink("out"), stream.Complete)
		g, err := flow.Build()
		if err != nil {
			t.Fatal(err)
		}
		folds := slices.ContainsFunc(g.Steps, func(s *topology.Step) bool { return s.Name == "sums-fold" })
		if folds != c.folds {
			t.Errorf("%s: folds before the exchange: %v", name, folds)
		}
	}
}
