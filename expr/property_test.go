package expr

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

var wide = batch.NewSchema(
	batch.Field{Name: "i", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "j", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "l", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "d", Type: batch.DoubleType, Nullable: true},
	batch.Field{Name: "n", Type: batch.DecimalType(10, 2), Nullable: true},
	batch.Field{Name: "s", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "k", Type: batch.StringType, Nullable: true}, // a dictionary
	batch.Field{Name: "b", Type: batch.BooleanType, Nullable: true},
	batch.Field{Name: "c", Type: batch.BooleanType, Nullable: true},
	batch.Field{Name: "t", Type: batch.TimestampType, Nullable: true},
	batch.Field{Name: "v", Type: batch.BinaryType, Nullable: true},
	batch.Field{Name: "a", Type: batch.ArrayType(batch.StringType, true), Nullable: true},
	batch.Field{Name: "o", Type: batch.StructType(batch.Field{Name: "x", Type: batch.IntType, Nullable: true}, batch.Field{Name: "y", Type: batch.StringType, Nullable: true}), Nullable: true},
)

// properties are expressions that reach every kind of kernel, failing ones too.
var properties = strings.Split(strings.TrimSpace(`
i + j
i * j - 1
l / i
i % j
pmod(i, 3)
i DIV j
n * n
n + i
n / 3
-d
i < j
i = 3
3 <= i
s = k
k = 'b'
k <> 'x'
s < k
d >= n
b AND c
b OR c
NOT b AND i / j > 1
b OR 10 / i > 1
i IS NULL
b IS NOT TRUE
i IN (1, 2, null)
s IN ('a', '12')
k IN ('a', 'b')
i NOT IN (j, 2)
cast(s as int)
try_cast(s as int)
cast(s as double)
cast(k as bigint)
cast(i as string)
cast(d as int)
cast(l as timestamp)
cast(v as string)
cast(i as decimal(2,0))
CASE WHEN i > j THEN s WHEN b THEN k ELSE 'none' END
CASE WHEN j <> 0 THEN i / j END
CASE k WHEN 'a' THEN 1 WHEN 'b' THEN 2 ELSE cast(s as int) END
coalesce(i, j, 7)
coalesce(s, k)
coalesce(try_cast(s as int), cast(k as int))
if(b, o, null)
nullif(i, j)
lower(k)
upper(s) || k
concat_ws('-', s, k, a)
length(k)
substring(s, 2, i)
split(s, ',')[0]
split(k, '')
regexp_extract(s, '([0-9]+)', 1)
k LIKE '%b%'
s LIKE k
s RLIKE '^[0-9]'
a[i]
element_at(a, j)
get(a, 0)
size(a)
o.x + 1
o.y
array(i, j)
struct(i, s).s
map(i, s)[1]
hour(t)
date_format(t, 'yyyy-MM-dd HH')
date_trunc('MONTH', t)
t + INTERVAL 1 MONTH
t - INTERVAL 90 MINUTES
year(t) + i
current_timestamp() > t
round(d, 1)
greatest(i, j, 2)
least(s, k)
replace(s, '1', k)
from_json(s, 'a INT')
from_json(cast(v as string), 'a INT, b STRING').b
from_json(s, 'a INT', map('mode', 'FAILFAST')).a + from_json(s, 'a INT', map('mode', 'FAILFAST')).a
i <=> j
o <=> o
abs(i)
`), "\n")

// drawBatch makes a batch of random rows with a random selection.
func drawBatch(t *rapid.T, p *batch.Pool) *batch.Batch {
	n := rapid.SampledFrom([]int{0, 1, 3, 63, 64, 65, 130}).Draw(t, "n")
	seed := rapid.Uint64().Draw(t, "seed")
	next := func(most int) int {
		seed = seed*6364136223846793005 + 1442695040888963407
		return int(seed>>33) % most
	}
	ints := []int64{0, 1, 2, 3, -1, 7, math.MaxInt32, math.MinInt32}
	texts := []string{"", "a", "12", "b,c", " 7 ", `{"a":1,"b":"z"}`, `{"a":`, "äöü", "1e5", "2026-01-02"}
	columns := make([]*batch.Column, len(wide.Fields))
	for c, f := range wide.Fields {
		if f.Name == "k" {
			continue
		}
		b := batch.NewBuilder(f.Type, p)
		for range n {
			drawValue(b, next, ints, texts)
		}
		columns[c] = b.Finish()
		b.Release()
	}
	entries := batch.NewBuilder(batch.StringType, p)
	for _, s := range []string{"a", "b", "42", "äb"} {
		entries.String(s)
	}
	k := p.NewDict(entries.Finish(), n)
	entries.Release()
	valid := k.NewValid()
	for i := range n {
		k.I32[i] = int32(next(4))
		valid.Put(i, next(5) > 0)
	}
	columns[6] = k
	in := batch.NewBatch(wide, n, columns...)
	if rapid.Bool().Draw(t, "selected") {
		in.Sel = []int32{}
		for i := range n {
			if next(3) > 0 {
				in.Sel = append(in.Sel, int32(i))
			}
		}
	}
	return in
}

