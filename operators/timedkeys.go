package operators

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// timedKeys is what both deduplications in event time have: a table of keys, the times of a batch's rows, and
// which of them are late.
type timedKeys struct {
	Base
	verb  string
	time  int // column of the event time
	spec  state.Spec
	table *state.Table
	late  Lateness
	probe probe
	times []int64
	over  []int64 // the watermark at which each row is late
	fresh batch.Bitmap
}

func newTimedKeys(verb string, s *batch.Schema, time int, keys []int) timedKeys {
	return timedKeys{verb: verb, time: time, late: NewLateness(), probe: probe{keys: keys}, spec: state.Spec{Keys: keyColumns(s, keys)}}
}

// Open opens the table of keys.
func (d *timedKeys) Open(c *Context) (err error) {
	d.Context = c
	d.table, err = c.State.Table(d.spec)
	return err
}

// inTime hands over the rows that are late, returns the others, nil for all, and hashes the keys.
func (d *timedKeys) inTime(in *batch.Batch, out Output) ([]int32, error) {
	if err := insertsOnly(in, d.Context.Step, d.verb); err != nil {
		return nil, err
	}
	d.times = RowTimes(in.Columns[d.time], d.times)
	d.over = append(d.over[:0], d.times...)
	for i, t := range d.over {
		if t != math.MaxInt64 {
			d.over[i] = t + 1 // late is what lies before the watermark
		}
	}
	sel, err := d.late.Split(in, d.over, out)
	if err != nil {
		return nil, err
	}
	d.probe.begin(in)
	d.fresh = emptyBitmap(d.fresh, in.N)
	return sel, nil
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
