package suite

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/deltaic/deltaic/benchmarks/nexmark/recompute"
)

// setS is the set that golden sums are known of.
func setS(query string) Options {
	return Options{Query: query, Events: 100_000, TPS: 1000, Seed: 1, Clock: "event"}
}

// sumsOfS is what the queries come to over set S, recomputed once.
var sumsOfS = map[string]map[string]any{}

func expected(t *testing.T, query string) map[string]any {
	t.Helper()
	if len(sumsOfS) == 0 {
		o := setS(query)
		all, err := recompute.All(recompute.Queries, o.events(), recompute.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range recompute.Queries {
			sumsOfS[name] = all[i].Result
		}
	}
	return sumsOfS[query]
}

// Every query equals the recomputation, at several parallelisms, from columns and from JSON. Package recompute is
// held to the golden sums by a test of its own.
func TestQueriesEqualTheirRecomputation(t *testing.T) {
	for i := range queries {
		name := queries[i].name
		t.Run(name, func(t *testing.T) {
			want := expected(t, name)
			for parallelism, source := range map[int]string{1: "memory", 2: "json", 7: "memory"} {
				o := setS(name)
				o.Parallelism, o.Source, o.Partitions = parallelism, source, parallelism
				r, err := Run(context.Background(), o)
				if err != nil {
					t.Fatalf("parallelism %d: %v", parallelism, err)
				}
				if !reflect.DeepEqual(r.Result, want) {
					t.Errorf("parallelism %d from %s: got %v, want %v", parallelism, source, r.Result, want)
				}
			}
		})
	}
}

// Small batches and many epochs give the same, here over fewer events.
func TestBatchesAndEpochsDoNotMatter(t *testing.T) {
	for i := range queries {
		for _, rows := range []int{1, 100} {
			o := Options{Query: queries[i].name, Events: 3000, TPS: 100, Seed: 3, Clock: "event", BatchRows: rows, Parallelism: 2, Epoch: time.Millisecond, Verify: true}
			r, err := Run(context.Background(), o)
			if err != nil {
				t.Fatalf("%s, batches of %d rows: %v", o.Query, rows, err)
			}
			if !*r.Verified {
				t.Errorf("%s, batches of %d rows, %d epochs: got %v, want %v", o.Query, rows, r.Epochs, r.Result, r.Expected)
			}
		}
	}
}

// Rows that are late for a window are left out, and counted: by the same rule as in the recomputation.
func TestLateRows(t *testing.T) {
	for _, query := range []string{"q5", "q11", "q12"} {
		o := Options{Query: query, Events: 20_000, TPS: 1000, Seed: 2, Clock: "event", Late: 0.05, Disorder: 0.2}
		want, err := recompute.All([]string{query}, o.events(), recompute.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(r.Result, map[string]any(want[0].Result)) || r.Late != want[0].Late || r.Late == 0 {
			t.Errorf("%s: got %v with %d late rows, want %v with %d", query, r.Result, r.Late, want[0].Result, want[0].Late)
		}
	}
}

func TestSinksHoldTheResult(t *testing.T) {
	for _, c := range [][2]string{{"q0", "delta"}, {"q5", "delta"}, {"q17", "delta"}, {"q18", "delta"}, {"q10", "csv"}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			o := Options{Query: c[0], Sink: c[1], Events: 10_000, TPS: 100, Seed: 1, Epoch: 50 * time.Millisecond, Parallelism: 2, Verify: true, Out: t.TempDir() + "/out"}
			r, err := Run(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if !*r.Verified {
				t.Errorf("got %v, want %v", r.Result, r.Expected)
			}
		})
	}
}

func TestWindowsStayOpenWithoutAnEnd(t *testing.T) {
	o := setS("q5")
	o.NoEnd, o.Verify = true, true
	r, err := Run(context.Background(), o)
	if err != nil || !*r.Verified {
		t.Fatalf("%v: %+v", err, r)
	}
	if r.Result["rows"] != int64(48) {
		t.Fatalf("%v rows, want 48", r.Result["rows"])
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for _, o := range []Options{{Query: "q3"}, {Query: "q0", Source: "disk"}, {Query: "q0", Sink: "csv"}, {Query: "q0", Source: "file"}, {Query: "q0", Clock: "wall"}} {
		if _, err := Run(context.Background(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
