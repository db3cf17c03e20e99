package delta_test

import (
	"os"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// TestStreamOfAnotherTable: a stream that runs ends by name when its table is deleted and another one made at the path, whether that has fewer versions, as many or more.
func TestStreamOfAnotherTable(t *testing.T) {
	fields := []batch.Field{{Name: "id", Type: batch.BigIntType, Nullable: true}, {Name: "v", Type: batch.BigIntType, Nullable: true}}
	for _, versions := range []int{0, 1, 2, 3, 5} {
		dir := t.TempDir()
		store, err := local.New(dir, local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		made := func(versions int) *evolving {
			table, err := delta.Create(ctx, store, delta.CreateOptions{Schema: &batch.Schema{Fields: fields}}, delta.Options{})
			if err != nil {
				t.Fatal(err)
			}
			e := &evolving{t: t, table: table}
			for i := range versions {
				e.insert(i)
			}
			return e
		}
		e := made(2)
		s, err := delta.NewSource(ctx, store, "t", delta.SourceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(ctx, nil); err != nil {
			t.Fatal(err)
		}
		end := func() error {
			_, err := s.End(ctx, []connectors.SplitID{"delta/0"})
			return err
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		e.insert(2)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		made(versions)
		if err := end(); class(err) != "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE" {
			t.Errorf("%d versions: %v", versions, err)
		}
	}
}
