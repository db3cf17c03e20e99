package persistence

import (
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
)

// A task goes on, evicts and reads, while what it changed is folded and merged beside it.
func TestUpkeepBesideTheTask(t *testing.T) {
	defer Small()()
	ctx, objects, unique := context.Background(), memory.New(memory.Options{}), 0
	o := testOptions(batch.NewPool())
	o.Account = batch.NewAccount("memory_limit", 200_000)
	names := make(chan string, 10_000)
	for range cap(names) {
		unique++
		names <- fmt.Sprint(unique)
	}
	o.Unique = func() string { return <-names }
	o.Image = image.New(image.Options{FS: vfs.NewMem(), Dir: "image", Cache: 1 << 20})
	s, err := NewStore(o)
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Table(state.Spec{Name: "counts", Keys: []state.Column{{Name: "k", Type: batch.BigIntType}}, Values: []state.Column{{Name: "n", Type: batch.BigIntType}}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 512
	segment, want, rows := table.Segment(0), map[int64]uint64{}, make([]uint32, n)
	feed := func(round int) {
		key := &batch.Column{Type: batch.BigIntType, N: n, I64: make([]int64, n)}
		for i := range key.I64 {
			key.I64[i] = int64((round*7919 + i*i) % 20_000)
			want[key.I64[i]]++
		}
		keys := []*batch.Column{key}
		if err := segment.Upsert(keys, nil, n, batch.Hash(keys, n, nil), rows, nil); err != nil {
			t.Fatal(err)
		}
		count := segment.Words(0)
		for _, r := range rows {
			*count.Slot(r)++
		}
		segment.Touch(rows)
	}
	type written struct {
		files []StateFile
		err   error
	}
	var files []StateFile
	folds := 0
	for epoch := range int64(60) {
		feed(int(epoch))
		change := s.Checkpoint(epoch + 1)
		changed, err := change.Write(ctx, objects)
		change.Release()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, changed...)
		u := s.Upkeep(files)
		if u == nil {
			continue
		}
		done := make(chan written, 1)
		go func() {
			f, err := u.Write(ctx, objects)
			done <- written{f, err}
		}()
		feed(int(epoch) + 1000)
		feed(int(epoch) + 2000)
		w := <-done
		if w.err != nil {
			t.Fatal(w.err)
		}
		s.Done(u)
		files = Live(append(files, w.files...))
		folds++
	}
	got := 0
	if err := segment.Scan(func(rows []uint32) error {
		keys, count := segment.Keys(nil, rows), segment.Words(0)
		for i, r := range rows {
			if got++; count.At(r) != want[keys[0].I64[i]] {
				t.Fatalf("key %d was counted %d times, want %d", keys[0].I64[i], count.At(r), want[keys[0].I64[i]])
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got != len(want) || folds < 10 {
		t.Fatalf("%d keys, want %d; %d folds", got, len(want), folds)
	}
	s.Close()
	if err := o.Image.Close(); err != nil {
		t.Fatal(err)
	}
	if o.Account.Used() != 0 {
		t.Fatalf("%d bytes are charged still", o.Account.Used())
	}
}