func drawValue(b *batch.Builder, next func(int) int, ints []int64, texts []string) {
	if next(6) == 0 {
		b.Null()
		return
	}
	switch b.Type().Kind {
	case batch.Int:
		b.Int32(int32(ints[next(len(ints))]))
	case batch.BigInt:
		b.Int64(ints[next(len(ints))] << uint(next(33)))
	case batch.Double:
		b.Float64([]float64{0, 1.25, -2.5, math.NaN(), math.Inf(1), 1e18, 0.05}[next(7)])
	case batch.Decimal:
		b.Decimal(batch.Int128From(ints[next(len(ints))]))
	case batch.String, batch.Binary:
		b.String(texts[next(len(texts))])
	case batch.Boolean:
		b.Bool(next(2) == 0)
	case batch.Timestamp:
		b.Int64(ints[next(len(ints))] * 1e6 * 3601)
	case batch.Array:
		for range next(3) {
			drawValue(b.Kids[0], next, ints, texts)
		}
		b.List()
	case batch.Struct:
		for _, k := range b.Kids {
			drawValue(k, next, ints, texts)
		}
		b.Struct()
	}
}

// outcome is a row's result as text, or its failure.
func outcome(ctx *Context, c *batch.Column, row int) string {
	for _, r := range ctx.Rejected {
		if int(r.Row) == row {
			return r.Class + " " + r.Message + " " + string(r.Raw)
		}
	}
	return string(appendOrNull(nil, c, row, nil))
}

// TestVectorised is the property that a batch gives what its rows give alone,
// whatever the selection, that rows that do not count never fail, and that all
// buffers come back.
func TestVectorised(t *testing.T) {
	for _, text := range properties {
		for _, ansi := range []bool{true, false} {
			o := NewOptions()
			o.ANSI = ansi
			bound, err := Bind(text, wide, o)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			rapid.Check(t, func(t *rapid.T) { checkVectorised(t, bound) })
		}
	}
}

