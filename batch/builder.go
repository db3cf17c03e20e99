package batch

// Builder makes a column row by row, or by whole rows of other columns with
// [Builder.AppendRows], in memory of its pool. A column holds at most 2 GiB of
// bytes and 2^31-1 rows; more panics. Every method that appends a row does so
// for exactly one; for nested kinds the children are appended first and the
// row is closed with Struct or List.
//
// A builder that has been finished is empty again: it may be used for the next
// column of the same type, or dropped. One with rows is finished or released.
type Builder struct {
	c    *Column
	p    *Pool
	Kids []*Builder // Struct: per field. Array: element. Map: key, value. Variant: metadata, value.
}

// NewBuilder returns an empty builder for t that takes buffers from p. A nil
// pool leaves them to the garbage collector.
func NewBuilder(t Type, p *Pool) *Builder {
	b := &Builder{p: p}
	switch t.Kind {
	case Struct, Array, Map:
		for _, f := range t.Fields {
			b.Kids = append(b.Kids, NewBuilder(f.Type, p))
		}
	case Variant:
		b.Kids = []*Builder{NewBuilder(BinaryType, p), NewBuilder(BinaryType, p)}
	}
	b.c = b.start(t)
	return b
}

func (b *Builder) start(t Type) *Column {
	c := b.p.blankColumn(t)
	switch t.Kind {
	case String, Binary, Array, Map:
		c.Off = make([]int32, 1) // not the pool's: an empty builder holds nothing of it
	}
	return c
}

// Type returns the type being built.
func (b *Builder) Type() Type { return b.c.Type }

// Len returns the rows appended so far.
func (b *Builder) Len() int { return b.c.N }

// Column lets a decoder append to the buffers directly. It must then call
// Grow with the number of rows it added.
func (b *Builder) Column() *Column { return b.c }

// Grow says that n valid rows were appended to the buffers directly.
func (b *Builder) Grow(n int) {
	if b.c.Valid != nil {
		for i := b.c.N; i < b.c.N+n; i++ {
			b.validBit(i, true)
		}
	}
	b.c.N += n
}

func (b *Builder) validBit(i int, v bool) {
	if i>>6 >= len(b.c.Valid) {
		b.c.Valid = push(b.c, slotValid, b.c.Valid, 0)
	}
	b.c.Valid.Put(i, v)
}

func (b *Builder) ok() {
	if c := b.c; c.Valid != nil {
		if w := c.N >> 6; w < len(c.Valid) {
			c.Valid[w] |= 1 << (uint(c.N) & 63)
		} else {
			b.validBit(c.N, true)
		}
	}
	b.c.N++
}

// Null appends a null row, of any kind.
func (b *Builder) Null() {
	c := b.c
	if c.Valid == nil && c.Type.Kind != Void {
		c.Valid = lendZero[uint64](c, slotValid, BitmapWords(c.N+1))
		c.Valid.Fill(c.N)
	}
	if c.Type.Kind != Void {
		b.validBit(c.N, false)
	}
	switch c.Type.Kind {
	case Boolean:
		b.bit(false)
	case TinyInt, SmallInt, Int, Date, YearMonth:
		c.I32 = push(c, slotI32, c.I32, 0)
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		c.I64 = push(c, slotI64, c.I64, 0)
	case Float:
		c.F32 = push(c, slotF32, c.F32, 0)
	case Double:
		c.F64 = push(c, slotF64, c.F64, 0)
	case Decimal:
		c.I128 = push(c, slotI128, c.I128, Int128{})
	case String, Binary:
		c.Off = push(c, slotOff, c.Off, int32(len(c.Data)))
	case Array, Map:
		c.Off = push(c, slotOff, c.Off, c.Off[c.N])
	case Struct, Variant:
		for _, k := range b.Kids {
			if k.Len() == c.N {
				k.Null()
			}
		}
	}
	c.N++
}

func (b *Builder) bit(v bool) {
	if b.c.N>>6 >= len(b.c.Bits) {
		b.c.Bits = push(b.c, slotBits, b.c.Bits, 0)
	}
	b.c.Bits.Put(b.c.N, v)
}

