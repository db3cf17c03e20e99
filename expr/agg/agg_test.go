package agg_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
)

// model is each aggregate said naively: the JSON of its result over a group.
var model = map[string]func([]row) string{
	"count(*) AS n":     func(r []row) string { return fmt.Sprint(len(r)) },
	"count(long) AS nl": func(r []row) string { return fmt.Sprint(len(longs(r))) },
	"count(long, text) AS nlt": func(r []row) string {
		return fmt.Sprint(count(r, func(r row) bool { return r.long != nil && r.text != nil }))
	},
	"count(*) FILTER (WHERE flag) AS nf": func(r []row) string { return fmt.Sprint(count(r, flagged)) },
	"sum(long) AS sl":                    func(r []row) string { return decimalOf(sum(longs(r)), 0, 0, len(longs(r))) },
	"sum(word) AS sw":                    func(r []row) string { return decimalOf(sum(words(r)), 0, 0, len(r)) },
	"sum(long) FILTER (WHERE flag AND word > 0) AS slf": func(r []row) string {
		l := longs(slices.DeleteFunc(slices.Clone(r), func(r row) bool { return !flagged(r) || r.word <= 0 }))
		return decimalOf(sum(l), 0, 0, len(l))
	},
	"avg(long) AS al":            func(r []row) string { return meanOf(sum(longs(r)), len(longs(r))) },
	"avg(word) AS aw":            func(r []row) string { return meanOf(sum(words(r)), len(r)) },
	"sum(real) AS sr":            func(r []row) string { return realJSON(r, func(s float64, n int) float64 { return s }) },
	"avg(real) AS ar":            func(r []row) string { return realJSON(r, func(s float64, n int) float64 { return s / float64(n) }) },
	"sum(cash) AS sc":            func(r []row) string { return decimalOf(sum(cashes(r)), 2, 2, len(cashes(r))) },
	"avg(cash) AS ac":            func(r []row) string { return decimalOf(sum(cashes(r)), 2, 6, len(cashes(r))) },
	"sum(wide) AS sx":            func(r []row) string { return decimalOf(sum(wides(r)), 3, 3, len(wides(r))) },
	"avg(wide) AS ax":            func(r []row) string { return decimalOf(sum(wides(r)), 3, 7, len(wides(r))) },
	"min(long) AS ml":            func(r []row) string { return extreme(longs(r), -1, 0) },
	"max(long) AS xl":            func(r []row) string { return extreme(longs(r), 1, 0) },
	"max(word) AS xw":            func(r []row) string { return extreme(words(r), 1, 0) },
	"min(cash) AS mc":            func(r []row) string { return extreme(cashes(r), -1, 2) },
	"min(wide) AS mx":            func(r []row) string { return extreme(wides(r), -1, 3) },
	"max(wide) AS xx":            func(r []row) string { return extreme(wides(r), 1, 3) },
	"min(real) AS mr":            func(r []row) string { return extremeReal(r, -1) },
	"max(real) AS xr":            func(r []row) string { return extremeReal(r, 1) },
	"min(text) AS mt":            func(r []row) string { return extremeText(r, -1) },
	"max(text) AS xt":            func(r []row) string { return extremeText(r, 1) },
	"min(flag) AS mf":            func(r []row) string { return extremeFlag(r, false) },
	"max(flag) AS xf":            func(r []row) string { return extremeFlag(r, true) },
	"count(DISTINCT word) AS dw": func(r []row) string { return fmt.Sprint(len(unique(words(r)))) },
	"count(DISTINCT text) AS dt": func(r []row) string { return fmt.Sprint(len(texts(r))) },
	"count(DISTINCT text) FILTER (WHERE flag) AS dtf": func(r []row) string {
		return fmt.Sprint(len(texts(slices.DeleteFunc(slices.Clone(r), func(r row) bool { return !flagged(r) }))))
	},
	"count(DISTINCT text, word) AS dtw": func(r []row) string {
		seen := map[string]bool{}
		for _, r := range r {
			if r.text != nil {
				seen[fmt.Sprint(*r.text, "|", r.word)] = true
			}
		}
		return fmt.Sprint(len(seen))
	},
	"sum(DISTINCT word) AS sdw": func(r []row) string { return decimalOf(sum(unique(words(r))), 0, 0, len(r)) },
	"sum(DISTINCT cash) AS sdc": func(r []row) string { return decimalOf(sum(unique(cashes(r))), 2, 2, len(cashes(r))) },
	"avg(DISTINCT word) FILTER (WHERE flag) AS adw": func(r []row) string {
		l := unique(words(slices.DeleteFunc(slices.Clone(r), func(r row) bool { return !flagged(r) })))
		return meanOf(sum(l), len(l))
	},
	"min(DISTINCT word) AS mdw": func(r []row) string { return extreme(words(r), -1, 0) },
	"sum(long) / count(*) - min(word) AS mixed": func(r []row) string {
		if len(longs(r)) == 0 {
			return "null"
		}
		f, _ := new(big.Float).SetInt(sum(longs(r))).Float64()
		return number(f/float64(len(r)) - float64(slices.MinFunc(r, func(a, b row) int { return cmp.Compare(a.word, b.word) }).word))
	},
}

