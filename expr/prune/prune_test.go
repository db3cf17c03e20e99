package prune_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/prune"
)

var structType = batch.StructType(batch.Field{Name: "x", Type: batch.BigIntType, Nullable: true})

var schema = batch.NewSchema(
	batch.Field{Name: "i", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "f", Type: batch.DoubleType, Nullable: true},
	batch.Field{Name: "t", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "d", Type: batch.DateType, Nullable: true},
	batch.Field{Name: "b", Type: batch.BooleanType, Nullable: true},
	batch.Field{Name: "p", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "q", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "s", Type: structType, Nullable: true},
)

func constant(name string) bool { return name == "p" || name == "q" }

var texts = []string{"", "a", "ab", "abc", "b", "bz", "ä", "\U0001F600", "zz"}

// unit returns the rows of a unit: values from a small range that differs between units.
func unit(r *rand.Rand) *batch.Batch {
	n := 1 + r.IntN(4)
	var b []*batch.Builder
	for _, f := range schema.Fields {
		b = append(b, batch.NewBuilder(f.Type, nil))
	}
	base, nulls := r.IntN(12), r.IntN(3)
	null := func(c *batch.Builder) bool {
		if nulls == 2 || nulls == 1 && r.IntN(3) == 0 {
			c.Null()
			return true
		}
		return false
	}
	p, q := int32(r.IntN(12)), texts[r.IntN(len(texts))]
	isNull := r.IntN(5) == 0
	for range n {
		if !null(b[0]) {
			b[0].Int32(int32(base + r.IntN(3)))
		}
		if !null(b[1]) {
			b[1].Float64([]float64{float64(base), float64(base) + 0.5, math.NaN(), math.Copysign(0, -1)}[r.IntN(4)])
		}
		if !null(b[2]) {
			b[2].String(texts[(base+r.IntN(2))%len(texts)])
		}
		if !null(b[3]) {
			b[3].Int32(int32(19700 + base + r.IntN(3)))
		}
		if !null(b[4]) {
			b[4].Bool(base%2 == 0)
		}
		if isNull {
			b[5].Null()
			b[6].Null()
		} else {
			b[5].Int32(p)
			b[6].String(q)
		}
		if !null(b[7]) {
			if !null(b[7].Kids[0]) {
				b[7].Kids[0].Int64(int64(base + r.IntN(3)))
			}
			b[7].Struct()
		}
	}
	out := batch.NewBatch(schema, n)
	for _, x := range b {
		out.Columns = append(out.Columns, x.Finish())
	}
	return out
}

// at returns the column at the end of a path.
func at(b *batch.Batch, path []batch.Field) (*batch.Column, func(row int) bool) {
	c := b.Columns[schema.Index(path[0].Name)]
	if len(path) == 1 {
		return c, c.IsNull
	}
	return c.Kids[0], func(row int) bool { return c.IsNull(row) || c.Kids[0].IsNull(row) }
}

// boundsOf computes the bounds of a column in every unit; some are not known, and constant columns hold their value.
func boundsOf(r *rand.Rand, units []*batch.Batch, c *prune.Column) prune.Bounds {
	out := prune.Bounds{NoNull: make(batch.Bitmap, 1), AllNull: make(batch.Bitmap, 1)}
	least, greatest := batch.NewBuilder(c.Type(), nil), batch.NewBuilder(c.Type(), nil)
	for u, b := range units {
		column, isNull := at(b, c.Path)
		lo, hi, nulls := -1, -1, 0
		for row := range b.N {
			if isNull(row) {
				nulls++
				continue
			}
			if c.Type().Kind == batch.Double && math.IsNaN(column.F64[row]) {
				continue
			}
			if lo < 0 || batch.CompareRows(column, row, column, lo) < 0 {
				lo = row
			}
			if hi < 0 || batch.CompareRows(column, row, column, hi) > 0 {
				hi = row
			}
		}
		out.NoNull.Put(u, nulls == 0 && (c.Constant || r.IntN(4) > 0))
		out.AllNull.Put(u, nulls == b.N && (c.Constant || r.IntN(4) > 0))
		put(least, column, lo, !c.Constant && r.IntN(5) == 0)
		put(greatest, column, hi, !c.Constant && r.IntN(5) == 0)
	}
	out.Min, out.Max = least.Finish(), greatest.Finish()
	return out
}

func put(b *batch.Builder, c *batch.Column, row int, unknown bool) {
	if row < 0 || unknown {
		b.Null()
		return
	}
	switch c.Type.Kind {
	case batch.Boolean:
		b.Bool(c.Bool(row))
	case batch.Int, batch.Date:
		b.Int32(c.I32[row])
	case batch.BigInt:
		b.Int64(c.I64[row])
	case batch.Double:
		b.Float64(c.F64[row])
	default:
		b.Bytes(c.Bytes(row))
	}
}

