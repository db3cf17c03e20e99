package operators_test

import (
	"math/rand/v2"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

// discard is an output that drops what it gets.
type discard struct{}

func (discard) Emit(b *batch.Batch) error { b.Release(); return nil }

func (discard) Reject(*batch.Batch, []operators.Rejected) error { return nil }

func (discard) EmitTo(_ int, b *batch.Batch) error { return discard{}.Emit(b) }

func (discard) Advance(int64) error { return nil }

func (discard) Late(*batch.Batch, []int32, int64) error { return nil }

// BenchmarkDropDuplicates has 1 M keys, all known but one in a hundred rows.
func BenchmarkDropDuplicates(b *testing.B) {
	const n, keys = 4096, 1_000_000
	pool := batch.NewPool()
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType})
	store, err := persistence.NewStore(persistence.Options{Step: "dedup", Groups: 256, Hi: 256, Pool: pool})
	if err != nil {
		b.Fatal(err)
	}
	drop, err := operators.NewDropDuplicates(schema, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := drop.Open(&operators.Context{Step: "dedup", Pool: pool, State: store, KeyGroups: 256}); err != nil {
		b.Fatal(err)
	}
	random, next := rand.New(rand.NewPCG(1, 2)), int64(0)
	fill := func(all bool) *batch.Batch {
		build := batch.NewBuilder(batch.BigIntType, pool)
		defer build.Release()
		for i := range n {
			if all || i%100 == 0 {
				next++
				build.Int64(next)
			} else {
				build.Int64(random.Int64N(next))
			}
		}
		return batch.NewBatch(schema, n, build.Finish())
	}
	feed := func(in *batch.Batch) {
		if err := drop.Process(in, 0, discard{}); err != nil {
			b.Fatal(err)
		}
		in.Release()
	}
	for next < keys {
		feed(fill(true))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		in := fill(false)
		b.StartTimer()
		feed(in)
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
