package expr_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

func orders() *batch.Schema {
	s, err := parse.DDL("id BIGINT NOT NULL, o STRUCT<region: STRING, `Odd Name`: INT, in: STRUCT<x: INT>>, m MAP<STRING, INT>, value BINARY, amount DECIMAL(10,2), ts TIMESTAMP, twice INT, Twice INT")
	if err != nil {
		panic(err)
	}
	return s
}

// TestNames holds how items are named and stars expanded.
func TestNames(t *testing.T) {
	o := expr.NewOptions()
	o.Qualifiers = []string{"t"}
	items, err := expr.BindSelect([]string{"o.*", "t.id", "o.region", "id + 1", "upper(o.region)", "cast(value AS string)", "m['k']", "m.k", "t.o.in.x AS `a b`", "amount * 2 total", "o.`odd name`", "id = 'x'", "CAST(o.region AS INT)"}, orders(), o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range items {
		names = append(names, i.Name)
	}
	want := "region|Odd Name|in|id|region|(id + 1)|upper(o.region)|value|m[k]|k|a b|total|odd name|(id = x)|CAST(o.region AS INT)"
	if got := strings.Join(names, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	all, err := expr.BindSelect([]string{"*", "t.*"}, orders(), o)
	if err != nil || len(all) != 16 || all[7].Column() != 7 {
		t.Errorf("stars gave %d items, %v", len(all), err)
	}
}

// TestErrors holds class and place of what cannot be bound, and what is near.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text, class string
		column      int
		says        string
	}{
		{"1 + amonut", "UNRESOLVED_COLUMN", 5, "Did you mean amount"},
		{"o.regoin", "FIELD_NOT_FOUND", 1, "Did you mean region"},
		{"twice + 1", "AMBIGUOUS_REFERENCE", 1, "2 columns"},
		{"uper(o.region)", "UNRESOLVED_ROUTINE", 1, "Did you mean upper"},
		{"upper(o.region, 1)", "WRONG_NUM_ARGS", 1, "takes 1 arguments, not 2"},
		{"id AND true", "DATATYPE_MISMATCH", 1, "boolean"},
		{"ts + ts", "DATATYPE_MISMATCH", 1, "timestamp + timestamp"},
		{"ts > true", "DATATYPE_MISMATCH", 1, "cannot be compared"},
		{"m = m", "DATATYPE_MISMATCH", 1, "cannot be compared"},
		{"cast(m as int)", "DATATYPE_MISMATCH", 1, "cannot be cast"},
		{"sum(id)", "INVALID_AGGREGATE", 1, "aggregate"},
		{"id.x", "INVALID_EXTRACT_BASE_FIELD_TYPE", 1, "bigint"},
		{"from_json(value, 'a INTT')", "INVALID_SCHEMA.PARSE_ERROR", 18, "did you mean INT"},
		{"from_json(value, 'a INT', map('mode', 'DROPMALFORMED'))", "DATATYPE_MISMATCH", 1, "PERMISSIVE and FAILFAST"},
		{"from_json(value, 'a INT', map('moed', 'FAILFAST'))", "DATATYPE_MISMATCH", 1, "moed"},
		{"date_format(ts, 'QQQQQ')", "INVALID_DATETIME_PATTERN", 1, "QQQQQ"},
		{"o.region RLIKE '(?=x)'", "INVALID_PARAMETER_VALUE.PATTERN", 1, "RE2"},
		{"o.region RLIKE '[a-z&&[^b]]'", "INVALID_PARAMETER_VALUE.PATTERN", 1, "intersection of classes"},
		{"regexp_replace(o.region, '(b)', '$9')", "INVALID_PARAMETER_VALUE", 33, "groups 0 to 1"},
		{"regexp_replace(o.region, 'b', '$')", "INVALID_PARAMETER_VALUE", 31, "without a group"},
		{"regexp_replace(o.region, 'b', '\\\\')", "INVALID_PARAMETER_VALUE", 31, "at the end"},
		{"regexp_replace(o.region, '(?<n>b)', '${m}')", "INVALID_PARAMETER_VALUE", 37, "${m}"},
		{"datediff(DAYOFYEARS, ts, ts)", "UNRESOLVED_COLUMN", 1, "DAYOFYEARS"},
		{"datediff(DAYOFYEAR, ts, ts)", "INVALID_PARAMETER_VALUE", 1, "DAYOFYEAR"},
		{"timestampadd(NULL, 1, ts)", "UNRESOLVED_ROUTINE", 1, "no unit NULL"},
		{"to_char(12, 'é9')", "INVALID_FORMAT", 13, "no É in"},
		{"count(*)", "INVALID_AGGREGATE", 1, "aggregate"},
		{"id +", "PARSE_SYNTAX_ERROR", 5, "expected"},
	} {
		_, err := expr.Bind(c.text, orders(), expr.NewOptions())
		var f *supervision.Failure
		if !errors.As(err, &f) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if f.Class != c.class || f.Column != c.column || !strings.Contains(f.Message, c.says) || !strings.HasSuffix(strings.TrimRight(f.Message, " "), "^") {
			t.Errorf("%s: column %d %v", c.text, f.Column, f)
		}
	}
}

