package operators_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
)

// twice gives the rows to an operator, takes that back, as a task does with a batch that has to be replayed, and gives them again.
func twice(o operators.Observing, in *batch.Batch) ([]byte, error) {
	if err := o.Open(&operators.Context{Step: "example"}); err != nil {
		return nil, err
	}
	o.Keep()
	if err := o.Process(in, 0, forgetful{}); err != nil {
		return nil, err
	}
	o.Undo()
	if err := o.Process(in, 0, printer{}); err != nil {
		return nil, err
	}
	return o.Observed()
}

// What is left out, and what is counted of it.
func ExampleExpect() {
	cheap, err := expr.Bind("price < 6", bids, expr.NewOptions())
	if err != nil {
		fmt.Println(err)
		return
	}
	rules := []operators.Rule{{Name: "cheap", Condition: cheap, Action: operators.Drop}}
	data, err := twice(operators.NewExpect(rules), someBids(5, 9, 7))
	if err != nil {
		fmt.Println(err)
		return
	}
	told, err := operators.MergeExpected([][]byte{data}, rules)
	fmt.Println(told.Rows, "rows,", told.Failed[0], "violate", rules[0].Name, err)
	// Output:
	// {"auction":1,"price":5,"at":"1970-01-01T00:00:00.000000Z","text":"bid0"}
	// 3 rows, 2 violate cheap <nil>
}

// Aggregates of what passes; those of two tasks are put together.
func ExampleObserve() {
	plan, err := agg.Bind([]string{"count(*) AS n", "max(price) AS highest"}, nil, bids, agg.Options{Options: expr.NewOptions()})
	if err != nil {
		fmt.Println(err)
		return
	}
	var parts [][]byte
	for _, price := range []int64{5, 9} {
		data, err := twice(operators.NewObserve(plan), someBids(price))
		if err != nil {
			fmt.Println(err)
			return
		}
		parts = append(parts, data)
	}
	metrics, err := operators.MergeObserved(parts, plan, batch.NewPool())
	fmt.Println(string(metrics), err)
	// Output:
	// {"auction":1,"price":5,"at":"1970-01-01T00:00:00.000000Z","text":"bid0"}
	// {"auction":1,"price":9,"at":"1970-01-01T00:00:00.000000Z","text":"bid0"}
	// {"n":2,"highest":9} <nil>
}

// A failure says where the row came from.
func ExamplePlace() {
	var f supervision.Failure
	place := operators.Place{Topic: "orders", Partition: 3, Offset: 17}
	place.Mark(&f)
	fmt.Println(place, f.Topic, *f.Partition, *f.Offset)
	// Output: orders[3]@17 orders 3 17
}

// A row that a step has rejected, as the quarantine keeps it, becomes what the step was given.
func ExampleRevive() {
	kept := batch.NewSchema(batch.Field{Name: "step", Type: batch.StringType}, batch.Field{Name: "source", Type: batch.StringType},
		batch.Field{Name: "record", Type: batch.StringType, Nullable: true}, batch.Field{Name: "value", Type: batch.BinaryType},
		batch.Field{Name: "schema_version", Type: batch.StringType, Nullable: true}, batch.Field{Name: "change_type", Type: batch.StringType, Nullable: true})
	rows, err := memory.Build(kept, []any{"cheap", "in", nil, []byte(`{"tags":[{"key":"a","value":1}],"price":1.50}`), "v1", nil},
		[]any{"other", "in", nil, []byte("{}"), "v2", operators.ChangeType(batch.Delete)})
	if err != nil {
		fmt.Println(err)
		return
	}
	schema := batch.NewSchema(batch.Field{Name: "tags", Type: batch.MapType(batch.StringType, batch.IntType, true), Nullable: true},
		batch.Field{Name: "price", Type: batch.DecimalType(9, 2), Nullable: true})
	revive, err := operators.NewRevive(operators.ReviveOptions{Step: "cheap", Schema: schema, StepColumn: 0, SourceColumn: 1, Record: 2, Value: 3, Version: 4, Change: 5})
	if err == nil {
		err = run(revive, rows)
	}
	fmt.Println(err)
	// Output:
	// {"tags":[{"key":"a","value":1}],"price":1.50}
	// <nil>
}
