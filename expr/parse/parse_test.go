package parse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

var samePlace = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".place" }, cmp.Ignore())

func same(a, b parse.Node) string { return cmp.Diff(a, b, samePlace, cmpopts.EquateEmpty()) }

// TestPrecedence holds Spark's order of operators: the tree shows as
// parentheses.
func TestPrecedence(t *testing.T) {
	for text, want := range map[string]string{
		"a OR b AND NOT c = d":         "(a OR (b AND (NOT (c = d))))",
		"a + b * c - d":                "((a + (b * c)) - d)",
		"a || b + c":                   "((a || b) + c)",
		"a | b ^ c & d + e":            "(a | (b ^ (c & (d + e))))",
		"-a * b":                       "((- a) * b)",
		"- -1":                         "(- (-1))",
		"a - -1":                       "(a - -1)",
		"a::int + 1":                   "(CAST(a AS INT) + 1)",
		"NOT a IS NULL":                "(NOT (a IS NULL))",
		"a BETWEEN 1 AND 2 AND b":      "((a BETWEEN 1 AND 2) AND b)",
		"a NOT IN (1, 2) OR b":         "((a NOT IN (1, 2)) OR b)",
		"a <=> b == c":                 "((a <=> b) = c)",
		"x NOT LIKE '%@%.%'":           "(x NOT LIKE '%@%.%')",
		"a[0].b['k']":                  "a[0].b['k']",
		"o.a.b":                        "o.a.b",
		"count(DISTINCT a, b)":         "count(DISTINCT a, b)",
		"sum(a) FILTER (WHERE b > 1)":  "sum(a) FILTER (WHERE (b > 1))",
		"filter(a, x -> x > 1)":        "filter(a, x -> (x > 1))",
		"CASE a WHEN 1 THEN 2 END":     "CASE a WHEN 1 THEN 2 END",
		"interval 1 hour 30 minutes":   "INTERVAL '01:30' HOUR TO MINUTE",
		"INTERVAL '1-2' YEAR TO MONTH": "INTERVAL '1-2' YEAR TO MONTH",
		"now() - interval '10' day":    "(now() - INTERVAL '10' DAY)",
		"1L + 1Y + 1.5BD + 1e3 + 2.5F": "((((1L + 1Y) + 1.5BD) + 1E3D) + 2.5F)",
		"X'1f' = r'a\\b'":              `(X'1f' = 'a\\b')`,
		"`a b`.`c``d`":                 "`a b`.`c``d`",
		`"a\tb" || 'c''d'`:             `('a\tb' || 'c\'d')`,
		"extract(HOUR FROM t)":         "date_part('hour', t)",
		"trim(LEADING 'x' FROM s)":     "ltrim('x', s)",
		"substring(s FROM 2 FOR 3)":    "substring(s, 2, 3)",
		"a % 2 = 0 -- even":            "((a % 2BD) = 0)",
	} {
		want = strings.ReplaceAll(want, "2BD", "2")
		n, err := parse.Expr(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := parse.Render(n); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestErrors holds class, place and text of errors.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text   string
		column int
		says   string
		class  string // PARSE_SYNTAX_ERROR if empty
	}{
		{"a +", 4, "the text ends where an expression is expected", ""},
		{"a b c", 3, "at or near 'b', expected the end", ""},
		{"(a", 3, "expected", ""},
		{"'abc", 1, "closing quote", ""},
		{"CAST(a AS INTT)", 11, "did you mean INT", "UNSUPPORTED_DATATYPE"},
		{"a ? b", 3, "at or near '?'", ""},
		{"interval 1 hour 1 month", 1, "not both", ""},
		{"999Y", 1, "does not fit tinyint", "INVALID_NUMERIC_LITERAL_RANGE"},
		{strings.Repeat("(", 500) + "a" + strings.Repeat(")", 500), 401, "nested deeper than 100", ""},
		{"a" + strings.Repeat("+1", 200), 1, "nested deeper than 100", ""},
	} {
		_, err := parse.Expr(c.text)
		var f *supervision.Failure
		if !errors.As(err, &f) {
			t.Errorf("%.40s: no failure but %v", c.text, err)
			continue
		}
		if want := map[bool]string{true: "PARSE_SYNTAX_ERROR", false: c.class}[c.class == ""]; f.Class != want || f.Column != c.column || !strings.Contains(f.Message, c.says) || !strings.Contains(f.Message, "^") {
			t.Errorf("%.40s: column %d, %v", c.text, f.Column, f)
		}
	}
	if _, err := parse.Expr(strings.Repeat(" ", parse.MaxLength+1)); err == nil {
		t.Error("a text beyond the limit was read")
	}
}

func name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "select", "x y", "ö", "q`r", "Case", "interval", "date"}).Draw(t, "name")
}

