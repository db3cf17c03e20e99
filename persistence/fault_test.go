package persistence

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/memory"
)

var errBroken = errors.New("the disk is broken")

// script writes enough change files for a base, the base, and restores them,
// trying each step again once after an error. It returns the errors.
func script(t *testing.T, objects objstore.Store, pool *batch.Pool, account *batch.Account) (failed []error) {
	t.Helper()
	ctx, unique := context.Background(), 0
	o := testOptions(pool)
	o.Account, o.Unique = account, func() string { unique++; return strconv.Itoa(unique) }
	again := func(step func() error) {
		err := step()
		if err != nil {
			failed = append(failed, err)
			err = step()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := NewStore(o)
	if err != nil {
		t.Fatal(err)
	}
	set, err := s.KeySet("seen", []batch.Type{batch.BigIntType})
	if err != nil {
		t.Fatal(err)
	}
	var files []StateFile
	for epoch := range int64(minChanges) {
		keys := []*batch.Column{{Type: batch.BigIntType, N: 3, I64: []int64{epoch, epoch + 1, epoch + 2}}}
		if err := set.Insert(keys, nil, 3, batch.Hash(keys, 3, nil), make(batch.Bitmap, 1)); err != nil {
			t.Fatal(err)
		}
		change := s.Checkpoint(epoch)
		again(func() error {
			written, err := change.Write(ctx, objects)
			files = append(files, written...)
			return err
		})
		change.Release()
	}
	base := s.Upkeep(files)
	again(func() error {
		written, err := base.Write(ctx, objects)
		files = append(files, written...)
		return err
	})
	if files = Live(files); len(files) != 1 || files[0].Kind != KindBase {
		t.Fatalf("live are %+v", files)
	}
	s.Close()
	again(func() error { return s.Restore(ctx, objects, files) })
	if n := s.tables["seen"].Len(); n != minChanges+2 {
		t.Fatalf("%d keys", n)
	}
	s.Close()
	return failed
}

// Whichever operation of the store fails, the error comes out, nothing leaks,
// and trying again is enough.
func TestEveryOperationMayFail(t *testing.T) {
	total := 0
	_ = script(t, faulty.Wrap(memory.New(memory.Options{}), faulty.Options{Hook: func(context.Context, faulty.Kind, string) error {
		total++
		return nil
	}}), nil, nil)
	for at := 1; at <= total; at++ {
		n, pool, account := 0, batch.NewPool(), batch.NewAccount("all", 0)
		hook := func(context.Context, faulty.Kind, string) error {
			if n++; n == at {
				return errBroken
			}
			return nil
		}
		failed := script(t, faulty.Wrap(memory.New(memory.Options{}), faulty.Options{Hook: hook}), pool, account)
		if len(failed) != 1 || !errors.Is(failed[0], errBroken) {
			t.Fatalf("operation %d of %d failed, what came out is %v", at, total, failed)
		}
		if pool.Lent() != 0 || account.Used() != 0 {
			t.Fatalf("operation %d of %d failed: %d columns and %d bytes are lost", at, total, pool.Lent(), account.Used())
		}
	}
	if total < 30 {
		t.Fatalf("%d operations only", total)
	}
}

// Lost replies, repeats and torn writes of a file's creation never lose a row.
func TestUnknownOutcomes(t *testing.T) {
	fired := 0
	for _, fault := range []faulty.Fault{faulty.Fail, faulty.LoseRequest, faulty.LoseReply, faulty.Repeat, faulty.Tear} {
		for at := 1; at <= minChanges+1; at++ {
			store := faulty.Wrap(memory.New(memory.Options{}), faulty.Options{Decide: faulty.At(at, fault)})
			script(t, store, nil, nil)
			fired += store.Fired()[fault]
		}
	}
	if fired != 5*(minChanges+1) {
		t.Fatalf("%d faults fired", fired)
	}
}
