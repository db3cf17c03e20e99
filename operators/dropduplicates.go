package operators

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// seenTable is the name of the table of keys that DropDuplicates has seen, the
// key columns in it: other keys are other state. It is part of the state's address and never changes.
func seenTable(s *batch.Schema, keys []int) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = strings.ToLower(s.Fields[k].Name)
	}
	return "seen(" + strings.Join(names, ",") + ")"
}

// DropDuplicates passes on the first row of each key and drops those that
// follow, for as long as the state lives. Nulls are equal to one another, as are -0.0 and 0.0, and
// all NaN. Rows of one key must reach one task: the exchange before it is by
// the same columns. It takes rows that are inserts only.
type DropDuplicates struct {
	Base
	keys    []int // columns of the input
	table   string
	types   []batch.Type
	seen    KeySet
	columns []*batch.Column
	hashes  []uint64
	fresh   batch.Bitmap
}

// NewDropDuplicates returns the operator for an input with this schema; keys
// are indexes of its columns, all of them if there are none.
func NewDropDuplicates(s *batch.Schema, keys ...int) (*DropDuplicates, error) {
	if len(keys) == 0 {
		for i := range s.Fields {
			keys = append(keys, i)
		}
	}
	d := &DropDuplicates{keys: keys, columns: make([]*batch.Column, len(keys))}
	for _, k := range keys {
		if k < 0 || k >= len(s.Fields) {
			return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "dropDuplicates: key column %d of %d", k, len(s.Fields))
		}
		d.types = append(d.types, s.Fields[k].Type)
	}
	d.table = seenTable(s, keys)
	return d, nil
}

// Open opens the table of keys.
func (d *DropDuplicates) Open(c *Context) (err error) {
	d.Context = c
	d.seen, err = c.State.KeySet(d.table, d.types)
	return err
}

// Process passes on the rows whose key is new.
func (d *DropDuplicates) Process(in *batch.Batch, _ int, out Output) error {
	if err := insertsOnly(in, d.Context.Step, "dropDuplicates"); err != nil {
		return err
	}
	for i, k := range d.keys {
		d.columns[i] = in.Columns[k]
	}
	defer clear(d.columns)
	d.hashes = batch.Hash(d.columns, in.N, d.hashes)
	words := batch.BitmapWords(in.N)
	if cap(d.fresh) < words {
		d.fresh = make(batch.Bitmap, words)
	}
	d.fresh = d.fresh[:words]
	clear(d.fresh)
	if err := d.seen.Insert(d.columns, in.Sel, in.N, d.hashes, d.fresh); err != nil {
		return err
	}
	return emitRows(d.Context.Pool, in, d.fresh, out)
}
