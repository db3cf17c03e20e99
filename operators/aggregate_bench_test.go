package operators_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

var bidSchema = batch.NewSchema(
	batch.Field{Name: "auction", Type: batch.BigIntType},
	batch.Field{Name: "bidder", Type: batch.BigIntType},
	batch.Field{Name: "price", Type: batch.BigIntType},
	batch.Field{Name: "channel", Type: batch.StringType},
	batch.Field{Name: "day", Type: batch.StringType})

// bidBatches returns batches of 4096 bids on 6,000 auctions by 2,000 bidders through 5,000 channels.
func bidBatches(n int) []*batch.Batch {
	random := rand.New(rand.NewPCG(1, 2))
	var out []*batch.Batch
	for range n {
		var b [4]*batch.Builder
		for i := range b {
			b[i] = batch.NewBuilder(bidSchema.Fields[i].Type, nil)
		}
		for range 4096 {
			b[0].Int64(random.Int64N(6000))
			b[1].Int64(random.Int64N(2000))
			b[2].Int64(random.Int64N(100_000_000))
			if random.IntN(2) == 0 {
				b[3].String([]string{"Google", "Facebook", "Baidu", "Apple"}[random.IntN(4)])
			} else {
				b[3].String(fmt.Sprint("channel-", random.IntN(5000)))
			}
		}
		day := batch.NewConst(nil, batch.StringType, []byte("2015-07-15"), 4096)
		out = append(out, batch.NewBatch(bidSchema, 4096, b[0].Finish(), b[1].Finish(), b[2].Finish(), b[3].Finish(), day))
	}
	return out
}

const rank1, rank2, rank3 = "price < 10000", "price >= 10000 AND price < 1000000", "price >= 1000000"

// BenchmarkAggregate has the aggregates of Nexmark's q15, q16 and q17 over groups of their kind.
func BenchmarkAggregate(b *testing.B) {
	counts := []string{"count(*) AS total_bids", "count(*) FILTER (WHERE " + rank1 + ") AS rank1", "count(*) FILTER (WHERE " + rank2 + ") AS rank2",
		"count(*) FILTER (WHERE " + rank3 + ") AS rank3"}
	distinct := counts
	for _, c := range []string{"bidder", "auction"} {
		distinct = append(distinct, "count(DISTINCT "+c+") AS "+c)
		for i, r := range []string{rank1, rank2, rank3} {
			distinct = append(distinct, fmt.Sprintf("count(DISTINCT %s) FILTER (WHERE %s) AS %s%d", c, r, c, i+1))
		}
	}
	for _, q := range []struct {
		name  string
		keys  []int
		items []string
	}{
		{"count", []int{0}, counts[:1]},
		{"q15", []int{4}, distinct},
		{"q16", []int{3, 4}, distinct},
		{"q17", []int{0, 4}, append(counts[:4:4], "min(price) AS low", "max(price) AS high", "cast(avg(price) AS BIGINT) AS mean", "sum(price) AS total")},
	} {
		b.Run(q.name, func(b *testing.B) {
			var groups []batch.Field
			for _, k := range q.keys {
				groups = append(groups, bidSchema.Fields[k])
			}
			plan, err := agg.Bind(q.items, groups, bidSchema, agg.Options{Options: expr.NewOptions()})
			if err != nil {
				b.Fatal(err)
			}
			op, err := operators.NewAggregate(bidSchema, q.keys, plan, operators.AggregateOptions{})
			if err != nil {
				b.Fatal(err)
			}
			pool := batch.NewPool()
			store, _ := persistence.NewStore(persistence.Options{Step: "a", Groups: 256, Hi: 256, Pool: pool})
			err = op.Open(&operators.Context{Step: "a", Pool: pool, State: store, KeyGroups: 256, Epoch: &operators.Epoch{},
				Wanted: [operators.Ports]bool{operators.PortChanges: true}})
			if err != nil {
				b.Fatal(err)
			}
			in := bidBatches(64)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if err := op.Process(in[i%len(in)], 0, discard{}); err != nil {
					b.Fatal(err)
				}
				if i%256 == 255 {
					if err := op.Flush(discard{}); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
