package rates

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/benchmarks/nexmark/fold"
)

// small is a run of moments, without DuckDB.
func small(t *testing.T) Options {
	t.Setenv("DELTAIC_DUCKDB", "")
	t.Setenv("PATH", "")
	return Options{Events: 10_000, TPS: 1000, Seed: 1, Rounds: 1, Parallelism: 2, Hop: Hop{Keys: 50, Rate: 100, Seconds: 620}}
}

func TestWindow(t *testing.T) {
	r, err := Window(context.Background(), small(t))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Verified || len(r.Metrics) != 5 || r.Ratios["hop_600s_to_hop_60s"] <= 0 || r.Ratios["q11_late_to_q11"] <= 0 {
		t.Errorf("%+v", r)
	}
	if late := r.Metrics["q11_late"].(map[string]any)["late_rows"].(int64); late < 100 {
		t.Errorf("%d rows are late", late)
	}
	if r.Anchors["duckdb"] == nil {
		t.Error("nothing says that DuckDB was not there")
	}
}

func TestDistinctAndSkew(t *testing.T) {
	r, err := Distinct(context.Background(), small(t))
	if err != nil || !r.Verified {
		t.Fatalf("%v: %+v", err, r)
	}
	r, err = Skew(context.Background(), small(t))
	if err != nil || !r.Verified {
		t.Fatalf("%v: %+v", err, r)
	}
	for _, q := range []string{"q5", "q15", "q17"} {
		if r.Ratios[q+"_skewed_to_"+q+"_uniform"] <= 0 {
			t.Errorf("%s: %v", q, slices.Sorted(maps.Keys(r.Ratios)))
		}
	}
}

func TestUnknownCase(t *testing.T) {
	if _, err := Distinct(context.Background(), Options{Cases: []string{"hop_60s"}}); err == nil {
		t.Error("hops are no case of the suite of DISTINCT")
	}
}

// A run whose output is wrong says so.
func TestAWrongResultIsAFault(t *testing.T) {
	h := Hop{Keys: 5, Rate: 10, Seconds: 70}
	source, err := h.source()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Parallelism: 1}
	other := h
	other.Seed = 1
	s := other.subject("hop_60s", 60, source, &o)
	if _, err := s.run(context.Background()); err != nil || len(s.faults) != 1 {
		t.Errorf("%v: faults %v", err, s.faults)
	}
}

// The recomputation over a queue equals one that looks at every row of every window.
func TestHopRecomputation(t *testing.T) {
	h := Hop{Keys: 7, Rate: 11, Seconds: 40, Seed: 3}
	type group struct{ key, end int64 }
	const size = 9
	groups := map[group][3]int64{}
	_, _, watermark := h.row(h.rows() - 1)
	for k := range h.rows() {
		key, value, at := h.row(k)
		for end := (at/slide + 1) * slide; end <= at+size*slide; end += slide {
			if end > watermark {
				continue
			}
			g := groups[group{key, end}]
			groups[group{key, end}] = [3]int64{g[0] + 1, g[1] + value, max(g[2], value)}
		}
	}
	var want hopResult
	for of, g := range groups {
		d := uint64(0)
		for _, v := range []int64{of.key, of.end, g[0], g[1], g[2]} {
			d = fold.Mix(d, v)
		}
		want.rows, want.digest = want.rows+1, want.digest+d
	}
	if got := h.recompute(size); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
