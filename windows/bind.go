package windows

import (
	"fmt"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/operators"
)

// Bound is a spec bound to the columns of a stream. It is immutable; what
// evaluates it keeps a clock of its own.
type Bound struct {
	Spec
	time *expr.Bound // nil: processing time
	gap  *expr.Bound // nil: all rows have Spec.gap
	unit batch.Type  // of start and end
}

// Bind binds the windows to a schema. The event time must be a timestamp, a
// timestamp_ntz, or a window, whose last microsecond is its time; dates and strings are cast as Spark casts them.
func (s Spec) Bind(schema *batch.Schema, o expr.Options) (*Bound, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	b := &Bound{Spec: s, unit: batch.TimestampType}
	if s.gapText != "" {
		gap, err := expr.Bind(s.gapText, schema, o)
		if err != nil {
			return nil, err
		}
		if k := gap.Type().Kind; k != batch.DayTime && k != batch.String && k != batch.Void {
			return nil, s.failure("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
				fmt.Sprintf("the gap %s of a session is of type %s, it must be an interval or a text such as '5 minutes'", gap.SQL(), gap.Type()))
		}
		b.gap = gap
	}
	if s.processing {
		return b, nil
	}
	if s.on == "" {
		return nil, s.failure("INVALID_WINDOW_SPEC", "the window does not say which event time it is on: add .On(column)")
	}
	time, err := bindTime(s.on, schema, o)
	if err != nil {
		return nil, err
	}
	b.time = time
	switch t := time.Type(); {
	case t.Kind == batch.Timestamp || t.Kind == batch.TimestampNTZ:
		b.unit = t
	case isWindow(t):
		b.unit = t.Fields[1].Type
	default:
		return nil, s.failure("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
			fmt.Sprintf("the event time %s of the window is of type %s, it must be a timestamp or a window", s.on, t))
	}
	return b, nil
}

// bindTime binds the event time, cast to a timestamp where Spark does so by itself.
func bindTime(text string, schema *batch.Schema, o expr.Options) (*expr.Bound, error) {
	time, err := expr.Bind(text, schema, o)
	if err != nil {
		return nil, err
	}
	if k := time.Type().Kind; k != batch.Date && k != batch.String && k != batch.Void {
		return time, nil
	}
	n, err := parse.Item("CAST(" + time.SQL() + " AS TIMESTAMP)")
	if err != nil {
		return nil, err
	}
	return expr.BindNode(n, text, schema, o)
}

// isWindow reports whether a type is that of a window's column.
func isWindow(t batch.Type) bool {
	return t.Kind == batch.Struct && len(t.Fields) == 2 && t.Fields[0].Name == "start" && t.Fields[1].Name == "end" &&
		t.Fields[0].Type.Equal(t.Fields[1].Type) && (t.Fields[1].Type.Kind == batch.Timestamp || t.Fields[1].Type.Kind == batch.TimestampNTZ)
}

// Type returns the type of the window's column.
func (b *Bound) Type() batch.Type {
	return batch.StructType(batch.Field{Name: "start", Type: b.unit}, batch.Field{Name: "end", Type: b.unit})
}

// Field returns the window's column.
func (b *Bound) Field() batch.Field { return batch.Field{Name: b.Column(), Type: b.Type()} }

// EventTime returns the column of the input that the event time is, unchanged
// or as a window's last microsecond, or -1: then no watermark closes the windows.
func (b *Bound) EventTime() int {
	if b.time == nil {
		return -1
	}
	return b.time.Column()
}

// Reads returns the columns of the input that the windows look at.
func (b *Bound) Reads() []int {
	var all []int
	for _, e := range []*expr.Bound{b.time, b.gap} {
		if e != nil {
			all = append(all, e.Columns()...)
		}
	}
	return all
}

// CanReject reports whether rows can fail: an event time or a gap that cannot be computed.
func (b *Bound) CanReject() bool { return b.time != nil || b.gap != nil && b.gap.CanReject() }

// clock computes the times of rows. It belongs to one operator.
type clock struct {
	*Bound
	context expr.Context
	times   []int64 // one a physical row
	gaps    []int64
	keep    []int32 // rows that are in a window
	spans   map[string]int64
	reject  []operators.Rejected
}

// read computes the times, and the gaps of sessions whose gap is an
// expression, of the rows that count, into c.times, c.gaps and c.keep. Rows without
// a time are in no window, as in Spark; those that fail are handed to out.
func (c *clock) read(in *batch.Batch, epoch *operators.Epoch, out operators.Output) error {
	c.context.Reset()
	if epoch != nil {
		c.context.Now = epoch.Now
	}
	c.reject = nil
	bounds := make([]*expr.Bound, 0, 2)
	for _, e := range []*expr.Bound{c.time, c.gap} {
		if e != nil {
			bounds = append(bounds, e)
		}
	}
	columns, err := expr.EvalAll(&c.context, bounds, in)
	if err != nil {
		return err
	}
	defer func() {
		for _, column := range columns {
			column.Release()
		}
	}()
	if in.Sel != nil {
		c.keep = append(c.keep[:0], in.Sel...)
	} else {
		c.keep = c.keep[:0]
		for i := range in.N {
			c.keep = append(c.keep, int32(i))
		}
	}
	for _, r := range c.context.Rejected {
		c.reject = append(c.reject, operators.Rejected{Row: r.Row, Rule: r.Rule, Class: r.Class, Message: r.Message, Raw: r.Raw})
	}
	if c.time == nil {
		c.readNow(in, epoch)
	} else {
		c.readTimes(columns[0])
	}
	if c.gap != nil {
		c.readGaps(columns[len(columns)-1])
	}
	return c.drop(in, out)
}

