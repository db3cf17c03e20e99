package operators_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

var auctionBids = batch.NewSchema(
	batch.Field{Name: "auction", Type: batch.BigIntType}, batch.Field{Name: "bidder", Type: batch.BigIntType},
	batch.Field{Name: "price", Type: batch.BigIntType}, batch.Field{Name: "channel", Type: batch.StringType},
	batch.Field{Name: "url", Type: batch.StringType}, batch.Field{Name: "dateTime", Type: batch.TimestampType},
	batch.Field{Name: "extra", Type: batch.StringType})

// manyBids returns batches shaped as Nexmark's bids: half of them on hot auctions, three in four by hot bidders.
func manyBids(pool *batch.Pool, batches, n int) []*batch.Batch {
	random := rand.New(rand.NewPCG(1, 2))
	var all []*batch.Batch
	for k := range batches {
		builders := make([]*batch.Builder, len(auctionBids.Fields))
		for i, f := range auctionBids.Fields {
			builders[i] = batch.NewBuilder(f.Type, pool)
		}
		for i := range n {
			at := int64(k*n + i)
			last := at * 3 / 46
			auction, bidder := last-random.Int64N(min(100, last+1)), at/46-random.Int64N(min(1000, at/46+1))
			if random.IntN(2) > 0 {
				auction = last / 100 * 100
			}
			if random.IntN(4) > 0 {
				bidder = at / 46 / 100 * 100
			}
			builders[0].Int64(auction)
			builders[1].Int64(bidder)
			builders[2].Int64(random.Int64N(1_000_000))
			builders[3].String("channel")
			builders[4].String(fmt.Sprint("https://www.nexmark.com/abc/def/ghi/item.htm?query=1&channel_id=", random.IntN(10_000)))
			builders[5].Int64(at * 100)
			builders[6].String("abcdefghijklmnopqrstuvwxyzabcdefghi")
		}
		b := batch.NewBatch(auctionBids, n)
		for _, x := range builders {
			b.Columns = append(b.Columns, x.Finish())
		}
		all = append(all, b)
	}
	return all
}

// BenchmarkTop has the shapes of Nexmark q18, the last bid of each bidder and auction, and q19, the ten highest bids of each auction.
func BenchmarkTop(b *testing.B) {
	key := func(text string, o batch.Order) []operators.SortKey {
		x, err := expr.Bind(text, auctionBids, expr.NewOptions())
		if err != nil {
			b.Fatal(err)
		}
		return []operators.SortKey{{By: x, Order: o}}
	}
	pool := batch.NewPool()
	in := manyBids(pool, 256, 4096)
	for name, o := range map[string]operators.TopOptions{
		"q18": {Keys: []int{1, 0}, By: key("dateTime", batch.Descending), N: 1, LaterWins: true, Window: -1},
		"q19": {Keys: []int{0}, By: key("price", batch.Descending), N: 10, Rank: "rank", Window: -1},
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				state, err := persistence.NewStore(persistence.Options{Step: "top", Groups: 256, Hi: 256, Pool: pool})
				if err != nil {
					b.Fatal(err)
				}
				top, err := operators.NewTop(auctionBids, o)
				if err != nil {
					b.Fatal(err)
				}
				epoch := &operators.Epoch{}
				c := &operators.Context{Step: "top", Pool: pool, State: state, KeyGroups: 256, Epoch: epoch}
				c.Wanted[operators.PortChanges] = true
				if err := top.Open(c); err != nil {
					b.Fatal(err)
				}
				for i, rows := range in {
					if err := top.Process(rows, 0, discard{}); err != nil {
						b.Fatal(err)
					}
					if i%64 == 63 {
						if err := top.Flush(discard{}); err != nil {
							b.Fatal(err)
						}
						epoch.Number++
						change := state.Checkpoint(epoch.Number)
						change.Release()
					}
				}
				state.Close()
			}
			b.ReportMetric(float64(b.N)*256*4096/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// BenchmarkTopOfChanges is the ten greatest of a million counts, of which each batch changes a few: a row costs the same
// however many there are.
func BenchmarkTopOfChanges(b *testing.B) {
	for _, keys := range []int64{1_000, 1_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			pool := batch.NewPool()
			schema := batch.NewSchema(batch.Field{Name: "page", Type: batch.BigIntType}, batch.Field{Name: "n", Type: batch.BigIntType})
			n, err := expr.Bind("n", schema, expr.NewOptions())
			if err != nil {
				b.Fatal(err)
			}
			top, err := operators.NewTop(schema, operators.TopOptions{By: []operators.SortKey{{By: n, Order: batch.Descending}}, N: 10, Window: -1, Updating: true})
			if err != nil {
				b.Fatal(err)
			}
			state, err := persistence.NewStore(persistence.Options{Step: "top", Groups: 256, Hi: 256, Pool: pool})
			if err != nil {
				b.Fatal(err)
			}
			c := &operators.Context{Step: "top", Pool: pool, State: state, KeyGroups: 256, Epoch: &operators.Epoch{}}
			c.Wanted[operators.PortChanges] = true
			if err := top.Open(c); err != nil {
				b.Fatal(err)
			}
			counts, random := make([]int64, keys), rand.New(rand.NewPCG(1, 2))
			rows := func(some func(i int) int64) *batch.Batch {
				page, count := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.BigIntType, pool)
				var kinds []batch.RowKind
				for i := range 2048 {
					p := some(i)
					if counts[p] > 0 {
						page.Int64(p)
						count.Int64(counts[p])
						kinds = append(kinds, batch.UpdateBefore)
					}
					counts[p]++
					page.Int64(p)
					count.Int64(counts[p])
					kinds = append(kinds, batch.UpdateAfter)
				}
				made := batch.NewBatch(schema, len(kinds), page.Finish(), count.Finish())
				made.Kinds = kinds
				return made
			}
			feed := func(in *batch.Batch) int {
				defer in.Release()
				if err := top.Process(in, 0, discard{}); err != nil {
					b.Fatal(err)
				}
				return in.N
			}
			for from := int64(0); from < keys; from += 2048 {
				feed(rows(func(i int) int64 { return (from + int64(i)) % keys }))
			}
			b.ResetTimer()
			total := 0
			for range b.N {
				b.StopTimer()
				in := rows(func(int) int64 { return random.Int64N(keys) })
				b.StartTimer()
				total += feed(in)
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
