package state

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// TestAllRowsOfSharedKeysBelowMemory: rows that come up for a copy of all and go again while it is made leave their heads' places to
// others, and each row still has its own keys. What was charged for a copy that is never made is given back.
func TestAllRowsOfSharedKeysBelowMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := &under{t: t, rows: map[string]string{}}
		m := &model{t: t, pool: batch.NewPool(), account: batch.NewAccount("all", 1), rows: map[string]modelRow{}}
		m.spec = Spec{Name: "t", Keys: columnsOf([]batch.Type{batch.BigIntType, batch.BigIntType}), Prefix: 1, Shared: true}
		var err error
		if m.table, err = NewTable(m.spec, m.pool, m.account); err != nil {
			t.Fatal(err)
		}
		m.table.Attach(u, testGroups, nil)
		n := rapid.IntRange(1, 200).Draw(t, "rows")
		heads, tails := &batch.Column{Type: batch.BigIntType, N: n, I64: make([]int64, n)}, &batch.Column{Type: batch.BigIntType, N: n, I64: make([]int64, n)}
		for i := range n {
			heads.I64[i], tails.I64[i] = int64(i/rapid.IntRange(1, 3).Draw(t, "together")), int64(i)
		}
		want := map[int64]int64{}
		for i, tail := range tails.I64 {
			want[tail] = heads.I64[i]
		}
		keys := []*batch.Column{heads, tails}
		if err := m.table.Segment(0).Upsert(keys, nil, n, batch.Hash(keys, n, nil), make([]uint32, n), nil); err != nil {
			t.Fatal(err)
		}
		var c Copy
		m.table.Checkpoint(1, &c)
		m.tell(u, &c)
		m.fold(u, 1)
		for m.table.Evict(1000) > 0 {
			continue
		}
		if err := m.table.All(&c); err != nil {
			t.Fatal(err)
		}
		got := 0
		for b := c.Next(m.pool); b.N > 0; b = c.Next(m.pool) {
			for i := range b.N {
				got++
				if tail := b.Keys[1].I64[i]; b.Keys[0].I64[i] != want[tail] {
					t.Fatalf("row %d of %d has the first key %d, want %d", tail, n, b.Keys[0].I64[i], want[tail])
				}
			}
			b.Release()
		}
		if got != n {
			t.Fatalf("%d rows, want %d", got, n)
		}
		if s := m.table.Lookup(0); s.copied != 0 {
			t.Fatalf("%d bytes are charged for a copy of no rows", s.copied)
		}
	})
}
