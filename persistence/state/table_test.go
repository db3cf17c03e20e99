package state

import (
	"math/rand/v2"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

func bigints(values ...int64) *batch.Column {
	return &batch.Column{Type: batch.BigIntType, N: len(values), I64: values}
}

func seen(account *batch.Account) *Segment {
	t, err := NewTable(Spec{Name: "seen", Keys: []Column{{Type: batch.BigIntType}}}, nil, account)
	if err != nil {
		panic(err)
	}
	return t.Segment(0)
}

func insert(s *Segment, keys []*batch.Column, sel []int32, n int, hashes []uint64, fresh batch.Bitmap) error {
	return s.Upsert(keys, sel, n, hashes, make([]uint32, n), fresh)
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
	set := seen(account)
	reference := map[int64]bool{}
	for round := 0; round < 300; round++ {
		n := 1 + random.IntN(4096)
		values, hashes := make([]int64, n), make([]uint64, n)
		for i := range values {
			values[i] = random.Int64N(200_000)
		}
		mixAll(values, hashes)
		fresh := make(batch.Bitmap, batch.BitmapWords(n))
		if err := insert(set, []*batch.Column{bigints(values...)}, nil, n, hashes, fresh); err != nil {
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
	set.table.Release()
	if account.Used() != 0 {
		t.Fatalf("%d bytes still charged", account.Used())
	}
}

// Keys of one hash cannot be told apart by any directory: they cost time, not
// memory.
func TestEqualHashesTakeBoundedMemory(t *testing.T) {
	const n = 14_000 // more than a bucket takes before it grows
	set := seen(nil)
	values, hashes := make([]int64, n), make([]uint64, n)
	for i := range values {
		values[i], hashes[i] = int64(i), 42
	}
	for range 2 {
		if err := insert(set, []*batch.Column{bigints(values...)}, nil, n, hashes, make(batch.Bitmap, batch.BitmapWords(n))); err != nil {
			t.Fatal(err)
		}
	}
	if set.Len() != n || set.table.Charged() > 1<<20+64<<10 {
		t.Fatalf("%d keys in %d bytes", set.Len(), set.table.Charged())
	}
}

// A batch never waits for the whole table to move: what one insert allocates
// does not grow with the table.
func TestGrowthIsBounded(t *testing.T) {
	set := seen(nil)
	value, hash, fresh := bigints(0), make([]uint64, 1), make(batch.Bitmap, 1)
	worst := int64(0)
	for i := range 2_000_000 {
		value.I64[0], hash[0] = int64(i), mix(uint64(i))
		before := set.table.Charged()
		if err := insert(set, []*batch.Column{value}, nil, 1, hash, fresh); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, set.table.Charged()-before)
	}
	if limit := int64(4 * bucketSlots * slotBytes); worst > limit {
		t.Fatalf("one insert took %d bytes, the limit is %d", worst, limit)
	}
	if perKey := float64(set.table.Charged()) / float64(set.Len()); perKey > 40 {
		t.Fatalf("%.1f bytes a key", perKey)
	}
}
