package operators_test

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
)

// BenchmarkExpect holds batches of 4,096 rows against five rules: "clean" satisfies all, of "broken" one row in a hundred violates one.
func BenchmarkExpect(b *testing.B) {
	const n = 4096
	rules := []operators.Rule{ruleOf(b, "known", "auction IS NOT NULL", operators.Quarantine), ruleOf(b, "paid", "price > 0", operators.Drop),
		ruleOf(b, "cheap", "price < 1000000", operators.Quarantine), ruleOf(b, "said", "text <> ''", operators.Warn),
		ruleOf(b, "late", "at >= TIMESTAMP '1970-01-01 00:00:00'", operators.Warn)}
	for i := range rules {
		rules[i].Samples = 0
	}
	for _, c := range []struct {
		name  string
		every int
	}{{"clean", n + 1}, {"broken", 100}} {
		b.Run(c.name, func(b *testing.B) {
			pool := batch.NewPool()
			rows := make([]bid, n)
			for i := range rows {
				auction, price := int64(i), int64(i+1)
				rows[i] = bid{auction: &auction, price: &price, at: int64(i), text: "bid"}
				if i%c.every == c.every-1 {
					rows[i].auction = nil
				}
			}
			in := bidRows(pool, rows)
			defer in.Release()
			e := operators.NewExpect(rules)
			if err := e.Open(&operators.Context{Step: "expect", Pool: pool}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(n)
			for b.Loop() {
				e.Keep()
				if err := e.Process(in, 0, discard{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}
