package expr

import (
	"github.com/deltaic/deltaic/batch"
)

// rows is what a function that works row by row sees: its arguments and the
// builder of its result, to which it appends exactly one row a call.
type rows struct {
	r *run
	a []val
	t []textColumn // of the arguments that are texts
	b *batch.Builder

	buf        []byte // scratch
	at, groups []int  // scratch: places in a text

	done int // rows
}

func (x *rows) str(k, i int) []byte { return x.t[k].at(i) }
func (x *rows) i32(k, i int) int32  { return x.a[k].c.I32[i&x.a[k].mask()] }
func (x *rows) i64(k, i int) int64  { return x.a[k].c.I64[i&x.a[k].mask()] }
func (x *rows) f64(k, i int) float64 {
	return x.a[k].c.F64[i&x.a[k].mask()]
}

// bytes appends a string or binary result and keeps the scratch.
func (x *rows) bytes(b []byte) { x.buf = b[:0]; x.b.Bytes(b) }

// fail rejects the row and appends null.
func (x *rows) fail(i int, class, message string, raw []byte) {
	x.r.fail(i, class, message, raw)
	x.b.Null()
}

// row computes a row, unless the column is full. Below a column it is enough to look now and then: a few rows hold no more than offsets can bear.
func (x *rows) row(f func(x *rows, i int), i int) {
	x.done++
	if x.r.crowded || len(x.b.Column().Data) > maxColumn || x.done&7 == 0 && len(x.b.Kids) > 0 && crowded(x.b) {
		x.r.crowd()
		x.b.Null()
		return
	}
	f(x, i)
}

func newRows(r *run, t batch.Type, a []val) *rows {
	x := &rows{r: r, a: a, t: make([]textColumn, len(a)), b: batch.NewBuilder(t, r.pool())}
	for k, v := range a {
		if v.c.Type.Kind == batch.String || v.c.Type.Kind == batch.Binary {
			x.t[k] = textsOf(v)
		}
	}
	return x
}

// rowsOf makes a kernel of a function that handles null arguments itself.
// Rows that do not count get null.
func rowsOf(t batch.Type, f func(x *rows, i int)) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		return newRows(r, t, a).all(sel, nil, f), nil
	}
}

// strict makes a kernel of a function that is null where an argument is.
func strict(t batch.Type, f func(x *rows, i int)) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		valid := r.known(a)
		defer r.pool().PutWords(valid)
		return newRows(r, t, a).all(sel, valid, f), nil
	}
}

// known returns the rows in which no argument is null, as words of the pool; nil: all.
func (r *run) known(a []val) batch.Bitmap {
	var valid batch.Bitmap
	for _, v := range a {
		if v.c.Valid == nil && v.c.Type.Kind != batch.Void {
			continue
		}
		if valid == nil {
			valid = r.pool().Words(batch.BitmapWords(r.n))
			valid.Fill(r.n)
		}
		for w := range valid {
			valid[w] &= v.validWord(w)
		}
	}
	return valid
}

// all computes the rows of sel that are valid; the others get null.
func (x *rows) all(sel []int32, valid batch.Bitmap, f func(x *rows, i int)) *batch.Column {
	defer x.b.Release()
	next := 0
	row := func(i int) {
		for ; next < i; next++ {
			x.b.Null()
		}
		if next++; valid != nil && !valid.Get(i) {
			x.b.Null()
			return
		}
		x.row(f, i)
	}
	if sel == nil {
		for i := range x.r.n {
			row(i)
		}
	}
	for _, i := range sel {
		row(int(i))
	}
	for ; next < x.r.n; next++ {
		x.b.Null()
	}
	return x.b.Finish()
}

// textColumn is the values of a string or binary argument.
type textColumn struct {
	data  []byte
	off   []int32
	codes []int32 // of a dictionary
	mask  int
}

func textsOf(v val) textColumn {
	t := textColumn{mask: v.mask()}
	c := v.c
	if c.Dict != nil {
		t.codes, c = c.I32, c.Dict
	}
	t.data, t.off = c.Data, c.Off
	return t
}

func (t *textColumn) at(i int) []byte {
	if i &= t.mask; t.codes != nil {
		i = int(t.codes[i])
	}
	return t.data[t.off[i]:t.off[i+1]:t.off[i+1]]
}

// size returns the bytes of all rows, if they are not in a dictionary: about those of the text of each.
func (t *textColumn) size(n int) int {
	switch {
	case len(t.off) < 2:
		return 0
	case t.mask == 0:
		return n * int(t.off[1]-t.off[0])
	}
	all := int(t.off[len(t.off)-1] - t.off[0])
	if t.codes != nil {
		return n * (all/(len(t.off)-1) + 1)
	}
	return all
}
