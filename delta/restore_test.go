package delta_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestRestore makes random histories of appends, removals and new schemas, and restores random versions: the newest
// version then holds exactly what the restored one did, and each older one still what it held.
func TestRestore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New(memory.Options{})
		table := delta.Open(s, options(1000+others.Add(1)))
		create(t, s, delta.CreateOptions{Schema: idSchema})
		var want [][]int64
		note := func() {
			got := scanN(t, s)
			slices.Sort(got)
			want = append(want, got)
		}
		note()
		for i := range int64(rapid.IntRange(1, 8).Draw(rt, "versions")) {
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0, 1:
				appendIDs(t, s, i, i+10)
			case 2:
				snapshot, err := table.Snapshot(ctx)
				if err != nil {
					t.Fatal(err)
				}
				c := delta.Commit{Operation: "DELETE"}
				for _, a := range snapshot.Files() {
					if rapid.Bool().Draw(rt, "gone") {
						c.Removes = append(c.Removes, log.Remove{Path: a.Path, DataChange: true})
					}
				}
				if _, err := table.Commit(ctx, c); err != nil {
					t.Fatal(err)
				}
			case 3:
				version := rapid.IntRange(0, len(want)-1).Draw(rt, "to")
				done, err := table.Restore(ctx, int64(version), log.Txn{AppID: "f/i", Version: i})
				if err != nil {
					t.Fatal(err)
				}
				if got := scanN(t, s); len(got) != len(want[version]) || done.Version != int64(len(want)) {
					t.Fatalf("version %d restored as %d: rows %v, want %v", version, done.Version, got, want[version])
				}
			}
			note()
		}
		for v := range want {
			snapshot, err := table.SnapshotAt(ctx, int64(v))
			if err != nil {
				t.Fatal(err)
			}
			if rows, _ := snapshot.Rows(); rows != int64(len(want[v])) {
				t.Fatalf("version %d has %d rows, want %v", v, rows, want[v])
			}
		}
		sound(rt, table)
	})
}

// TestRestoreBringsBackTheSchema: columns and properties are those of the version restored.
func TestRestoreBringsBackTheSchema(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Schema: idSchema, Properties: map[string]string{"quality": "gold"}})
	before, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	next := before.Metadata
	next.Configuration = map[string]string{"quality": "lead"}
	next.SchemaString = log.FormatSchema(batch.NewSchema(append(slices.Clone(idSchema.Fields), batch.Field{Name: "more", Type: batch.StringType, Nullable: true})...))
	if _, err := table.Commit(ctx, delta.Commit{Operation: "ADD COLUMNS", Metadata: &next}); err != nil {
		t.Fatal(err)
	}
	appendIDs(t, s, 1)
	if _, err := table.Restore(ctx, 0); err != nil {
		t.Fatal(err)
	}
	after, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(after.Metadata, before.Metadata) || len(after.Schema.Fields) != len(before.Schema.Fields) {
		t.Fatalf("restored %+v", after.Metadata)
	}
	var said log.CommitInfo
	if err := table.Log().Commit(ctx, after.Version, log.KindCommitInfo, func(a *log.Action) error { said = *a.CommitInfo; return nil }); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(said.Operation, said.Parameters); got != `RESTORE[{version "0"} {timestamp null}]` {
		t.Fatalf("the log says %s", got)
	}
}

func TestRestoreRefuses(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Schema: idSchema})
	appendIDs(t, s, 1)
	first, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	file := first.Files()[0]
	if _, err := table.Commit(ctx, delta.Commit{Operation: "DELETE", Removes: []log.Remove{{Path: file.Path, DataChange: true}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Restore(ctx, 9); class(err) != log.ClassVersionNotFound {
		t.Fatalf("a version that is not there: %v", err)
	}
	plan, err := table.PlanRestore(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	appendIDs(t, s, 2)
	if _, err := table.Commit(ctx, plan); class(err) != delta.ClassConcurrentAppend {
		t.Fatalf("rows came meanwhile: %v", err)
	}
	if err := s.Delete(ctx, file.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Restore(ctx, 1); class(err) != delta.ClassMissingFiles {
		t.Fatalf("its file is gone: %v", err)
	}
}