func (c *clock) readNow(in *batch.Batch, epoch *operators.Epoch) {
	c.times = sized(c.times, in.N)
	for i := range c.times {
		c.times[i] = epoch.Now
	}
}

// readTimes copies the times and drops rows without one from keep.
func (c *clock) readTimes(column *batch.Column) {
	c.times = sized(c.times, column.N)
	last := int64(0)
	values := column
	if column.Type.Kind == batch.Struct {
		values, last = column.Kids[1], 1 // a window's time is its last microsecond
	}
	for i, v := range values.I64[:column.N] {
		c.times[i] = v - last
	}
	if column.Valid != nil || values.Valid != nil {
		c.where(func(r int) bool { return !column.IsNull(r) && !values.IsNull(r) })
	}
	outside := false
	for _, r := range c.keep {
		outside = outside || c.times[r] < MinTime || c.times[r] >= MaxTime
	}
	if !outside {
		return
	}
	c.where(func(r int) bool {
		if c.times[r] >= MinTime && c.times[r] < MaxTime {
			return true
		}
		c.reject = append(c.reject, operators.Rejected{Row: int32(r), Rule: "window", Class: "DATETIME_OVERFLOW",
			Message: fmt.Sprintf("the event time, %d microseconds from 1970-01-01, is too far away for a window", c.times[r])})
		return false
	})
}

// readGaps computes the gaps; rows without one, or with one that is not positive, are in no session.
func (c *clock) readGaps(column *batch.Column) {
	c.gaps = sized(c.gaps, column.N)
	c.where(func(r int) bool {
		if column.IsNull(r) {
			return false
		}
		if column.Type.Kind == batch.DayTime {
			c.gaps[r] = min(column.I64[r], maxSpan)
			return c.gaps[r] > 0
		}
		gap, ok := c.span(column.Bytes(r))
		if !ok {
			c.reject = append(c.reject, operators.Rejected{Row: int32(r), Rule: "session_window", Class: "CAST_INVALID_INPUT",
				Message: fmt.Sprintf("the gap %q of a session is no interval of days or smaller units, such as '5 minutes'", clip(column.Bytes(r))), Raw: clip(column.Bytes(r))})
			return false
		}
		c.gaps[r] = gap
		return gap > 0
	})
}

// mostSpans bounds how many texts of gaps are remembered.
const mostSpans = 256

func (c *clock) span(text []byte) (int64, bool) {
	if v, ok := c.spans[string(text)]; ok {
		return v, v != math.MinInt64
	}
	if c.spans == nil || len(c.spans) >= mostSpans {
		c.spans = map[string]int64{}
	}
	months, v, ok := parse.ParseInterval(string(text))
	if !ok || months != 0 {
		v = math.MinInt64
	}
	v = min(v, maxSpan)
	if len(text) <= 64 {
		c.spans[string(text)] = v
	}
	return v, v != math.MinInt64
}

// where keeps the rows for which f holds.
func (c *clock) where(f func(row int) bool) {
	kept := c.keep[:0]
	for _, r := range c.keep {
		if f(int(r)) {
			kept = append(kept, r)
		}
	}
	c.keep = kept
}

// notBefore moves times that a clock that was set back has given to those of windows that are open.
func (c *clock) notBefore(closed int64) {
	for i, t := range c.times {
		c.times[i] = max(t, closed)
	}
}

// rest returns the selection of the rows that are in a window, those in which they come too late for some included.
func (c *clock) rest(in *batch.Batch, stragglers []straggler) []int32 {
	if len(c.keep) == in.N {
		return nil
	}
	if len(stragglers) == 0 {
		return c.keep
	}
	rows := append([]int32(nil), c.keep...)
	for _, s := range stragglers {
		rows = append(rows, s.row)
	}
	slices.Sort(rows)
	return rows
}

// drop hands over the rows that failed.
func (c *clock) drop(in *batch.Batch, out operators.Output) error {
	if len(c.reject) == 0 {
		return nil
	}
	bad := make(map[int32]bool, len(c.reject))
	once := c.reject[:0]
	for _, r := range c.reject {
		if !bad[r.Row] {
			once = append(once, r)
		}
		bad[r.Row] = true
	}
	c.where(func(r int) bool { return !bad[int32(r)] })
	rows := once
	c.reject = nil
	return out.Reject(in, rows)
}

func clip(text []byte) []byte {
	return append([]byte(nil), text[:min(len(text), 100)]...)
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
