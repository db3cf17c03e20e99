package batch_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

// property runs check with a schema, a pool that must be empty again at the
// end, and a random batch of them.
func property(t *testing.T, check func(t *rapid.T, p *batch.Pool, b *batch.Batch)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		account := batch.NewAccount("test", 0)
		p := batch.NewPoolOf(account)
		b := batchtest.Batch(t, batchtest.Schema(t, 4, 2), p, 70)
		check(t, p, b)
		b.Release()
		if p.Lent() != 0 || account.Used() != 0 {
			t.Fatalf("%d columns and %d bytes were not given back", p.Lent(), account.Used())
		}
	})
}

func TestWireRoundTrip(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		prefix := []byte("odd")
		data := batch.Encode(prefix, b)[len(prefix):]
		got, err := batch.Decode(data, b.Schema, p)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Release()
		batchtest.Equal(t, b, got)
		if again := batch.Encode(nil, got); !slices.Equal(again, data) {
			t.Fatalf("encoding what was decoded gives other bytes")
		}
	})
}

func TestGatherKeepsRows(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		if b.N == 0 {
			return
		}
		rows := rapid.SliceOfN(rapid.Int32Range(0, int32(b.N-1)), 0, 2*b.N).Draw(t, "picked")
		got := b.Gather(p, rows)
		defer got.Release()
		all := *b
		all.Sel = rows // not ascending, which Equal does not mind
		if rows == nil {
			all.Sel = []int32{}
		}
		batchtest.Equal(t, &all, got)
	})
}

func TestCompactIsTheSelection(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		got := b.Compact(p)
		defer got.Release()
		if got.Sel != nil || got.N != b.Rows() {
			t.Fatalf("%d rows with selection %v from %d", got.N, got.Sel, b.Rows())
		}
		batchtest.Equal(t, b, got)
	})
}

func TestSliceIsAWindow(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		from := rapid.IntRange(0, b.N).Draw(t, "from")
		to := rapid.IntRange(from, b.N).Draw(t, "to")
		got := b.Slice(p, from, to)
		defer got.Release()
		want := *b
		want.Sel = []int32{}
		for n := range b.Rows() {
			if r := b.Row(n); r >= from && r < to {
				want.Sel = append(want.Sel, int32(r))
			}
		}
		batchtest.Equal(t, &want, got)
		encoded, err := batch.Decode(batch.Encode(nil, got), got.Schema, p)
		if err != nil {
			t.Fatalf("a slice does not survive the wire: %v", err)
		}
		batchtest.Equal(t, got, encoded)
		encoded.Release()
		// A slice of a slice is a slice.
		part := got.Slice(p, 0, got.N/2)
		defer part.Release()
		if part.Rows() > 0 && !slices.Equal(batchtest.Rows(part), batchtest.Rows(got)[:part.Rows()]) {
			t.Fatalf("a slice of a slice has other rows")
		}
	})
}

func TestFlatHasTheSameRows(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		got := b.Retain()
		for i, c := range got.Columns {
			got.Columns[i] = c.Flat(p)
			if got.Columns[i].Dict != nil {
				t.Fatalf("a dictionary is left")
			}
			c.Release()
		}
		defer got.Release()
		batchtest.Equal(t, b, got)
		plain, dict := batch.Hash(got.Columns, b.N, nil), batch.Hash(b.Columns, b.N, nil)
		if !slices.Equal(plain, dict) {
			t.Fatalf("dictionary and plain columns hash differently")
		}
	})
}

func TestScatterSplitsRows(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		groups, parts := 16, rapid.IntRange(1, 5).Draw(t, "parts")
		partOf := make([]int32, groups)
		for i := range partOf {
			partOf[i] = int32(i * parts / groups)
		}
		hashes := batch.Hash(b.Columns[:1], b.N, nil)
		out := batch.NewScatterer(parts).ByHash(p, b, hashes, partOf)
		for k, got := range out {
			want := *b
			want.Sel = []int32{}
			for n := range b.Rows() {
				if r := b.Row(n); partOf[batch.KeyGroup(hashes[r], groups)] == int32(k) {
					want.Sel = append(want.Sel, int32(r))
				}
			}
			if got == nil {
				if len(want.Sel) != 0 {
					t.Fatalf("part %d lost %d rows", k, len(want.Sel))
				}
				continue
			}
			batchtest.Equal(t, &want, got)
			got.Release()
		}
	})
}

