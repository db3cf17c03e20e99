package expr

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// Where appends to rows the rows of sel (nil: all) in which the condition c, a
// boolean column, is true, and returns it: what a filter keeps. Null is not true. Rows are
// ascending, so the result is a selection vector.
func Where(c *batch.Column, sel []int32, rows []int32) []int32 {
	if c.Type.Kind != batch.Boolean {
		return rows
	}
	if sel != nil {
		return whereOf(c, sel, rows)
	}
	if c.Valid == nil {
		return c.Bits.Rows(c.N, rows)
	}
	for w := range batch.BitmapWords(c.N) {
		word := batch.Bitmap{c.Bits[w] & c.Valid[w]}
		from := len(rows)
		rows = word.Rows(min(64, c.N-w<<6), rows)
		for k := range rows[from:] {
			rows[from+k] += int32(w << 6)
		}
	}
	return rows
}

// whereOf writes each row, and goes on where it counts: whether it does is a coin toss that no processor foresees.
func whereOf(c *batch.Column, sel []int32, rows []int32) []int32 {
	n := len(rows)
	rows = slices.Grow(rows, len(sel))[:n+len(sel)]
	if c.Valid == nil {
		for _, i := range sel {
			rows[n] = i
			n += int(c.Bits[i>>6] >> (uint(i) & 63) & 1)
		}
		return rows[:n]
	}
	for _, i := range sel {
		rows[n] = i
		n += int(c.Bits[i>>6] & c.Valid[i>>6] >> (uint(i) & 63) & 1)
	}
	return rows[:n]
}
