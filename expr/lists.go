package expr

import (
	"github.com/deltaic/deltaic/batch"
)

// lister is what a function that puts lists together sees: rows of its sources, of which it takes some. Its result is
// gathered at once when every row has chosen.
type lister struct {
	r    *run
	a    []val
	base [][]int32 // for each kid of the result, where each argument's rows begin in its source
	rows [][]int32 // for each kid of the result, the rows of the source taken so far
	null []int32   // for each kid of the result, a row of the source that is null
	size int64     // bytes that repeated values take
}

// span returns where the list of row i of argument k begins, and how many elements it has.
func (x *lister) span(k, i int) (from, n int) {
	c, at := x.a[k].c, i&x.a[k].mask()
	if c.IsNull(at) {
		return 0, 0
	}
	return int(c.Off[at]), int(c.Off[at+1] - c.Off[at])
}

// kid returns the elements of argument k.
func (x *lister) kid(k int) *batch.Column { return x.a[k].c.Kids[0] }

// take appends row j of what argument k gave to kid number to of the result.
func (x *lister) take(to, k, j int) { x.rows[to] = append(x.rows[to], x.base[to][k]+int32(j)) }

// takeNull appends a null.
func (x *lister) takeNull(to int) { x.rows[to] = append(x.rows[to], x.null[to]) }

// sourceOf says what an argument of a list function gives to a kid of the result.
type sourceOf uint8

const (
	gives0     sourceOf = iota // nothing
	givesKid                   // its elements, or a map's keys
	givesValue                 // a map's values
	givesRow                   // itself
)

// listKernel makes a kernel of f, which takes the elements of row i and returns false for null. gives has a line for each kid
// of the result: what each argument gives; arguments beyond it give what the last does.
func listKernel(t batch.Type, gives [][]sourceOf, strict bool, f func(x *lister, i int) bool) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		x := &lister{r: r, a: a, base: make([][]int32, len(gives)), rows: make([][]int32, len(gives)), null: make([]int32, len(gives))}
		sources := make([]*batch.Column, len(gives))
		for k := range gives {
			sources[k] = x.source(k, t.Fields[k].Type, gives[k])
			defer sources[k].Release()
			x.rows[k] = r.pool().Rows(r.n)
			defer func() { r.pool().PutRows(x.rows[k]) }()
		}
		c := r.pool().NewColumn(t, r.n)
		row := func(i int) {
			if strict {
				for k := range a {
					if a[k].null(i) {
						c.NewValid().Clear(i)
						return
					}
				}
			}
			before := len(x.rows[0])
			full := r.crowded || before > maxColumnElements
			if full {
				r.crowd()
			}
			if full || !f(x, i) {
				for k := range x.rows {
					x.rows[k] = x.rows[k][:min(before, len(x.rows[k]))]
				}
				c.NewValid().Clear(i)
			}
		}
		done := 0
		r.each(sel, func(i int) {
			for ; done < i; done++ {
				c.Off[done+1] = c.Off[done]
			}
			row(i)
			c.Off[i+1] = int32(len(x.rows[0]))
			done = i + 1
		})
		for ; done < r.n; done++ {
			c.Off[done+1] = c.Off[done]
		}
		for k := range sources {
			c.Kids = append(c.Kids, batch.Gather(r.pool(), sources[k], x.rows[k]))
		}
		return c, nil
	}
}

// source puts together what the arguments give to kid number k: one argument's own column if only one gives.
func (x *lister) source(k int, t batch.Type, gives []sourceOf) *batch.Column {
	b := batch.NewBuilder(t, x.r.pool())
	defer b.Release()
	b.Null()
	x.base[k] = make([]int32, len(x.a))
	for i, v := range x.a {
		x.base[k][i] = int32(b.Len())
		c := v.c
		switch gives[min(i, len(gives)-1)] {
		case gives0:
			continue
		case givesKid:
			c = c.Kids[0]
		case givesValue:
			c = c.Kids[1]
		}
		b.AppendRows(c, nil)
	}
	return b.Finish()
}

// same reports whether two rows are equal, nulls too, as groups are.
func same(l *batch.Column, i int, r *batch.Column, j int) bool { return nestedOrder(l, r, i, j) == 0 }

// seen finds rows that are equal to earlier ones: by comparing while there are few, by their bytes beyond.
type seen struct {
	columns []*batch.Column
	rows    []int32
	keys    map[string]struct{}
	buf     []byte
}

const seenByComparing = 16

// add notes a row and reports whether it is new.
func (s *seen) add(c *batch.Column, j int) bool {
	if s.keys == nil && len(s.rows) < seenByComparing {
		for k, d := range s.columns {
			if same(d, int(s.rows[k]), c, j) {
				return false
			}
		}
		s.columns, s.rows = append(s.columns, c), append(s.rows, int32(j))
		return true
	}
	if s.keys == nil {
		s.keys = map[string]struct{}{}
		for k, d := range s.columns {
			s.buf = batch.AppendSortKey(s.buf[:0], d, int(s.rows[k]), batch.Ascending)
			s.keys[string(s.buf)] = struct{}{}
		}
	}
	s.buf = batch.AppendSortKey(s.buf[:0], c, j, batch.Ascending)
	if _, there := s.keys[string(s.buf)]; there {
		return false
	}
	s.keys[string(s.buf)] = struct{}{}
	return true
}
