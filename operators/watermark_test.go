package operators_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

var timed = batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true}, batch.Field{Name: "n", Type: batch.BigIntType})

// told is an output that notes rows, lateness and watermarks in their order.
type told struct {
	rows     []string
	behind   []int64
	rejected []string
	last     int64
	fell     bool
}

func (o *told) Emit(b *batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		r := b.Row(i)
		at := int64(math.MinInt64)
		if b.Behind != nil {
			at = b.Behind[r]
		}
		o.rows, o.behind = append(o.rows, string(batch.AppendRowJSON(nil, b, r))), append(o.behind, at)
	}
	return nil
}
func (o *told) EmitTo(_ int, b *batch.Batch) error { return o.Emit(b) }
func (o *told) Advance(watermark int64) error {
	o.fell = o.fell || watermark < o.last
	o.last = watermark
	return nil
}
func (o *told) Late(*batch.Batch, []int32, int64) error { return nil }
func (o *told) Reject(in *batch.Batch, rows []operators.Rejected) error {
	for _, r := range rows {
		o.rejected = append(o.rejected, fmt.Sprintf("%s %s %s", batch.AppendRowJSON(nil, in, int(r.Row)), r.Rule, r.Message))
	}
	return nil
}

func newWatermark(t batchtest.Fataler, p *batch.Pool, now int64, o operators.WatermarkOptions) *operators.Watermark {
	w, err := operators.NewWatermark(timed, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := w.Open(&operators.Context{Step: "watermark", Pool: p, Epoch: &operators.Epoch{Number: 1, Now: now}}); err != nil {
		t.Fatalf("%v", err)
	}
	return w
}

func times(p *batch.Pool, at []any) *batch.Batch {
	when, n := batch.NewBuilder(batch.TimestampType, p), batch.NewBuilder(batch.BigIntType, p)
	defer when.Release()
	defer n.Release()
	for i, t := range at {
		if t == nil {
			when.Null()
		} else {
			when.Int64(t.(int64))
		}
		n.Int64(int64(i))
	}
	return batch.NewBatch(timed, len(at), when.Finish(), n.Finish())
}

// The rule is told row by row: a row is behind if it is older than the
// greatest event time before it, less the delay. However the rows are cut and whenever the
// watermark is kept and restored, the same rows are behind, by the same watermark.
func TestLatenessIsAPropertyOfTheRowsAlone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := batch.NewPool()
		defer func() {
			if p.Lent() != 0 {
				r.Fatalf("%d columns leaked", p.Lent())
			}
		}()
		o := operators.WatermarkOptions{Delay: rapid.SampledFrom([]int64{0, 3, 10, math.MaxInt64}).Draw(r, "delay"),
			MaxFutureSkew: rapid.SampledFrom([]int64{0, 0, 60}).Draw(r, "skew")}
		const now = 20
		draw := rapid.OneOf(rapid.Int64Range(0, 40), rapid.Int64Range(0, 100), rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, math.MaxInt64 - 1}))
		var at []any
		for range rapid.IntRange(0, 60).Draw(r, "rows") {
			if rapid.IntRange(0, 9).Draw(r, "null") == 0 {
				at = append(at, nil)
			} else {
				at = append(at, draw.Draw(r, "at"))
			}
		}
		var rows []string
		var behind []int64
		watermark, greatest, rejected := int64(math.MinInt64), int64(math.MinInt64), 0
		all := times(p, at)
		defer all.Release()
		for i, a := range at {
			lag := int64(math.MinInt64)
			if a != nil {
				v := a.(int64)
				if o.MaxFutureSkew > 0 && v > now+o.MaxFutureSkew {
					rejected++
					continue
				}
				if v < watermark {
					lag = watermark
				}
				if v > greatest {
					greatest = v
					watermark = max(watermark, less(v, o.Delay))
				}
			}
			rows, behind = append(rows, string(batch.AppendRowJSON(nil, all, i))), append(behind, lag)
		}
		w, out := newWatermark(r, p, now, o), &told{last: math.MinInt64}
		for from := 0; from < len(at); {
			to := rapid.IntRange(from+1, len(at)).Draw(r, "cut")
			part := all.Slice(p, from, to)
			if err := w.Process(part, 0, out); err != nil {
				r.Fatalf("%v", err)
			}
			part.Release()
			from = to
			if rapid.IntRange(0, 3).Draw(r, "restore") == 0 {
				kept := w.Watermark()
				w = newWatermark(r, p, now, o)
				w.Restore(kept)
			}
		}
		if !slices.Equal(out.rows, rows) || !slices.Equal(out.behind, behind) || len(out.rejected) != rejected {
			r.Fatalf("got %v behind %v, %d rejected\nwant %v behind %v, %d", out.rows, out.behind, len(out.rejected), rows, behind, rejected)
		}
		if out.last != watermark || w.Watermark() != watermark || out.fell {
			r.Fatalf("watermark %d (told %d, fell %v), want %d", w.Watermark(), out.last, out.fell, watermark)
		}
	})
}

