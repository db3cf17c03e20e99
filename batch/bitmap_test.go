package batch_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// TestBitmapRowsOfAnyDensity goes from rows to bits and back: of few rows, of all but a few, and of runs that begin and end anywhere.
func TestBitmapRowsOfAnyDensity(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	for _, missing := range []float64{0, 0.001, 0.02, 0.2, 0.5, 0.98} {
		for range 50 {
			n := 1 + rnd.IntN(700)
			var rows []int32
			for r := rnd.IntN(70); r < n; r++ {
				if rnd.Float64() >= missing {
					rows = append(rows, int32(r))
				}
			}
			set, want := make(batch.Bitmap, batch.BitmapWords(n)), make(batch.Bitmap, batch.BitmapWords(n))
			set.SetRows(rows)
			for _, r := range rows {
				want.Set(int(r))
			}
			if !slices.Equal(set, want) {
				t.Fatalf("rows %v set %x, want %x", rows, set, want)
			}
			if got := set.Rows(n, nil); !slices.Equal(got, rows) {
				t.Fatalf("bits of %v are of %v", rows, got)
			}
		}
	}
}
