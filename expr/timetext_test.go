package expr

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
)

// A batch of times is formatted as each of them alone, whether few of them differ or many, in every zone; few make a
// dictionary.
func TestTextsOfTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom([]string{"yyyy-MM-dd", "HH:mm", "a h", "yyyy ss", "EEE D", "HH:mm:ss.SSS", "'x'"}).Draw(t, "format")
		pattern, err := datetime.NewPattern(format)
		if err != nil {
			t.Fatal(err)
		}
		zone := rapid.SampledFrom([]*time.Location{nil, time.UTC, time.FixedZone("x", 5*3600+1800)}).Draw(t, "zone")
		spread := rapid.SampledFrom([]int64{1, 1e6, 3600e6, 86400e6 * 300}).Draw(t, "spread")
		n := rapid.SampledFrom([]int{0, 1, 63, 300}).Draw(t, "rows")
		times := batch.NewBuilder(batch.TimestampType, nil)
		for range n {
			if at := rapid.Int64Range(-80, 80).Draw(t, "time") * spread; at == 80*spread {
				times.Null()
			} else {
				times.Int64(at)
			}
		}
		s := batch.NewSchema(batch.Field{Name: "t", Type: batch.TimestampType, Nullable: true})
		in := batch.NewBatch(s, n, times.Finish())
		for i := range n {
			if rapid.IntRange(0, 3).Draw(t, "counts") > 0 {
				in.Sel = append(in.Sel, int32(i))
			}
		}
		if len(in.Sel) == 0 {
			in.Sel = nil
		}
		o := NewOptions()
		o.Zone = zone
		items, err := BindSelect([]string{fmt.Sprintf("date_format(t, %q) AS text", format)}, s, o)
		if err != nil {
			t.Fatal(err)
		}
		out, err := EvalAll(&Context{}, []*Bound{items[0].Bound}, in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range in.Rows() {
			r := in.Row(i)
			if in.Columns[0].IsNull(r) {
				if !out[0].IsNull(r) {
					t.Fatalf("row %d is %s, the time is null", r, out[0].Bytes(r))
				}
				continue
			}
			want := pattern.Append(nil, in.Columns[0].I64[r], zone)
			if out[0].IsNull(r) || string(out[0].Bytes(r)) != string(want) {
				t.Fatalf("row %d, %d: %s, want %s", r, in.Columns[0].I64[r], out[0].Bytes(r), want)
			}
		}
		if d := out[0].Dict; d != nil && d.N > fewTexts {
			t.Fatalf("a dictionary of %d texts", d.N)
		}
		if utc := zone == nil || zone == time.UTC; utc && n > 1 && format == "yyyy-MM-dd" && spread == 1 && out[0].Dict == nil {
			t.Fatal("days of one week are no dictionary")
		}
	})
}
