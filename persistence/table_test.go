package persistence

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

func bigints(values ...int64) *batch.Column {
	return &batch.Column{Type: batch.BigIntType, N: len(values), I64: values}
}

func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	return x
}

func mixAll(values []int64, out []uint64) {
	for i, v := range values {
		out[i] = mix(uint64(v))
	}
}

func TestInsertWordsEqualsGoMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	account := batch.NewAccount("test", 0)
	set := newTable("seen", []batch.Type{batch.BigIntType}, account)
	reference := map[int64]bool{}
	for round := 0; round < 300; round++ {
		n := 1 + random.IntN(4096)
		values, hashes := make([]int64, n), make([]uint64, n)
		for i := range values {
			values[i] = random.Int64N(200_000)
		}
		mixAll(values, hashes)
		fresh := make(batch.Bitmap, batch.BitmapWords(n))
		if err := set.Insert([]*batch.Column{bigints(values...)}, nil, n, hashes, fresh); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if fresh.Get(i) == reference[v] {
				t.Fatalf("round %d row %d key %d: fresh %v, in the map %v", round, i, v, fresh.Get(i), reference[v])
			}
			reference[v] = true
		}
	}
	if set.Len() != len(reference) {
		t.Fatalf("%d keys, want %d", set.Len(), len(reference))
	}
	set.release()
	if account.Used() != 0 {
		t.Fatalf("%d bytes still charged", account.Used())
	}
}

func BenchmarkInsertBigint(b *testing.B) {
	for _, keys := range []int{1000, 1_000_000} {
		for _, mode := range []string{"steady", "build"} {
			b.Run(fmt.Sprintf("keys=%d/%s", keys, mode), func(b *testing.B) {
				const n = 4096
				random := rand.New(rand.NewPCG(1, 2))
				all := make([]int64, 1<<20)
				for i := range all {
					if all[i] = random.Int64N(int64(keys)); mode == "build" {
						all[i] = int64(i % keys)
					}
				}
				hashes := make([]uint64, len(all))
				mixAll(all, hashes)
				set := newTable("seen", []batch.Type{batch.BigIntType}, nil)
				fresh := make(batch.Bitmap, batch.BitmapWords(n))
				column := bigints(all[:n]...)
				columns := []*batch.Column{column}
				feed := func(at int) {
					column.I64 = all[at : at+n]
					_ = set.Insert(columns, nil, n, hashes[at:at+n], fresh)
				}
				if mode == "steady" {
					for at := 0; at+n <= len(all); at += n {
						feed(at)
					}
				}
				b.ResetTimer()
				for i := 0; i < b.N; i++ {
					at := i * n % len(all)
					if at == 0 && mode == "build" {
						set = newTable("seen", set.types, nil)
					}
					feed(at)
				}
				b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "Mrows/s")
				b.ReportMetric(float64(set.charged)/float64(set.Len()), "B/key")
			})
		}
	}
}
