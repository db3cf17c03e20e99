package agg_test

import (
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/persistence/state"
)

// The one group of an aggregate without keys may have no rows: counts are 0 then, lists empty, and all others null, also of columns
// that are never null.
func TestAggregatesOverNoRows(t *testing.T) {
	for _, updating := range []bool{false, true} {
		items := []string{"count(*)", "count(word)", "count(DISTINCT word)", "approx_count_distinct(word)", "count_if(flag)"}
		zeros := len(items)
		items = append(items, "collect_list(word)", "collect_set(word)")
		lists := len(items)
		for _, call := range []string{"sum(word)", "avg(word)", "min(word)", "max(cast(word AS decimal(30,1)))", "max('x')", "sum(cast(word AS decimal(9,2)))", "avg(cast(word AS double))",
			"stddev(word)", "var_pop(word)", "first(word)", "last(word, true)", "any_value(word)", "min_by(word, word)", "max_by(word, long)", "sum(DISTINCT word)",
			"bool_and(word > 0)", "percentile_approx(word, 0.5)", "percentile_approx(word, array(0.5))"} {
			items = append(items, call)
		}
		o := agg.Options{Options: expr.NewOptions(), Updating: updating}
		plan, err := agg.Bind(items, nil, rowSchema, o)
		if err != nil {
			t.Fatal(err)
		}
		table, err := state.NewTable(state.Spec{Name: "all", Keys: []state.Column{}, Values: plan.Values(), Prefix: state.NoPrefix}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, group, rows := plan.New(nil), table.Segment(0), make([]uint32, 1)
		if err := group.Upsert(nil, nil, 1, nil, rows, nil); err != nil {
			t.Fatal(err)
		}
		a.Begin(group, rows)
		results, err := a.Results(group, rows)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := a.Project(&expr.Context{}, a.Intermediate(1, nil, results))
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range columns {
			want := "null"
			if i < zeros {
				want = "0"
			} else if i < lists {
				want = "[]"
			}
			text := string(batch.AppendRowJSON(nil, batch.NewBatch(batch.NewSchema(batch.Field{Name: "x", Type: c.Type, Nullable: true}), 1, c), 0))
			if got := strings.TrimSuffix(strings.TrimPrefix(text, `{"x":`), "}"); got != want {
				t.Errorf("updating %v: %s of no rows is %s, want %s", updating, items[i], got, want)
			}
		}
	}
}