func unique(l []*big.Int) []*big.Int {
	l = slices.Clone(l)
	slices.SortFunc(l, (*big.Int).Cmp)
	return slices.CompactFunc(l, func(a, b *big.Int) bool { return a.Cmp(b) == 0 })
}

func texts(rows []row) map[string]bool {
	m := map[string]bool{}
	for _, r := range rows {
		if r.text != nil {
			m[*r.text] = true
		}
	}
	return m
}

func flagged(r row) bool { return r.flag != nil && *r.flag }

func count(rows []row, f func(row) bool) (n int) {
	for _, r := range rows {
		if f(r) {
			n++
		}
	}
	return n
}

func longs(rows []row) (l []*big.Int) {
	for _, r := range rows {
		if r.long != nil {
			l = append(l, big.NewInt(*r.long))
		}
	}
	return l
}

func words(rows []row) (l []*big.Int) {
	for _, r := range rows {
		l = append(l, big.NewInt(int64(r.word)))
	}
	return l
}

func cashes(rows []row) (l []*big.Int) {
	for _, r := range rows {
		if r.cash != nil {
			l = append(l, big.NewInt(*r.cash))
		}
	}
	return l
}

func wides(rows []row) (l []*big.Int) {
	for _, r := range rows {
		if r.wide != nil {
			l = append(l, r.wide)
		}
	}
	return l
}

func sum(l []*big.Int) *big.Int {
	s := new(big.Int)
	for _, v := range l {
		s.Add(s, v)
	}
	return s
}

// decimalOf writes s at scale from, at scale to; divided by n if they differ.
func decimalOf(s *big.Int, from, to, n int) string {
	if n == 0 {
		return "null"
	}
	if from != to {
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(to-from)), nil)
		twice := new(big.Int).Mul(new(big.Int).Abs(s), new(big.Int).Lsh(ten, 1)) // half up: (2a + n) / 2n
		q := new(big.Int).Quo(twice.Add(twice, big.NewInt(int64(n))), big.NewInt(int64(2*n)))
		if s.Sign() < 0 {
			q.Neg(q)
		}
		s = q
	}
	if to == 0 {
		return s.String()
	}
	v, _ := batch.Int128FromBig(s)
	return string(batch.AppendDecimal(nil, v, to))
}

func number(f float64) string {
	c := batch.NewBuilder(batch.DoubleType, nil)
	c.Float64(f)
	b := batch.NewBatch(batch.NewSchema(batch.Field{Name: "x", Type: batch.DoubleType}), 1, c.Finish())
	s := string(batch.AppendRowJSON(nil, b, 0))
	return strings.TrimSuffix(strings.TrimPrefix(s, `{"x":`), "}")
}

func meanOf(s *big.Int, n int) string {
	if n == 0 {
		return "null"
	}
	f, _ := new(big.Float).SetInt(s).Float64()
	return number(f / float64(n))
}