// TestBound holds what a bound expression says of itself.
func TestBound(t *testing.T) {
	b, err := expr.Bind("amount * 2 > id AND ts < now()", orders(), expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(b.Columns()) != "[0 4 5]" || !b.UsesEpochTime() || !b.Deterministic() || !b.Nullable() || b.Type().Kind != batch.Boolean {
		t.Errorf("columns %v, epoch %t, deterministic %t, nullable %t, type %s", b.Columns(), b.UsesEpochTime(), b.Deterministic(), b.Nullable(), b.Type())
	}
	if b.SQL() != "(((amount * 2) > id) AND (ts < now()))" {
		t.Error(b.SQL())
	}
	if b, _ = expr.Bind("id", orders(), expr.NewOptions()); b.Nullable() || b.Column() != 0 || b.CanReject() {
		t.Error("a plain column is not null, column 0, and rejects nothing")
	}
	if b, _ = expr.Bind("1 + 2", orders(), expr.NewOptions()); len(b.Columns()) != 0 {
		t.Error("a constant reads no column")
	} else if c, ok := b.Constant(); !ok || c.I32[0] != 3 {
		t.Error("1 + 2 is not folded")
	}
}

func records(p *batch.Pool, texts ...string) *batch.Batch {
	b := batch.NewBuilder(batch.BinaryType, p)
	defer b.Release()
	for _, s := range texts {
		if s == "NULL" {
			b.Null()
		} else {
			b.String(s)
		}
	}
	return batch.NewBatch(batch.NewSchema(batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true}), len(texts), b.Finish())
}