func checkVectorised(t *rapid.T, bound *Bound) {
	pool := batch.NewPool()
	in := drawBatch(t, pool)
	ctx := &Context{Pool: pool, Now: 1e15}
	whole, err := bound.Eval(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if whole.N != in.N || !whole.Type.Equal(bound.Type()) {
		t.Fatalf("%s: %d rows of %s", bound.SQL(), whole.N, whole.Type)
	}
	if len(ctx.Rejected) > 0 && !bound.CanReject() {
		t.Fatalf("%s rejects rows and says it does not", bound.SQL())
	}
	counts := map[int]bool{}
	for i := range in.Rows() {
		row := in.Row(i)
		counts[row] = true
		alone := in.Gather(pool, []int32{int32(row)})
		one := &Context{Pool: pool, Now: 1e15}
		c, err := bound.Eval(one, alone)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := outcome(ctx, whole, row), outcome(one, c, 0); a != b {
			t.Fatalf("%s row %d: %q in the batch, %q alone", bound.SQL(), row, a, b)
		}
		if !bound.Nullable() && c.IsNull(0) {
			t.Fatalf("%s is null and says it is not nullable", bound.SQL())
		}
		c.Release()
		alone.Release()
	}
	for _, r := range ctx.Rejected {
		if !counts[int(r.Row)] {
			t.Fatalf("%s rejects row %d, which does not count", bound.SQL(), r.Row)
		}
	}
	whole.Release()
	in.Release()
	if pool.Lent() != 0 {
		t.Fatalf("%s: %d columns are still lent", bound.SQL(), pool.Lent())
	}
}

// TestSelectOnce computes what items have in common once, and the same.
func TestSelectOnce(t *testing.T) {
	items, err := BindSelect([]string{"from_json(s, 'a INT').a AS a", "from_json(s, 'a INT') AS o", "i + 1", "upper(s)", "upper(s) || 'x' AS u"}, wide, NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	if items[0].root.args[0] != items[1].root || items[1].root.uses < 2 {
		t.Error("from_json of the same value is bound twice")
	}
	rapid.Check(t, func(t *rapid.T) {
		pool := batch.NewPool()
		in := drawBatch(t, pool)
		var bounds []*Bound
		for _, i := range items {
			bounds = append(bounds, i.Bound)
		}
		together := &Context{Pool: pool}
		out, err := EvalAll(together, bounds, in)
		if err != nil {
			t.Fatal(err)
		}
		for k, b := range bounds {
			alone := &Context{Pool: pool}
			c, err := b.Eval(alone, in)
			if err != nil {
				t.Fatal(err)
			}
			for i := range in.Rows() {
				if x, y := appendOrNull(nil, out[k], in.Row(i), nil), appendOrNull(nil, c, in.Row(i), nil); string(x) != string(y) {
					t.Fatalf("item %d row %d: %s and %s", k, in.Row(i), x, y)
				}
			}
			c.Release()
		}
		release(out)
		in.Release()
		if pool.Lent() != 0 {
			t.Fatalf("%d columns are still lent", pool.Lent())
		}
	})
}

// TestTruth holds the tables of three-valued logic.
func TestTruth(t *testing.T) {
	value := map[string]int{"true": 1, "false": 0, "null": 2}
	name := []string{"false", "true", "NULL"}
	and := [3][3]int{{0, 0, 0}, {0, 1, 2}, {0, 2, 2}}
	or := [3][3]int{{0, 1, 2}, {1, 1, 1}, {2, 1, 2}}
	s := batch.NewSchema(batch.Field{Name: "x", Type: batch.BooleanType, Nullable: true}, batch.Field{Name: "y", Type: batch.BooleanType, Nullable: true})
	for x, i := range value {
		for y, j := range value {
			for op, table := range map[string][3][3]int{"AND": and, "OR": or} {
				want := name[table[i][j]]
				if got, _ := evalText(fmt.Sprintf("cast(%s as boolean) %s cast(%s as boolean)", x, op, y), NewOptions()); got != want {
					t.Errorf("%s %s %s = %s, want %s", x, op, y, got, want)
				}
				bound, err := Bind("x "+op+" y", s, NewOptions())
				if err != nil {
					t.Fatal(err)
				}
				columns := make([]*batch.Column, 2)
				for k, v := range []int{i, j} {
					b := batch.NewBuilder(batch.BooleanType, nil)
					if v == 2 {
						b.Null()
					} else {
						b.Bool(v == 1)
					}
					columns[k] = b.Finish()
				}
				c, _ := bound.Eval(&Context{}, batch.NewBatch(s, 1, columns...))
				if got := strings.ToLower(string(appendOrNull(nil, c, 0, nil))); got != strings.ToLower(want) {
					t.Errorf("%s %s %s = %s over columns, want %s", x, op, y, got, want)
				}
			}
		}
	}
}

func FuzzEval(f *testing.F) {
	for _, s := range properties {
		f.Add(s)
	}
	for _, d := range Functions() {
		f.Add(d.Example)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		bound, err := Bind(text, wide, NewOptions())
		if err != nil {
			var failure *supervision.Failure
			if !errors.As(err, &failure) || failure.Class == "" {
				t.Fatalf("%q: not classified: %v", text, err)
			}
			return
		}
		again, err := Bind(bound.SQL(), wide, NewOptions())
		if err != nil || !again.Type().Equal(bound.Type()) {
			t.Fatalf("%q -> %q: %v", text, bound.SQL(), err)
		}
		pool := batch.NewPool()
		in := fuzzBatch(pool)
		began := time.Now()
		c, err := bound.Eval(&Context{Pool: pool}, in)
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("%q took %s", text, took)
		}
		if err == nil {
			c.Release()
		}
		in.Release()
		if pool.Lent() != 0 {
			t.Fatalf("%q: %d columns are still lent", text, pool.Lent())
		}
	})
}

// fuzzBatch is a fixed batch of rows of every sort.
func fuzzBatch(p *batch.Pool) *batch.Batch {
	seed := 0
	next := func(most int) int { seed = (seed*1103515245 + 12345) & 0x7fffffff; return (seed >> 8) % most }
	columns := make([]*batch.Column, len(wide.Fields))
	for c, f := range wide.Fields {
		b := batch.NewBuilder(f.Type, p)
		for range 5 {
			drawValue(b, next, []int64{0, 1, -1, 5, math.MaxInt32}, []string{"", "a", "12", `{"a":1}`, "äöü"})
		}
		columns[c] = b.Finish()
		b.Release()
	}
	return batch.NewBatch(wide, 5, columns...)
}