func realJSON(rows []row, f func(float64, int) float64) string {
	s, n := 0.0, 0
	for _, r := range rows {
		if r.real != nil {
			s += *r.real
			n++
		}
	}
	if n == 0 {
		return "null"
	}
	return number(f(s, n))
}

func extreme(l []*big.Int, sign, scale int) string {
	if len(l) == 0 {
		return "null"
	}
	v := slices.MaxFunc(l, func(a, b *big.Int) int { return sign * a.Cmp(b) })
	return decimalOf(v, scale, scale, 1)
}

func extremeReal(rows []row, sign int) string {
	var l []float64
	for _, r := range rows {
		if r.real != nil {
			l = append(l, *r.real+0)
		}
	}
	if len(l) == 0 {
		return "null"
	}
	order := func(a, b float64) int {
		if an, bn := math.IsNaN(a), math.IsNaN(b); an != bn {
			if an {
				return sign
			}
			return -sign
		}
		return sign * cmp.Compare(a, b)
	}
	return number(slices.MaxFunc(l, order))
}

func extremeText(rows []row, sign int) string {
	best := ""
	none := true
	for _, r := range rows {
		if r.text != nil && (none || sign*strings.Compare(*r.text, best) > 0) {
			best, none = *r.text, false
		}
	}
	if none {
		return "null"
	}
	return fmt.Sprintf("%q", best)
}

func extremeFlag(rows []row, most bool) string {
	n := count(rows, func(r row) bool { return r.flag != nil })
	if n == 0 {
		return "null"
	}
	yes := count(rows, flagged)
	return fmt.Sprint(most && yes > 0 || !most && yes == n)
}

