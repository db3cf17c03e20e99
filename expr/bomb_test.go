package expr

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// TestBombs binds and evaluates texts of the greatest length: they are refused
// or done, in bounded time and memory.
func TestBombs(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, (1<<20-200)/len(s)) }
	for name, text := range map[string]string{
		"parentheses": many("("), "minus": many("-"), "not": many("NOT "), "sum": "i" + many("+i"), "and": "b" + many(" AND b"),
		"coalesce": "coalesce(i" + many(",i") + ")", "in": "i IN (j" + many(",j") + ")", "in constants": "i IN (0" + many(",1") + ")",
		"case": "CASE " + many("WHEN b THEN i ") + "END", "concat": "concat(s" + many(",s") + ")", "array": "array(i" + many(",i") + ")",
		"dots": "o" + many(".o"), "index": "a" + many("[0]"), "string": "'" + many("x") + "'", "number": many("9"), "map": "map(1,1" + many(",1,1") + ")",
		"name": many("x"), "arrow": many("x->") + "1", "types": "cast(i as " + many("array<") + "int", "repeat": strings.Repeat("repeat(", 30) + "s" + strings.Repeat(",1000)", 30),
		"like": "s LIKE '" + many("%a") + "'", "regex": "s RLIKE '" + strings.Repeat("(a*)*", 1900) + "'", "escape": "'" + many(`\`) + "'",
		"quotes": many("``"), "comment": many("/*"), "exponent": "cast('1e999999999' as decimal(38,0))", "huge": "1e400 > d", "interval": "interval " + many("1 day "),
	} {
		in := fuzzBatch(nil)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		bound, err := Bind(text, wide, NewOptions())
		took := time.Since(began)
		if err == nil {
			if _, err = bound.Eval(&Context{}, in); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		runtime.ReadMemStats(&after)
		t.Logf("%-12s bind %8s, all %8s, %4d MiB allocated", name, took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20)
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 96 {
			t.Errorf("%s allocates %d MiB", name, used)
		}
		if total := time.Since(began); total > 20*time.Second {
			t.Errorf("%s took %s", name, total)
		}
	}
}

// TestWhere compares with a loop over the rows.
func TestWhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawBatch(t, nil)
		c := in.Columns[7]
		want := []int32{}
		for i := range in.Rows() {
			if r := in.Row(i); !c.IsNull(r) && c.Bool(r) {
				want = append(want, int32(r))
			}
		}
		if got := Where(c, in.Sel, nil); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
	if Where(&batch.Column{Type: batch.VoidType, N: 3}, nil, nil) != nil {
		t.Error("null is not true")
	}
}
