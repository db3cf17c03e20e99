package operators

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// DropDuplicateEvents is dropDuplicates with the event time among the keys: it passes on the first
// row of each key, and forgets a key when the watermark has passed its time, since a
// row with such a key would be late. A key whose time is null is kept for ever.
type DropDuplicateEvents struct {
	timedKeys
	sorted []int32
}

// dedupBucket is the event time that one segment of keys spans, microseconds:
// keys are forgotten at most so much later than they could be. It is part of what is stored.
const dedupBucket = 60_000_000

// NewDropDuplicateEvents returns the operator for an input with this schema;
// time is the event time's column, which is one of the keys.
func NewDropDuplicateEvents(s *batch.Schema, time int, keys ...int) (*DropDuplicateEvents, error) {
	if !slices.Contains(keys, time) || !isTime(s.Fields[time].Type) {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "dropDuplicates: column %d is no event time among the keys %v", time, keys)
	}
	d := &DropDuplicateEvents{timedKeys: newTimedKeys("dropDuplicates", s, time, keys)}
	d.spec.Name, d.spec.Windowed = "events"+seenTable(s, keys)[len("seen"):], true
	return d, nil
}

// Process passes on the rows that are not late and whose key is new.
func (d *DropDuplicateEvents) Process(in *batch.Batch, _ int, out Output) error {
	sel, err := d.inTime(in, out)
	if err != nil {
		return err
	}
	for i, t := range d.times {
		if t != math.MaxInt64 {
			d.times[i] = floor(t, dedupBucket)
		}
	}
	err = bySegment(d.times, sel, in.N, &d.sorted, func(at int64, sel []int32) error {
		return d.probe.upsert(d.table.Segment(at), in, sel, d.fresh)
	})
	if err != nil {
		return err
	}
	return emitRows(d.Context.Pool, in, d.fresh, out)
}

// Advance forgets keys whose time has passed.
func (d *DropDuplicateEvents) Advance(watermark int64, _ Output) error {
	d.late.Watermark = watermark
	for _, at := range slices.Clone(d.table.Segments()) {
		if at == math.MaxInt64 || at > watermark-dedupBucket {
			break
		}
		d.table.Drop(at)
	}
	return nil
}

// floor is the greatest multiple of width that is not above t.
func floor(t, width int64) int64 {
	down := t % width
	if down < 0 {
		down += width
	}
	if t < math.MinInt64+down {
		return math.MinInt64
	}
	return t - down
}