// TestQuarantine holds which records are errors of their rows under which mode.
func TestQuarantine(t *testing.T) {
	pool := batch.NewPool()
	in := records(pool, `{"a":1}`, `{"a":`, "NULL", `{"a":"x"}`, "also broken")
	in.Sel = []int32{0, 1, 2, 3}
	for _, c := range []struct {
		text       string
		quarantine bool
		rows       string
	}{
		{"from_json(cast(value AS string), 'a INT')", true, "[1 3]"},
		{"from_json(cast(value AS string), 'a INT')", false, "[]"},
		{"from_json(value, 'a INT', map('mode', 'PERMISSIVE'))", true, "[]"},
		{"from_json(value, 'a INT', map('mode', 'FAILFAST'))", false, "[1 3]"},
		{"from_json(value, 'a INT, _corrupt_record STRING')", true, "[]"},
		{"from_json(value, 'a INT, bad STRING', map('columnNameOfCorruptRecord', 'bad')).bad", true, "[]"},
	} {
		o := expr.NewOptions()
		o.Quarantine = c.quarantine
		b, err := expr.Bind(c.text, in.Schema, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx := &expr.Context{Pool: pool}
		out, err := b.Eval(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		rows := []int32{}
		for _, r := range ctx.Rejected {
			rows = append(rows, r.Row)
			if r.Rule != "from_json" || r.Class != "MALFORMED_RECORD_IN_PARSING" || string(r.Raw) != string(in.Columns[0].Bytes(int(r.Row))) {
				t.Errorf("%s: %+v", c.text, r)
			}
			if !out.IsNull(int(r.Row)) {
				t.Errorf("%s: row %d is rejected and not null", c.text, r.Row)
			}
		}
		if fmt.Sprint(rows) != c.rows {
			t.Errorf("%s: rejected %v, want %s", c.text, rows, c.rows)
		}
		out.Release()
	}
	in.Release()
	if pool.Lent() != 0 {
		t.Errorf("%d columns are still lent", pool.Lent())
	}
}

// TestRowErrors holds that a row is rejected once over several expressions,
// with bounded texts, and that Reset forgets.
func TestRowErrors(t *testing.T) {
	in := records(nil, strings.Repeat("x", 200<<10), "12")
	items, err := expr.BindSelect([]string{"cast(cast(value AS string) AS int) AS a", "1 / cast(cast(value AS string) AS double) AS b"}, in.Schema, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	ctx := &expr.Context{}
	for _, i := range items {
		if _, err := i.Eval(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	if len(ctx.Rejected) != 1 || ctx.Rejected[0].Class != "CAST_INVALID_INPUT" || ctx.Rejected[0].Rule != "cast" ||
		len(ctx.Rejected[0].Raw) != expr.MaxRaw || len(ctx.Rejected[0].Message) > expr.MaxMessage {
		t.Errorf("rejected: %d", len(ctx.Rejected))
	}
	ctx.Reset()
	if _, err := items[0].Eval(ctx, in); err != nil || len(ctx.Rejected) != 1 {
		t.Error("after Reset the row is rejected anew")
	}
}

// TestUserFunction holds a registry's function.
func TestUserFunction(t *testing.T) {
	g := &expr.Registry{}
	twice := expr.UserFunction{Name: "Doubled", Type: func(a []batch.Type) (batch.Type, error) {
		if len(a) != 1 || a[0].Kind != batch.BigInt {
			return batch.Type{}, errors.New("doubled takes one bigint")
		}
		return batch.BigIntType, nil
	}, Eval: func(p *batch.Pool, n int, _ []int32, a []*batch.Column) (*batch.Column, error) {
		c := p.NewColumn(batch.BigIntType, n)
		for i := range c.I64 {
			c.I64[i] = 2 * a[0].I64[i]
		}
		return c, nil
	}}
	if err := g.Add(twice); err != nil {
		t.Fatal(err)
	}
	if g.Add(twice) == nil || g.Add(expr.UserFunction{Name: "upper", Type: twice.Type, Eval: twice.Eval}) == nil {
		t.Error("a name that is taken was given again")
	}
	o := expr.NewOptions()
	o.Functions = g
	b, err := expr.Bind("doubled(21L) + 0", batch.NewSchema(), o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Eval(&expr.Context{}, &batch.Batch{N: 2})
	if err != nil || c.I64[1] != 42 {
		t.Error(c, err)
	}
	if _, err = expr.Bind("doubled('x')", batch.NewSchema(), o); err == nil || !strings.Contains(err.Error(), "one bigint") {
		t.Error(err)
	}
}

// TestRowFunctions holds functions of rows: their types, nulls, errors, panics, and those that are refused.
func TestRowFunctions(t *testing.T) {
	g := &expr.Registry{}
	for _, f := range []expr.UserFunction{
		expr.Function1("length_of", func(s string) (int, error) { return len(s), nil }),
		expr.Function1("or_none", func(s expr.Nullable[string]) (expr.Nullable[string], error) {
			return expr.Nullable[string]{Value: "none", Valid: !s.Valid}, nil
		}),
		expr.Function2("ratio", func(p, q int64) (float64, error) {
			if q == 0 {
				return 0, errors.New("there is nothing to divide by")
			}
			return float64(p) / float64(q), nil
		}),
		expr.Function1("element", func(i int32) (bool, error) { return []bool{true}[i], nil }),
		expr.Function3("all_of", func(a float32, b []byte, c time.Time) (time.Time, error) {
			return c.Add(time.Duration(len(b)) * time.Second), nil
		}),
	} {
		if err := g.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Add(expr.Function1("odd", func(map[string]int) (int, error) { return 0, nil })); err == nil || !strings.Contains(err.Error(), "odd") {
		t.Errorf("a map is taken: %v", err)
	}
	o := expr.NewOptions()
	o.Functions = g
	s := batch.NewSchema(batch.Field{Name: "s", Type: batch.StringType, Nullable: true}, batch.Field{Name: "n", Type: batch.BigIntType})
	sb, nb := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.BigIntType, nil)
	for i, v := range []string{"a", "", "ccc"} {
		if nb.Int64(int64(i)); i == 1 {
			sb.Null()
		} else {
			sb.String(v)
		}
	}
	in := batch.NewBatch(s, 3, sb.Finish(), nb.Finish())
	for text, want := range map[string]string{
		"length_of(s)":               "1 NULL 3",
		"length_of(n)":               "1 1 1",
		"or_none(s)":                 "NULL none NULL",
		"ratio(4, n)":                "NULL 4.0 2.0; 0 FAILED_EXECUTE_UDF function ratio: there is nothing to divide by",
		"element(n)":                 "true NULL NULL; 1 FAILED_EXECUTE_UDF function element: panic: runtime error: index out of range [1] with length 1; 2 FAILED_EXECUTE_UDF function element: panic: runtime error: index out of range [2] with length 1",
		"if(n > 0, ratio(n, n), 0D)": "0.0 1.0 1.0",
		"unix_seconds(all_of(1, cast(s AS binary), TIMESTAMP'1970-01-01 00:00:00'))": "1 NULL 3",
	} {
		b, err := expr.Bind(text, s, o)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		ctx := &expr.Context{}
		c, err := b.Eval(ctx, in)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for i := range 3 {
			if c.IsNull(i) {
				got = append(got, "NULL")
			} else {
				got = append(got, string(batch.AppendText(nil, c, i)))
			}
		}
		said := strings.Join(got, " ")
		for _, e := range ctx.Rejected {
			said += fmt.Sprintf("; %d %s %s", e.Row, e.Class, e.Message)
		}
		if said != want {
			t.Errorf("%s: %s, want %s", text, said, want)
		}
	}
	if _, err := expr.Bind("ratio(1)", s, o); err == nil || !strings.Contains(err.Error(), "WRONG_NUM_ARGS") {
		t.Errorf("one argument for two: %v", err)
	}
}

func ExampleBindSelect() {
	in := records(nil, `{"region":"north","amount":12.5}`, `{"region":"south","amount":2}`)
	items, err := expr.BindSelect([]string{"from_json(cast(value AS string), 'region STRING, amount DOUBLE') AS o"}, in.Schema, expr.NewOptions())
	if err != nil {
		panic(err)
	}
	o, err := items[0].Eval(&expr.Context{}, in)
	if err != nil {
		panic(err)
	}
	flat, err := expr.BindSelect([]string{"o.*", "amount > 10 AS large"}, expr.Schema(items), expr.NewOptions())
	fmt.Println(err)
	flat, err = expr.BindSelect([]string{"o.*", "o.amount > 10 AS large"}, expr.Schema(items), expr.NewOptions())
	if err != nil {
		panic(err)
	}
	fmt.Println(expr.Schema(flat))
	large, err := flat[2].Eval(&expr.Context{}, batch.NewBatch(expr.Schema(items), 2, o))
	fmt.Println(large.Bool(0), large.Bool(1), err)
	// Output:
	// UNRESOLVED_COLUMN: a column `amount` cannot be resolved. There are o (line 1, column 1)
	// amount > 10 AS large
	// ^
	// region string, amount double, large boolean
	// true false <nil>
}

// TestEvaluatedOnce counts calls: what an expression has twice is computed once, a branch for its own rows alone, and nothing where AND, OR,
// coalesce or if have decided.
func TestEvaluatedOnce(t *testing.T) {
	calls := 0
	counted := expr.Function1("counted", func(n int64) (int64, error) { calls++; return n, nil })
	failing := expr.Function1("failing", func(int64) (bool, error) { return false, errors.New("it was evaluated") })
	g := &expr.Registry{}
	if err := errors.Join(g.Add(counted), g.Add(failing)); err != nil {
		t.Fatal(err)
	}
	o := expr.NewOptions()
	o.Functions = g
	s := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType})
	b := batch.NewBuilder(batch.BigIntType, nil)
	for i := range 8 {
		b.Int64(int64(i))
	}
	in := batch.NewBatch(s, 8, b.Finish())
	for text, want := range map[string]int{
		"counted(n) + counted(n) * counted(n)":                               8,
		"counted(3L) + counted(3L)":                                          0, // folded when it is bound
		"CASE WHEN n < 2 THEN counted(n) ELSE counted(n + 1) END":            8,
		"CASE WHEN n < 2 THEN counted(n) ELSE 0L END":                        2,
		"if(n >= 0, 1L, counted(n))":                                         0,
		"coalesce(nullif(n, 3), counted(n))":                                 1,
		"n >= 0 OR failing(n)":                                               0,
		"n < 0 AND failing(n)":                                               0,
		"CASE WHEN n >= 0 THEN true WHEN failing(n) THEN false END":          0,
		"CASE WHEN n < 4 THEN 100 / (4 - n) WHEN n > 4 THEN 1 / (4 - n) END": 0, // neither divides by zero
		"n = 0 OR 10 / n > 2":                                                0,
	} {
		bound, err := expr.Bind(text, s, o)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		calls = 0
		ctx := &expr.Context{}
		if _, err := bound.Eval(ctx, in); err != nil || len(ctx.Rejected) > 0 || calls != want {
			t.Errorf("%s: %d calls, want %d; %v %v", text, calls, want, ctx.Rejected, err)
		}
	}
}
