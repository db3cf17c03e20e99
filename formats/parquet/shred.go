package parquet

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// entries is one level of a nested column on its way to the leaves: what an
// ancestor's definition and repetition levels are, and the row of the column,
// -1 where an ancestor is null or empty.
type entries struct {
	def, rep []byte
	row      []int32
}

func (e *entries) add(def, rep byte, row int32) {
	e.def, e.rep, e.row = append(e.def, def), append(e.rep, rep), append(e.row, row)
}

func (e *entries) reset() { e.def, e.rep, e.row = e.def[:0], e.rep[:0], e.row[:0] }

// shredder lends entries to the levels of a recursion.
type shredder struct{ free []*entries }

func (s *shredder) get() *entries {
	if n := len(s.free); n > 0 {
		e := s.free[n-1]
		s.free = s.free[:n-1]
		e.reset()
		return e
	}
	return &entries{}
}

func (s *shredder) put(e *entries) { s.free = append(s.free, e) }

func (s *shredder) held() int64 {
	var n int64
	for _, e := range s.free {
		n += int64(cap(e.def)+cap(e.rep)) + int64(cap(e.row))*4
	}
	return n
}

// shred writes the entries of a nested column to the leaves below n.
func (s *shredder) shred(n *node, c *batch.Column, in *entries) error {
	here := s.get()
	defer s.put(here)
	present := n.def
	for i, row := range in.row {
		switch {
		case row < 0:
			here.add(in.def[i], in.rep[i], -1)
		case c.IsNull(int(row)):
			if !n.nullable {
				return notNull(n.name)
			}
			here.add(present-1, in.rep[i], -1)
		default:
			here.add(present, in.rep[i], row)
		}
	}
	switch n.typ.Kind {
	case batch.Struct, batch.Variant:
		for _, k := range n.kids {
			if err := s.shred(k, c.Kids[k.index], here); err != nil {
				return err
			}
		}
	case batch.Array, batch.Map:
		flat := s.get()
		defer s.put(flat)
		explode(flat, here, c, n)
		for _, k := range n.kids {
			if err := s.shred(k, c.Kids[k.index], flat); err != nil {
				return err
			}
		}
	default:
		s.leaf(n.leaf, c, here)
	}
	return nil
}

// explode turns the entries of a list into those of its elements.
func explode(out, in *entries, c *batch.Column, n *node) {
	for i, row := range in.row {
		if row < 0 {
			out.add(in.def[i], in.rep[i], -1)
			continue
		}
		lo, hi := c.Off[row], c.Off[row+1]
		if lo == hi {
			out.add(n.def, in.rep[i], -1)
			continue
		}
		out.add(n.def+1, in.rep[i], lo)
		for k := lo + 1; k < hi; k++ {
			out.add(n.def+1, n.rep+1, k)
		}
	}
}

// leaf appends entries to a leaf column.
func (s *shredder) leaf(l *leafWriter, c *batch.Column, in *entries) {
	rows := s.get()
	defer s.put(rows)
	for i, row := range in.row {
		if row >= 0 {
			rows.row = append(rows.row, row)
		}
		if in.rep[i] == 0 {
			l.rows++
		}
	}
	if l.maxRep > 0 {
		l.reps = append(l.reps, in.rep...)
	}
	l.addDefs(len(in.def), in.def, len(in.row)-len(rows.row))
	if len(rows.row) > 0 {
		l.addValues(source{column: c, rows: rows.row})
	}
}

func notNull(name string) error {
	f := supervision.New(supervision.Fatal, "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
		"column %s is NOT NULL and has a null value", name)
	f.Hint = "filter the nulls out, give them a value, or declare the column nullable"
	return f
}

func joinPath(path []string) string { return strings.Join(path, ".") }
