package batch

import (
	"math/bits"
	"slices"
)

// Bitmap is one bit a row, least significant bit first, as in Arrow. Bits at
// and beyond the length of its column have no meaning.
type Bitmap []uint64

// BitmapWords returns the number of words that hold n bits.
func BitmapWords(n int) int { return (n + 63) >> 6 }

// Get reports bit i.
func (b Bitmap) Get(i int) bool { return b[i>>6]>>(uint(i)&63)&1 != 0 }

// Set sets bit i.
func (b Bitmap) Set(i int) { b[i>>6] |= 1 << (uint(i) & 63) }

// Clear clears bit i.
func (b Bitmap) Clear(i int) { b[i>>6] &^= 1 << (uint(i) & 63) }

// Put sets bit i to v.
func (b Bitmap) Put(i int, v bool) {
	if v {
		b.Set(i)
	} else {
		b.Clear(i)
	}
}

// Fill sets the first n bits.
func (b Bitmap) Fill(n int) {
	full := n >> 6
	for i := range b[:full] {
		b[i] = ^uint64(0)
	}
	if r := uint(n) & 63; r != 0 {
		b[full] = 1<<r - 1
	}
}

// Count returns how many of the first n bits are set.
func (b Bitmap) Count(n int) int {
	full, c := n>>6, 0
	for _, w := range b[:full] {
		c += bits.OnesCount64(w)
	}
	if r := uint(n) & 63; r != 0 {
		c += bits.OnesCount64(b[full] & (1<<r - 1))
	}
	return c
}

// SetRows sets the bits of ascending rows, runs of them at once.
func (b Bitmap) SetRows(rows []int32) {
	for len(rows) > 0 {
		first := int(rows[0])
		if len(rows) < 64 || int(rows[63])-first != 63 {
			b.Set(first)
			rows = rows[1:]
			continue
		}
		b[first>>6] |= ^uint64(0) << (uint(first) & 63)
		if r := uint(first) & 63; r != 0 {
			b[first>>6+1] |= 1<<r - 1
		}
		rows = rows[64:]
	}
}

// Rows appends the indexes of the set bits among the first n to rows and
// returns it: a selection vector.
func (b Bitmap) Rows(n int, rows []int32) []int32 {
	for w := 0; w < BitmapWords(n); w++ {
		word := b[w]
		if last := n - w<<6; last < 64 {
			word &= 1<<uint(last) - 1
		}
		base := int32(w << 6)
		if word == ^uint64(0) {
			at := len(rows)
			rows = slices.Grow(rows, 64)[:at+64]
			for i, run := 0, (*[64]int32)(rows[at:]); i < len(run); i++ {
				run[i] = base + int32(i)
			}
			continue
		}
		if bits.OnesCount64(word) < 48 {
			for ; word != 0; word &= word - 1 {
				rows = append(rows, base+int32(bits.TrailingZeros64(word)))
			}
			continue
		}
		for word != 0 { // few are missing: by runs
			from := int32(bits.TrailingZeros64(word))
			to := from + int32(bits.TrailingZeros64(^(word >> from)))
			at := len(rows)
			rows = slices.Grow(rows, 64)[:at+int(to-from)]
			for i, run := int32(0), rows[at:]; int(i) < len(run); i++ {
				run[i] = base + from + i
			}
			word &= ^uint64(0) << to
		}
	}
	return rows
}
