package foreach_test

import (
	"context"
	"fmt"

	"github.com/deltaic/deltaic/connectors/foreach"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// A table of Delta takes each epoch once: its number is written in the same
// commit as the rows, as with Spark's txnAppId and txnVersion.
func ExampleNewBatch_delta() {
	table, err := delta.Create(ctx, memory.New(memory.Options{}), delta.CreateOptions{Schema: schema}, delta.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sink := func() *foreach.Sink {
		return foreach.NewBatch(func(ctx context.Context, rows *foreach.Rows, epoch int64) error {
			head, err := table.Head(ctx)
			if err != nil {
				return err
			}
			if t, there := head.Txns["copy"]; there && t.Version >= epoch {
				fmt.Println("epoch", epoch, "is there already")
				return nil
			}
			w, err := delta.NewWriter(table, head, delta.WriterOptions{})
			if err != nil {
				return err
			}
			defer w.Abort()
			for b, err := range rows.Batches(ctx) {
				if err == nil {
					err = w.Write(ctx, b)
				}
				if err != nil {
					return err
				}
			}
			adds, err := w.Finish(ctx)
			if err != nil {
				return err
			}
			version, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds, Read: head, Txns: []log.Txn{{AppID: "copy", Version: epoch}}})
			fmt.Println("epoch", epoch, "is version", version)
			return err
		}, foreach.Options{})
	}
	engine(sink())
	engine(sink()) // a crash before the return was noted: the same rows and number again
	// Output:
	// epoch 7 is version 1
	// epoch 7 is there already
}
