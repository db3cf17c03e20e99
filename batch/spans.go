package batch

// span is a run of physical rows, from <= r < to.
type span struct{ from, to int32 }

// spansOf returns the runs of an ascending selection, or nil if they are so short that going by row is as well.
func spansOf(sel []int32) []span {
	const block, worthwhile = 32, 16
	var spans []span
	for i := 0; i < len(sel); {
		from := sel[i]
		j := i + 1
		for j < len(sel) {
			if next := j + block - 1; next < len(sel) && int(sel[next]-from) == next-i {
				j += block // ascending, so none between is missing
				continue
			}
			if int(sel[j]-from) != j-i {
				break
			}
			j++
		}
		spans = append(spans, span{from, sel[j-1] + 1})
		i = j
		if len(spans) > 4 && len(spans)*worthwhile > i {
			return nil
		}
	}
	return spans
}

// gatherSpans is Gather of the rows of spans, n in all.
func gatherSpans(p *Pool, c *Column, spans []span, n int) *Column {
	if c.Dict != nil {
		d := p.NewDict(c.Dict.Retain(), n)
		takeSpans(d.I32, c.I32, spans)
		validSpans(d, c, spans, n)
		return d
	}
	d := p.newColumn(c.Type)
	d.N = n
	validSpans(d, c, spans, n)
	switch c.Type.Kind {
	case Boolean:
		d.Bits = lendZero[uint64](d, slotBits, BitmapWords(n))
		bitSpans(d.Bits, c.Bits, spans)
	case TinyInt, SmallInt, Int, Date, YearMonth:
		d.I32 = lend[int32](d, slotI32, n)
		takeSpans(d.I32, c.I32, spans)
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		d.I64 = lend[int64](d, slotI64, n)
		takeSpans(d.I64, c.I64, spans)
	case Float:
		d.F32 = lend[float32](d, slotF32, n)
		takeSpans(d.F32, c.F32, spans)
	case Double:
		d.F64 = lend[float64](d, slotF64, n)
		takeSpans(d.F64, c.F64, spans)
	case Decimal:
		d.I128 = lend[Int128](d, slotI128, n)
		takeSpans(d.I128, c.I128, spans)
	case String, Binary:
		inner := offsetSpans(d, c, spans, n)
		d.Data = lend[byte](d, slotData, int(d.Off[n]))
		takeSpans(d.Data, c.Data, inner)
	case Array, Map:
		inner := offsetSpans(d, c, spans, n)
		for _, k := range c.Kids {
			d.Kids = append(d.Kids, gatherSpans(p, k, inner, int(d.Off[n])))
		}
	default:
		for _, k := range c.Kids {
			d.Kids = append(d.Kids, gatherSpans(p, k, spans, n))
		}
	}
	return d
}

func takeSpans[T fixed](to, from []T, spans []span) {
	at := 0
	for _, s := range spans {
		at += copy(to[at:], from[s.from:s.to])
	}
}

func validSpans(d, c *Column, spans []span, n int) {
	if c.Type.Kind == Void || c.Valid == nil || allSet(c.Valid, spans) {
		return // without nulls everything that reads the column is faster
	}
	d.Valid = lendZero[uint64](d, slotValid, BitmapWords(n))
	bitSpans(d.Valid, c.Valid, spans)
}

// allSet reports whether every bit of spans is set.
func allSet(bits Bitmap, spans []span) bool {
	for _, s := range spans {
		first, last := int(s.from)>>6, int(s.to-1)>>6
		for w := first; w <= last; w++ {
			want := ^uint64(0)
			if w == first {
				want <<= uint(s.from) & 63
			}
			if w == last {
				want &= ^uint64(0) >> (63 - uint(s.to-1)&63)
			}
			if bits[w]&want != want {
				return false
			}
		}
	}
	return true
}

// bitSpans copies bits, up to 64 at once. to is clear.
func bitSpans(to, from Bitmap, spans []span) {
	at := 0
	for _, s := range spans {
		for r := int(s.from); r < int(s.to); {
			take := min(64-r&63, 64-at&63, int(s.to)-r)
			bits := from[r>>6] >> (uint(r) & 63)
			if take < 64 {
				bits &= 1<<uint(take) - 1
			}
			to[at>>6] |= bits << (uint(at) & 63)
			r, at = r+take, at+take
		}
	}
}

// offsetSpans fills d.Off and returns the spans of what the rows have.
func offsetSpans(d, c *Column, spans []span, n int) []span {
	d.Off = lend[int32](d, slotOff, n+1)
	d.Off[0] = 0
	at, total := 1, int64(0)
	inner := make([]span, 0, len(spans))
	for _, s := range spans {
		first := c.Off[s.from]
		shift := int32(total) - first
		from := c.Off[s.from+1 : s.to+1]
		to := d.Off[at : at+len(from)]
		for i, o := range from {
			to[i] = o + shift
		}
		at += len(from)
		inner = append(inner, span{first, c.Off[s.to]})
		if total += int64(c.Off[s.to] - first); total > maxOffset {
			panic(tooLarge)
		}
	}
	return inner
}
