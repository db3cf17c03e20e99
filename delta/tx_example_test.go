package delta_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
)

// Order is a row of the table in the examples: OrderID is the column order_id.
type Order struct {
	OrderID int64
	Region  string
	Cents   *int64 // may be null
}

func orders() *delta.Table {
	schema, err := delta.SchemaOf[Order]()
	if err != nil {
		panic(err)
	}
	table, err := delta.Create(context.Background(), memory.New(memory.Options{}), delta.CreateOptions{Schema: schema, PartitionBy: []string{"region"},
		Properties: map[string]string{"delta.constraints.paid": "cents IS NULL OR cents > 0"}}, delta.Options{})
	if err != nil {
		panic(err)
	}
	return table
}

// commit writes the orders in one transaction.
func commit(table *delta.Table, o delta.WriteOptions, rows ...Order) {
	ctx := context.Background()
	tx, err := table.Begin(ctx, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tx.Abort() // does nothing after Commit
	if err := delta.WriteRows(ctx, tx, slices.Values(rows)); err != nil {
		fmt.Println(err)
		return
	}
	done, err := tx.Commit(ctx)
	fmt.Println("version", done.Version, "repeat", done.Repeat, err)
}

func print(table *delta.Table, where string) {
	ctx := context.Background()
	snapshot, err := table.Snapshot(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	var lines []string
	for o, err := range delta.ScanRows[Order](ctx, snapshot, delta.ScanOptions{Where: where}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		lines = append(lines, fmt.Sprintln(o.OrderID, o.Region, *o.Cents))
	}
	slices.Sort(lines)
	fmt.Print(strings.Join(lines, ""))
}

// A transaction writes Go values as rows and commits them all at once; a row that breaks a constraint of the table is refused.
func ExampleTable_Begin() {
	table, cents := orders(), func(n int64) *int64 { return &n }
	commit(table, delta.WriteOptions{}, Order{1, "north", cents(250)}, Order{2, "south", cents(120)})
	commit(table, delta.WriteOptions{}, Order{3, "north", cents(-1)})
	commit(table, delta.WriteOptions{Mode: delta.Overwrite, ReplaceWhere: "region = 'south'"}, Order{4, "south", cents(99)})
	print(table, "cents < 1000")
	// Output:
	// version 1 repeat false <nil>
	// memory://: DELTA_VIOLATE_CONSTRAINT_WITH_VALUES: row 0 of the batch breaks the CHECK constraint paid (cents IS NULL OR cents > 0): {"cents":-1}
	// version 2 repeat false <nil>
	// 1 north 250
	// 4 south 99
}

// With an application's id and version a transaction that is repeated writes nothing.
func ExampleWriteOptions_txnVersion() {
	table, cents := orders(), int64(100)
	for batch := range int64(2) {
		o := delta.WriteOptions{TxnAppID: "loader", TxnVersion: &batch}
		commit(table, o, Order{batch, "north", &cents})
		commit(table, o, Order{batch, "north", &cents})
	}
	print(table, "")
	// Output:
	// version 1 repeat false <nil>
	// version 1 repeat true <nil>
	// version 2 repeat false <nil>
	// version 2 repeat true <nil>
	// 0 north 100
	// 1 north 100
}

// New columns of the rows become columns of the table with MergeSchema; rows from before have null in them.
func ExampleWriteOptions_mergeSchema() {
	type priced struct {
		OrderID  int64
		Region   string
		Currency string
	}
	table, ctx, cents := orders(), context.Background(), int64(250)
	commit(table, delta.WriteOptions{}, Order{1, "north", &cents})
	tx, err := table.Begin(ctx, delta.WriteOptions{MergeSchema: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := delta.WriteRows(ctx, tx, slices.Values([]priced{{2, "north", "EUR"}})); err != nil {
		fmt.Println(err)
	}
	if _, err := tx.Commit(ctx); err != nil {
		fmt.Println(err)
	}
	head, _ := table.Head(ctx)
	fmt.Println(head.Schema)
	// Output:
	// version 1 repeat false <nil>
	// order_id bigint not null, region string not null, cents bigint, currency string
}

// The history tells what each version did, the newest first.
func ExampleTable_History() {
	table, cents := orders(), int64(1)
	commit(table, delta.WriteOptions{UserMetadata: "first load"}, Order{1, "north", &cents})
	for e, err := range table.History(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Version, e.Info.Operation, e.Info.UserMetadata)
	}
	// Output:
	// version 1 repeat false <nil>
	// 1 WRITE first load
	// 0 CREATE TABLE
}
