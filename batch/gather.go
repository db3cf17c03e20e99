package batch

// Gather returns a new column with row rows[i] of c as row i. Rows may repeat
// and need not be in order. Dictionary columns stay dictionaries and share the dictionary.
func Gather(p *Pool, c *Column, rows []int32) *Column {
	if c.Dict != nil {
		d := p.NewDict(c.Dict.Retain(), len(rows))
		take(d.I32, c.I32, rows)
		gatherValid(d, c, rows)
		return d
	}
	d := p.newColumn(c.Type)
	d.N = len(rows)
	gatherValid(d, c, rows)
	switch c.Type.Kind {
	case Boolean:
		d.Bits = lendZero[uint64](d, slotBits, BitmapWords(d.N))
		gatherBits(d.Bits, c.Bits, rows)
	case TinyInt, SmallInt, Int, Date, YearMonth:
		d.I32 = lend[int32](d, slotI32, d.N)
		take(d.I32, c.I32, rows)
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		d.I64 = lend[int64](d, slotI64, d.N)
		take(d.I64, c.I64, rows)
	case Float:
		d.F32 = lend[float32](d, slotF32, d.N)
		take(d.F32, c.F32, rows)
	case Double:
		d.F64 = lend[float64](d, slotF64, d.N)
		take(d.F64, c.F64, rows)
	case Decimal:
		d.I128 = lend[Int128](d, slotI128, d.N)
		take(d.I128, c.I128, rows)
	case String, Binary:
		gatherStrings(d, c, rows)
	case Array, Map:
		gatherLists(p, d, c, rows)
	default:
		for _, k := range c.Kids {
			d.Kids = append(d.Kids, Gather(p, k, rows))
		}
	}
	return d
}

func take[T fixed](to, from []T, rows []int32) {
	to = to[:len(rows)]
	for i, r := range rows {
		to[i] = from[r]
	}
}

func gatherBits(to, from Bitmap, rows []int32) {
	var word uint64
	for i, r := range rows {
		word |= (from[r>>6] >> (uint(r) & 63) & 1) << (uint(i) & 63)
		if i&63 == 63 {
			to[i>>6], word = word, 0
		}
	}
	if n := len(rows); n&63 != 0 {
		to[n>>6] = word
	}
}

func gatherValid(d, c *Column, rows []int32) {
	if c.Valid == nil || c.Type.Kind == Void {
		return
	}
	d.Valid = lend[uint64](d, slotValid, BitmapWords(len(rows)))
	gatherBits(d.Valid, c.Valid, rows)
}

// offsetsOf fills d.Off with the offsets of the gathered rows.
func offsetsOf(d, c *Column, rows []int32) {
	d.Off = lend[int32](d, slotOff, len(rows)+1)
	d.Off[0] = 0
	total, off := int64(0), d.Off[1:]
	for i, r := range rows {
		total += int64(c.Off[r+1] - c.Off[r])
		off[i] = int32(total)
	}
	if total > maxOffset {
		panic(tooLarge)
	}
}

// maxOffset is the most bytes or list elements that a column can hold.
const maxOffset = 1<<31 - 1

// tooLarge ends what would otherwise wrap around. Whoever makes batches bounds
// them far below.
const tooLarge = "batch: a column would hold more than 2 GiB: make smaller batches"

func gatherStrings(d, c *Column, rows []int32) {
	offsetsOf(d, c, rows)
	d.Data = lend[byte](d, slotData, int(d.Off[len(rows)]))[:0]
	for i := 0; i < len(rows); {
		first := rows[i] // rows that follow each other are copied at once
		last := first + 1
		for i++; i < len(rows) && rows[i] == last; i++ {
			last++
		}
		d.Data = append(d.Data, c.Data[c.Off[first]:c.Off[last]]...)
	}
}

func gatherLists(p *Pool, d, c *Column, rows []int32) {
	offsetsOf(d, c, rows)
	elements := p.Rows(int(d.Off[len(rows)]))
	for _, r := range rows {
		for e := c.Off[r]; e < c.Off[r+1]; e++ {
			elements = append(elements, e)
		}
	}
	for _, k := range c.Kids {
		d.Kids = append(d.Kids, Gather(p, k, elements))
	}
	p.PutRows(elements)
}

// Gather returns a new batch of these physical rows, with their kinds, origins
// and lateness and without a selection. b is only read.
func (b *Batch) Gather(p *Pool, rows []int32) *Batch {
	return b.gather(len(rows), func(c *Column) *Column { return Gather(p, c, rows) }, takers{
		func(to, from []RowKind) { take(to, from, rows) }, func(to, from []int32) { take(to, from, rows) }, func(to, from []int64) { take(to, from, rows) }})
}

// takers take the rows of a gather out of what is kept beside the columns.
type takers struct {
	kinds func(to, from []RowKind)
	i32   func(to, from []int32)
	i64   func(to, from []int64)
}

func (b *Batch) gather(n int, column func(*Column) *Column, take takers) *Batch {
	d := &Batch{Schema: b.Schema, N: n, Columns: make([]*Column, len(b.Columns))}
	for i, c := range b.Columns {
		if c != nil { // a source leaves out columns that nobody looks at
			d.Columns[i] = column(c)
		}
	}
	if b.Kinds != nil {
		d.Kinds = make([]RowKind, n)
		take.kinds(d.Kinds, b.Kinds)
	}
	if b.Origin != nil {
		d.Origin = &Origin{Offset: make([]int64, n)}
		switch splits := b.Origin.Split; {
		case splits == nil:
		case n <= len(splits) && same(splits): // as a reader makes them
			d.Origin.Split = splits[:n:n]
		default:
			d.Origin.Split = make([]int32, n)
			take.i32(d.Origin.Split, splits)
		}
		take.i64(d.Origin.Offset, b.Origin.Offset)
	}
	if b.Behind != nil {
		d.Behind = make([]int64, n)
		take.i64(d.Behind, b.Behind)
	}
	return d
}

// same reports whether all rows came from one split.
func same(splits []int32) bool {
	for _, s := range splits {
		if s != splits[0] {
			return false
		}
	}
	return true
}

// Compact returns a batch of the rows that count, without a selection. If all
// rows count it shares the columns. Either way the caller releases both.
func (b *Batch) Compact(p *Pool) *Batch {
	if b.Sel == nil {
		return b.Retain()
	}
	if len(b.Sel) == b.N {
		c := b.Retain()
		c.Sel = nil
		return c
	}
	if spans := spansOf(b.Sel); spans != nil {
		return b.gather(len(b.Sel), func(c *Column) *Column { return gatherSpans(p, c, spans, len(b.Sel)) }, takers{
			func(to, from []RowKind) { takeSpans(to, from, spans) }, func(to, from []int32) { takeSpans(to, from, spans) }, func(to, from []int64) { takeSpans(to, from, spans) }})
	}
	return b.Gather(p, b.Sel)
}
