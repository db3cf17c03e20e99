package operators_test

import (
	"context"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
)

// BenchmarkStaticJoin has the shape of Nexmark q13: bids with a table of 10 000 rows, on auction mod 10 000.
func BenchmarkStaticJoin(b *testing.B) {
	pool := batch.NewPool()
	static := &sellers{version: 1}
	for i := range int64(10_000) {
		static.ids = append(static.ids, &i)
	}
	plan, err := operators.BindJoin(operators.Join{Stream: auctionBids, Static: sellerColumns, On: "b.auction % 10000 = s.auction",
		StreamQualifiers: []string{"b"}, StaticQualifiers: []string{"s"}}, expr.NewOptions())
	if err != nil {
		b.Fatal(err)
	}
	join := operators.NewStaticJoin(operators.NewStaticSide(static, plan.StaticKeys), plan)
	if err := join.Open(&operators.Context{Pool: pool}); err != nil {
		b.Fatal(err)
	}
	if err := join.Prepare(1)(context.Background()); err != nil {
		b.Fatal(err)
	}
	in := manyBids(pool, 64, 4096)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := join.Process(in[i%len(in)], 0, discard{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
