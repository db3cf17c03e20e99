package expr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"pgregory.net/rapid"
)

// numbers is a batch of a list of ints and an int, some null, as columns x and n.
func numbers(lists [][]int32, ns []int32) *batch.Batch {
	t := batch.ArrayType(batch.IntType, true)
	s := batch.NewSchema(batch.Field{Name: "x", Type: t, Nullable: true}, batch.Field{Name: "n", Type: batch.IntType, Nullable: true})
	x, n := batch.NewBuilder(t, nil), batch.NewBuilder(batch.IntType, nil)
	for i, l := range lists {
		if l == nil {
			x.Null()
		} else {
			for _, v := range l {
				x.Kids[0].Int32(v)
			}
			x.List()
		}
		n.Int32(ns[i])
	}
	return batch.NewBatch(s, len(lists), x.Finish(), n.Finish())
}

func evalRows(t testing.TB, text string, in *batch.Batch) []string {
	b, err := Bind(text, in.Schema, NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	ctx := &Context{Pool: batch.NewPool()}
	c, err := b.Eval(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	var l []string
	for i := range in.Rows() {
		row := in.Row(i)
		if c.IsNull(row) {
			l = append(l, "NULL")
		} else {
			l = append(l, string(appendValue(nil, c, row, b.options.zone())))
		}
	}
	for _, e := range ctx.Rejected {
		l = append(l, fmt.Sprintf("row %d: %s", e.Row, e.Class))
	}
	return l
}

// TestLambdas holds lambdas that read columns around them, and lambdas in lambdas.
func TestLambdas(t *testing.T) {
	in := numbers([][]int32{{1, 2, 3}, nil, {}, {4}}, []int32{10, 20, 30, 0})
	for text, want := range map[string]string{
		"transform(x, e -> e + n)":                              "[11, 12, 13] NULL [] [4]",
		"transform(x, (e, i) -> e * i)":                         "[0, 2, 6] NULL [] [0]",
		"transform(x, n -> n + 1)":                              "[2, 3, 4] NULL [] [5]",
		"filter(x, e -> e > 1 AND n > 0)":                       "[2, 3] NULL [] []",
		"exists(x, e -> e = 4)":                                 "false NULL false true",
		"forall(x, e -> e < 4)":                                 "true NULL true false",
		"aggregate(x, n, (a, e) -> a + e)":                      "16 NULL 30 4",
		"aggregate(x, n, (a, e) -> a + e, a -> a * n)":          "160 NULL 900 0",
		"transform(x, e -> aggregate(x, e, (a, f) -> a + f*n))": "[61, 62, 63] NULL [] [4]",
		"zip_with(x, array(1, n), (a, b) -> a + b)":             "[2, 12, null] NULL [null, null] [5, null]",
		"transform(x, e -> if(n = 0, 0, e div n))":              "[0, 0, 0] NULL [] [0]",
		"transform(x, e -> e div n)":                            "[0, 0, 0] NULL [] [null] row 3: DIVIDE_BY_ZERO",
		"array_sort(x, (a, b) -> b - a)":                        "[3, 2, 1] NULL [] [4]",
		"map_filter(map(1, n, 2, 3), (k, v) -> v > 5)":          "{1 -> 10} {1 -> 20} {1 -> 30} {}",
		"transform_values(map('a', n), (k, v) -> v + 1)":        "{a -> 11} {a -> 21} {a -> 31} {a -> 1}",
		"transform_keys(map('a', n), (k, v) -> v)":              "{10 -> 10} {20 -> 20} {30 -> 30} {0 -> 0}",
	} {
		if got := strings.Join(evalRows(t, text, in), " "); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
	in.Sel = []int32{0, 2}
	if got := strings.Join(evalRows(t, "transform(x, e -> 1 div (n - n + e - e + 1))", in), " "); got != "[1, 1, 1] []" {
		t.Errorf("with a selection: %s", got)
	}
	if got := strings.Join(evalRows(t, "transform(x, e -> 1 div n)", in), " "); got != "[0, 0, 0] []" {
		t.Errorf("a row that does not count: %s", got)
	}
}

// TestSortByLambda compares array_sort by a lambda with a stable sort.
func TestSortByLambda(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lists := rapid.SliceOfN(rapid.SliceOfN(rapid.Int32Range(0, 40), 0, 40), 1, 8).Draw(t, "lists")
		in := numbers(lists, make([]int32, len(lists)))
		b, err := Bind("array_sort(x, (a, b) -> cast(a div 10 - b div 10 AS int))", in.Schema, NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		c, err := b.Eval(&Context{Pool: batch.NewPool()}, in)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range lists {
			want := slices.Clone(l)
			slices.SortStableFunc(want, func(a, b int32) int { return cmp.Compare(a/10, b/10) })
			if got := c.Kids[0].I32[c.Off[i]:c.Off[i+1]]; !slices.Equal(got, want) {
				t.Fatalf("%v sorted is %v, want %v", l, got, want)
			}
		}
		c.Release()
	})
}

// TestColumnsOfJSONTuple holds that json_tuple as an item makes columns.
func TestColumnsOfJSONTuple(t *testing.T) {
	items, err := BindSelect([]string{`json_tuple('{"a":1,"b":{"c":"x"}}', 'a', 'b', 'd')`}, batch.NewSchema(), NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range items {
		c, err := i.Eval(&Context{}, &batch.Batch{N: 1})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, i.Name+" "+string(batch.AppendText(nil, c, 0)))
	}
	if want := `c0 1|c1 {"c":"x"}|c2 NULL`; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
}
