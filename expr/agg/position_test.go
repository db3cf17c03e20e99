package agg_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
)

// positions is first and last said naively: the values of a group in order, and how often each is there.
type positions struct {
	order []string
	times map[string]int
}

// change takes a value in or out. moves: a value that comes again goes behind all others.
func (p *positions) change(v string, back, moves bool) {
	if p.times == nil {
		p.times = map[string]int{}
	}
	without := func() { p.order = slices.DeleteFunc(p.order, func(o string) bool { return o == v }) }
	if back {
		if p.times[v]--; p.times[v] == 0 {
			without()
		}
		return
	}
	if p.times[v]++; p.times[v] == 1 || moves {
		without()
		p.order = append(p.order, v)
	}
}

// first and last over rows that come and go, however they fall into batches, are those of the values in their order; min_by and
// max_by are the value of some row that is there and has the least or greatest.
func TestPositionsOfWhatIsTakenBack(t *testing.T) {
	defer agg.KeepRanked(2)()
	plan := bind(t, agg.Options{Updating: true}, "first(text) AS a", "first_value(text, true) AS b", "last(text) AS c", "last(text, true) FILTER (WHERE flag) AS d",
		"count(DISTINCT text) AS n", "min_by(text, word) AS e", "max_by(word, text) AS f", "min_by(word, wide) AS g")
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		x := newTable(rt, pool, plan)
		var live, part []row
		var model [4]positions
		flush := func() {
			in := batchOf(pool, part)
			x.take(rt, in)
			in.Release()
			part = nil
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			r := drawRow(rt)
			r.key = 0
			if len(live) > 1 && rapid.IntRange(0, 9).Draw(rt, "what") < 5 {
				i := rapid.IntRange(0, len(live)-1).Draw(rt, "which")
				r = live[i]
				r.kind, live = batch.Delete, slices.Delete(live, i, i+1)
			} else {
				live = append(live, r)
			}
			part = append(part, r)
			back, null := r.kind == batch.Delete, r.text == nil
			for i := range model {
				if (i == 0 || i == 2 || !null) && (i < 3 || flagged(r)) {
					model[i].change(textOf(r), back, i >= 2)
				}
			}
			if rapid.IntRange(0, 3).Draw(rt, "cut") == 0 {
				flush()
			}
		}
		flush()
		got := x.results(rt)[0]
		for i, name := range []string{"a", "b", "c", "d"} {
			want := "null"
			if o := model[i].order; len(o) > 0 && i < 2 {
				want = o[0]
			} else if len(o) > 0 {
				want = o[len(o)-1]
			}
			if !strings.Contains(got, fmt.Sprintf(`"%s":%s`, name, want)) {
				rt.Fatalf("%s of %s, want %s", name, got, want)
			}
		}
		some := func(name string, has func(row) bool, better func(a, b row) bool, value func(row) string) {
			ok, any := false, false
			for _, r := range live {
				if !has(r) {
					continue
				}
				best := !slices.ContainsFunc(live, func(o row) bool { return has(o) && better(o, r) })
				any, ok = true, ok || best && strings.Contains(got, fmt.Sprintf(`"%s":%s`, name, value(r)))
			}
			if !ok && (any || !strings.Contains(got, fmt.Sprintf(`"%s":null`, name))) {
				rt.Fatalf("%s of %s is of no row that has the best", name, got)
			}
		}
		some("e", func(row) bool { return true }, func(a, b row) bool { return a.word < b.word }, textOf)
		word := func(r row) string { return fmt.Sprint(r.word) }
		some("f", func(r row) bool { return r.text != nil }, func(a, b row) bool { return *a.text > *b.text }, word)
		some("g", func(r row) bool { return r.wide != nil }, func(a, b row) bool { return a.wide.Cmp(b.wide) < 0 }, word)
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

// A text may have any bytes, also those that end it among others.
func TestRanksOfTextsWithZeros(t *testing.T) {
	pool := batch.NewPool()
	x := newTable(t, pool, bind(t, agg.Options{Updating: true}, "max_by(word, text) AS most", "min_by(word, text) AS least"))
	texts := []string{"a\x00", "a", "a\x00\x00", "a\x00\x01", "b", ""}
	var rows []row
	for i := range texts {
		rows = append(rows, row{word: int32(i), text: &texts[i]})
	}
	for i, want := range []string{`"most":4,"least":5`, `"most":3,"least":5`, `"most":2,"least":5`, `"most":0,"least":5`, `"most":1,"least":5`} {
		if i == 0 {
			x.take(t, batchOf(pool, rows))
		} else {
			gone := rows[[]int{4, 3, 2, 0}[i-1]]
			gone.kind = batch.Delete
			x.take(t, batchOf(pool, []row{gone}))
		}
		if got := x.results(t)[0]; !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