// tree draws an expression of at most the depth.
func tree(t *rapid.T, depth int) string {
	pick := func(s ...string) string { return rapid.SampledFrom(s).Draw(t, "pick") }
	if depth == 0 {
		return pick("1", "-2", "1L", "3Y", "1.5", "2e3", "NULL", "true", "'it''s'", `'a\\b\n%\%'`, "DATE'2026-01-01'", "INTERVAL 2 DAYS",
			"INTERVAL '1 2:03:04.5' DAY TO SECOND", "INTERVAL 3 MONTHS", "X'00ff'", parse.QuoteName(name(t)),
			parse.QuoteName(name(t))+"."+parse.QuoteName(name(t)))
	}
	sub := func() string { return "(" + tree(t, depth-1) + ")" }
	switch rapid.IntRange(0, 9).Draw(t, "form") {
	case 0:
		return sub() + pick(" OR ", " AND ", " = ", " <=> ", "+", "-", "*", "/", "%", " DIV ", "||", "|", "&", "^", "<>", ">=") + sub()
	case 1:
		return pick("NOT ", "-", "~", "+ ") + sub()
	case 2:
		return sub() + pick(" IS NULL", " IS NOT NULL", " IS TRUE", " IS NOT UNKNOWN", " IN (1,2)", " NOT IN (3)", " BETWEEN 1 AND 2", " LIKE 'a' ESCAPE '/'", " NOT RLIKE 'b'", " IS DISTINCT FROM 1")
	case 3:
		return "CASE " + pick("", sub()) + " WHEN " + sub() + " THEN " + sub() + pick(" ", " ELSE "+sub()) + " END"
	case 4:
		return pick("CAST(", "TRY_CAST(") + sub() + " AS " + pick("INT", "DECIMAL(10,2)", "STRUCT<a: INT NOT NULL COMMENT 'x', `b c`: ARRAY<MAP<STRING,DATE>>>", "INTERVAL YEAR TO MONTH", "INTERVAL DAY TO SECOND") + ")"
	case 5:
		return pick("f", "trim", "left", "`cast`", "substring", "if", "`select`") + "(" + sub() + pick("", ","+sub()) + ")"
	case 6:
		return sub() + "[" + sub() + "]"
	case 7:
		return sub() + "." + parse.QuoteName(name(t))
	case 8:
		return "g(" + pick("x -> ", "(x, y) -> ") + sub() + ")"
	}
	return "sum(" + pick("", "DISTINCT ") + sub() + ")" + pick("", " FILTER (WHERE "+sub()+")")
}

// TestRoundTrip is the property parse(render(tree)) == tree.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkRoundTrip(t, tree(t, rapid.IntRange(0, 4).Draw(t, "depth")))
	})
}

type failer interface{ Fatalf(string, ...any) }

