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

// Keys of one hash cannot be told apart by any directory: they cost time, not
// memory.
func TestEqualHashesTakeBoundedMemory(t *testing.T) {
	const n = 14_000 // more than a segment takes before it grows
	set := newTable("seen", []batch.Type{batch.BigIntType}, nil)
	values, hashes := make([]int64, n), make([]uint64, n)
	for i := range values {
		values[i], hashes[i] = int64(i), 42
	}
	for range 2 {
		if err := set.Insert([]*batch.Column{bigints(values...)}, nil, n, hashes, make(batch.Bitmap, batch.BitmapWords(n))); err != nil {
			t.Fatal(err)
		}
	}
	if set.Len() != n || set.charged > 1<<20+64<<10 {
		t.Fatalf("%d keys in %d bytes", set.Len(), set.charged)
	}
}

// A batch never waits for the whole table to move: what one insert allocates
// does not grow with the table.
func TestGrowthIsBounded(t *testing.T) {
	set := newTable("seen", []batch.Type{batch.BigIntType}, nil)
	value, hash, fresh := bigints(0), make([]uint64, 1), make(batch.Bitmap, 1)
	worst := int64(0)
	for i := range 2_000_000 {
		value.I64[0], hash[0] = int64(i), mix(uint64(i))
		before := set.charged
		if err := set.Insert([]*batch.Column{value}, nil, 1, hash, fresh); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, set.charged-before)
	}
	if limit := int64(4 * segmentSlots * slotBytes); worst > limit {
		t.Fatalf("one insert took %d bytes, the limit is %d", worst, limit)
	}
	if perKey := float64(set.charged) / float64(set.Len()); perKey > 40 {
		t.Fatalf("%.1f bytes a key", perKey)
	}
}
