package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// crowd has 5,000 parts in each of n rows; the middle one fails a cast if it is asked for one.
func crowd(n int) *batch.Batch {
	schema := batch.NewSchema(batch.Field{Name: "s", Type: batch.StringType, Nullable: true}, batch.Field{Name: "i", Type: batch.StringType, Nullable: true})
	text, number := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.StringType, nil)
	parts := strings.Repeat(",", 4_999)
	for i := range n {
		text.String(parts)
		number.String(map[bool]string{true: "x", false: "7"}[i == n-2])
	}
	return batch.NewBatch(schema, n, text.Finish(), number.Finish())
}

// No row fails for what its neighbours hold, however many elements the lists of a batch have together.
func TestRowsDoNotFailForTheirNeighbours(t *testing.T) {
	const n = 3_500
	in := crowd(n)
	for k, text := range []string{
		"size(split(s, ','))",
		"size(transform(split(s, ','), x -> 1))",
		"length(repeat(s, 20)) div 20 + 1",
	} {
		bound, err := Bind(text, in.Schema, NewOptions())
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, sel := range [][]int32{nil, {1, 3, n - 1}} { // the others do not count
			if sel != nil && k > 0 {
				continue
			}
			ctx := &Context{}
			in.Sel = sel
			c, err := bound.Eval(ctx, in)
			if err != nil || len(ctx.Rejected) > 0 || c.N != n {
				t.Fatalf("%s: %v, %d rejected, %.1v", text, err, len(ctx.Rejected), ctx.Rejected)
			}
			for i := range in.Rows() {
				if row := in.Row(i); c.IsNull(row) || c.Type.Kind == batch.Int && c.I32[row] != 5_000 {
					t.Fatalf("%s: row %d is wrong", text, row)
				}
			}
			c.Release()
		}
	}
	in.Sel = nil
	select2 := func(ctx *Context) ([]*batch.Column, error) {
		first, err := Bind("cast(i as int)", in.Schema, NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		second, err := Bind("split(s, ',')", in.Schema, NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		return EvalAll(ctx, []*Bound{first, second}, in)
	}
	ctx := &Context{}
	out, err := select2(ctx)
	if err != nil || len(ctx.Rejected) != 1 || ctx.Rejected[0].Row != n-2 || out[1].N != n || int(out[1].Off[n]) != n*5_000 {
		t.Fatalf("%v %v", err, ctx.Rejected)
	}
	ctx = &Context{Halves: true}
	if _, err := select2(ctx); !errors.Is(err, ErrCrowded) || len(ctx.Rejected) != 0 || ctx.seen.Get(n-2) {
		t.Fatalf("%v %v", err, ctx.Rejected)
	}
}
