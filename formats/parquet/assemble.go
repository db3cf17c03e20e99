package parquet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

// build makes the column of a wanted field, of n rows, from what its leaves
// have read.
func (r *Reader) build(w *wanted, n int) (*batch.Column, error) {
	pool := r.file.options.Pool
	switch {
	case w.source == nil:
		return nullColumn(pool, w.field.Type, n), nil
	case w.leaf != nil:
		if w.leaf.rows != n {
			return nil, fmt.Errorf("column %s has %d rows where its group has %d", w.leaf.name, w.leaf.rows, n)
		}
		return w.leaf.column(pool), nil
	case w.field.Type.Kind == batch.Array || w.field.Type.Kind == batch.Map:
		return r.buildList(w, n)
	}
	c := group(pool, w.typ(), n)
	if err := r.buildKids(c, w, n); err != nil {
		c.Release()
		return nil, err
	}
	row, err := 0, error(nil)
	w.first.each(w.source.rep, w.minDef, func(def byte) {
		if row < n && def < w.source.def {
			c.NewValid().Clear(row)
		}
		row++
	})
	if row != n {
		err = disagree(w)
		c.Release()
		return nil, err
	}
	if w.shredded {
		return r.variant(w, c, n)
	}
	return c, nil
}

// typ returns the type of what is read, which for shredded variants is the struct of their parts.
func (w *wanted) typ() batch.Type {
	if !w.shredded {
		return w.field.Type
	}
	t := batch.Type{Kind: batch.Struct}
	for _, k := range w.kids {
		t.Fields = append(t.Fields, k.field)
	}
	return t
}

func disagree(w *wanted) error {
	return fmt.Errorf("the columns of group %s disagree on its rows", w.field.Name)
}

// each calls f with the definition level of each entry that is a row of a
// group at repetition level rep.
func (l *leafReader) each(rep, minDef uint8, f func(def byte)) {
	if len(l.rep) == 0 {
		for _, d := range l.def {
			if d >= minDef {
				f(d)
			}
		}
		if l.maxDef == 0 { // nothing on the way is nullable, levels are not stored
			for range l.rows {
				f(0)
			}
		}
		return
	}
	for i, d := range l.def {
		if l.rep[i] <= rep && d >= minDef {
			f(d)
		}
	}
}

func (r *Reader) buildKids(c *batch.Column, w *wanted, n int) error {
	for _, k := range w.kids {
		kid, err := r.build(k, n)
		if err != nil {
			return err
		}
		c.Kids = append(c.Kids, kid)
	}
	return nil
}

// group returns a column of a nested type without kids.
func group(p *batch.Pool, t batch.Type, n int) *batch.Column {
	empty := batch.Type{Kind: t.Kind}
	if t.Kind == batch.Variant {
		empty.Kind = batch.Struct
	}
	c := p.NewColumn(empty, n)
	c.Type = t
	return c
}

var errNullKey = errors.New("a map has a null key")

func (r *Reader) buildList(w *wanted, n int) (*batch.Column, error) {
	l, s := w.first, w.source
	c := group(r.file.options.Pool, w.field.Type, n)
	row, elements := 0, int32(0)
	for i, d := range l.def {
		switch rep := l.rep[i]; {
		case d < w.minDef || rep > s.rep+1:
			continue
		case rep <= s.rep: // a new list
			if row < n {
				c.Off[row] = elements
				if d < s.def {
					c.NewValid().Clear(row)
				}
			}
			row++
		}
		if d > s.def {
			elements++
		}
	}
	if row != n {
		c.Release()
		return nil, disagree(w)
	}
	c.Off[n] = elements
	if err := r.buildKids(c, w, int(elements)); err != nil {
		c.Release()
		return nil, err
	}
	if w.field.Type.Kind == batch.Map && c.Kids[0].Nulls() > 0 {
		c.Release()
		return nil, errNullKey
	}
	return c, nil
}

// nullColumn returns n null rows.
func nullColumn(p *batch.Pool, t batch.Type, n int) *batch.Column {
	var c *batch.Column
	switch t.Kind {
	case batch.Struct:
		c = group(p, t, n)
		for _, f := range t.Fields {
			c.Kids = append(c.Kids, nullColumn(p, f.Type, n))
		}
	case batch.Array, batch.Map:
		c = group(p, t, n)
		for _, f := range t.Fields {
			c.Kids = append(c.Kids, nullColumn(p, f.Type, 0))
		}
	default:
		c = p.NewColumn(t, n)
	}
	if t.Kind != batch.Void {
		clear(c.NewValid())
	}
	return c
}
