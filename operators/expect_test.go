package operators_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
)

func ruleOf(t interface{ Fatal(...any) }, name, constraint string, a operators.Action) operators.Rule {
	b, err := expr.Bind(constraint, bids, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	return operators.Rule{Name: name, Condition: b, Action: a, Samples: 2}
}

// recounted is an Expect that adds up what it tells, as a task does: after each batch, some of which are undone first.
type recounted struct {
	*operators.Expect
	sum  *operators.Expected
	undo int
	n    int
}

func (t *recounted) Process(in *batch.Batch, i int, out operators.Output) error {
	t.Keep()
	if t.n++; t.n%3 == t.undo { // a batch that fails further down is taken back and comes again
		if err := t.Expect.Process(in, i, forgetful{}); err != nil {
			return err
		}
		t.Undo()
	}
	return t.Expect.Process(in, i, out)
}

func (t *recounted) Flush(operators.Output) error {
	data, err := t.Observed()
	if err != nil || data == nil {
		return err
	}
	one, err := operators.MergeExpected([][]byte{data}, make([]operators.Rule, 4))
	t.sum.Rows += one.Rows
	t.sum.Dropped += one.Dropped
	t.sum.Quarantined += one.Quarantined
	for i, n := range one.Failed {
		t.sum.Failed[i] += n
	}
	return err
}

type forgetful struct{}

func (forgetful) Emit(b *batch.Batch) error                       { b.Release(); return nil }
func (forgetful) EmitTo(_ int, b *batch.Batch) error              { b.Release(); return nil }
func (forgetful) Advance(int64) error                             { return nil }
func (forgetful) Late(*batch.Batch, []int32, int64) error         { return nil }
func (forgetful) Reject(*batch.Batch, []operators.Rejected) error { return nil }

// However the rows are cut, each rule is counted by a model in Go, and each row goes where the gravest rule that it violates says.
func TestExpectAgainstModel(outer *testing.T) {
	rapid.Check(outer, func(t *rapid.T) {
		pool := batch.NewPool()
		rows := drawBids(t, rapid.Bool().Draw(t, "changes"))
		b := bidRows(pool, rows)
		defer b.Release()
		rules := []operators.Rule{ruleOf(t, "cheap", "price < 3", operators.Warn), ruleOf(t, "known", "auction IS NOT NULL", operators.Drop),
			ruleOf(t, "divides", "10 / price >= 5", operators.Quarantine), ruleOf(t, "early", "at < TIMESTAMP '1970-01-01 00:00:00.000007'", operators.Quarantine)}
		var sums []*operators.Expected
		undo := rapid.IntRange(0, 3).Draw(t, "undo")
		got := operatortest.Check(outer, operatortest.Kit{Rows: b, Pool: pool, Seed: rapid.Uint64().Draw(t, "seed"), Ports: nil, New: func() (operators.Operator, error) {
			sums = append(sums, &operators.Expected{Failed: make([]int64, 4)})
			return &recounted{Expect: operators.NewExpect(rules), sum: sums[len(sums)-1], undo: undo}, nil
		}})
		want, model := operators.Expected{Failed: make([]int64, 4)}, map[string]int{}
		for _, r := range rows {
			back := r.kind == batch.UpdateBefore || r.kind == batch.Delete
			bad := [4]bool{r.price == nil || *r.price >= 3, r.auction == nil, r.price == nil || *r.price == 0 || *r.price > 2, r.at >= 7}
			if !back {
				want.Rows++
				for i, v := range bad {
					if v {
						want.Failed[i]++
					}
				}
			}
			switch {
			case bad[2] || bad[3]:
				if !back {
					want.Quarantined++
					model["rejected "+r.text]++
				}
			case bad[1]:
				if !back {
					want.Dropped++
				}
			default:
				model["passed "+r.text]++
			}
		}
		if fmt.Sprint(*sums[0]) != fmt.Sprint(want) {
			t.Fatalf("counted %+v, want %+v", *sums[0], want)
		}
		for _, line := range got {
			at := strings.Index(line, `"text":"`)
			text, _, _ := strings.Cut(line[at+8:], `"`)
			if key := map[bool]string{true: "rejected ", false: "passed "}[strings.HasPrefix(line, "rejected")] + text; model[key] == 0 {
				t.Fatalf("%s is not expected: %v", line, model)
			} else {
				model[key]--
			}
		}
		for key, n := range model {
			if n != 0 {
				t.Fatalf("%s is missing %d times", key, n)
			}
		}
	})
}
