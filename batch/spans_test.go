package batch

import (
	"testing"

	"pgregory.net/rapid"
)

// TestCompactedColumnsKnowThatTheyHaveNoNulls: of rows that are left, columns have a bitmap of nulls exactly if one of them is null.
func TestCompactedColumnsKnowThatTheyHaveNoNulls(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 700).Draw(r, "rows")
		nulls := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, min(n, 4), rapid.ID[int]).Draw(r, "nulls")
		gone := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, min(n-1, 4), rapid.ID[int]).Draw(r, "gone")
		null, left := map[int]bool{}, []int32{}
		for _, i := range nulls {
			null[i] = true
		}
		b := NewBuilder(BigIntType, nil)
		for i := range n {
			if null[i] {
				b.Null()
			} else {
				b.Int64(int64(i))
			}
		}
		want := false
		for i := range n {
			kept := true
			for _, g := range gone {
				kept = kept && g != i
			}
			if kept {
				left = append(left, int32(i))
				want = want || null[i]
			}
		}
		in := NewBatch(NewSchema(Field{Name: "v", Type: BigIntType, Nullable: true}), n, b.Finish())
		in.Sel = left
		spans := spansOf(left)
		if spans == nil {
			return
		}
		c := gatherSpans(nil, in.Columns[0], spans, len(left))
		if (c.Valid != nil) != want {
			r.Fatalf("nulls %v, gone %v: a bitmap %v, want %v", nulls, gone, c.Valid != nil, want)
		}
		for i, row := range left {
			if c.IsNull(i) != null[int(row)] || !c.IsNull(i) && c.I64[i] != int64(row) {
				r.Fatalf("row %d came as %d", row, c.I64[i])
			}
		}
	})
}
