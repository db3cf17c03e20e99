package persistence_test

import (
	"context"
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/persistence"
)

// A task adds keys, an epoch is made durable, and two tasks go on from it.
func Example() {
	ctx, objects := context.Background(), memory.New(memory.Options{})
	options := persistence.Options{Flow: "orders", Incarnation: "7c1e", Step: "by-id", Attempt: 1, Groups: 256, Lo: 0, Hi: 256,
		Unique: func() string { return "a-uuid" }}
	store, _ := persistence.NewStore(options)
	set, _ := store.KeySet("seen", []batch.Type{batch.BigIntType})

	keys := batch.NewBuilder(batch.BigIntType, nil)
	for _, id := range []int64{10, 11, 10, 12} {
		keys.Int64(id)
	}
	columns := []*batch.Column{keys.Finish()}
	fresh := make(batch.Bitmap, 1)
	if err := set.Insert(columns, nil, 4, batch.Hash(columns, 4, nil), fresh); err != nil {
		fmt.Println(err)
	}
	fmt.Println("fresh rows", fresh.Rows(4, nil))

	change := store.Checkpoint(1)            // the task waits for this
	files, err := change.Write(ctx, objects) // and not for this
	change.Release()
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(files[0].Name, files[0].Rows, "rows")

	total := 0
	for _, share := range [][2]int{{0, 128}, {128, 256}} {
		options.Attempt, options.Lo, options.Hi = 2, share[0], share[1]
		restored, _ := persistence.NewStore(options)
		if err := restored.Restore(ctx, objects, files); err != nil {
			fmt.Println(err)
		}
		set, _ := restored.KeySet("seen", []batch.Type{batch.BigIntType})
		total += set.Len()
	}
	fmt.Println("keys in two tasks", total)
	// Output:
	// fresh rows [0 1 3]
	// state/7c1e/by-id/1-1-0-256-a-uuid.dsf 3 rows
	// keys in two tasks 3
}
