package expr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

var fusedColumns = batch.NewSchema(
	batch.Field{Name: "a", Type: batch.DecimalType(15, 2), Nullable: true}, batch.Field{Name: "b", Type: batch.DecimalType(15, 2), Nullable: true},
	batch.Field{Name: "c", Type: batch.DecimalType(9, 4), Nullable: true}, batch.Field{Name: "d", Type: batch.DecimalType(18, 0), Nullable: true},
	batch.Field{Name: "e", Type: batch.DecimalType(38, 6), Nullable: true}, batch.Field{Name: "i", Type: batch.IntType, Nullable: true})

// fusedText draws a tree of sums and products.
func fusedText(rnd *rand.Rand, depth int) string {
	if depth == 0 || rnd.IntN(6) == 0 {
		return []string{"a", "b", "c", "d", "e", "i", "a", "c", "1", "-7", "0.05", "12345.678", "999999999999999999"}[rnd.IntN(13)]
	}
	return "(" + fusedText(rnd, depth-1) + []string{" + ", " - ", " * ", " * "}[rnd.IntN(4)] + fusedText(rnd, depth-1) + ")"
}

// fusedRows draws rows of numbers of up to so many digits.
func fusedRows(rnd *rand.Rand, n, digits int) *batch.Batch {
	var columns []*batch.Column
	for _, f := range fusedColumns.Fields {
		b := batch.NewBuilder(f.Type, nil)
		for range n {
			v := batch.Int128From(int64(rnd.Uint64()))
			most := batch.Pow10(min(digits, 18))
			if f.Type.Kind == batch.Decimal {
				most = batch.Pow10(min(digits, int(f.Type.Precision)))
			}
			if digits > 18 && f.Type.Precision > 18 {
				v, _ = v.Mul(batch.Int128From(int64(rnd.Uint64() >> 2)))
			}
			_, v = v.QuoRem(most)
			switch {
			case rnd.IntN(10) == 0:
				b.Null()
			case f.Type.Kind == batch.Int:
				b.Int32(int32(v.Lo))
			default:
				b.Decimal(v)
			}
		}
		columns = append(columns, b.Finish())
	}
	return batch.NewBatch(fusedColumns, n, columns...)
}

// unfused takes from a tree what computes several steps at once.
func unfused(n *node) {
	n.fused = nil
	for _, a := range n.args {
		unfused(a)
	}
}

// TestFusedDecimals holds trees of sums and products that are computed at once against the same computed step by step: numbers, nulls, and rows that fail.
func TestFusedDecimals(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 1))
	took := 0
	for range 1500 {
		text := fusedText(rnd, 1+rnd.IntN(4))
		o := NewOptions()
		o.ANSI = rnd.IntN(2) == 0
		whole, err := Bind(text, fusedColumns, o)
		if err != nil {
			continue // types without room for a result
		}
		steps, err := Bind(text, fusedColumns, o)
		if err != nil {
			t.Fatal(err)
		}
		unfused(steps.root)
		in := fusedRows(rnd, 1+rnd.IntN(2000), 1+rnd.IntN([]int{6, 12, 24}[rnd.IntN(3)]))
		if rnd.IntN(2) == 0 {
			for i := range in.N {
				if rnd.IntN(3) > 0 {
					in.Sel = append(in.Sel, int32(i))
				}
			}
		}
		if f := whole.root.fused; f != nil {
			if v, ok, _ := f.compute(newRun(&Context{}, in), in.Sel, whole.root.t); ok {
				took++
				v.c.Release()
			}
		}
		if got, want := told(t, whole, in), told(t, steps, in); got != want {
			t.Fatalf("%s: at once\n%s\nstep by step\n%s", text, got, want)
		}
	}
	if took < 100 {
		t.Errorf("only %d trees were computed at once", took)
	}
}

// told evaluates, and says what came of each row.
func told(t *testing.T, b *Bound, in *batch.Batch) string {
	t.Helper()
	ctx := &Context{}
	c, err := b.Eval(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	for i := range in.Rows() {
		s.Write(batch.AppendJSON(nil, c, int(in.Row(i))))
		s.WriteByte('\n')
	}
	for _, r := range ctx.Rejected {
		fmt.Fprintln(&s, r.Row, r.Class, r.Message)
	}
	return s.String()
}
