package operators

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// Lateness is the late rule, which every step that waits for a watermark has in common: a row
// is late if what the step waits for on its behalf was over before the row came. That is
// when its own split's watermark had passed it (Batch.Behind), or the task's, which is the least of all
// and so never decides more, unless splits were idle. Lateness is thus a matter of the split
// alone, and every cut into batches, parallelism and replay decides alike.
type Lateness struct {
	// Watermark is the task's, math.MinInt64 before there is one.
	Watermark int64

	kept, late []int32
	passed     []int64
}

// NewLateness returns the rule before there is a watermark.
func NewLateness() Lateness { return Lateness{Watermark: math.MinInt64} }

// Split hands late rows to the output and returns the physical rows that are left, ascending, good until
// the next call; nil if all rows of a batch without a selection are, empty if none is. over has, for each physical row, the watermark
// from which on it is late; math.MaxInt64: never.
func (l *Lateness) Split(in *batch.Batch, over []int64, out Output) ([]int32, error) {
	if in.Behind == nil && l.Watermark == math.MinInt64 {
		return in.Sel, nil
	}
	if l.kept == nil {
		l.kept = make([]int32, 0, in.N) // none left is not nil
	}
	l.kept, l.late, l.passed = l.kept[:0], l.late[:0], l.passed[:0]
	for i := range in.Rows() {
		r, passed := in.Row(i), l.Watermark
		if in.Behind != nil {
			passed = max(passed, in.Behind[r])
		}
		if over[r] > passed || over[r] == math.MaxInt64 {
			l.kept = append(l.kept, int32(r))
		} else {
			l.late, l.passed = append(l.late, int32(r)), append(l.passed, passed)
		}
	}
	if len(l.late) == 0 {
		return in.Sel, nil
	}
	for from := 0; from < len(l.late); {
		to := from + 1
		for to < len(l.late) && l.passed[to] == l.passed[from] {
			to++
		}
		if err := out.Late(in, l.late[from:to], l.passed[from]); err != nil {
			return nil, err
		}
		from = to
	}
	return l.kept, nil
}

// RowTimes puts the rows' times in microseconds into to; null is math.MaxInt64, which no watermark passes.
// The column is a date or a timestamp.
func RowTimes(c *batch.Column, to []int64) []int64 {
	to = slices.Grow(to[:0], c.N)[:c.N]
	if c.Type.Kind == batch.Date {
		for i, d := range c.I32[:c.N] {
			to[i] = int64(d) * 86_400_000_000
		}
	} else {
		copy(to, c.I64)
	}
	if c.Valid != nil {
		for i := range to {
			if !c.Valid.Get(i) {
				to[i] = math.MaxInt64
			}
		}
	}
	return to
}

// isTime reports whether event times can be of the type.
func isTime(t batch.Type) bool {
	return t.Kind == batch.Timestamp || t.Kind == batch.TimestampNTZ || t.Kind == batch.Date
}

// bySegment calls f for each segment that rows lie in, ascending, with those of its rows, in their
// order. sel nil: all n. scratch is kept from call to call.
func bySegment(at []int64, sel []int32, n int, scratch *[]int32, f func(at int64, sel []int32) error) error {
	rows := (*scratch)[:0]
	if sel != nil {
		rows = append(rows, sel...)
	} else {
		for i := range n {
			rows = append(rows, int32(i))
		}
	}
	*scratch = rows
	sorted := true
	for i := 1; i < len(rows) && sorted; i++ {
		sorted = at[rows[i-1]] <= at[rows[i]]
	}
	if !sorted {
		slices.SortStableFunc(rows, func(a, b int32) int {
			switch {
			case at[a] < at[b]:
				return -1
			case at[a] > at[b]:
				return 1
			}
			return 0
		})
	}
	for len(rows) > 0 {
		to := 1
		for to < len(rows) && at[rows[to]] == at[rows[0]] {
			to++
		}
		if err := f(at[rows[0]], rows[:to]); err != nil {
			return err
		}
		rows = rows[to:]
	}
	return nil
}
