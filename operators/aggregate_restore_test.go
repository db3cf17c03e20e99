package operators_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/operators"
)

// everyKind has an aggregate of each kind of state: words, texts, sets and sketches.
var everyKind = []string{"count(*) AS n", "sum(amount) AS s", "avg(cast(amount AS decimal(30,2))) AS d", "stddev(amount) AS sd", "sum(cast(amount AS double)) AS f",
	"min(region) AS low", "max(cast(amount AS decimal(38,1))) AS high", "first(region) AS first", "last(amount, true) AS last",
	"max_by(region, amount) AS by", "collect_list(amount) AS list", "count(DISTINCT amount) AS ids", "sum(DISTINCT amount) FILTER (WHERE amount > 0) AS up",
	"approx_count_distinct(amount) AS about", "percentile_approx(amount, 0.5) AS median", "bool_or(amount > 3) AS some"}

// TestAggregatesSurviveARestore: restored after each epoch they give what they give without.
func TestAggregatesSurviveARestore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SampledFrom([][]int{{}, {0}}).Draw(rt, "keys")
		items := rapid.SliceOfNDistinct(rapid.SampledFrom(everyKind), 1, 6, rapid.ID[string]).Draw(rt, "items")
		var groups []batch.Field
		for _, k := range keys {
			groups = append(groups, salesSchema.Fields[k])
		}
		plan, err := agg.Bind(items, groups, salesSchema, agg.Options{Options: expr.NewOptions()})
		if err != nil {
			rt.Fatal(err)
		}
		start := func() *aggregateRun {
			run := &aggregateRun{rt: rt, pool: batch.NewPool(), objects: memory.New(memory.Options{}), made: func() *operators.Aggregate {
				op, err := operators.NewAggregate(salesSchema, keys, plan, operators.AggregateOptions{})
				if err != nil {
					rt.Fatal(err)
				}
				return op
			}}
			run.start()
			return run
		}
		steady, restored := start(), start()
		defer steady.store.Close()
		for range rapid.IntRange(1, 6).Draw(rt, "epochs") {
			var results [2][]string
			part := []sale{}
			for range rapid.IntRange(0, 20).Draw(rt, "rows") {
				part = append(part, sale{region: rapid.SampledFrom([]string{"", "a", "b", "cc"}).Draw(rt, "region"), amount: rapid.Int64Range(-5, 5).Draw(rt, "amount")})
			}
			for i, run := range []*aggregateRun{steady, restored} {
				out := &changes{keys: len(keys), table: map[string]string{}}
				in := salesOf(run.pool, part, false)
				run.must(run.op.Process(in, 0, discard{}))
				in.Release()
				run.barrier(completeOnly{out}, i == 1)
				results[i] = out.complete
				slices.Sort(results[i])
			}
			if fmt.Sprint(results[0]) != fmt.Sprint(results[1]) {
				rt.Fatalf("restored %v\nsteady   %v", results[1], results[0])
			}
		}
		restored.store.Close()
		if n := restored.pool.Lent(); n != 0 {
			rt.Fatalf("%d columns leaked", n)
		}
	})
}

// completeOnly keeps the complete result alone.
type completeOnly struct{ *changes }

func (c completeOnly) EmitTo(port int, b *batch.Batch) error {
	if port == operators.PortComplete {
		return c.changes.EmitTo(port, b)
	}
	b.Release()
	return nil
}
