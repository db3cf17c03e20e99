package agg_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
)

// A sum of decimals of 38 digits is what its rows add up to, however far it was off the type on the way, in any order,
// batches and parts; where it does not fit in the end it is an error, and null without ANSI.
func TestASumMayBeTooLargeForAMoment(t *testing.T) {
	const most = "99999999999999999999999999999999999999"
	signed := fmt.Sprintf("CASE WHEN flag THEN cast('%s' AS decimal(38,0)) ELSE -cast('%s' AS decimal(38,0)) END", most, most)
	rapid.Check(t, func(rt *rapid.T) {
		o := agg.Options{Options: expr.NewOptions(), Updating: rapid.Bool().Draw(rt, "updating")}
		o.ANSI = false
		plan, err := agg.Bind([]string{"sum(" + signed + ") AS s", "avg(" + signed + ") AS a"}, rowSchema.Fields[:1], rowSchema, o)
		if err != nil {
			rt.Fatal(err)
		}
		pool := batch.NewPool()
		tables := []*table{newTable(rt, pool, plan), newTable(rt, pool, plan)}
		sum, rows := 0, 0
		for i := range rapid.IntRange(2, 12).Draw(rt, "batches") {
			var part []row
			for range rapid.IntRange(1, 6).Draw(rt, "rows") {
				up := rapid.Bool().Draw(rt, "up")
				r, step := row{flag: &up}, 1
				if !up {
					step = -1
				}
				if rows++; o.Updating && rapid.Bool().Draw(rt, "back") {
					r.kind, step, rows = batch.Delete, -step, rows-2
				}
				part, sum = append(part, r), sum+step
			}
			in := batchOf(pool, part)
			if !o.Updating {
				in.Kinds = nil
			}
			tables[i%2].take(rt, in)
		}
		tables[1].into(rt, tables[0])
		if rows <= 0 {
			return // no group has that
		}
		want := map[int]string{-1: `"s":-` + most, 0: `"s":0`, 1: `"s":` + most}[sum]
		if want == "" {
			want = `"s":null`
		}
		if got := tables[0].results(rt)[0]; !strings.Contains(got, want) {
			rt.Fatalf("%d of the largest: %s, want %s", sum, got, want)
		}
	})
	plan := bind(t, agg.Options{}, "sum("+signed+")")
	x, up := newTable(t, batch.NewPool(), plan), true
	in := batchOf(nil, []row{{key: 7, flag: &up}, {key: 7, flag: &up}})
	in.Kinds = nil
	x.take(t, in)
	_, err := x.acc.Results(x.seg, []uint32{0})
	if row, is := err.(*agg.RowError); !is || row.Class != "ARITHMETIC_OVERFLOW" || !strings.Contains(row.Message, "decimal(38,0)") {
		t.Errorf("got %v", err)
	}
}
