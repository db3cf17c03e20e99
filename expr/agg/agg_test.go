package agg_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
)

// ordered says that an aggregate depends on the order of rows, which two tables lose.
func ordered(items []string) bool {
	return slices.ContainsFunc(items, func(s string) bool {
		return strings.HasPrefix(s, "first") || strings.HasPrefix(s, "last") || strings.HasPrefix(s, "collect_list") || strings.Contains(s, "_by")
	})
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
			if plan.Mergeable() && !ordered(items) {
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
	all := slices.DeleteFunc(slices.Sorted(maps.Keys(model)), func(s string) bool { // what cannot take back, or forgets the order
		return ordered([]string{s})
	})
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
		"sum(max(long))":  "NESTED_AGGREGATE_FUNCTION",
		"sum(text, word)": "WRONG_NUM_ARGS",
		"cuont(long)":     "UNRESOLVED_ROUTINE: there is no function `cuont`. Did you mean count",
		"max(long) + pecentile_approx(word, 0.5)": "Did you mean percentile_approx?",
		"uper(max(text))":                         "Did you mean upper",
		"long":                                    "MISSING_AGGREGATION",
		"sum(long) + word":                        "MISSING_AGGREGATION",
		"sum(lnog)":                               "UNRESOLVED_COLUMN",
		"sum(*)":                                  "INVALID_USAGE_OF_STAR_OR_REGEX",
		"sum(flag)":                               "DATATYPE_MISMATCH",
		"count(*) FILTER (WHERE word)":            "DATATYPE_MISMATCH",
		"*":                                       "INVALID_USAGE_OF_STAR_OR_REGEX",
		"sum(":                                    "PARSE_SYNTAX_ERROR",
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

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }
