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

// closeRow counts a valid row whose value is in the buffers. It is split so
// that the compiler inlines it.
func closeRow(b *batch.Builder) {
	if c := b.Column(); c.Valid == nil {
		c.N++
		return
	}
	closeValid(b)
}

func closeValid(b *batch.Builder) {
	c := b.Column()
	if c.N>>6 >= len(c.Valid) {
		b.Grow(1)
		return
	}
	c.Valid.Set(c.N)
	c.N++
}

// appendNulls appends n null rows. Kids of a struct may be left behind.
func appendNulls(n *node, count int) {
	c := n.b.Column()
	for count > 0 {
		room := 0
		if c.Valid != nil {
			room = min(count, roomFor(c))
		}
		if room < 2 {
			n.b.Null() // takes more memory from the pool where none is left
			count--
			continue
		}
		extend(c, room)
		count -= room
	}
}

// appendBlank appends a row that is to be null to a struct that has rows of them. What is below it says nothing and is not null there: a column
// without nulls costs less for each of its other rows.
func appendBlank(n *node, rows int) {
	for _, f := range n.fields {
		align(f, rows)
		blank(f)
	}
	closeRow(n.b)
}

// blank appends a row of nothing in particular.
func blank(n *node) {
	switch b := n.b; n.kind {
	case batch.Boolean:
		b.Bool(false)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		b.Int32(0)
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		b.Int64(0)
	case batch.Double:
		b.Float64(0)
	case batch.Decimal:
		b.Decimal(batch.Int128{})
	case batch.String, batch.Binary:
		b.Bytes(nil)
	default:
		appendNulls(n, 1)
	}
}

// roomFor returns how many rows fit into the buffers as they are.
func roomFor(c *batch.Column) int {
	room := cap(c.Valid)*64 - c.N
	switch c.Type.Kind {
	case batch.Boolean:
		return min(room, cap(c.Bits)*64-c.N)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		return min(room, cap(c.I32)-c.N)
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		return min(room, cap(c.I64)-c.N)
	case batch.Float:
		return min(room, cap(c.F32)-c.N)
	case batch.Double:
		return min(room, cap(c.F64)-c.N)
	case batch.Decimal:
		return min(room, cap(c.I128)-c.N)
	case batch.String, batch.Binary, batch.Array, batch.Map:
		return min(room, cap(c.Off)-c.N-1)
	case batch.Struct:
		return room
	}
	return 0
}

// extend appends count null rows for which there is room.
func extend(c *batch.Column, count int) {
	n := c.N + count
	words := batch.BitmapWords(n)
	at := len(c.Valid)
	c.Valid = c.Valid[:words]
	clear(c.Valid[at:])
	if r := c.N & 63; r != 0 {
		c.Valid[c.N>>6] &= 1<<r - 1
	}
	switch c.Type.Kind {
	case batch.Boolean:
		at := len(c.Bits)
		c.Bits = c.Bits[:words]
		clear(c.Bits[at:])
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		c.I32 = c.I32[:n]
		clear(c.I32[c.N:])
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		c.I64 = c.I64[:n]
		clear(c.I64[c.N:])
	case batch.Float:
		c.F32 = c.F32[:n]
		clear(c.F32[c.N:])
	case batch.Double:
		c.F64 = c.F64[:n]
		clear(c.F64[c.N:])
	case batch.Decimal:
		c.I128 = c.I128[:n]
		clear(c.I128[c.N:])
	case batch.String, batch.Binary, batch.Array, batch.Map:
		last := c.Off[c.N]
		c.Off = c.Off[:n+1]
		for i := c.N + 1; i <= n; i++ {
			c.Off[i] = last
		}
	}
	c.N = n
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

// reserve makes room for as many bytes of text as the last batch had, but no
// more than the input has, so that columns need not grow step by step.
func reserve(n *node, input int) {
	if n.data > 0 {
		if c := n.b.Column(); len(c.Data) == 0 {
			c.ReserveData(min(n.data+n.data/8, input))
		}
	}
	for _, f := range n.fields {
		reserve(f, input)
	}
	if n.elem != nil {
		reserve(n.elem, input)
	}
}

// remember notes for reserve how much text there is.
func remember(n *node) {
	switch n.kind {
	case batch.String, batch.Binary:
		n.data = len(n.b.Column().Data)
	}
	for _, f := range n.fields {
		remember(f)
	}
	if n.elem != nil {
		remember(n.elem)
	}
}
