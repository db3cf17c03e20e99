package operators_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
)

var readings = batch.NewSchema(
	batch.Field{Name: "a", Type: batch.DoubleType, Nullable: true},
	batch.Field{Name: "b", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "the c", Type: batch.IntType, Nullable: true})

// drawReadings returns rows with how many values each has: NaN is none.
func drawReadings(t *rapid.T, pool *batch.Pool) ([][3]bool, *batch.Batch) {
	a, b, c := batch.NewBuilder(batch.DoubleType, pool), batch.NewBuilder(batch.StringType, pool), batch.NewBuilder(batch.IntType, pool)
	var has [][3]bool
	for range rapid.IntRange(1, 20).Draw(t, "rows") {
		v := rapid.IntRange(0, 2).Draw(t, "a")
		switch v {
		case 0:
			a.Null()
		case 1:
			a.Float64(math.NaN())
		default:
			a.Float64(2.5)
		}
		here := [3]bool{v == 2, rapid.Bool().Draw(t, "b"), rapid.Bool().Draw(t, "c")}
		if here[1] {
			b.String("x")
		} else {
			b.Null()
		}
		if here[2] {
			c.Int32(7)
		} else {
			c.Null()
		}
		has = append(has, here)
	}
	return has, batch.NewBatch(readings, len(has), a.Finish(), b.Finish(), c.Finish())
}

func TestDropNACountsValues(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		has, in := drawReadings(rt, pool)
		least := rapid.IntRange(-1, 3).Draw(rt, "least")
		columns := rapid.SampledFrom([][]int{nil, {0}, {1, 2}}).Draw(rt, "columns")
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			New: func() (operators.Operator, error) { return operators.NewDropNA(readings, least, columns...), nil }})
		in.Release()
		if columns == nil {
			columns = []int{0, 1, 2}
		}
		want := 0
		for _, h := range has {
			n := 0
			for _, c := range columns {
				if h[c] {
					n++
				}
			}
			if least < 0 && n == len(columns) || least >= 0 && n >= least {
				want++
			}
		}
		if len(out) != want {
			rt.Fatalf("%d rows passed, want %d: %v", len(out), want, out)
		}
	})
}

