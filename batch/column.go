package batch

import (
	"sync/atomic"

	"github.com/deltaic/deltaic/internal/invariant"
)

// Int128 is a two's complement 128-bit integer: the unscaled value of a
// decimal.
type Int128 struct {
	Hi int64
	Lo uint64
}

// Int128From returns v widened.
func Int128From(v int64) Int128 { return Int128{Hi: v >> 63, Lo: uint64(v)} }

// Column is one column of N rows. Which buffers are set depends on the kind of
// its type (see [Kind]). It is immutable and reference counted; build one with
// a [Builder], or fill the fields directly before anybody else sees it.
//
// A null row has some value in the buffers (zero, an empty string, an empty
// list), never an undefined offset; a row that is null in a struct may hold
// anything in the struct's kids.
type Column struct {
	Type  Type
	N     int
	Valid Bitmap // set bit: not null. nil: no row is null.

	Bits Bitmap
	I32  []int32
	I64  []int64
	F32  []float32
	F64  []float64
	I128 []Int128
	Off  []int32 // N+1 offsets into Data or the kids; Off[0] need not be 0
	Data []byte
	Kids []*Column

	// Dict, when not nil, makes a String or Binary column a dictionary: row i
	// is row I32[i] of Dict, a column of the same type without nulls and
	// without a dictionary of its own. Nullness is in Valid alone; the code of
	// a null row is in range too, so Dict has a row if there is any row.
	Dict *Column

	refs    atomic.Int32 // references beyond the first
	counted bool         // in pool.lent
	pool    *Pool        // whom the buffers go back to; nil: the garbage collector
	lent    [slots]chunk // what the pool lent, whether or not a slice still uses it
	parent  *Column      // whose buffers this column shares; holds a reference
}

// IsNull reports whether row i is null.
func (c *Column) IsNull(i int) bool {
	if c.Valid == nil {
		return c.Type.Kind == Void
	}
	return !c.Valid.Get(i)
}

// Nulls returns the number of null rows.
func (c *Column) Nulls() int {
	if c.Type.Kind == Void {
		return c.N
	}
	if c.Valid == nil {
		return 0
	}
	return c.N - c.Valid.Count(c.N)
}

// Bytes returns the bytes of row i of a String or Binary column. They alias
// the column.
func (c *Column) Bytes(i int) []byte {
	if c.Dict != nil {
		return c.Dict.Bytes(int(c.I32[i]))
	}
	return c.Data[c.Off[i]:c.Off[i+1]:c.Off[i+1]]
}

// Bool reports row i of a Boolean column.
func (c *Column) Bool(i int) bool { return c.Bits.Get(i) }

// Retain adds a reference and returns the column.
func (c *Column) Retain() *Column {
	c.refs.Add(1)
	return c
}

// Release ends a reference. The last one gives the buffers back to the pool
// and releases the kids and the dictionary.
func (c *Column) Release() {
	if c == nil {
		return
	}
	left := c.refs.Add(-1)
	if left >= 0 {
		return
	}
	if invariant.Enabled && left < -1 {
		panic("batch: a column was released more often than it was retained")
	}
	for _, k := range c.Kids {
		k.Release()
	}
	c.Dict.Release()
	c.parent.Release()
	if c.pool != nil {
		c.pool.putColumn(c)
	}
}

// NewValid gives a column that is being filled a validity bitmap with every
// row valid, and returns it; a column that has one keeps it.
func (c *Column) NewValid() Bitmap {
	if c.Valid == nil {
		c.Valid = lend[uint64](c, slotValid, BitmapWords(c.N))
		c.Valid.Fill(c.N)
	}
	return c.Valid
}

// CopyValid makes the nulls of a column that is being filled those of from, a
// column of as many rows. Validity is copied and never shared: from's bitmap goes
// back to the pool with from.
func (c *Column) CopyValid(from *Column) {
	switch {
	case from.Type.Kind == Void:
		clear(c.NewValid())
	case from.Valid != nil:
		copy(c.NewValid(), from.Valid)
	}
}

// AppendData appends v to Data of a string column that is being filled, with
// memory of its pool. The caller sets the offsets.
func (c *Column) AppendData(v []byte) {
	c.Data = append(grow(c, slotData, c.Data, len(v)), v...)
}

// ReserveData makes room for n more bytes in Data of a column that is being filled.
func (c *Column) ReserveData(n int) { c.Data = grow(c, slotData, c.Data, n) }

// NewConst returns a dictionary column of n rows that all hold value; kind is
// String or Binary. It costs four bytes a row.
func NewConst(p *Pool, t Type, value []byte, n int) *Column {
	d := NewBuilder(t, p)
	d.Bytes(value)
	c := p.NewDict(d.Finish(), n)
	d.Release()
	return c
}

// Size returns the bytes of the buffers in use, kids and dictionary included.
func (c *Column) Size() int64 {
	if c == nil {
		return 0
	}
	s := int64(len(c.Valid)+len(c.Bits))*8 + int64(len(c.I32)+len(c.F32)+len(c.Off))*4 +
		int64(len(c.I64)+len(c.F64))*8 + int64(len(c.I128))*16 + c.Dict.Size()
	if (c.Type.Kind == String || c.Type.Kind == Binary) && len(c.Off) > 0 {
		s += int64(c.Off[len(c.Off)-1] - c.Off[0]) // a slice shares more than it uses
	}
	for _, k := range c.Kids {
		s += k.Size()
	}
	return s
}
