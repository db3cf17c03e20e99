package persistence

import (
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