// less is t less the delay without going round.
func less(t, delay int64) int64 {
	if t < math.MinInt64+1+delay {
		return math.MinInt64 + 1
	}
	return min(t-delay, math.MaxInt64-1)
}

// The example of Spark's guide: greatest 10:30, delay 10 minutes, watermark 10:20.
func TestWatermarkOfTheGuide(t *testing.T) {
	const minute = 60_000_000
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	w, out := newWatermark(t, p, 0, operators.WatermarkOptions{Delay: 10 * minute}), &told{last: math.MinInt64}
	in := times(p, []any{int64(630 * minute), int64(620 * minute), int64(620*minute - 1)})
	defer in.Release()
	if err := w.Process(in, 0, out); err != nil {
		t.Fatal(err)
	}
	if want := []int64{math.MinInt64, math.MinInt64, 620 * minute}; out.last != 620*minute || !slices.Equal(out.behind, want) {
		t.Fatalf("watermark %d, behind %v, want %d and %v", out.last, out.behind, 620*minute, want)
	}
	seen := w.EventTimes()
	if seen.Rows != 3 || seen.Min != 620*minute-1 || seen.Max != 630*minute || math.Abs(seen.Mean-(1870*minute-1)/3.0) > 1 || w.EventTimes().Rows != 0 {
		t.Fatalf("event times %+v", seen)
	}
}

func TestSharedWatermarkJudgesByWhatItIsGiven(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	w, out := newWatermark(t, p, 0, operators.WatermarkOptions{Delay: 1, Shared: true}), &told{last: math.MinInt64}
	in := times(p, []any{int64(100), int64(5)})
	defer in.Release()
	for _, share := range []int64{math.MinInt64, 50} {
		w.Share(share)
		if err := w.Process(in, 0, out); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int64{math.MinInt64, math.MinInt64, math.MinInt64, 50}; !slices.Equal(out.behind, want) || out.last != math.MinInt64 || w.Watermark() != 99 {
		t.Fatalf("behind %v, told %d, its own %d", out.behind, out.last, w.Watermark())
	}
}

func TestDatesHaveWatermarks(t *testing.T) {
	s := batch.NewSchema(batch.Field{Name: "day", Type: batch.DateType, Nullable: true})
	b := batch.NewBuilder(batch.DateType, nil)
	for _, day := range []int32{math.MinInt32, 0, 10, 9, math.MaxInt32, -719162, 2932896} { // the last two: 0001-01-01, 9999-12-31
		b.Int32(day)
	}
	in := batch.NewBatch(s, 7, b.Finish())
	w, err := operators.NewWatermark(s, operators.WatermarkOptions{Delay: 2 * 86_400_000_000})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Open(&operators.Context{Epoch: &operators.Epoch{}}); err != nil {
		t.Fatal(err)
	}
	out := &told{last: math.MinInt64}
	if err := w.Process(in, 0, out); err != nil {
		t.Fatal(err)
	}
	if out.last < 1<<62 || out.behind[3] != math.MinInt64 || out.behind[5] != out.last || out.behind[6] != out.last {
		t.Fatalf("watermark %d, behind %v", out.last, out.behind)
	}
}

func TestWatermarkOnAStringIsRefused(t *testing.T) {
	s := batch.NewSchema(batch.Field{Name: "at", Type: batch.StringType})
	_, err := operators.NewWatermark(s, operators.WatermarkOptions{})
	var f *supervision.Failure
	if !errors.As(err, &f) || f.Class != "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE" || !strings.Contains(f.Hint, "to_timestamp(at)") {
		t.Fatal(err)
	}
	if _, err := operators.NewWatermark(timed, operators.WatermarkOptions{Delay: -1}); err == nil {
		t.Fatal("a negative delay was taken")
	}
}

func BenchmarkWatermark(b *testing.B) {
	p := batch.NewPool()
	at := make([]any, 4096)
	for i := range at {
		at[i] = int64(i * 1000)
	}
	in := times(p, at)
	w := newWatermark(b, p, 0, operators.WatermarkOptions{Delay: 5_000_000})
	out := &told{}
	discard := dropAll{out}
	b.SetBytes(4096)
	for b.Loop() {
		if err := w.Process(in, 0, discard); err != nil {
			b.Fatal(err)
		}
	}
}

type dropAll struct{ *told }

func (d dropAll) Emit(b *batch.Batch) error { b.Release(); return nil }
