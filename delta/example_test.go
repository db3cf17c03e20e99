package delta_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
)

// A sink in update mode keeps one row a key: of each epoch it is given what has changed.
func ExampleSinkOptions_keys() {
	ctx, store := context.Background(), memory.New(memory.Options{})
	schema := batch.NewSchema(batch.Field{Name: "region", Type: batch.StringType, Nullable: true}, batch.Field{Name: "orders", Type: batch.BigIntType, Nullable: true})
	sink := delta.NewSink(store, delta.SinkOptions{Keys: []string{"region"}})
	if err := sink.Bind(ctx, schema, connectors.Update); err != nil {
		fmt.Println(err)
	}
	writer, err := sink.Writer(ctx, connectors.Share{Flow: "orders", Incarnation: "1", Attempt: 1, Count: 1})
	if err != nil {
		fmt.Println(err)
	}
	epoch := func(number int64, kind batch.RowKind, regions []string, orders []int64) {
		r, o := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.BigIntType, nil)
		kinds := make([]batch.RowKind, len(regions))
		for i := range regions {
			r.String(regions[i])
			o.Int64(orders[i])
			kinds[i] = kind
		}
		rows := batch.NewBatch(schema, len(regions), r.Finish(), o.Finish())
		rows.Kinds = kinds
		_ = writer.Write(ctx, rows)
		sealed, _ := writer.Seal(number)
		prepared, _ := sealed.Finish(ctx) // durable, and seen by nobody
		done, err := sink.Commit(ctx, connectors.Commit{Flow: "orders", Incarnation: "1", Epoch: number, Attempt: 1, Prepared: []connectors.Prepared{prepared}})
		fmt.Println("epoch", number, "changed", done.Changed, "keys, version", done.Version, err)
	}
	epoch(1, batch.Insert, []string{"north", "south"}, []int64{1, 1})
	epoch(2, batch.UpdateAfter, []string{"south"}, []int64{5})

	snapshot, _ := delta.Open(store, delta.Options{}).Snapshot(ctx)
	var lines []string
	for b, err := range snapshot.Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for i := range b.Rows() {
			lines = append(lines, fmt.Sprint(string(b.Columns[0].Bytes(b.Row(i))), " ", b.Columns[1].I64[b.Row(i)]))
		}
		b.Release()
	}
	slices.Sort(lines)
	fmt.Println(lines)
	// Output:
	// epoch 1 changed 2 keys, version 1 <nil>
	// epoch 2 changed 1 keys, version 2 <nil>
	// [north 1 south 5]
}

// Restoring a version makes a new one that holds what the old one held.
func ExampleTable_Restore() {
	ctx, store := context.Background(), memory.New(memory.Options{})
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})
	table, err := delta.Create(ctx, store, delta.CreateOptions{Schema: schema}, delta.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range int64(2) {
		head, _ := table.Head(ctx)
		writer, _ := delta.NewWriter(table, head, delta.WriterOptions{})
		column := batch.NewBuilder(batch.BigIntType, nil)
		column.Int64(n)
		_ = writer.Write(ctx, batch.NewBatch(schema, 1, column.Finish()))
		adds, _ := writer.Finish(ctx)
		_, _ = table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds})
	}
	done, err := table.Restore(ctx, 1)
	fmt.Println("version", done.Version, "adds", done.Added, "files and removes", done.Removed, err)
	snapshot, _ := table.Snapshot(ctx)
	rows, _ := snapshot.Rows()
	fmt.Println(rows, "row")
	// Output:
	// version 3 adds 0 files and removes 1 <nil>
	// 1 row
}

// A scan reads what is asked for: one column and the files' names here, of the rows for which a condition is true. The first
// file is not opened, since its statistics say that it has no such row.
func ExampleSnapshot_Scan() {
	ctx, store := context.Background(), memory.New(memory.Options{})
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "city", Type: batch.StringType})
	table, err := delta.Create(ctx, store, delta.CreateOptions{Schema: schema}, delta.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, cities := range [][]string{{"Oslo", "Riga"}, {"Lima", "Quito", "Lagos"}} {
		head, _ := table.Head(ctx)
		writer, _ := delta.NewWriter(table, head, delta.WriterOptions{Name: func(int, string) string { return fmt.Sprint("part-", i) }})
		id, city := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
		for k, name := range cities {
			id.Int64(int64(10*i + k))
			city.String(name)
		}
		_ = writer.Write(ctx, batch.NewBatch(schema, len(cities), id.Finish(), city.Finish()))
		adds, _ := writer.Finish(ctx)
		_, _ = table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds})
	}
	snapshot, err := table.Snapshot(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for rows, err := range snapshot.Scan(ctx, delta.ScanOptions{Columns: []string{"city", "_metadata.file_name"}, Where: "id >= 10 AND city LIKE 'L%'"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for i := range rows.Rows() {
			fmt.Println(string(batch.AppendRowJSON(nil, rows, rows.Row(i))))
		}
		rows.Release()
	}
	// Output:
	// {"city":"Lima","_metadata":{"file_name":"part-1.snappy.parquet"}}
	// {"city":"Lagos","_metadata":{"file_name":"part-1.snappy.parquet"}}
}

// Changes are the rows that each version inserted, updated and deleted.
func ExampleTable_Changes() {
	ctx, store := context.Background(), memory.New(memory.Options{})
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})
	table, err := delta.Create(ctx, store, delta.CreateOptions{Schema: schema, Properties: map[string]string{"delta.enableChangeDataFeed": "true"}}, delta.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range int64(3) {
		head, _ := table.Head(ctx)
		writer, _ := delta.NewWriter(table, head, delta.WriterOptions{})
		column := batch.NewBuilder(batch.BigIntType, nil)
		column.Int64(n)
		_ = writer.Write(ctx, batch.NewBatch(schema, 1, column.Finish()))
		adds, _ := writer.Finish(ctx)
		_, _ = table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds})
	}
	_, _ = table.Restore(ctx, 1)
	for b, err := range table.Changes(ctx, 2, -1, delta.ChangesOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for i := range b.Rows() {
			fmt.Println(b.Columns[2].I64[b.Row(i)], string(b.Columns[1].Bytes(b.Row(i))), b.Columns[0].I64[b.Row(i)])
		}
		b.Release()
	}
	// Unordered output:
	// 2 insert 1
	// 3 insert 2
	// 4 delete 1
	// 4 delete 2
}
