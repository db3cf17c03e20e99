package batch

// AppendRows appends rows of c, a column of the builder's type, by their
// physical numbers; nil appends all. A dictionary is written out.
func (b *Builder) AppendRows(c *Column, rows []int32) {
	if rows == nil {
		rows = b.p.Rows(c.N)[:c.N]
		for i := range rows {
			rows[i] = int32(i)
		}
		defer b.p.PutRows(rows)
	}
	d, n := b.c, len(rows)
	b.appendValid(c, rows)
	switch {
	case c.Dict != nil:
		codes := b.p.Rows(n)[:n]
		take(codes, c.I32, rows)
		b.appendStrings(c.Dict, codes)
		b.p.PutRows(codes)
	case d.Type.Kind == Boolean:
		for i, r := range rows {
			at := d.N + i
			if at>>6 >= len(d.Bits) {
				d.Bits = push(d, slotBits, d.Bits, 0)
			}
			d.Bits.Put(at, c.Bits.Get(int(r)))
		}
	case d.I32 != nil || c.I32 != nil:
		d.I32 = takeMore(d, slotI32, d.I32, c.I32, rows)
	case d.I64 != nil || c.I64 != nil:
		d.I64 = takeMore(d, slotI64, d.I64, c.I64, rows)
	case d.F32 != nil || c.F32 != nil:
		d.F32 = takeMore(d, slotF32, d.F32, c.F32, rows)
	case d.F64 != nil || c.F64 != nil:
		d.F64 = takeMore(d, slotF64, d.F64, c.F64, rows)
	case d.I128 != nil || c.I128 != nil:
		d.I128 = takeMore(d, slotI128, d.I128, c.I128, rows)
	case d.Type.Kind == String || d.Type.Kind == Binary:
		b.appendStrings(c, rows)
	case d.Type.Kind == Array || d.Type.Kind == Map:
		b.appendLists(c, rows)
	default:
		for i, k := range b.Kids {
			k.AppendRows(c.Kids[i], rows)
		}
	}
	d.N += n
}

func takeMore[T fixed](d *Column, slot int, to, from []T, rows []int32) []T {
	to = grow(d, slot, to, len(rows))
	n := len(to)
	to = to[:n+len(rows)]
	take(to[n:], from, rows)
	return to
}

func (b *Builder) appendValid(c *Column, rows []int32) {
	d := b.c
	if d.Type.Kind == Void || c.Valid == nil && d.Valid == nil {
		return
	}
	if d.Valid == nil {
		d.Valid = lendZero[uint64](d, slotValid, BitmapWords(d.N+1))
		d.Valid.Fill(d.N)
	}
	for i, r := range rows {
		b.validBit(d.N+i, c.Valid == nil || c.Valid.Get(int(r)))
	}
}

func (b *Builder) appendStrings(c *Column, rows []int32) {
	d := b.c
	total := 0
	for _, r := range rows {
		total += int(c.Off[r+1] - c.Off[r])
	}
	if len(d.Data)+total > maxOffset {
		panic(tooLarge)
	}
	d.Data = grow(d, slotData, d.Data, total)
	d.Off = grow(d, slotOff, d.Off, len(rows))
	for i := 0; i < len(rows); {
		first := rows[i] // rows that follow each other are copied at once
		last, shift := first, int32(len(d.Data))-c.Off[first]
		for ; i < len(rows) && rows[i] == last; i++ {
			last++
			d.Off = append(d.Off, c.Off[last]+shift)
		}
		d.Data = append(d.Data, c.Data[c.Off[first]:c.Off[last]]...)
	}
}

func (b *Builder) appendLists(c *Column, rows []int32) {
	d := b.c
	elements := b.p.Rows(len(rows))
	end := d.Off[d.N]
	d.Off = grow(d, slotOff, d.Off, len(rows))
	for _, r := range rows {
		for e := c.Off[r]; e < c.Off[r+1]; e++ {
			elements = append(elements, e)
		}
		end += c.Off[r+1] - c.Off[r]
		d.Off = append(d.Off, end)
	}
	for i, k := range b.Kids {
		k.AppendRows(c.Kids[i], elements)
	}
	b.p.PutRows(elements)
}
