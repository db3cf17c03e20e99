package operators

import (
	"fmt"
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// SharedMaker is a WatermarkMaker whose rows are judged by the greatest watermark over all splits
// at the last barrier, as Spark does it, and not by their own split's.
type SharedMaker interface {
	WatermarkMaker
	// Share sets the watermark that holds for the rows of the epoch that begins. The task
	// passes it on. It is called before any row of the epoch.
	Share(watermark int64)
}

// Timed is a WatermarkMaker that can say which event times it saw.
type Timed interface {
	// EventTimes returns what was seen since it was asked last.
	EventTimes() EventTimes
}

// EventTimes sums up the event times of some rows.
type EventTimes struct {
	Rows     int64 // that have an event time
	Min, Max int64 // microseconds
	Mean     float64
}

// Add joins the event times of other rows.
func (e *EventTimes) Add(o EventTimes) {
	switch {
	case o.Rows == 0:
	case e.Rows == 0:
		*e = o
	default:
		e.Mean += (o.Mean - e.Mean) * float64(o.Rows) / float64(e.Rows+o.Rows)
		e.Rows, e.Min, e.Max = e.Rows+o.Rows, min(e.Min, o.Min), max(e.Max, o.Max)
	}
}

// WatermarkOptions says how a watermark is made.
type WatermarkOptions struct {
	Column int   // of the input: a timestamp, timestamp_ntz or date
	Delay  int64 // microseconds
	// MaxFutureSkew is how far, in microseconds, a row's event time may lie ahead of the epoch's Now. A row further
	// ahead is rejected and does not move the watermark. 0: any.
	MaxFutureSkew int64
	// Shared judges rows by the greatest watermark over all splits at the last barrier ("splits: max").
	Shared bool
}

// RuleMaxFutureSkew is the rule that rows from too far in the future fail.
const RuleMaxFutureSkew = "maxFutureSkew"

const (
	leastTime    = math.MinInt64 + 1 // the number below says that there is no watermark
	greatestTime = math.MaxInt64 - 1 // the number above is the end of the input
	greatestDay  = greatestTime / batch.MicrosPerDay
	noWatermark  = math.MinInt64
)

// Watermark makes the watermark of one split: the greatest event time so far
// less the delay, after every row. A row that is older than what the rows before it made
// of the watermark is marked in [batch.Batch.Behind]; whether it is late is for the steps below to
// say. Nulls are never behind and move nothing. How rows are cut into batches makes no difference.
type Watermark struct {
	Base
	o         WatermarkOptions
	name      string
	date      bool
	watermark int64 // of the rows so far
	greatest  int64 // event time that made it
	shared    int64 // what rows are judged by if o.Shared
	seen      EventTimes
	times     []int64 // of a date column
}

var (
	_ SharedMaker = (*Watermark)(nil)
	_ Timed       = (*Watermark)(nil)
)

// NewWatermark returns the operator for an input with this schema.
func NewWatermark(s *batch.Schema, o WatermarkOptions) (*Watermark, error) {
	if o.Column < 0 || o.Column >= len(s.Fields) {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "watermark: column %d of %d", o.Column, len(s.Fields))
	}
	f := s.Fields[o.Column]
	w := &Watermark{o: o, name: f.Name, watermark: noWatermark, greatest: noWatermark, shared: noWatermark}
	switch f.Type.Kind {
	case batch.Timestamp, batch.TimestampNTZ:
	case batch.Date:
		w.date = true
	default:
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE",
			Message: fmt.Sprintf("the watermark's column %s is of type %s; an event time is a TIMESTAMP, TIMESTAMP_NTZ or DATE", f.Name, f.Type),
			Hint:    "convert it first, such as with to_timestamp(" + f.Name + ")"}
	}
	if o.Delay < 0 || o.MaxFutureSkew < 0 {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW",
			Message: fmt.Sprintf("the watermark on %s has a negative delay or maxFutureSkew", f.Name), Hint: "give a time that is not negative, such as '10 minutes'"}
	}
	return w, nil
}

// Watermark returns the split's own watermark.
func (w *Watermark) Watermark() int64 { return w.watermark }

// Restore goes on from a watermark, as if the rows that made it had come.
func (w *Watermark) Restore(watermark int64) {
	w.watermark, w.greatest = watermark, watermark
	if watermark != noWatermark {
		w.greatest = later(watermark, w.o.Delay)
	}
}

// Share sets what the rows of the next epoch are judged by.
func (w *Watermark) Share(watermark int64) { w.shared = max(w.shared, watermark) }

