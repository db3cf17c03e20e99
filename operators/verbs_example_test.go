package operators_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

// run gives rows to an operator, ends their epoch and shows what comes out by the ports.
func run(o operators.Operator, in *batch.Batch, ports ...int) error {
	state, err := persistence.NewStore(persistence.Options{Step: "example", Groups: 256, Hi: 256})
	if err != nil {
		return err
	}
	c := &operators.Context{Step: "example", State: state, KeyGroups: 256, Epoch: &operators.Epoch{}}
	for _, p := range ports {
		c.Wanted[p] = true
	}
	if err := o.Open(c); err != nil {
		return err
	}
	if err := o.Process(in, 0, printer{}); err != nil {
		return err
	}
	return o.Flush(printer{})
}

// someBids returns rows with these prices for auction 1.
func someBids(prices ...int64) *batch.Batch {
	one, rows := int64(1), []bid{}
	for i := range prices {
		rows = append(rows, bid{auction: &one, price: &prices[i], text: fmt.Sprint("bid", i)})
	}
	return bidRows(nil, rows)
}

func priceKey() []operators.SortKey {
	price, err := expr.Bind("price", bids, expr.NewOptions())
	if err != nil {
		panic(err)
	}
	return []operators.SortKey{{By: price, Order: batch.Descending}}
}

