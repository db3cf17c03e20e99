package delta_test

import (
	"context"
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
)

// A source reads what a table has, then what comes. The engine keeps its position; whoever reads without one does as here.
func ExampleSource() {
	ctx, store := context.Background(), memory.New(memory.Options{})
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})
	table, _ := delta.Create(ctx, store, delta.CreateOptions{Schema: schema}, delta.Options{})
	add := func(n int64) {
		head, _ := table.Head(ctx)
		writer, _ := delta.NewWriter(table, head, delta.WriterOptions{})
		column := batch.NewBuilder(batch.BigIntType, nil)
		column.Int64(n)
		_ = writer.Write(ctx, batch.NewBatch(schema, 1, column.Finish()))
		adds, _ := writer.Finish(ctx)
		_, _ = table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds})
	}
	add(1)
	source, err := delta.NewSource(ctx, store, "numbers", delta.SourceOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	at, _ := source.Start(ctx, nil)
	add(2)
	reader, _ := source.Open(ctx, at, connectors.OpenOptions{})
	defer reader.Close()
	end, _ := source.End(ctx, []connectors.SplitID{"delta/0"})
	for source.Behind(at["delta/0"], end["delta/0"]) > 0 {
		fetch, err := reader.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		for i := range fetch.Batch.N {
			fmt.Println(fetch.Batch.Columns[0].I64[i])
		}
		fetch.Batch.Release()
		at["delta/0"] = fetch.After
	}
	// Output:
	// 1
	// 2
}
