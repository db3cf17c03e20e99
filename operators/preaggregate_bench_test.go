package operators_test

import (
	"math/rand/v2"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
)

// BenchmarkPreaggregate folds for a count and a sum: over keys that repeat, with one key in 99 of
// 100 rows, and over keys that hardly repeat.
func BenchmarkPreaggregate(b *testing.B) {
	for _, c := range []struct {
		name string
		key  func(*rand.Rand) int64
	}{
		{"6000 keys", func(r *rand.Rand) int64 { return r.Int64N(6000) }},
		{"one of 99%", func(r *rand.Rand) int64 { return r.Int64N(1e9) * int64((r.IntN(100)+1)/100) }},
		{"1e9 keys", func(r *rand.Rand) int64 { return r.Int64N(1e9) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			plan, err := agg.Bind([]string{"count(*) AS n", "sum(price) AS total"}, bidSchema.Fields[:1], bidSchema, agg.Options{Options: expr.NewOptions()})
			if err != nil {
				b.Fatal(err)
			}
			fold, err := operators.NewPreaggregate(bidSchema, plan, operators.PreaggregateOptions{Keys: []int{0}, Time: -1})
			if err != nil {
				b.Fatal(err)
			}
			pool, random := batch.NewPool(), rand.New(rand.NewPCG(1, 2))
			openAll(b, pool, fold)
			var in []*batch.Batch
			for range 64 {
				keys := make([]int64, 4096)
				for i := range keys {
					keys[i] = c.key(random)
				}
				in = append(in, bidsOf(nil, keys, func(_ string, n int64) int64 { return random.Int64N(n) }))
			}
			out := &counter{}
			b.ResetTimer()
			for i := range b.N {
				if err := fold.Process(in[i%len(in)], 0, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mrows/s")
			b.ReportMetric(float64(out.rows)/float64(b.N*4096), "sent/row")
		})
	}
}

// counter counts the rows that are emitted.
type counter struct {
	discard
	rows int
}

func (c *counter) Emit(b *batch.Batch) error { c.rows += b.Rows(); return c.discard.Emit(b) }
