package stream

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// Observe computes aggregates of the rows that pass here in each epoch: progress has them as observedMetrics, under the
// name. The rows go on as they are. As in Spark there is no DISTINCT among them. Of a changing input only what it adds is observed.
func (d *Frame) Observe(name string, aggregates ...string) *Frame {
	if d.broken {
		return d
	}
	step := d.stepName("observe")
	if name == "" || len(aggregates) == 0 {
		d.flow.mistake(step, "INVALID_OBSERVED_METRICS", "observe needs a name and at least one aggregate", `such as {name: intake, agg: ["count(*) AS n"]}`)
		return d.fail()
	}
	if !d.observes(step, name) {
		return d.fail()
	}
	plan, err := agg.Bind(aggregates, nil, d.schema, d.aggregating(false))
	if err != nil {
		d.flow.fault(step, err)
		return d.fail()
	}
	if !plan.Mergeable() {
		d.flow.mistake(step, "INVALID_OBSERVED_METRICS.AGGREGATE_EXPRESSION_WITH_DISTINCT_UNSUPPORTED",
			fmt.Sprintf("observe %s: an aggregate is DISTINCT, or written in Go without Merge", name), "approx_count_distinct can be observed")
		return d.fail()
	}
	pool := &batch.Pool{}
	return d.then(d.flow.add(&topology.Step{Name: step, Verb: topology.VerbOperate, What: "observe " + name + ": " + strings.Join(aggregates, ", "),
		Inputs: []int{d.step}, Schema: d.schema, Fallible: plan.CanReject(), Operator: func() operators.Operator { return operators.NewObserve(plan) },
		Needs: also(len(d.schema.Fields), plan.Columns()),
		Observe: &topology.Observe{As: name, Merge: func(parts [][]byte) (topology.Observation, error) {
			metrics, err := operators.MergeObserved(parts, plan, pool)
			return topology.Observation{Metrics: metrics}, err
		}}}))
}
