package expr

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// spread is the elements of the lists of a column one after the other, those of the rows that count.
type spread struct {
	r    *run
	v    val
	sel  []int32
	kids []*batch.Column
	off  []int32 // where the elements of each row begin, and the last ones end
	n    int     // elements
	rows []int32 // which row each element is of, once that was asked
}

// spread lays out the elements of v, which is borrowed as long as they are used. It is closed.
func (r *run) spread(sel []int32, v val) *spread {
	s := &spread{r: r, v: v, sel: sel, off: r.pool().Rows(r.n + 1)[:r.n+1]}
	if sel == nil && !v.one {
		first, last := v.c.Off[0], v.c.Off[r.n]
		for i, o := range v.c.Off[:r.n+1] {
			s.off[i] = o - first
		}
		for _, kid := range v.c.Kids {
			s.kids = append(s.kids, batch.Slice(r.pool(), kid, int(first), int(last)))
		}
	} else {
		places := s.places()
		for _, kid := range v.c.Kids {
			s.kids = append(s.kids, batch.Gather(r.pool(), kid, places))
		}
		r.pool().PutRows(places)
	}
	s.n = int(s.off[r.n])
	return s
}

// of returns which row each element is of.
func (s *spread) of() []int32 {
	if s.rows == nil {
		s.rows = s.r.pool().Rows(s.n)[:s.n]
		for i := range s.r.n {
			for j := s.off[i]; j < s.off[i+1]; j++ {
				s.rows[j] = int32(i)
			}
		}
	}
	return s.rows
}

// places lists where the elements of the rows that count lie, and sets off.
func (s *spread) places() []int32 {
	clear(s.off)
	s.r.each(s.sel, func(i int) {
		if at := i & s.v.mask(); !s.v.null(i) {
			s.off[i+1] = s.v.c.Off[at+1] - s.v.c.Off[at]
		}
	})
	for i := range s.r.n {
		s.off[i+1] += s.off[i]
	}
	places := s.r.pool().Rows(int(s.off[s.r.n]))
	for i := range s.r.n {
		from := s.v.c.Off[i&s.v.mask()]
		for j := range s.off[i+1] - s.off[i] {
			places = append(places, from+j)
		}
	}
	return places
}

func (s *spread) close() {
	release(s.kids)
	s.r.pool().PutRows(s.off)
	s.r.pool().PutRows(s.rows)
}

// indexes returns a column of each element's place in its list, from 0.
func (s *spread) indexes() *batch.Column {
	c := s.r.pool().NewDense(batch.IntType, s.n)
	for j, i := range s.of() {
		c.I32[j] = int32(j) - s.off[i]
	}
	return c
}

// list makes a list column of the rows of v out of other elements in the same places; kids are taken over.
func (s *spread) list(t batch.Type, off []int32, kids ...*batch.Column) *batch.Column {
	c := s.r.pool().NewColumn(t, s.r.n)
	c.Kids = append(c.Kids, kids...)
	copy(c.Off, off)
	if s.sel == nil && !s.v.one {
		c.CopyValid(s.v.c)
		return c
	}
	s.r.each(s.sel, func(i int) {
		if s.v.null(i) {
			c.NewValid().Clear(i)
		}
	})
	return c
}

// keep makes a list column of the rows of v with those elements for which a condition is true.
func (s *spread) keep(t batch.Type, condition *batch.Column) *batch.Column {
	kept := batch.Bitmap(s.r.pool().Words(batch.BitmapWords(s.n)))
	defer s.r.pool().PutWords(kept)
	v := val{c: condition}
	for w := range kept {
		is, valid := v.words(w)
		kept[w] = is & valid
	}
	places := kept.Rows(s.n, s.r.pool().Rows(s.n))
	defer s.r.pool().PutRows(places)
	off := s.r.pool().Rows(s.r.n + 1)[:s.r.n+1]
	defer s.r.pool().PutRows(off)
	off[0] = 0
	count := int32(0)
	for i := range s.r.n {
		for j := s.off[i]; j < s.off[i+1]; j++ {
			count += int32(kept[j>>6] >> (uint(j) & 63) & 1)
		}
		off[i+1] = count
	}
	var kids []*batch.Column
	for _, kid := range s.kids {
		kids = append(kids, batch.Gather(s.r.pool(), kid, places))
	}
	return s.list(t, off, kids...)
}

// over computes the body for every element, of which the kids and, where the body asks for it, the place are the parameters.
func (l *lambda) over(s *spread, captured []val) (*batch.Column, error) {
	params := slices.Clone(s.kids)
	if s.v.c.Type.Kind == batch.Array && l.params > 1 {
		index := s.indexes()
		defer index.Release()
		params = append(params, index)
	}
	var rows []int32
	if len(captured) > 0 || l.body.fails {
		rows = s.of()
	}
	return l.applyTo(s.r, s.n, rows, captured, params...)
}
