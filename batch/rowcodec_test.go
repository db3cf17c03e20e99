package batch_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

func builders(s *batch.Schema, p *batch.Pool) []*batch.Builder {
	var b []*batch.Builder
	for _, f := range s.Fields {
		b = append(b, batch.NewBuilder(f.Type, p))
	}
	return b
}

// Rows of every type come back from their bytes as they were.
func TestRowsComeBackFromBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		schema := batchtest.Schema(rt, 12, 3)
		in := batchtest.Batch(rt, schema, pool, 8)
		in.Sel, in.Kinds, in.Origin, in.Behind = nil, nil, nil, nil
		to := builders(schema, pool)
		var data []byte
		for i := range in.N {
			data = batch.AppendRow(data, in.Columns, i)
		}
		for rest, i := data, 0; i < in.N; i++ {
			n, err := batch.ReadRow(rest, to)
			if err != nil {
				rt.Fatal(err)
			}
			rest = rest[n:]
			if i == in.N-1 && len(rest) != 0 {
				rt.Fatalf("%d bytes are left", len(rest))
			}
		}
		out := batch.NewBatch(schema, in.N)
		for _, b := range to {
			out.Columns = append(out.Columns, b.Finish())
		}
		batchtest.Equal(rt, in, out)
		in.Release()
		out.Release()
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

// Broken bytes are an error or another row, never a panic, and an error leaves nothing behind.
func TestBrokenRowsAreErrors(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		schema := batchtest.Schema(rt, 4, 3)
		in := batchtest.Batch(rt, schema, nil, 1)
		var data []byte
		if in.N > 0 {
			data = batch.AppendRow(nil, in.Columns, 0)
		}
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			if len(data) > 0 && rapid.Bool().Draw(rt, "cut") {
				data = data[:rapid.IntRange(0, len(data)-1).Draw(rt, "length")]
			} else if len(data) > 0 {
				data[rapid.IntRange(0, len(data)-1).Draw(rt, "at")] = rapid.Byte().Draw(rt, "byte")
			}
		}
		to := builders(schema, nil)
		n, err := batch.ReadRow(data, to)
		for _, b := range to {
			if err != nil && b.Len() != 0 || err == nil && (b.Len() != 1 || n > len(data)) {
				rt.Fatalf("%d rows of %d bytes, error %v", b.Len(), n, err)
			}
		}
	})
}

// Sort keys compare as rows do, also joined.
func TestSortKeysCompareAsRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		schema := batchtest.Schema(rt, 3, 2)
		in := batchtest.Batch(rt, schema, nil, 8)
		orders := make([]batch.Order, len(schema.Fields))
		for i := range orders {
			orders[i] = batch.Order{Descending: rapid.Bool().Draw(rt, "descending"), NullsLast: rapid.Bool().Draw(rt, "nulls last")}
		}
		key := func(i int) (k []byte) {
			for c := range in.Columns {
				k = batch.AppendSortKey(k, in.Columns[c], i, orders[c])
			}
			return k
		}
		compare := func(i, j int) int {
			for n, c := range in.Columns {
				if in, jn := c.IsNull(i), c.IsNull(j); in != jn {
					if in == orders[n].NullsLast {
						return 1
					}
					return -1
				}
				if x := batch.CompareRows(c, i, c, j); x != 0 {
					if orders[n].Descending {
						return -x
					}
					return x
				}
			}
			return 0
		}
		for i := range in.N {
			for j := range in.N {
				if got, want := bytes.Compare(key(i), key(j)), compare(i, j); got != want {
					rt.Fatalf("rows %d and %d of %v: keys compare %d, rows %d", i, j, batchtest.Rows(in), got, want)
				}
			}
		}
	})
}
