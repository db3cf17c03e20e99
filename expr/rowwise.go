package expr

import (
	"github.com/deltaic/deltaic/batch"
)

// rows is what a function that works row by row sees: its arguments and the
// builder of its result, to which it appends exactly one row a call.
type rows struct {
	r *run
	a []val
	b *batch.Builder

	buf        []byte // scratch
	at, groups []int  // scratch: places in a text

	done int // rows
}

func (x *rows) str(k, i int) []byte { return x.a[k].c.Bytes(i & x.a[k].mask()) }
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

// rowsOf makes a kernel of a function that handles null arguments itself.
// Rows that do not count get null.
func rowsOf(t batch.Type, f func(x *rows, i int)) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		x := &rows{r: r, a: a, b: batch.NewBuilder(t, r.pool())}
		defer x.b.Release()
		if sel == nil {
			for i := range r.n {
				x.row(f, i)
			}
		} else {
			next := 0
			for _, i := range sel {
				for ; next < int(i); next++ {
					x.b.Null()
				}
				x.row(f, int(i))
				next++
			}
			for ; next < r.n; next++ {
				x.b.Null()
			}
		}
		return x.b.Finish(), nil
	}
}

// strict makes a kernel of a function that is null where an argument is.
func strict(t batch.Type, f func(x *rows, i int)) kernel {
	return rowsOf(t, func(x *rows, i int) {
		for k := range x.a {
			if x.a[k].null(i) {
				x.b.Null()
				return
			}
		}
		f(x, i)
	})
}

// texts are the values of a string or binary argument.
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
