package operators

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// DropDuplicateEvents is dropDuplicates with the event time among the keys: it passes on the first
// row of each key, and forgets a key when the watermark has passed its time, since a
// row with such a key would be late. A key whose time is null is kept for ever.
type DropDuplicateEvents struct {
	Base
	keys   []int
	time   int
	spec   state.Spec
	table  *state.Table
	late   Lateness
	probe  probe
	times  []int64
	over   []int64
	sorted []int32
	fresh  batch.Bitmap
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
	return &DropDuplicateEvents{keys: keys, time: time, late: NewLateness(), probe: probe{keys: keys},
		spec: state.Spec{Name: "events" + seenTable(s, keys)[len("seen"):], Keys: keyColumns(s, keys), Windowed: true}}, nil
}

// Open opens the table of keys.
func (d *DropDuplicateEvents) Open(c *Context) (err error) {
	d.Context = c
	d.table, err = c.State.Table(d.spec)
	return err
}

// Process passes on the rows that are not late and whose key is new.
func (d *DropDuplicateEvents) Process(in *batch.Batch, _ int, out Output) error {
	if err := insertsOnly(in, d.Context.Step, "dropDuplicates"); err != nil {
		return err
	}
	d.times = RowTimes(in.Columns[d.time], d.times)
	d.over = append(d.over[:0], d.times...)
	for i, t := range d.over {
		if t != math.MaxInt64 {
			d.over[i] = t + 1 // late is what lies before the watermark
			d.times[i] = floor(t, dedupBucket)
		}
	}
	sel, err := d.late.Split(in, d.over, out)
	if err != nil {
		return err
	}
	d.probe.begin(in)
	d.fresh = emptyBitmap(d.fresh, in.N)
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

// probe is what finding the rows of keys takes: scratch for one batch.
type probe struct {
	keys    []int
	columns []*batch.Column
	hashes  []uint64
	rows    []uint32 // state row of each physical row
}

// begin takes the batch's key columns and hashes them.
func (p *probe) begin(in *batch.Batch) {
	p.columns = p.columns[:0]
	for _, k := range p.keys {
		p.columns = append(p.columns, in.Columns[k])
	}
	p.hashes = batch.Hash(p.columns, in.N, p.hashes)
	p.rows = slices.Grow(p.rows[:0], in.N)[:in.N]
}

// upsert finds the state rows of the selected rows, made if they are not there.
func (p *probe) upsert(s *state.Segment, in *batch.Batch, sel []int32, fresh batch.Bitmap) error {
	return s.Upsert(p.columns, sel, in.N, p.hashes, p.rows, fresh)
}

// emptyBitmap returns n clear bits, in b if it has room.
func emptyBitmap(b batch.Bitmap, n int) batch.Bitmap {
	words := batch.BitmapWords(n)
	b = slices.Grow(b[:0], words)[:words]
	clear(b)
	return b
}

// keyColumns are columns of a schema as keys of a table.
func keyColumns(s *batch.Schema, keys []int) []state.Column {
	columns := make([]state.Column, 0, len(keys))
	for _, k := range keys {
		columns = append(columns, state.Column{Name: s.Fields[k].Name, Type: s.Fields[k].Type})
	}
	return columns
}
