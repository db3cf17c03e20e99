package state

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// Keys returns the key columns of rows, in memory of p. Deleted rows have their
// keys until the next checkpoint.
func (s *Segment) Keys(p *batch.Pool, rows []uint32) []*batch.Column {
	t := s.table
	columns := make([]*batch.Column, len(t.spec.Keys))
	switch t.layout {
	case layoutOne:
		return columns
	case layoutWord:
		c := p.NewColumn(t.spec.Keys[0].Type, len(rows))
		fillColumn(c, func(i int) uint64 { return s.grid.key(rows[i]) })
		if s.null != 0 {
			for i, r := range rows {
				if r+1 == s.null {
					c.NewValid().Clear(i)
				}
			}
		}
		columns[0] = c
		return columns
	case layoutShared:
		return s.sharedKeys(p, rows)
	}
	builders := make([]*batch.Builder, len(columns))
	for i, k := range t.spec.Keys {
		builders[i] = batch.NewBuilder(k.Type, p)
	}
	for _, r := range rows {
		if r+1 == s.null {
			builders[0].Null()
			continue
		}
		t.appendKey(builders, s.arena.get(s.grid.key(r)))
	}
	for i, b := range builders {
		columns[i] = b.Finish()
		b.Release()
	}
	return columns
}

// keysAt returns the keys of rows of a copy, in memory of p.
func (c *Copy) keysAt(p *batch.Pool, rows []uint32) []*batch.Column {
	if c.layout == layoutWord {
		column := p.NewColumn(c.spec.Keys[0].Type, len(rows))
		fillColumn(column, func(i int) uint64 { return c.words[int(rows[i])*c.stride] })
		for i, r := range rows {
			if _, null := slices.BinarySearch(c.nulls, int(r)); null {
				column.NewValid().Clear(i)
			}
		}
		return []*batch.Column{column}
	}
	columns, builders := make([]*batch.Column, len(c.spec.Keys)), make([]*batch.Builder, len(c.spec.Keys))
	for i, k := range c.spec.Keys {
		builders[i] = batch.NewBuilder(k.Type, p)
	}
	table := Table{spec: c.spec, layout: c.layout}
	for _, r := range rows {
		if _, null := slices.BinarySearch(c.nulls, int(r)); null {
			builders[0].Null()
		} else {
			table.appendKey(builders, c.data.at(c.words[int(r)*c.stride]))
		}
	}
	for i, b := range builders {
		columns[i] = b.Finish()
		b.Release()
	}
	return columns
}

// appendKey appends a key that is kept as bytes to the builders of its columns.
func (t *Table) appendKey(builders []*batch.Builder, key []byte) {
	if t.layout == layoutBytes {
		builders[0].Bytes(key)
		return
	}
	for _, b := range builders {
		key = decodeCanonical(b, key)
	}
}