// EventTimes returns what was seen since it was asked last.
func (w *Watermark) EventTimes() EventTimes {
	seen := w.seen
	w.seen = EventTimes{}
	return seen
}

// earlier returns t less the delay, within the times there are.
func earlier(t, delay int64) int64 {
	if t < leastTime+delay {
		return leastTime
	}
	return min(t-delay, greatestTime)
}

func later(t, delay int64) int64 {
	if t > greatestTime-delay {
		return greatestTime
	}
	return t + delay
}

// Process marks the rows that come behind and passes all on, then the watermark.
func (w *Watermark) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	times := w.eventTimes(in.Columns[w.o.Column])
	made := in.Retain()
	made.Behind = nil
	if w.o.MaxFutureSkew > 0 {
		sel, err := w.reject(in, times, out)
		if err != nil || sel != nil && len(sel) == 0 {
			made.Release()
			return err
		}
		if sel != nil {
			made.Sel = sel
		}
	}
	w.judge(made, times)
	if err := out.Emit(made); err != nil {
		return err
	}
	return w.tell(out)
}

func (w *Watermark) tell(out Output) error {
	if w.o.Shared || w.watermark == noWatermark {
		return nil
	}
	return out.Advance(w.watermark)
}

// Flush tells the watermark again: what was told of a batch that failed half-way may be lost.
func (w *Watermark) Flush(out Output) error { return w.tell(out) }

// eventTimes returns the column in microseconds.
func (w *Watermark) eventTimes(c *batch.Column) []int64 {
	if !w.date {
		return c.I64[:c.N]
	}
	w.times = w.times[:0]
	for _, day := range c.I32[:c.N] {
		d := min(max(int64(day), -greatestDay), greatestDay)
		w.times = append(w.times, d*batch.MicrosPerDay)
	}
	return w.times
}

// judge goes over the rows in order.
func (w *Watermark) judge(b *batch.Batch, times []int64) {
	valid := b.Columns[w.o.Column].Valid
	greatest, watermark := w.greatest, w.watermark
	least, most, sum, rows := int64(math.MaxInt64), int64(math.MinInt64), 0.0, int64(0)
	base, based := 0.0, false
	for i := range b.Rows() {
		r := b.Row(i)
		if valid != nil && !valid.Get(r) {
			continue
		}
		t := times[r]
		if !based {
			base, based = float64(t), true
		}
		least, most, rows = min(least, t), max(most, t), rows+1
		sum += float64(t) - base
		held := watermark
		if w.o.Shared {
			held = w.shared
		}
		if t < held {
			behind(b, r, held)
		}
		if t > greatest {
			greatest = t
			watermark = max(watermark, earlier(t, w.o.Delay))
		}
	}
	w.greatest, w.watermark = greatest, watermark
	if rows > 0 {
		w.seen.Add(EventTimes{Rows: rows, Min: least, Max: most, Mean: base + sum/float64(rows)})
	}
}

func behind(b *batch.Batch, row int, watermark int64) {
	if b.Behind == nil {
		b.Behind = make([]int64, b.N)
		for i := range b.Behind {
			b.Behind[i] = noWatermark
		}
	}
	b.Behind[row] = watermark
}

// reject hands over the rows from too far in the future and returns the others, nil if all stay.
func (w *Watermark) reject(in *batch.Batch, times []int64, out Output) ([]int32, error) {
	c := in.Columns[w.o.Column]
	limit := later(w.Context.Epoch.Now, w.o.MaxFutureSkew)
	var ahead []Rejected
	for i := range in.Rows() {
		if r := in.Row(i); times[r] > limit && (c.Valid == nil || c.Valid.Get(r)) {
			ahead = append(ahead, Rejected{Row: int32(r), Rule: RuleMaxFutureSkew, Class: "EVENT_TIME_TOO_FAR_AHEAD",
				Message: fmt.Sprintf("%s is %s, more than maxFutureSkew ahead of %s", w.name, batch.AppendJSON(nil, c, r), batch.AppendTimestamp(nil, w.Context.Epoch.Now, ' '))})
		}
	}
	if len(ahead) == 0 {
		return nil, nil
	}
	stay := make([]int32, 0, in.Rows()-len(ahead))
	next := 0
	for i := range in.Rows() {
		r := int32(in.Row(i))
		if next < len(ahead) && ahead[next].Row == r {
			next++
			continue
		}
		stay = append(stay, r)
	}
	return stay, out.Reject(in, ahead)
}
