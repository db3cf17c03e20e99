package agg

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
)

// Partials are how accumulators travel: rows of group columns and one column for each value of the
// plan, BIGINT for a word and BINARY for a text. Whoever folds rows before an exchange makes them
// with Singles, Export and PartialColumns; whoever merges them behind it has a plan that Merging returned.

// PartialFields returns the columns of partials.
func (p *Plan) PartialFields() []batch.Field {
	var fields []batch.Field
	for i, v := range p.values {
		fields = append(fields, batch.Field{Name: fmt.Sprintf("#%d %s", i, v.Name), Type: v.Type})
	}
	return fields
}

// Merging returns the plan that gives the same results from partials: of its input the columns from first on
// are those of PartialFields. Its accumulators are used as those of p are, their state is the
// same, and Update merges.
func (p *Plan) Merging(first int) *Plan {
	m := *p
	m.inputs, m.merges, m.first = nil, true, first
	return &m
}

// PartialColumns returns the columns of a partial.
func (a *Accumulators) PartialColumns(p *Partial) []*batch.Column {
	columns := make([]*batch.Column, len(a.plan.values))
	for v, value := range a.plan.values {
		if value.Type.Kind != batch.Binary {
			c := a.pool.NewColumn(batch.BigIntType, p.N)
			for i, w := range p.words[v] {
				c.I64[i] = int64(w)
			}
			columns[v] = c
			continue
		}
		b := batch.NewBuilder(batch.BinaryType, a.pool)
		for i := range p.N {
			b.Bytes(p.bytes[v].at(uint32(i)))
		}
		columns[v] = b.Finish()
		b.Release()
	}
	return columns
}

// Singles returns the partial in which each of the rows of sel (nil: all) is a group
// of its own. A *RowError names a physical row.
func (a *Accumulators) Singles(sel []int32, in *Input) (*Partial, error) {
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	p := a.Start(n)
	if cap(a.rows) < in.N {
		a.rows = make([]uint32, in.N)
	}
	rows := a.rows[:in.N]
	for i := range n {
		if sel != nil {
			rows[sel[i]] = uint32(i)
		} else {
			rows[i] = uint32(i)
		}
	}
	return p, a.apply(in, rows, sel, false)
}

// retained returns the columns of partials of a batch, with references of their own.
func (p *Plan) retained(in *batch.Batch) []*batch.Column {
	columns := make([]*batch.Column, len(p.values))
	for v := range columns {
		columns[v] = in.Columns[p.first+v].Retain()
	}
	return columns
}

// mergeInput merges the rows of sel of an input of partials: row i into rows[i].
func (a *Accumulators) mergeInput(in *Input, rows []uint32, sel []int32) error {
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	part := a.newPartial(n)
	defer a.Free(part)
	for v, c := range in.Columns {
		if c.I64 != nil {
			gatherWords(part.words[v], c.I64, sel)
			continue
		}
		spans := part.bytes[v].spans
		if c.Dict == nil { // the bytes stay where they are
			kept := part.bytes[v].data
			part.bytes[v].data = c.Data
			defer func() { part.bytes[v].data = kept[:0] }()
		}
		for i := range spans {
			r := i
			if sel != nil {
				r = int(sel[i])
			}
			if c.Dict == nil {
				spans[i] = uint64(c.Off[r])<<32 | uint64(c.Off[r+1]-c.Off[r])
			} else {
				part.bytes[v].set(uint32(i), c.Bytes(r))
			}
		}
	}
	if sel != nil {
		a.dense = a.dense[:0]
		for _, r := range sel {
			a.dense = append(a.dense, rows[r])
		}
		rows = a.dense
	}
	err := a.merge(rows, part)
	if row, is := err.(*RowError); is && sel != nil {
		row.Row = int(sel[row.Row])
	}
	return err
}

func gatherWords(to []uint64, from []int64, sel []int32) {
	if sel == nil {
		for i := range to {
			to[i] = uint64(from[i])
		}
		return
	}
	for i, r := range sel {
		to[i] = uint64(from[r])
	}
}