func checkRoundTrip(t failer, text string) {
	n, err := parse.Expr(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	again, err := parse.Expr(parse.Render(n))
	if err != nil {
		t.Fatalf("%s -> %s: %v", text, parse.Render(n), err)
	}
	if d := same(n, again); d != "" {
		t.Fatalf("%s -> %s: %s", text, parse.Render(n), d)
	}
}

func FuzzExpr(f *testing.F) {
	for _, s := range []string{"a + 1", "o.*", "count(*)", "interval 1 hour", "'\\u00e9'", "CASE WHEN a THEN b END", "a::decimal(38,2)[0]", "x -> x", "/* /* */ */ 1", "1.", ".5e-3d", "`", "date'1'", "trim(both from a)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parse.Item(text)
		if err != nil {
			var f *supervision.Failure
			if !errors.As(err, &f) || f.Class != "PARSE_SYNTAX_ERROR" || f.Column == 0 {
				t.Fatalf("%q: not classified: %v", text, err)
			}
			return
		}
		again, err := parse.Item(parse.Render(n))
		if err != nil {
			t.Fatalf("%q -> %q: %v", text, parse.Render(n), err)
		}
		if d := same(n, again); d != "" {
			t.Fatalf("%q -> %q: %s", text, parse.Render(n), d)
		}
	})
}

// TestDDL holds Spark's spellings of types.
func TestDDL(t *testing.T) {
	for text, want := range map[string]string{
		"a INT, b STRING NOT NULL":                            "a int, b string not null",
		"a: LONG, b: short":                                   "a bigint, b smallint",
		"STRUCT<a: INT, b: ARRAY<STRUCT<c: DEC(5)>>>":         "a int, b array<struct<c:decimal(5,0)>>",
		"m MAP<STRING, MAP<INT, REAL>>":                       "m map<string,map<int,float>>",
		"n NUMERIC, t TIMESTAMP_LTZ, u timestamp_ntz":         "n decimal(10,0), t timestamp, u timestamp_ntz",
		"i INTERVAL YEAR TO MONTH, j INTERVAL DAY, v VARIANT": "i interval year to month, j interval day to second, v variant",
		"`select` STRING COMMENT 'it''s', date DATE":          "select string, date date",
		"e STRUCT<>":    "e struct<>",
		"v VARCHAR(10)": "v string",
	} {
		s, err := parse.DDL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s.String() != want {
			t.Errorf("%s = %s, want %s", text, s, want)
		}
	}
	s, err := parse.DDL("b STRUCT<x: STRING NOT NULL COMMENT 'c'> NOT NULL COMMENT 'd'")
	if err != nil || s.Fields[0].Nullable || s.Fields[0].Comment != "d" || s.Fields[0].Type.Fields[0].Comment != "c" || s.Fields[0].Type.Fields[0].Nullable {
		t.Errorf("comments and NOT NULL: %+v %v", s, err)
	}
	for _, text := range []string{"", "a", "a INT,", "a DECIMAL(39)", "a DECIMAL(2,3)", "a ARRAY<INT", "a INT b INT", strings.Repeat("a ARRAY<", 200)} {
		if _, err := parse.DDL(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func FuzzDDL(f *testing.F) {
	for _, s := range []string{"a INT", "a: STRUCT<b: INT NOT NULL COMMENT 'x'>", "STRUCT<a: INT>", "m MAP<STRING, DECIMAL(10,2)>", "a ARRAY<ARRAY<INT>>", "i INTERVAL DAY TO SECOND"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse.DDL(text)
		if err != nil {
			return
		}
		again, err := parse.DDL(parse.FieldsSQL(s.Fields, " "))
		if err != nil {
			t.Fatalf("%q -> %q: %v", text, parse.FieldsSQL(s.Fields, " "), err)
		}
		if d := cmp.Diff(s, again, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%q: %s", text, d)
		}
	})
}

func ExampleExpr() {
	n, _ := parse.Expr("a + 1 > 2 AND b LIKE 'x%'")
	fmt.Println(parse.Render(n))
	_, err := parse.Expr("a + + ) b")
	fmt.Println(err)
	// Output:
	// (((a + 1) > 2) AND (b LIKE 'x%'))
	// PARSE_SYNTAX_ERROR: Syntax error: at or near ')', expected an expression (line 1, column 7)
	// a + + ) b
	//       ^
}

func ExampleDDL() {
	s, _ := parse.DDL("id BIGINT NOT NULL, tags ARRAY<STRING>")
	fmt.Println(s, s.Fields[1].Type.Kind == batch.Array)
	// Output: id bigint not null, tags array<string> true
}