// term returns a condition that can be pruned by, or not.
func term(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(2) == 0 {
		switch r.IntN(3) {
		case 0:
			return "(" + term(r, depth-1) + " AND " + term(r, depth-1) + ")"
		case 1:
			return "(" + term(r, depth-1) + " OR " + term(r, depth-1) + ")"
		}
		return "NOT (" + term(r, depth-1) + ")"
	}
	n := r.IntN(14)
	op := []string{"<", "<=", ">", ">=", "=", "<>", "<=>"}[r.IntN(7)]
	text := "'" + texts[r.IntN(len(texts))] + "'"
	terms := []string{
		fmt.Sprintf("i %s %d", op, n), fmt.Sprintf("%d %s i", n, op), fmt.Sprintf("i %s '%d'", op, n), fmt.Sprintf("i %s %d.5", op, n),
		fmt.Sprintf("f %s %d", op, n), fmt.Sprintf("f %s double('NaN')", op), fmt.Sprintf("f %s 0.0", op), fmt.Sprintf("t %s %s", op, text),
		fmt.Sprintf("d %s date_add(DATE '2023-12-09', %d)", op, n), fmt.Sprintf("d %s '2023-12-1%d'", op, n%10),
		fmt.Sprintf("d %s TIMESTAMP '2023-12-1%d 12:00:00'", op, n%10),
		"b", "NOT b", "b IS TRUE", fmt.Sprintf("p %s %d", op, n), fmt.Sprintf("p %% 3 = %d", n%3), fmt.Sprintf("q %s %s", op, text), "upper(q) = 'AB'",
		fmt.Sprintf("s.x %s %d", op, n), "s.x IS NULL", "i IS NULL", "i IS NOT NULL", "q IS NULL", fmt.Sprintf("i %s p", op), fmt.Sprintf("d %s d", op),
		fmt.Sprintf("i IN (%d, %d, 100)", n, n+1), fmt.Sprintf("t IN (%s, 'ab')", text), fmt.Sprintf("f IN (%d, double('NaN'))", n),
		fmt.Sprintf("i NOT IN (%d)", n), fmt.Sprintf("i BETWEEN %d AND %d", n, n+2), fmt.Sprintf("i NOT BETWEEN %d AND %d", n, n+2),
		"i IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,-5)",
		"t LIKE 'ab%'", "t LIKE 'a_'", "t NOT LIKE 'a%'", "startswith(t, 'b')", "t LIKE 'ä%'",
		fmt.Sprintf("i + 1 > %d", n), "length(t) > 1", "i IS NOT DISTINCT FROM 3", "1 = 1", "1 = 2",
	}
	return terms[r.IntN(len(terms))]
}

// TestNothingIsLost prunes random units by random conditions: no unit that is left out has a row for which the condition is true,
// and units are left out.
func TestNothingIsLost(t *testing.T) {
	pool := batch.NewPool()
	batchtest.CheckLeaks(t, pool)
	left, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		text := term(r, 2)
		rows, err := expr.Bind(text, schema, expr.NewOptions())
		if err != nil {
			return
		}
		c, err := prune.New(text, schema, expr.NewOptions(), constant)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if c == nil {
			return
		}
		var units []*batch.Batch
		for range 1 + r.IntN(30) {
			units = append(units, unit(r))
		}
		var bounds []prune.Bounds
		for i := range c.Columns() {
			bounds = append(bounds, boundsOf(r, units, &c.Columns()[i]))
		}
		kept, err := c.Keep(&expr.Context{Pool: pool}, len(units), bounds, nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		isKept := map[int32]bool{}
		for _, u := range kept {
			isKept[u] = true
		}
		for u, b := range units {
			if all++; isKept[int32(u)] {
				continue
			}
			left++
			context := &expr.Context{}
			result, err := rows.Eval(context, b)
			if err != nil {
				t.Fatal(err)
			}
			if len(context.Rejected) > 0 {
				t.Fatalf("%s: unit %d is left out, and has a row that fails:\n%v", text, u, batchtest.Rows(b))
			}
			if found := expr.Where(result, nil, nil); len(found) > 0 {
				t.Fatalf("%s: unit %d is left out, and has rows %v of\n%v", text, u, found, batchtest.Rows(b))
			}
		}
	})
	if left < all/10 {
		t.Errorf("%d of %d units are left out", left, all)
	}
	t.Logf("%d of %d units are left out", left, all)
}

// TestWhatTells says which conditions bounds tell something about.
func TestWhatTells(t *testing.T) {
	for text, tells := range map[string]bool{
		"i > 5": true, "i > 5 OR length(t) = 1": false, "i > 5 AND length(t) = 1": true, "i + 1 > 5": false, "t > 5": false,
		"p + 1 > 5": true, "s.x = 1": true, "s IS NULL": false, "f > 1": true,
		"i IS DISTINCT FROM 1": false, "true": false, "p = i": true, "transform(array(p), i -> i + 1)[0] = 1": false,
	} {
		c, err := prune.New(text, schema, expr.NewOptions(), constant)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if (c != nil) != tells {
			t.Errorf("%s: bounds tell %v, want %v", text, c != nil, tells)
		}
	}
	if _, err := prune.New("i >", schema, expr.NewOptions(), nil); err == nil {
		t.Error("a condition that is cut off was taken")
	}
}

func ExampleCondition_Keep() {
	files := batch.NewSchema(batch.Field{Name: "price", Type: batch.IntType})
	c, err := prune.New("price BETWEEN 10 AND 20", files, expr.NewOptions(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ints := func(values ...int32) *batch.Column {
		b := batch.NewBuilder(batch.IntType, nil)
		for _, v := range values {
			b.Int32(v)
		}
		return b.Finish()
	}
	kept, err := c.Keep(&expr.Context{}, 3, []prune.Bounds{{Min: ints(0, 15, 21), Max: ints(9, 30, 40)}}, nil)
	fmt.Println(kept, err)
	// Output: [1] <nil>
}
