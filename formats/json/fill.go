package json

import (
	"math"

	"github.com/deltaic/deltaic/batch"
)

// Columns may lag behind their struct while records are decoded: a key that is
// missing or null costs nothing until the next value of its column arrives or
// the call ends, and then all the nulls between are appended at once.

// maxData bounds the bytes and elements that the offsets of a column can reach.
const maxData = math.MaxInt32 - 64

// closeRow counts a valid row whose value is in the buffers.
func closeRow(b *batch.Builder) {
	c := b.Column()
	if c.Valid != nil {
		b.Grow(1)
		return
	}
	c.N++
}

// zeros extends s by n zero values.
func zeros[T any](s []T, n int) []T {
	at := len(s)
	if at+n <= cap(s) {
		s = s[:at+n]
		clear(s[at:])
		return s
	}
	return append(s, make([]T, n)...)
}

// repeated extends s by n copies of its last value.
func repeated(s []int32, n int) []int32 {
	last := s[len(s)-1]
	at := len(s)
	s = zeros(s, n)
	for i := range s[at:] {
		s[at+i] = last
	}
	return s
}

// appendNulls appends n null rows. Kids of a struct are left behind.
func appendNulls(n *node, count int) {
	if count <= 0 {
		return
	}
	c := n.b.Column()
	if c.Type.Kind != batch.Void {
		extendValid(c, count)
	}
	switch c.Type.Kind {
	case batch.Boolean:
		c.Bits = zeros(c.Bits, batch.BitmapWords(c.N+count)-len(c.Bits))
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		c.I32 = zeros(c.I32, count)
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		c.I64 = zeros(c.I64, count)
	case batch.Float:
		c.F32 = zeros(c.F32, count)
	case batch.Double:
		c.F64 = zeros(c.F64, count)
	case batch.Decimal:
		c.I128 = zeros(c.I128, count)
	case batch.String, batch.Binary, batch.Array, batch.Map:
		c.Off = repeated(c.Off, count)
	}
	c.N += count
}

// extendValid marks the next count rows null.
func extendValid(c *batch.Column, count int) {
	words := batch.BitmapWords(c.N + count)
	if c.Valid == nil {
		c.Valid = make(batch.Bitmap, words, max(words, 64))
		c.Valid.Fill(c.N)
		return
	}
	at := len(c.Valid)
	c.Valid = zeros(c.Valid, words-at)
	if r := c.N & 63; r != 0 && c.N>>6 < at {
		c.Valid[c.N>>6] &= 1<<r - 1
	}
}

// settle brings every column to rows rows.
func settle(n *node, rows int) {
	c := n.b.Column()
	if c.N < rows {
		appendNulls(n, rows-c.N)
	}
	switch n.kind {
	case batch.Struct:
		for _, f := range n.fields {
			settle(f, rows)
		}
	case batch.Array, batch.Map:
		last := int(c.Off[rows])
		settle(n.elem, last)
		if n.key != nil {
			settle(n.key, last)
		}
	}
}

// truncate takes back all rows from rows on, of columns that lag or are in the
// middle of a row too.
func truncate(n *node, rows int) {
	c := n.b.Column()
	at := min(rows, c.N)
	if c.Valid != nil {
		c.Valid = c.Valid[:batch.BitmapWords(at)]
	}
	switch c.Type.Kind {
	case batch.Boolean:
		c.Bits = c.Bits[:batch.BitmapWords(at)]
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		c.I32 = c.I32[:at]
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		c.I64 = c.I64[:at]
	case batch.Float:
		c.F32 = c.F32[:at]
	case batch.Double:
		c.F64 = c.F64[:at]
	case batch.Decimal:
		c.I128 = c.I128[:at]
	case batch.String, batch.Binary:
		c.Off = c.Off[:at+1]
		c.Data = c.Data[:c.Off[at]]
	case batch.Array, batch.Map:
		c.Off = c.Off[:at+1]
		truncate(n.elem, int(c.Off[at]))
		if n.key != nil {
			truncate(n.key, int(c.Off[at]))
		}
	case batch.Struct:
		for _, f := range n.fields {
			truncate(f, rows)
		}
	}
	c.N = at
}

// align makes row the next row of n's column: by nulls if it lags, by taking
// back what an earlier key of the same name left.
func align(n *node, row int) {
	if at := n.b.Len(); at < row {
		appendNulls(n, row-at)
	} else {
		truncate(n, row)
	}
}