func TestAppenderKeepsRowsAndCuts(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		most := rapid.IntRange(0, 20).Draw(t, "most rows")
		a := batch.NewAppender(b.Schema, p, most, int64(rapid.IntRange(0, 2000).Draw(t, "bytes")))
		defer a.Release()
		var got []string
		take := func(out *batch.Batch) error {
			if out == nil {
				return nil
			}
			if most > 0 && out.N > most {
				t.Fatalf("a batch of %d rows above the limit of %d", out.N, most)
			}
			got = append(got, batchtest.Rows(out)...)
			out.Release()
			return nil
		}
		for range 2 {
			if err := a.Append(b, take); err != nil {
				t.Fatal(err)
			}
		}
		if err := take(a.Flush()); err != nil {
			t.Fatal(err)
		}
		one := batchtest.Rows(b)
		if want := append(one, one...); !slices.Equal(got, want) {
			t.Fatalf("want %q, got %q", want, got)
		}
	})
}

func TestConcatMixesKinds(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		plain := b.Retain()
		plain.Kinds, plain.Origin = nil, nil
		b = b.Retain()
		b.Origin = nil
		got := batch.Concat(p, plain, b)
		if got.N != 2*b.Rows() || b.Kinds != nil && b.Rows() > 0 && got.Kinds == nil {
			t.Fatalf("%d rows from twice %d, kinds %v", got.N, b.Rows(), got.Kinds)
		}
		for n := range b.Rows() {
			if b.Kinds != nil && (got.Kinds[n] != batch.Insert || got.Kinds[b.Rows()+n] != b.Kinds[b.Row(n)]) {
				t.Fatalf("row %d has the wrong kind", n)
			}
		}
		got.Release()
		plain.Release()
		b.Release()
	})
}

func TestTruncateTakesRowsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := batch.NewPool()
		ty := batchtest.Type(t, 2)
		b := batch.NewBuilder(ty, p)
		n, extra := rapid.IntRange(0, 70).Draw(t, "kept"), rapid.IntRange(0, 70).Draw(t, "taken back")
		for range n {
			batchtest.Append(t, b, true)
		}
		before := texts(b.Column(), 0)
		if ty.Nested() {
			before = nil // kids are not in the column before Finish
		}
		for range extra {
			batchtest.Append(t, b, true)
		}
		b.Truncate(n)
		for range extra {
			batchtest.Append(t, b, true)
		}
		c := b.Finish()
		if c.N != n+extra {
			t.Fatalf("%d rows, not %d", c.N, n+extra)
		}
		if got := texts(c, c.N-n); before != nil && !slices.Equal(got, before) {
			t.Fatalf("before %q, after %q", before, got)
		}
		schema := batch.NewSchema(batch.Field{Name: "c", Type: ty})
		whole := batch.NewBatch(schema, c.N, c)
		decoded, err := batch.Decode(batch.Encode(nil, whole), schema, p)
		if err != nil {
			t.Fatalf("the column is broken: %v", err)
		}
		batchtest.Equal(t, whole, decoded)
		decoded.Release()
		whole.Release()
		b.Release()
		if p.Lent() != 0 {
			t.Fatalf("%d columns were not given back", p.Lent())
		}
	})
}

// texts returns all rows but the last few as JSON.
func texts(c *batch.Column, but int) []string {
	if c.Type.Nested() {
		return nil
	}
	var out []string
	for i := range c.N - but {
		out = append(out, string(batch.AppendJSON(nil, c, i)))
	}
	return out
}

// Rows of which few are missing are copied in runs.
func TestCompactOfRuns(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		missing := rapid.SliceOfN(rapid.IntRange(0, max(0, b.N-1)), 0, 3).Draw(t, "missing")
		some := *b
		some.Sel = []int32{}
		for r := range b.N {
			if !slices.Contains(missing, r) {
				some.Sel = append(some.Sel, int32(r))
			}
		}
		got := some.Compact(p)
		defer got.Release()
		batchtest.Equal(t, &some, got)
		again, err := batch.Decode(batch.Encode(nil, got), got.Schema, p)
		if err != nil {
			t.Fatalf("what was compacted does not survive the wire: %v", err)
		}
		batchtest.Equal(t, got, again)
		again.Release()
	})
}
