package delta_test

import (
	"errors"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

// TestAFileThatIsMissing is fatal while the newest version has it, for no new attempt would find it; what was read from too old a version is read again.
func TestAFileThatIsMissing(t *testing.T) {
	store := memory.New(memory.Options{})
	table := create(t, store, delta.CreateOptions{Schema: batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "p", Type: batch.IntType})})
	writeNumbers(t, table, 1, 1)
	old, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(ctx, old.Files()[0].Path); err != nil {
		t.Fatal(err)
	}
	missing := func(want supervision.Kind) {
		t.Helper()
		_, err := scanned(old, delta.ScanOptions{})
		var f *supervision.Failure
		if !errors.As(err, &f) || f.Class != "FAILED_READ_FILE.FILE_NOT_EXIST" || f.Kind != want || f.Hint == "" {
			t.Fatalf("it says %v, of kind %v, want %v", err, supervision.KindOf(err), want)
		}
	}
	missing(supervision.Fatal)
	tx, err := table.Begin(ctx, delta.WriteOptions{Mode: delta.Overwrite})
	if err == nil {
		_, err = tx.Commit(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	missing(supervision.Restart)
}
