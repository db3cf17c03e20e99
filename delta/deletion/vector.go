package deletion

import (
	"math/bits"
	"sort"
)

// Vector is a set of rows, in blocks of 65,536 rows in ascending order. The zero value and
// nil are the empty set.
type Vector struct {
	blocks []block
	count  int64
}

// block holds the rows of one block in one of three forms, as they lie in the bytes.
type block struct {
	base  int64    // its first row
	array []uint16 // ascending rows
	bits  []uint64 // a bit for each row
	runs  []run    // ascending, apart from each other
}

// run is rows first to last.
type run struct{ first, last uint16 }

const blockRows = 1 << 16

// Count returns the number of rows.
func (v *Vector) Count() int64 {
	if v == nil {
		return 0
	}
	return v.count
}

// Last returns the greatest row, -1 if there is none.
func (v *Vector) Last() int64 {
	if v.Count() == 0 {
		return -1
	}
	b := &v.blocks[len(v.blocks)-1]
	switch {
	case b.array != nil:
		return b.base + int64(b.array[len(b.array)-1])
	case b.runs != nil:
		return b.base + int64(b.runs[len(b.runs)-1].last)
	}
	i := len(b.bits) - 1
	for b.bits[i] == 0 {
		i--
	}
	return b.base + int64(i*64+bits.Len64(b.bits[i])-1)
}

// Has reports whether the row is gone.
func (v *Vector) Has(row int64) bool {
	any := false
	v.each(row, 1, func(int, int) { any = true })
	return any
}

// AppendLive appends to rows the numbers, counted from first, of those of the n rows from first on that
// are not gone.
func (v *Vector) AppendLive(rows []int32, first int64, n int) []int32 {
	at := 0
	fill := func(to int) {
		for ; at < to; at++ {
			rows = append(rows, int32(at))
		}
	}
	v.each(first, n, func(lo, hi int) {
		fill(lo)
		at = hi
	})
	fill(n)
	return rows
}

// AppendLiveBut appends to rows the numbers, counted from first, of those of the n rows from first on that are not gone,
// but are gone by another vector.
func (v *Vector) AppendLiveBut(rows []int32, other *Vector, first int64, n int) []int32 {
	other.each(first, n, func(lo, hi int) {
		at := lo
		v.each(first+int64(lo), hi-lo, func(from, to int) {
			for ; at < lo+from; at++ {
				rows = append(rows, int32(at))
			}
			at = lo + to
		})
		for ; at < hi; at++ {
			rows = append(rows, int32(at))
		}
	})
	return rows
}

// CountIn returns how many of the n rows from first on are gone.
func (v *Vector) CountIn(first int64, n int) int {
	gone := 0
	v.each(first, n, func(lo, hi int) { gone += hi - lo })
	return gone
}

// each calls f with the ranges of gone rows, from lo up to hi and counted from first, in ascending order.
func (v *Vector) each(first int64, n int, f func(lo, hi int)) {
	if v == nil || n <= 0 {
		return
	}
	end := first + int64(n)
	i := sort.Search(len(v.blocks), func(i int) bool { return v.blocks[i].base+blockRows > first })
	for ; i < len(v.blocks) && v.blocks[i].base < end; i++ {
		b := &v.blocks[i]
		from, to := int(max(first-b.base, 0)), int(min(end-b.base, blockRows))
		shift := int(b.base - first)
		b.each(from, to, shift, f)
	}
}

// each calls f with the ranges of the block's rows between from and to, moved by shift.
func (b *block) each(from, to, shift int, f func(lo, hi int)) {
	switch {
	case b.array != nil:
		b.eachOfArray(from, to, shift, f)
	case b.runs != nil:
		b.eachOfRuns(from, to, shift, f)
	default:
		eachOfBits(b.bits, from, to, shift, f)
	}
}

func (b *block) eachOfArray(from, to, shift int, f func(lo, hi int)) {
	k := sort.Search(len(b.array), func(k int) bool { return int(b.array[k]) >= from })
	for _, row := range b.array[k:] {
		if int(row) >= to {
			return
		}
		f(shift+int(row), shift+int(row)+1)
	}
}

func (b *block) eachOfRuns(from, to, shift int, f func(lo, hi int)) {
	k := sort.Search(len(b.runs), func(k int) bool { return int(b.runs[k].last) >= from })
	for _, r := range b.runs[k:] {
		if int(r.first) >= to {
			return
		}
		f(shift+max(int(r.first), from), shift+min(int(r.last)+1, to))
	}
}

func eachOfBits(words []uint64, from, to, shift int, f func(lo, hi int)) {
	for from < to {
		w := from >> 6
		word := words[w] >> (from & 63) << (from & 63)
		if rest := to - w<<6; rest < 64 {
			word &= 1<<rest - 1
		}
		for word != 0 {
			lo := bits.TrailingZeros64(word)
			hi := lo + bits.TrailingZeros64(^(word >> lo))
			f(shift+w<<6+lo, shift+w<<6+hi)
			if hi == 64 {
				break
			}
			word = word >> hi << hi
		}
		from = (w + 1) << 6
	}
}
