package operators

import (
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// DropDuplicatesWithin is dropDuplicatesWithinWatermark: a key expires at the event time of the
// row that was passed on plus the watermark's delay, and a row whose time lies before that is a
// duplicate. So duplicates are dropped as long as they are less than the
// delay apart, which is what Spark promises.
//
// Whether a key has expired is asked of the row's own time and not of the watermark, which
// depends on how rows are cut into batches. Expired keys are forgotten when the watermark
// has passed them: a row for which that would make a difference is late.
// A row without a time is a duplicate of any key that is there, and a key that came first without
// a time is kept for ever.
type DropDuplicatesWithin struct {
	timedKeys
	delay int64
	keep  batch.Bitmap
	swept int64 // the watermark when expired keys were last looked for
	gone  []uint32
	moved []uint32
}

// NewDropDuplicatesWithin returns the operator for an input with this schema; time is the event
// time's column, delay the watermark's in microseconds. Without keys the whole row is the key.
func NewDropDuplicatesWithin(s *batch.Schema, time int, delay int64, keys ...int) (*DropDuplicatesWithin, error) {
	if len(keys) == 0 {
		for i := range s.Fields {
			keys = append(keys, i)
		}
	}
	if time < 0 || time >= len(s.Fields) || !isTime(s.Fields[time].Type) || delay < 0 {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "dropDuplicatesWithinWatermark: column %d is no event time, delay %d", time, delay)
	}
	d := &DropDuplicatesWithin{timedKeys: newTimedKeys("dropDuplicatesWithinWatermark", s, time, keys), delay: delay, swept: math.MinInt64}
	d.spec.Name, d.spec.Values = "within"+seenTable(s, keys)[len("seen"):], []state.Column{{Name: "expires", Type: batch.TimestampType}}
	return d, nil
}

// Process passes on the rows that are not late and whose key is new or has expired.
func (d *DropDuplicatesWithin) Process(in *batch.Batch, _ int, out Output) error {
	sel, err := d.inTime(in, out)
	if err != nil || sel != nil && len(sel) == 0 {
		return err
	}
	segment := d.table.Segment(0)
	if err := d.probe.upsert(segment, in, sel, d.fresh); err != nil {
		return err
	}
	d.keep = emptyBitmap(d.keep, in.N)
	d.decide(segment, in, sel)
	return emitRows(d.Context.Pool, in, d.keep, out)
}

// decide goes through the rows in order, since one may renew the key that the next one has.
func (d *DropDuplicatesWithin) decide(segment *state.Segment, in *batch.Batch, sel []int32) {
	expires := segment.Words(0)
	d.moved = d.moved[:0]
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		row, t := d.probe.rows[r], d.times[r]
		known := !d.fresh.Get(r)
		if known && (t == math.MaxInt64 && int64(expires.At(row)) > d.late.Watermark || t < int64(expires.At(row))) {
			continue
		}
		until := int64(math.MaxInt64)
		if t < math.MaxInt64-d.delay {
			until = t + d.delay
		}
		d.keep.Set(r)
		expires.Set(row, uint64(until))
		d.moved = append(d.moved, row)
	}
	segment.Touch(d.moved)
}

// Advance forgets keys that have expired, now and then: looking at all of them is worth it when
// the watermark has moved by a good part of the delay.
func (d *DropDuplicatesWithin) Advance(watermark int64, _ Output) error {
	d.late.Watermark = watermark
	if d.swept != math.MinInt64 && watermark != math.MaxInt64 && watermark < later(d.swept, d.delay/4) || watermark == d.swept {
		return nil
	}
	d.swept = watermark
	segment := d.table.Lookup(0)
	if segment == nil {
		return nil
	}
	expires := segment.Words(0)
	return segment.Scan(func(rows []uint32) error {
		d.gone = d.gone[:0]
		for _, r := range rows {
			if until := int64(expires.At(r)); until <= watermark && until != math.MaxInt64 {
				d.gone = append(d.gone, r)
			}
		}
		segment.Delete(d.gone)
		return nil
	})
}
