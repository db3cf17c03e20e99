package agg_test

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
)

// The aggregates of a select list: what they are called, and what state a group has for them.
func ExampleBind() {
	orders := batch.NewSchema(
		batch.Field{Name: "region", Type: batch.StringType},
		batch.Field{Name: "user", Type: batch.StringType},
		batch.Field{Name: "amount", Type: batch.DecimalType(10, 2), Nullable: true})
	plan, err := agg.Bind([]string{
		"count(*) FILTER (WHERE amount > 100) AS large", "count(DISTINCT user) AS users", "sum(amount)", "sum(amount) / count(*) AS each"},
		orders.Fields[:1], orders, agg.Options{Options: expr.NewOptions()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Schema())
	for _, v := range plan.Values() {
		fmt.Println(v.Name)
	}
	fmt.Println(plan.Sets()[0].Name, plan.Mergeable())
	// Output:
	// region string not null, large bigint not null, users bigint not null, sum(amount) decimal(20,2), each decimal(38,20)
	// count(*) where (amount > 100)
	// count(*) distinct(user)
	// sum(amount)
	// sum(amount)#1
	// count(*) not null amount
	// count(*)
	// distinct(user) false
}

// An aggregate written in Go: the texts of a group, one after the other.
func ExampleRegistry() {
	var r agg.Registry
	err := r.Add(agg.UserAggregate{Name: "glue", Doc: "The texts, one after the other.",
		Type: func([]batch.Type) (batch.Type, error) { return batch.StringType, nil },
		Update: func(state []byte, args []*batch.Column, rows []int32) ([]byte, error) {
			for _, r := range rows {
				state = append(state, args[0].Bytes(int(r))...)
			}
			return state, nil
		},
		Result: func(state []byte, to *batch.Builder) error { to.Bytes(state); return nil },
	})
	words := batch.NewSchema(batch.Field{Name: "word", Type: batch.StringType})
	if err == nil {
		_, err = agg.Bind([]string{"glue(word) AS text"}, nil, words, agg.Options{Options: expr.NewOptions(), Aggregates: &r})
	}
	fmt.Println(err)
	// Output: <nil>
}

// The aggregates that can be called.
func ExampleFunctions() {
	var names []string
	for _, f := range agg.Functions() {
		names = append(names, f.Name)
	}
	fmt.Println(strings.Join(names, " "))
	// Output:
	// any any_value approx_count_distinct approx_percentile array_agg avg bool_and bool_or collect_list collect_set count count_if every first first_value last last_value max max_by mean min min_by percentile_approx some std stddev stddev_pop stddev_samp sum var_pop var_samp variance
}
