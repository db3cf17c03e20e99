package agg

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What came and went leaves no trace, and what is left is read as it was written.
func TestMultisetForgets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := func(name string) []counted {
			values := rapid.SliceOfNDistinct(rapid.OneOf(rapid.Int64Range(-5, 5), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 0})), 0, 9,
				rapid.ID[int64]).Draw(rt, name)
			slices.Sort(values)
			var l []counted
			for _, v := range values {
				l = append(l, counted{v, rapid.Int64Range(1, 3).Draw(rt, "times")})
			}
			return l
		}
		a, b := list("a"), list("b")
		both := addMultisets(a, b, nil)
		for i := range b {
			b[i].times = -b[i].times
		}
		if got := addMultisets(both, b, nil); !slices.Equal(got, a) {
			rt.Fatalf("got %v, want %v", got, a)
		}
		n, got := decodeMultiset(encodeMultiset(both, nil), nil)
		total := uint64(0)
		for _, c := range both {
			total += uint64(c.times)
		}
		if !slices.Equal(got, both) || n != total || !slices.IsSortedFunc(got, func(x, y counted) int { return cmp.Compare(x.value, y.value) }) {
			rt.Fatalf("got %d %v, want %d %v", n, got, total, both)
		}
	})
}
