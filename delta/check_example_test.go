package delta_test

import (
	"context"
	"fmt"

	"github.com/deltaic/deltaic/delta"
)

// A file is lost, and another one lies about.
func ExampleTable_Check() {
	ctx, table := context.Background(), orders()
	commit(table, delta.WriteOptions{}, Order{OrderID: 1, Region: "north"})
	s, err := table.Snapshot(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = table.Store().Delete(ctx, s.Files()[0].Path)
	_ = table.Store().Put(ctx, "part-of-nobody.parquet", []byte("?"))
	for f, err := range table.Check(ctx, delta.CheckOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(f.Kind, "harmless:", f.Harmless, "repairable:", f.Repair != "")
	}
	// Output:
	// version 1 repeat false <nil>
	// orphan harmless: true repairable: true
	// data_file_missing harmless: false repairable: false
}
