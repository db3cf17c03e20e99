package batch

// Slice returns rows from..to-1 of c as a column of their own. Values are
// shared, bitmaps are copied; c's buffers stay lent until the slice is released too.
func Slice(p *Pool, c *Column, from, to int) *Column {
	d := p.newColumn(c.Type)
	d.N, d.parent = to-from, c.Retain()
	if c.Valid != nil && c.Type.Kind != Void {
		d.Valid = lendZero[uint64](d, slotValid, BitmapWords(d.N))
		copyBits(d.Valid, c.Valid, from, d.N)
	}
	if c.Dict != nil {
		d.Dict, d.I32 = c.Dict.Retain(), c.I32[from:to:to]
		return d
	}
	switch c.Type.Kind {
	case Boolean:
		d.Bits = lendZero[uint64](d, slotBits, BitmapWords(d.N))
		copyBits(d.Bits, c.Bits, from, d.N)
	case TinyInt, SmallInt, Int, Date, YearMonth:
		d.I32 = c.I32[from:to:to]
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		d.I64 = c.I64[from:to:to]
	case Float:
		d.F32 = c.F32[from:to:to]
	case Double:
		d.F64 = c.F64[from:to:to]
	case Decimal:
		d.I128 = c.I128[from:to:to]
	case String, Binary:
		d.Off, d.Data = c.Off[from:to+1:to+1], c.Data
	case Array, Map:
		d.Off = c.Off[from : to+1 : to+1]
		for _, k := range c.Kids {
			d.Kids = append(d.Kids, k.Retain())
		}
	default:
		for _, k := range c.Kids {
			d.Kids = append(d.Kids, Slice(p, k, from, to))
		}
	}
	return d
}

// copyBits copies n bits of from, beginning with bit first, to the start of to.
func copyBits(to, from Bitmap, first, n int) {
	shift, words := uint(first)&63, from[first>>6:]
	for i := range to[:BitmapWords(n)] {
		to[i] = words[i] >> shift
		if shift != 0 && i+1 < len(words) {
			to[i] |= words[i+1] << (64 - shift)
		}
	}
}

// Slice returns physical rows from..to-1 as a batch of their own, sharing the
// values; a selection is cut to them.
func (b *Batch) Slice(p *Pool, from, to int) *Batch {
	d := &Batch{Schema: b.Schema, N: to - from, Columns: make([]*Column, len(b.Columns))}
	for i, c := range b.Columns {
		if c != nil {
			d.Columns[i] = Slice(p, c, from, to)
		}
	}
	if b.Sel != nil {
		d.Sel = []int32{}
		for _, r := range b.Sel {
			if int(r) >= from && int(r) < to {
				d.Sel = append(d.Sel, r-int32(from))
			}
		}
	}
	if b.Kinds != nil {
		d.Kinds = b.Kinds[from:to:to]
	}
	if b.Origin != nil {
		d.Origin = &Origin{Offset: b.Origin.Offset[from:to:to]}
		if b.Origin.Split != nil {
			d.Origin.Split = b.Origin.Split[from:to:to]
		}
	}
	if b.Behind != nil {
		d.Behind = b.Behind[from:to:to]
	}
	return d
}
