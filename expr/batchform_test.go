package expr

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
)

// evaluate gives the texts of an expression over a batch: NULL for null, and the class of a row that fails.
func evaluate(t *testing.T, text string, in *batch.Batch, o Options) string {
	t.Helper()
	b, err := Bind(text, in.Schema, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := &Context{Pool: batch.NewPool()}
	c, err := b.Eval(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	out := make([]string, in.N)
	for i := range out {
		out[i] = "NULL"
		if !c.IsNull(i) {
			out[i] = string(appendValue(nil, c, i, o.zone()))
		}
	}
	for _, e := range ctx.Rejected {
		out[e.Row] = e.Class
	}
	return strings.Join(out, " | ")
}

// columnsOf makes a batch of columns c0, c1, ... of constants: a list for each, of a type.
func columnsOf(t *testing.T, types []batch.Type, values ...[]string) *batch.Batch {
	t.Helper()
	in := &batch.Batch{Schema: batch.NewSchema(), N: len(values[0])}
	for k, l := range values {
		rows := batch.NewBuilder(types[k], nil)
		for _, v := range l {
			b, err := Bind("cast("+v+" as "+types[k].String()+")", batch.NewSchema(), NewOptions())
			if err != nil {
				t.Fatal(err)
			}
			one, err := b.Eval(&Context{}, &batch.Batch{N: 1})
			if err != nil {
				t.Fatal(err)
			}
			rows.AppendRows(one, []int32{0})
		}
		in.Schema.Fields = append(in.Schema.Fields, batch.Field{Name: fmt.Sprintf("c%d", k), Type: types[k], Nullable: true})
		in.Columns = append(in.Columns, rows.Finish())
	}
	return in
}

func timesOf(of ...int64) *batch.Column {
	b := batch.NewBuilder(batch.TimestampType, nil)
	for _, v := range of {
		b.Int64(v)
	}
	return b.Finish()
}

func TestListsOfABatch(t *testing.T) {
	ints, texts := batch.ArrayType(batch.IntType, true), batch.ArrayType(batch.StringType, true)
	in := columnsOf(t, []batch.Type{ints, texts, batch.BigIntType}, []string{"array()", "array(1, 2)", "null", "array(3)"}, []string{"array('1', '2')", "array('x')", "null", "array('3', null)"},
		[]string{"1", "2", "9223372036854775807", "9223372036854775807"})
	for text, want := range map[string]string{
		"concat(c0, c0)":          "[] | [1, 2, 1, 2] | NULL | [3, 3]", // an empty list is no list of all elements
		"concat(c0, array(7))":    "[7] | [1, 2, 7] | NULL | [3, 7]",
		"cast(c1 as array<int>)":  "[1, 2] | CAST_INVALID_INPUT | NULL | [3, null]",
		"array_contains(c0, c2)":  "false | true | NULL | false",
		"cast(c1 as array<date>)": "CAST_INVALID_INPUT | CAST_INVALID_INPUT | NULL | CAST_INVALID_INPUT",
	} {
		if got := evaluate(t, text, in, NewOptions()); got != want {
			t.Errorf("%s: %s; want %s", text, got, want)
		}
		in.Sel = []int32{0, 3}
		if got := evaluate(t, text, in, NewOptions()); strings.Contains(strings.Split(got, " | ")[1], "CAST") {
			t.Errorf("%s fails for a row that does not count: %s", text, got)
		}
		in.Sel = nil
	}
}

func TestLocateOverADictionary(t *testing.T) {
	entries := batch.NewBuilder(batch.StringType, nil)
	entries.String("b")
	d := batch.NewPool().NewDict(entries.Finish(), 3)
	copy(d.I32, []int32{0, 0, 0})
	d.NewValid().Clear(1)
	in := batch.NewBatch(batch.NewSchema(batch.Field{Name: "c", Type: batch.StringType, Nullable: true}), 3, d)
	if got := evaluate(t, "locate('b', c, cast(null as int))", in, NewOptions()); got != "0 | 0 | 0" {
		t.Errorf("%s; a place that is null gives 0, also in a text that is null", got)
	}
}

func TestTextsOfTheFirstAndLastTime(t *testing.T) {
	times := func(of ...int64) *batch.Batch {
		return batch.NewBatch(batch.NewSchema(batch.Field{Name: "c", Type: batch.TimestampType}), len(of), timesOf(of...))
	}
	got := evaluate(t, "date_format(c, 'yyyy-MM')", times(math.MinInt64, math.MaxInt64, 0), NewOptions())
	first, last, _ := strings.Cut(got, " | ")
	last, _, _ = strings.Cut(last, " | ")
	if alone := evaluate(t, "date_format(c, 'yyyy-MM')", times(math.MaxInt64), NewOptions()); alone != last || first == last {
		t.Errorf("%s, and %s alone", got, alone)
	}
}

// TestTruncationKeepsTheOffset has what Spark gives where a clock is there twice, or where offsets are no whole hours.
func TestTruncationKeepsTheOffset(t *testing.T) {
	for _, c := range []struct {
		zone, unit string
		at, want   int64
	}{
		{"Australia/Lord_Howe", "HOUR", 499189945, -1345}, {"Australia/Lord_Howe", "HOUR", 499191745, -1345},
		{"Atlantic/Azores", "DAY", 433379464, -79864}, {"Atlantic/Azores", "DAY", 433384705, -85105},
	} {
		o := NewOptions()
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		o.Zone = zone
		in := batch.NewBatch(batch.NewSchema(batch.Field{Name: "c", Type: batch.TimestampType}), 1, timesOf(c.at*1e6))
		if got := evaluate(t, "cast(date_trunc('"+c.unit+"', c) as bigint) - cast(c as bigint)", in, o); got != fmt.Sprint(c.want) {
			t.Errorf("%s of %d in %s is %s seconds off, want %d", c.unit, c.at, c.zone, got, c.want)
		}
	}
}

// What Spark has no reason to look at fails no row: 1 / 0 beside a null.
func TestNullsEndARowBeforeItFails(t *testing.T) {
	in := columnsOf(t, []batch.Type{batch.IntType, batch.IntType, batch.StringType, batch.ArrayType(batch.IntType, true)},
		[]string{"null", "1", "null", "2"}, []string{"0", "0", "1", "2"}, []string{"null", "'x'", "'y'", "'ab'"}, []string{"null", "array(1)", "array(2)", "array(1, 2, 3)"})
	for text, want := range map[string]string{
		"c0 + 1 / c1":                       "NULL | DIVIDE_BY_ZERO | NULL | 2.5",
		"(1 / c1) - c0":                     "DIVIDE_BY_ZERO | DIVIDE_BY_ZERO | NULL | -1.5",
		"(1 / c1) / c0":                     "NULL | DIVIDE_BY_ZERO | NULL | 0.25",
		"c0 < 1 / c1":                       "NULL | DIVIDE_BY_ZERO | NULL | false",
		"c0 <=> 1 / c1":                     "DIVIDE_BY_ZERO | DIVIDE_BY_ZERO | false | false",
		"left(c2, cast(1 / c1 as int))":     "NULL | DIVIDE_BY_ZERO | y | ",
		"concat(c2, 1 / c1)":                "DIVIDE_BY_ZERO | DIVIDE_BY_ZERO | y1.0 | ab0.5",
		"c3[cast(1 / c1 as int)]":           "NULL | DIVIDE_BY_ZERO | INVALID_ARRAY_INDEX | 1",
		"c0 + (c1 + (1 / c1) + (1 / c1))":   "NULL | DIVIDE_BY_ZERO | NULL | 5.0",
		"c0 + (1 % c1) * (c0 + 1 / c1)":     "NULL | REMAINDER_BY_ZERO | NULL | 4.5",
		"array(c0 + 1 / c1, c0 - (1 / c1))": "[null, null] | DIVIDE_BY_ZERO | [null, null] | [2.5, 1.5]",
	} {
		if got := evaluate(t, text, in, NewOptions()); got != want {
			t.Errorf("%s: %s; want %s", text, got, want)
		}
	}
}

// A function of columns that panics over its types, or gives no column, is an error and takes nobody down.
func TestUserFunctionsThatGiveNothing(t *testing.T) {
	var g Registry
	eval := func(*batch.Pool, int, []int32, []*batch.Column) (*batch.Column, error) { return nil, nil }
	for name, types := range map[string]func([]batch.Type) (batch.Type, error){
		"typeless": func(args []batch.Type) (batch.Type, error) { return args[1], nil },
		"empty":    func([]batch.Type) (batch.Type, error) { return batch.IntType, nil },
	} {
		if err := g.Add(UserFunction{Name: name, Type: types, Eval: eval}); err != nil {
			t.Fatal(err)
		}
	}
	in, o := columnsOf(t, []batch.Type{batch.IntType}, []string{"1"}), NewOptions()
	o.Functions = &g
	if _, err := Bind("typeless(c0)", in.Schema, o); err == nil || !strings.Contains(err.Error(), "function typeless") {
		t.Errorf("typeless: %v", err)
	}
	b, err := Bind("empty(c0)", in.Schema, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Eval(&Context{}, in); err == nil || !strings.Contains(err.Error(), "no column") {
		t.Errorf("empty: %v", err)
	}
}