// Bool appends to a Boolean column.
func (b *Builder) Bool(v bool) { b.bit(v); b.ok() }

// Int32 appends to a TinyInt, SmallInt, Int, Date or YearMonth column.
func (b *Builder) Int32(v int32) { b.c.I32 = push(b.c, slotI32, b.c.I32, v); b.ok() }

// Int64 appends to a BigInt, Timestamp, TimestampNTZ or DayTime column.
func (b *Builder) Int64(v int64) { b.c.I64 = push(b.c, slotI64, b.c.I64, v); b.ok() }

// Float32 appends to a Float column.
func (b *Builder) Float32(v float32) { b.c.F32 = push(b.c, slotF32, b.c.F32, v); b.ok() }

// Float64 appends to a Double column.
func (b *Builder) Float64(v float64) { b.c.F64 = push(b.c, slotF64, b.c.F64, v); b.ok() }

// Decimal appends an unscaled value to a Decimal column.
func (b *Builder) Decimal(v Int128) { b.c.I128 = push(b.c, slotI128, b.c.I128, v); b.ok() }

// Bytes appends a copy of v to a String or Binary column.
func (b *Builder) Bytes(v []byte) {
	c := b.c
	if cap(c.Data)-len(c.Data) < len(v) {
		c.Data = grow(c, slotData, c.Data, len(v))
	}
	c.Data = append(c.Data, v...)
	b.closeBytes()
}

// closeBytes ends a row whose bytes were appended.
func (b *Builder) closeBytes() {
	c := b.c
	if len(c.Data) > maxOffset {
		panic(tooLarge)
	}
	if len(c.Off) == cap(c.Off) {
		c.Off = grow(c, slotOff, c.Off, 1)
	}
	c.Off = append(c.Off, int32(len(c.Data)))
	b.ok()
}

// String appends a copy of v to a String or Binary column.
func (b *Builder) String(v string) {
	b.c.Data = append(grow(b.c, slotData, b.c.Data, len(v)), v...)
	b.closeBytes()
}

// Struct closes a valid row of a Struct or Variant column: every kid has had
// its row appended.
func (b *Builder) Struct() { b.ok() }

// List closes a valid row of an Array or Map column: it holds the rows that
// were appended to the kids since the last one.
func (b *Builder) List() {
	b.c.Off = push(b.c, slotOff, b.c.Off, int32(b.Kids[0].Len()))
	b.ok()
}

// Truncate takes back rows until n are left, kids included: how a decoder
// withdraws a record that turned out to be broken. Rows of a list's kids that
// no row closed yet are taken back too.
func (b *Builder) Truncate(n int) {
	c := b.c
	if c.Valid != nil {
		c.Valid = c.Valid[:BitmapWords(n)]
	}
	switch c.Type.Kind {
	case Boolean:
		c.Bits = c.Bits[:BitmapWords(n)]
	case TinyInt, SmallInt, Int, Date, YearMonth:
		c.I32 = c.I32[:n]
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		c.I64 = c.I64[:n]
	case Float:
		c.F32 = c.F32[:n]
	case Double:
		c.F64 = c.F64[:n]
	case Decimal:
		c.I128 = c.I128[:n]
	case String, Binary:
		c.Off = c.Off[:n+1]
		c.Data = c.Data[:c.Off[n]]
	case Array, Map:
		c.Off = c.Off[:n+1]
		for _, k := range b.Kids {
			k.Truncate(int(c.Off[n]))
		}
	case Struct, Variant:
		for _, k := range b.Kids {
			k.Truncate(n)
		}
	}
	c.N = n
}

// Finish returns the column and one reference to it, and empties the builder.
func (b *Builder) Finish() *Column {
	c := b.c
	c.count()
	for _, k := range b.Kids {
		c.Kids = append(c.Kids, k.Finish())
	}
	b.c = b.start(c.Type)
	return c
}

// Release gives the buffers of an unfinished column back. The builder cannot
// be used any more; a second Release does nothing.
func (b *Builder) Release() {
	if b == nil || b.c == nil {
		return
	}
	b.c.Release()
	b.c = nil
	for _, k := range b.Kids {
		k.Release()
	}
}
