package sim

import (
	"errors"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/local"
)

// Two processes append to one table. One has linked its version and not yet
// synced the folder when the other commits the next version, and the power is cut
// right behind that link: the log must have no gap.
func TestAVersionIsNotBuiltOnOneThatMayVanish(t *testing.T) {
	kept := 0
	for seed := range uint64(40) {
		disk := NewDisk()
		open := func(f *FS) *delta.Table {
			s, err := local.New("/t", local.Options{FS: f})
			if err != nil {
				t.Fatal(err)
			}
			return delta.Open(s, delta.Options{})
		}
		first, second := &FS{disk: disk}, &FS{disk: disk}
		a, b := open(first), open(second)
		if _, err := delta.Create(t.Context(), a.Store(), delta.CreateOptions{Schema: batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})}, delta.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
		commit := delta.Commit{Operation: "WRITE", Adds: []log.Add{{Path: "x"}}}
		linked := false
		second.Decide = func(o Op) Fate {
			if o.Verb == "link" && strings.HasSuffix(o.Path, log.CommitName(2)) {
				return After
			}
			return Passes
		}
		second.Died = func(Op, Fate) { disk.PowerCut(50, seed) }
		first.Decide = func(o Op) Fate {
			linked = linked || o.Verb == "link"
			if linked && o.Verb == "dirsync" && !second.Dead() {
				if _, err := b.Commit(t.Context(), commit); !errors.Is(err, ErrDead) {
					t.Fatalf("the second commit ended with %v", err)
				}
				first.Kill()
			}
			return Passes
		}
		if _, err := a.Commit(t.Context(), commit); !errors.Is(err, ErrDead) {
			t.Fatalf("the first commit ended with %v", err)
		}
		has := func(v int64) bool {
			_, err := disk.mem.Stat("/t/" + log.CommitName(v))
			return err == nil
		}
		if has(2) {
			kept++
			if !has(1) {
				t.Fatalf("seed %d: version 2 is there and version 1 is gone", seed)
			}
		}
	}
	if kept == 0 {
		t.Error("version 2 was never kept: the test shows nothing")
	}
}
