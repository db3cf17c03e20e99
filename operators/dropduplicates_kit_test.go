package operators_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
)

// DropDuplicates at parallelism 1, 2 and 7, restored at another number, equals
// a Go map that keeps the first row of each key.
func TestDropDuplicatesEqualsAGoMap(t *testing.T) {
	schema := batch.NewSchema(
		batch.Field{Name: "n", Type: batch.BigIntType},
		batch.Field{Name: "s", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "i", Type: batch.IntType, Nullable: true})
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		keys := rapid.SampledFrom([][]int{{1}, {2}, {1, 2}, {2, 1}}).Draw(rt, "keys")
		count := rapid.IntRange(1, 40).Draw(rt, "rows")
		n, s, i := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.StringType, pool), batch.NewBuilder(batch.IntType, pool)
		seen, first := map[string]bool{}, 0
		for row := range count {
			n.Int64(int64(row))
			texts := [3]string{1: "null", 2: "null"}
			if v := rapid.IntRange(-1, 3).Draw(rt, "s"); v < 0 {
				s.Null()
			} else {
				texts[1] = fmt.Sprint("s", v)
				s.String(texts[1])
			}
			if v := rapid.IntRange(-1, 3).Draw(rt, "i"); v < 0 {
				i.Null()
			} else {
				texts[2] = fmt.Sprint("i", v)
				i.Int32(int32(v))
			}
			key := ""
			for _, k := range keys {
				key += texts[k] + "|"
			}
			if !seen[key] {
				seen[key] = true
				first += row
			}
		}
		rows := batch.NewBatch(schema, count, n.Finish(), s.Finish(), i.Finish())
		out := operatortest.Check(t, operatortest.Kit{Rows: rows, Keys: keys, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			New: func() (operators.Operator, error) { return operators.NewDropDuplicates(schema, keys...) }})
		rows.Release()
		got := 0
		for _, r := range out {
			var row int
			if _, err := fmt.Sscanf(r, `{"n":%d`, &row); err != nil {
				rt.Fatal(err)
			}
			got += row
		}
		if len(out) != len(seen) || got != first {
			rt.Fatalf("got %v, want %d rows", out, len(seen))
		}
	})
}