// The two highest bids of each auction, with their rank.
func ExampleTop() {
	top, err := operators.NewTop(bids, operators.TopOptions{Keys: []int{0}, By: priceKey(), N: 2, Rank: "rank", Window: -1})
	if err == nil {
		err = run(top, someBids(5, 9, 7), operators.PortComplete)
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":9,"at":"1970-01-01T00:00:00.000000Z","text":"bid1","rank":1}
	// {"auction":1,"price":7,"at":"1970-01-01T00:00:00.000000Z","text":"bid2","rank":2}
	// <nil>
}

// The bid of each auction with the greatest price, of equal ones the last.
func ExampleNewKeepLatest() {
	by := priceKey()
	by[0].Order = batch.Ascending
	latest, err := operators.NewKeepLatest(bids, by, false, 0)
	if err == nil {
		err = run(latest, someBids(5, 9, 9, 7), operators.PortChanges)
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":9,"at":"1970-01-01T00:00:00.000000Z","text":"bid2"}
	// <nil>
}

// A key is a duplicate for as long as the watermark's delay.
func ExampleDropDuplicatesWithin() {
	one, two := int64(1), int64(2)
	rows := []bid{{auction: &one, at: 0, text: "first"}, {auction: &one, at: 9_000_000, text: "again"},
		{auction: &two, at: 5_000_000, text: "another"}, {auction: &one, at: 10_000_000, text: "expired"}}
	drop, err := operators.NewDropDuplicatesWithin(bids, 2, 10_000_000, 0)
	if err == nil {
		err = run(drop, bidRows(nil, rows), operators.PortFinal)
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":null,"at":"1970-01-01T00:00:00.000000Z","text":"first"}
	// {"auction":2,"price":null,"at":"1970-01-01T00:00:05.000000Z","text":"another"}
	// {"auction":1,"price":null,"at":"1970-01-01T00:00:10.000000Z","text":"expired"}
	// <nil>
}

// With the event time among the keys the state is bounded by the watermark.
func ExampleDropDuplicateEvents() {
	one := int64(1)
	rows := []bid{{auction: &one, at: 0, text: "first"}, {auction: &one, at: 0, text: "again"}, {auction: &one, at: 1, text: "other time"}}
	drop, err := operators.NewDropDuplicateEvents(bids, 2, 0, 2)
	if err == nil {
		err = run(drop, bidRows(nil, rows), operators.PortFinal)
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":null,"at":"1970-01-01T00:00:00.000000Z","text":"first"}
	// {"auction":1,"price":null,"at":"1970-01-01T00:00:00.000001Z","text":"other time"}
	// <nil>
}

// A complete result in order.
func ExampleSort() {
	fmt.Println(run(operators.NewSort(bids, priceKey()), someBids(5, 9, 7), operators.PortFinal))
	// Output:
	// {"auction":1,"price":9,"at":"1970-01-01T00:00:00.000000Z","text":"bid1"}
	// {"auction":1,"price":7,"at":"1970-01-01T00:00:00.000000Z","text":"bid2"}
	// {"auction":1,"price":5,"at":"1970-01-01T00:00:00.000000Z","text":"bid0"}
	// <nil>
}

// The first rows of the stream, for ever.
func ExampleLimit() {
	limit, err := operators.NewLimit(1)
	if err == nil {
		err = run(limit, someBids(5, 9), operators.PortFinal)
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":5,"at":"1970-01-01T00:00:00.000000Z","text":"bid0"}
	// <nil>
}

// A row for each element, and one for a row without any.
func ExampleExplode() {
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.IntType}, batch.Field{Name: "tags", Type: batch.ArrayType(batch.StringType, false)})
	id, tags := batch.NewBuilder(schema.Fields[0].Type, nil), batch.NewBuilder(schema.Fields[1].Type, nil)
	id.Int32(1)
	tags.Kids[0].String("red")
	tags.Kids[0].String("blue")
	tags.List()
	id.Int32(2)
	tags.List()
	of, err := expr.Bind("tags", schema, expr.NewOptions())
	if err != nil {
		fmt.Println(err)
		return
	}
	explode, err := operators.NewExplode(schema, operators.Explosion{Of: of, Outer: true, Position: true, Names: []string{"at", "tag"}, Carry: []int{0}})
	if err == nil {
		err = run(explode, batch.NewBatch(schema, 2, id.Finish(), tags.Finish()), operators.PortFinal)
	}
	fmt.Println(err)
	// Output:
	// {"id":1,"at":0,"tag":"red"}
	// {"id":1,"at":1,"tag":"blue"}
	// {"id":2,"at":null,"tag":null}
	// <nil>
}

// Behind an exchange by hash it is all that repartition needs.
func ExamplePass() {
	fmt.Println(run(operators.NewPass(), someBids(5)))
	// Output:
	// {"auction":1,"price":5,"at":"1970-01-01T00:00:00.000000Z","text":"bid0"}
	// <nil>
}

// The first row of each epoch passes.
func ExampleNewLimitEach() {
	limit, err := operators.NewLimitEach(1)
	if err == nil {
		err = run(limit, someBids(5, 9, 7))
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":5,"at":"1970-01-01T00:00:00.000000Z","text":"bid0"}
	// <nil>
}

func ExampleFilter() {
	condition, err := expr.Bind("price > 6", bids, expr.NewOptions())
	if err == nil {
		err = run(operators.NewFilter(condition), someBids(5, 9))
	}
	fmt.Println(err)
	// Output:
	// {"auction":1,"price":9,"at":"1970-01-01T00:00:00.000000Z","text":"bid1"}
	// <nil>
}

// Two select lists bring frames to the same columns.
func ExampleUnionByName() {
	few := batch.NewSchema(batch.Field{Name: "text", Type: batch.StringType})
	left, right, err := operators.UnionByName(bids, few, true, expr.NewOptions(), expr.NewOptions())
	if err == nil {
		fmt.Println(expr.Schema(left))
		fmt.Println(expr.Schema(right))
	}
	fmt.Println(err)
	// Output:
	// auction bigint, price bigint, at timestamp not null, text string not null
	// auction bigint, price bigint, at timestamp, text string not null
	// <nil>
}

// The watermark of a split: the greatest event time less the delay. A row behind it is marked, and for the steps below to judge.
func ExampleWatermark() {
	w, err := operators.NewWatermark(bids, operators.WatermarkOptions{Column: 2, Delay: 10_000_000})
	in := bidRows(nil, []bid{{at: 60_000_000, text: "first"}, {at: 51_000_000, text: "in time"}, {at: 49_000_000, text: "behind"}})
	if err == nil {
		err = run(w, in)
	}
	fmt.Println(w.Watermark(), w.EventTimes().Rows, err)
	// Output:
	// {"auction":null,"price":null,"at":"1970-01-01T00:01:00.000000Z","text":"first"}
	// {"auction":null,"price":null,"at":"1970-01-01T00:00:51.000000Z","text":"in time"}
	// {"auction":null,"price":null,"at":"1970-01-01T00:00:49.000000Z","text":"behind"}
	// 50000000 3 <nil>
}

// Nulls in the column price become 0.
func ExampleFillNA() {
	items, err := operators.FillNA(bids, []operators.Fill{{Value: "0", Columns: []string{"price"}}}, expr.NewOptions())
	if err == nil {
		err = run(operators.NewProject(items), bidRows(nil, []bid{{text: "no price"}}))
	}
	fmt.Println(err)
	// Output:
	// {"auction":null,"price":0,"at":"1970-01-01T00:00:00.000000Z","text":"no price"}
	// <nil>
}
