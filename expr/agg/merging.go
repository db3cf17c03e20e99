package agg

import (
	"encoding/binary"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// FoldedField is the column by which accumulators travel beside the rows that they were not made of: whoever
// folds the rows of a group into one, before an exchange, puts their accumulators into it with AppendPartial; it is null
// in rows that stand for themselves. Behind the exchange a plan that Merging returned takes both.
var FoldedField = batch.Field{Name: "#folded", Type: batch.BinaryType, Nullable: true}

// Merging returns the plan that gives the same results from rows of which some are folded: the
// column has their accumulators. Its state is that of p.
func (p *Plan) Merging(column int) *Plan {
	m := *p
	m.folded = column
	return &m
}

// Collect returns the partial of n groups, of which row i of those of sel (nil: all) belongs to group
// rows[i]. A *RowError names a physical row.
func (a *Accumulators) Collect(n int, rows []uint32, sel []int32, in *Input) (*Partial, error) {
	p := a.Start(n)
	return p, a.apply(in, rows, sel, false)
}

// AppendPartial appends row i of a partial to a builder of FoldedField: eight bytes a word, and each
// text behind its length.
func (a *Accumulators) AppendPartial(to *batch.Builder, p *Partial, i int) {
	a.encoded = a.encoded[:0]
	for v, value := range a.plan.values {
		if value.Type.Kind != batch.Binary {
			a.encoded = binary.LittleEndian.AppendUint64(a.encoded, p.words[v][i])
			continue
		}
		text := p.bytes[v].at(uint32(i))
		a.encoded = append(binary.AppendUvarint(a.encoded, uint64(len(text))), text...)
	}
	to.Bytes(a.encoded)
}

// decode is the inverse of AppendPartial.
func (a *Accumulators) decode(p *Partial, i int, data []byte) error {
	for v, value := range a.plan.values {
		if value.Type.Kind != batch.Binary {
			if len(data) < 8 {
				return errFolded
			}
			p.words[v][i] = binary.LittleEndian.Uint64(data)
			data = data[8:]
			continue
		}
		n, w := binary.Uvarint(data)
		if w <= 0 || n > uint64(len(data)-w) {
			return errFolded
		}
		p.bytes[v].set(uint32(i), data[w:w+int(n)])
		data = data[w+int(n):]
	}
	if len(data) > 0 {
		return errFolded
	}
	return nil
}

// FoldEncoded is Fold of one row that AppendPartial has made.
func (a *Accumulators) FoldEncoded(to *Partial, row int, data []byte) error {
	one := a.Start(1)
	defer a.Free(one)
	if err := a.decode(one, 0, data); err != nil {
		return err
	}
	return a.Fold(to, []uint32{uint32(row)}, one)
}

var errFolded = supervision.New(supervision.Restart, "INTERNAL_ERROR", "folded rows do not have the accumulators of the aggregate that reads them")

// update takes rows of which some are folded.
func (a *Accumulators) update(in *Input, rows []uint32, sel []int32) error {
	f := in.folded
	if f == nil || f.Valid != nil && f.Valid.Count(in.N) == 0 {
		return a.apply(in, rows, sel, false)
	}
	a.plus, a.minus = a.plus[:0], a.minus[:0] // rows as they are, and folded ones
	_ = each(sel, in.N, func(i int) error {   // never fails
		if f.IsNull(i) {
			a.plus = append(a.plus, int32(i))
		} else {
			a.minus = append(a.minus, int32(i))
		}
		return nil
	})
	if len(a.plus) > 0 {
		if err := a.apply(in, rows, a.plus, false); err != nil {
			return err
		}
	}
	part := a.newPartial(len(a.minus))
	defer a.Free(part)
	a.dense = a.dense[:0]
	for i, r := range a.minus {
		if err := a.decode(part, i, f.Bytes(int(r))); err != nil {
			return err
		}
		a.dense = append(a.dense, rows[r])
	}
	err := a.merge(a.dense, part)
	if row, is := err.(*RowError); is {
		row.Row = int(a.minus[row.Row])
	}
	return err
}