func TestFillNAFillsColumnsOfTheValuesKind(t *testing.T) {
	for _, c := range []struct {
		fills []operators.Fill
		want  string // of a row without any value
	}{
		{[]operators.Fill{{Value: "0"}}, `{"a":0.0,"b":null,"the c":0}`},
		{[]operators.Fill{{Value: "'none'"}}, `{"a":null,"b":"none","the c":null}`},
		{[]operators.Fill{{Value: "1.5", Columns: []string{"THE C"}}, {Value: "2"}}, `{"a":2.0,"b":null,"the c":1}`},
		{[]operators.Fill{{Value: "true"}}, `{"a":null,"b":null,"the c":null}`},
	} {
		items, err := operators.FillNA(readings, c.fills, expr.NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		columns := make([]*batch.Column, 3)
		for i, f := range readings.Fields {
			b := batch.NewBuilder(f.Type, nil)
			b.Null()
			columns[i] = b.Finish()
		}
		project, out := operators.NewProject(items), &collect{}
		if err := project.Open(&operators.Context{}); err != nil {
			t.Fatal(err)
		}
		if err := project.Process(batch.NewBatch(readings, 1, columns...), 0, out); err != nil {
			t.Fatal(err)
		}
		if got := string(batch.AppendRowJSON(nil, out.batches[0], 0)); strings.ReplaceAll(got, ".0", "") != strings.ReplaceAll(c.want, ".0", "") {
			t.Errorf("%v: got %s, want %s", c.fills, got, c.want)
		}
	}
	for _, f := range []operators.Fill{{Value: "array(1)"}, {Value: "0", Columns: []string{"d"}}} {
		if _, err := operators.FillNA(readings, []operators.Fill{f}, expr.NewOptions()); err == nil {
			t.Errorf("%v is taken", f)
		}
	}
}

func TestUnionByNameBringsColumnsTogether(t *testing.T) {
	o := expr.NewOptions()
	inner := batch.StructType(batch.Field{Name: "x y", Type: batch.ArrayType(batch.DecimalType(9, 2), true), Nullable: true})
	left := batch.NewSchema(batch.Field{Name: "a", Type: batch.IntType}, batch.Field{Name: "B", Type: batch.StringType})
	right := batch.NewSchema(batch.Field{Name: "b", Type: batch.StringType}, batch.Field{Name: "c d", Type: inner})
	if _, _, err := operators.UnionByName(left, right, false, o, o); err == nil || !strings.Contains(err.Error(), `no column "a"`) {
		t.Fatalf("got %v", err)
	}
	l, r, err := operators.UnionByName(left, right, true, o, o)
	if err != nil {
		t.Fatal(err)
	}
	if ls, rs := expr.Schema(l), expr.Schema(r); !ls.Equal(rs) || ls.String() != "a int not null, B string not null, c d "+inner.String() {
		t.Fatalf("left %s, right %s", ls, rs)
	}
	right.Fields[0].Type = batch.IntType
	if _, _, err := operators.UnionByName(left, right, true, o, o); err == nil || !strings.Contains(err.Error(), "INCOMPATIBLE") {
		t.Fatalf("got %v", err)
	}
}

// Rows of an epoch come out in order, in Spark's order of nulls, and equal ones as they came.
func TestSortOrdersEachEpoch(t *testing.T) {
	by := byPrice(t)
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		rows := drawBids(rt, false)
		in := bidRows(pool, rows)
		s := operators.NewSort(bids, by)
		if err := s.Open(&operators.Context{Pool: pool, Epoch: &operators.Epoch{}}); err != nil {
			rt.Fatal(err)
		}
		cut := rapid.IntRange(0, len(rows)).Draw(rt, "cut")
		for _, part := range []*batch.Batch{in.Slice(pool, 0, cut), in.Slice(pool, cut, len(rows))} {
			if err := s.Process(part, 0, nil); err != nil {
				rt.Fatal(err)
			}
			part.Release()
		}
		in.Release()
		out := &collect{}
		if err := s.Flush(out); err != nil {
			rt.Fatal(err)
		}
		slices.SortStableFunc(rows, func(a, b bid) int { return -compareOptional(a.price, b.price) })
		for i, r := range rows {
			if got := string(batch.AppendRowJSON(nil, out.batches[0], i)); got != r.json(0, false) {
				rt.Fatalf("row %d is %s, want %s", i, got, r.json(0, false))
			}
		}
		out.batches[0].Release()
		if err := s.Flush(out); err != nil || len(out.batches) != 1 {
			rt.Fatalf("an epoch without rows: %v, %d batches", err, len(out.batches))
		}
		if err := s.Close(); err != nil || pool.Lent() != 0 {
			rt.Fatalf("%v, %d columns leaked", err, pool.Lent())
		}
	})
}

// A limit on a complete result counts anew in each epoch.
func TestLimitEachBeginsAnew(t *testing.T) {
	l, err := operators.NewLimitEach(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Open(&operators.Context{}); err != nil {
		t.Fatal(err)
	}
	out := &collect{}
	for range 2 {
		in := bidRows(nil, []bid{{text: "a"}, {text: "b"}, {text: "c"}})
		if err := l.Process(in, 0, out); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(out); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.batches) != 2 || out.batches[1].Rows() != 2 {
		t.Fatalf("got %v", out.batches)
	}
	if _, err := operators.NewLimit(-1); err == nil {
		t.Fatal("a negative limit is taken")
	}
}

func ExampleDropNA() {
	in := func() *batch.Batch {
		a, b, c := batch.NewBuilder(batch.DoubleType, nil), batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.IntType, nil)
		a.Float64(1)
		b.String("whole")
		c.Int32(1)
		a.Float64(math.NaN())
		b.String("without a")
		c.Int32(2)
		return batch.NewBatch(readings, 2, a.Finish(), b.Finish(), c.Finish())
	}()
	drop := operators.NewDropNA(readings, -1) // how "any"
	err := drop.Open(&operators.Context{})
	if err == nil {
		err = drop.Process(in, 0, printer{})
	}
	fmt.Println(err)
	// Output:
	// {"a":1,"b":"whole","the c":1}
	// <nil>
}
