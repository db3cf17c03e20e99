package measure

import (
	"math"
	"testing"
)

func TestQuantile(t *testing.T) {
	v := []float64{4, 1, 3, 2}
	for _, c := range []struct{ q, want float64 }{{0, 1}, {0.25, 1}, {0.5, 2.5}, {0.75, 3}, {0.99, 4}, {1, 4}} {
		if got := Quantile(v, c.q); got != c.want {
			t.Errorf("quantile %v is %v, want %v", c.q, got, c.want)
		}
	}
	if v[0] != 4 {
		t.Error("the values were put in order where they lie")
	}
	if !math.IsNaN(Quantile(nil, 0.5)) {
		t.Error("nothing has a median")
	}
}

func TestRatiosArePairwise(t *testing.T) {
	got := Ratios([]float64{2, 9, 1}, []float64{1, 3, 0})
	if len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Errorf("ratios are %v", got)
	}
}

func TestRound(t *testing.T) {
	for v, want := range map[float64]float64{0: 0, 1.23456: 1.235, 98765: 98770, 0.000123456: 0.0001235, -2.71828: -2.718} {
		if got := Round(v); math.Abs(got-want) > math.Abs(want)*1e-9 {
			t.Errorf("%v is rounded to %v, want %v", v, got, want)
		}
	}
	if Round(math.NaN()) != 0 || Round(math.Inf(1)) != 0 {
		t.Error("what is no number must not reach JSON")
	}
}