// TestAggregatesEqualTheModel: any aggregates, over any cuts of the rows into batches and
// tables that are merged in any order, are those of a naive model.
func TestAggregatesEqualTheModel(t *testing.T) {
	all := slices.Sorted(maps.Keys(model))
	rapid.Check(t, func(rt *rapid.T) {
		items := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 8, rapid.ID[string]).Draw(rt, "items")
		plan := bind(t, agg.Options{}, items...)
		pool := batch.NewPool()
		var rows []row
		tables := []*table{newTable(rt, pool, plan), newTable(rt, pool, plan)}
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			part := rapid.SliceOfN(rapid.Custom(drawRow), 1, 70).Draw(rt, "rows")
			in := batchOf(pool, part)
			in.Kinds = nil
			if rapid.Bool().Draw(rt, "selected") {
				in.Sel = []int32{}
				var kept []row
				for i, r := range part {
					if rapid.IntRange(0, 3).Draw(rt, "keep") > 0 {
						in.Sel, kept = append(in.Sel, int32(i)), append(kept, r)
					}
				}
				part = kept
			}
			rows = append(rows, part...)
			to := tables[0]
			if plan.Mergeable() {
				to = tables[rapid.IntRange(0, 1).Draw(rt, "table")]
			}
			to.take(rt, in)
			in.Release()
		}
		if plan.Mergeable() {
			tables[1].into(rt, tables[0])
		}
		check(rt, tables[0].results(rt), rows, plan, items)
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

// TestWhatIsTakenBackNeverWas: rows that are added and taken back, in any order and batches, leave the
// aggregates as if they had not come.
func TestWhatIsTakenBackNeverWas(t *testing.T) {
	all := slices.Sorted(maps.Keys(model))
	defer agg.KeepRanked(2)()
	rapid.Check(t, func(rt *rapid.T) {
		items := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 8, rapid.ID[string]).Draw(rt, "items")
		plan := bind(t, agg.Options{Updating: true}, items...)
		pool := batch.NewPool()
		x := newTable(rt, pool, plan)
		live := rapid.SliceOfN(rapid.Custom(drawRow), 1, 40).Draw(rt, "first")
		part := slices.Clone(live)
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			in := batchOf(pool, part)
			x.take(rt, in)
			in.Release()
			part = rapid.SliceOfN(rapid.Custom(drawRow), 0, 10).Draw(rt, "more")
			live = append(live, part...)
			for range rapid.IntRange(0, 20).Draw(rt, "lost") {
				i := rapid.IntRange(0, len(live)-1).Draw(rt, "which")
				if count(live, func(r row) bool { return r.key == live[i].key }) == 1 {
					continue // the operator deletes groups that have no rows
				}
				lost := live[i]
				lost.kind = rapid.SampledFrom([]batch.RowKind{batch.Delete, batch.UpdateBefore}).Draw(rt, "kind")
				part, live = append(part, lost), slices.Delete(slices.Clone(live), i, i+1)
			}
		}
		in := batchOf(pool, part)
		x.take(rt, in)
		in.Release()
		check(rt, x.results(rt), live, plan, items)
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

func TestWhatBindRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"sum(max(long))":               "NESTED_AGGREGATE_FUNCTION",
		"sum(text, word)":              "WRONG_NUM_ARGS",
		"long":                         "MISSING_AGGREGATION",
		"sum(long) + word":             "MISSING_AGGREGATION",
		"sum(lnog)":                    "UNRESOLVED_COLUMN",
		"sum(*)":                       "INVALID_USAGE_OF_STAR_OR_REGEX",
		"sum(flag)":                    "DATATYPE_MISMATCH",
		"count(*) FILTER (WHERE word)": "DATATYPE_MISMATCH",
		"*":                            "INVALID_USAGE_OF_STAR_OR_REGEX",
		"sum(":                         "PARSE_SYNTAX_ERROR",
	} {
		_, err := agg.Bind([]string{text}, rowSchema.Fields[:1], rowSchema, agg.Options{Options: expr.NewOptions()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestNamesAndTypesAreThoseOfSpark(t *testing.T) {
	plan := bind(t, agg.Options{}, "count(*)", "sum(word)", "sum(cash)", "avg(cash)", "avg(long)", "SUM(real) AS total", "max(text)",
		"sum(wide)", "avg(wide)", "upper(max(text)) AS u", "key + count(1) AS k", "sum('1.5')")
	got := plan.Schema().String()
	want := "key int not null, count(1) bigint not null, sum(word) bigint, sum(cash) decimal(22,2), avg(cash) decimal(16,6), " +
		"avg(long) double, total double, max(text) string, sum(wide) decimal(38,3), avg(wide) decimal(34,7), u string, k bigint, sum(1.5) double"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestEqualAccumulatorsAreShared: a mean, a sum and a count of one column keep one sum and one count.
func TestEqualAccumulatorsAreShared(t *testing.T) {
	plan := bind(t, agg.Options{}, "avg(word)", "sum(word)", "count(word)", "count(*)", "sum(word) / count(*)", "mean(word)")
	if n := len(plan.Values()); n != 2 {
		t.Errorf("%d values: %v", n, plan.Values())
	}
}

func TestAnAccumulatorThatOverflowsSaysWhere(t *testing.T) {
	most := int64(math.MaxInt64)
	pool := batch.NewPool()
	x := newTable(t, pool, bind(t, agg.Options{}, "sum(long)"))
	in := batchOf(pool, []row{{key: 1, long: &most}, {key: 2, long: &most}, {key: 2, long: &most}})
	in.Kinds = nil
	input, err := x.acc.Evaluate(&x.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	rows, fresh := make([]uint32, 3), make(batch.Bitmap, 1)
	if err := x.seg.Upsert(in.Columns[:1], nil, 3, batch.Hash(in.Columns[:1], 3, nil), rows, fresh); err != nil {
		t.Fatal(err)
	}
	err = x.acc.Update(x.seg, rows, fresh, nil, input)
	row, is := err.(*agg.RowError)
	if !is || row.Row != 2 || row.Class != "ARITHMETIC_OVERFLOW" {
		t.Fatalf("got %v", err)
	}
	if text := row.Failure("totals", `{"key":2}`).Error(); text !=
		"step totals: ARITHMETIC_OVERFLOW: sum(long) of the group {\"key\":2}: the accumulator does not fit bigint" {
		t.Error(text)
	}
}
