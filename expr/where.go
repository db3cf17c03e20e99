package expr

import "github.com/deltaic/deltaic/batch"

// Where appends to rows the rows of sel (nil: all) in which the condition c, a
// boolean column, is true, and returns it: what a filter keeps. Null is not true. Rows are
// ascending, so the result is a selection vector.
func Where(c *batch.Column, sel []int32, rows []int32) []int32 {
	if c.Type.Kind != batch.Boolean {
		return rows
	}
	if sel != nil {
		for _, i := range sel {
			if c.Bits.Get(int(i)) && (c.Valid == nil || c.Valid.Get(int(i))) {
				rows = append(rows, i)
			}
		}
		return rows
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
