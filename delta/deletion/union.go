package deletion

import (
	"math/bits"
	"slices"
)

// Rows calls use with the rows, in ascending order, as ranges from lo up to hi.
func (v *Vector) Rows(use func(lo, hi int64)) {
	if v == nil {
		return
	}
	for i := range v.blocks {
		b := &v.blocks[i]
		b.each(0, blockRows, 0, func(lo, hi int) { use(b.base+int64(lo), b.base+int64(hi)) })
	}
}

// Within reports whether all of the rows are in o too.
func (v *Vector) Within(o *Vector) bool {
	within := v.Count() <= o.Count()
	v.Rows(func(lo, hi int64) { within = within && o.CountIn(lo, int(hi-lo)) == int(hi-lo) })
	return within
}

// With returns the vector that has the rows too, which are in ascending order. The one that it is called
// on stays as it is.
func (v *Vector) With(rows []uint32) *Vector {
	var out Vector
	var words [blockRows / 64]uint64
	old := []block(nil)
	if v != nil {
		old = v.blocks
	}
	for len(old) > 0 || len(rows) > 0 {
		if len(rows) == 0 || len(old) > 0 && old[0].base+blockRows <= int64(rows[0]) {
			out.blocks = append(out.blocks, old[0])
			out.count += int64(old[0].rows())
			old = old[1:]
			continue
		}
		base := int64(rows[0]) &^ (blockRows - 1)
		clear(words[:])
		if len(old) > 0 && old[0].base == base {
			old[0].each(0, blockRows, 0, func(lo, hi int) { fillBits(words[:], lo, hi) })
			old = old[1:]
		}
		for ; len(rows) > 0 && int64(rows[0]) < base+blockRows; rows = rows[1:] {
			at := int64(rows[0]) - base
			words[at>>6] |= 1 << (at & 63)
		}
		b := blockOf(base, words[:])
		out.blocks = append(out.blocks, b)
		out.count += int64(b.rows())
	}
	return &out
}

func fillBits(words []uint64, lo, hi int) {
	for ; lo < hi && lo&63 != 0; lo++ {
		words[lo>>6] |= 1 << (lo & 63)
	}
	for ; lo+64 <= hi; lo += 64 {
		words[lo>>6] = ^uint64(0)
	}
	for ; lo < hi; lo++ {
		words[lo>>6] |= 1 << (lo & 63)
	}
}

// blockOf returns the rows of a block in the form that takes the fewest bytes.
func blockOf(base int64, words []uint64) block {
	rows, runs, carry := 0, 0, uint64(0)
	for _, w := range words {
		rows += bits.OnesCount64(w)
		runs += bits.OnesCount64(w &^ (w<<1 | carry)) // rows without one before them
		carry = w >> 63
	}
	b := block{base: base}
	switch plain := min(2*rows, blockRows/8); {
	case 2+4*runs < plain:
		b.runs = make([]run, 0, runs)
		eachOfBits(words, 0, blockRows, 0, func(lo, hi int) {
			if n := len(b.runs); n > 0 && int(b.runs[n-1].last)+1 == lo { // it goes on in the next word
				b.runs[n-1].last = uint16(hi - 1)
				return
			}
			b.runs = append(b.runs, run{uint16(lo), uint16(hi - 1)})
		})
	case rows <= mostArray:
		b.array = make([]uint16, 0, rows)
		eachOfBits(words, 0, blockRows, 0, func(lo, hi int) {
			for ; lo < hi; lo++ {
				b.array = append(b.array, uint16(lo))
			}
		})
	default:
		b.bits = slices.Clone(words)
	}
	return b
}

// rows returns how many rows the block has.
func (b *block) rows() int {
	n := len(b.array)
	for _, r := range b.runs {
		n += int(r.last) - int(r.first) + 1
	}
	for _, w := range b.bits {
		n += bits.OnesCount64(w)
	}
	return n
}
