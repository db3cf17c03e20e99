package delta_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// placed is a store that says where it lies, and notes what is opened.
type placed struct {
	objstore.Store
	place  any
	mu     sync.Mutex
	opened []string
	denied error
}

func (p *placed) Place() any { return p.place }

func (p *placed) Open(ctx context.Context, name string) (objstore.Reader, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened = append(p.opened, name)
	if p.denied != nil {
		return nil, p.denied
	}
	return p.Store.Open(ctx, name)
}

// took returns what was opened since it was called last.
func (p *placed) took() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.opened = nil }()
	return p.opened
}

type numbered struct{ N int64 }

// grow appends so many versions of one row.
func grow(t *testing.T, s objstore.Store, versions int) {
	t.Helper()
	table := delta.Open(s, delta.Options{})
	if _, err := table.Head(ctx); err != nil {
		schema, err := delta.SchemaOf[numbered]()
		if err != nil {
			t.Fatal(err)
		}
		if table, err = delta.Create(ctx, s, delta.CreateOptions{Schema: schema}, delta.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range versions {
		tx, err := table.Begin(ctx, delta.WriteOptions{})
		if err == nil {
			err = delta.WriteRows(ctx, tx, slices.Values([]numbered{{int64(n)}}))
		}
		if err == nil {
			_, err = tx.Commit(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func snapshot(t *testing.T, table *delta.Table) *delta.Snapshot {
	t.Helper()
	s, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSharedSnapshots: what one Table has loaded serves the next one at the same place, and whoever goes on from it serves the first.
func TestSharedSnapshots(t *testing.T) {
	bytes := memory.New(memory.Options{})
	grow(t, bytes, 20)
	a, b := &placed{Store: bytes, place: t.Name()}, &placed{Store: bytes, place: t.Name()}
	one, two := delta.Open(a, delta.Options{}), delta.Open(b, delta.Options{})
	if s := snapshot(t, one); s.Version != 20 || s.Len() != 20 || len(a.took()) < 20 {
		t.Fatalf("version %d of %d files", s.Version, s.Len())
	}
	if s := snapshot(t, two); s.Version != 20 || s.Len() != 20 {
		t.Fatalf("version %d of %d files", s.Version, s.Len())
	} else if opened := b.took(); len(opened) != 2 || opened[0] != log.CommitName(20) || opened[1] != log.CommitName(21) {
		t.Errorf("the second reader opens %v", opened)
	}
	grow(t, bytes, 10)
	if s := snapshot(t, two); s.Version != 30 || s.Len() != 30 {
		t.Fatalf("version %d of %d files", s.Version, s.Len())
	}
	if s := snapshot(t, one); s.Version != 30 || s.Len() != 30 {
		t.Fatalf("version %d of %d files", s.Version, s.Len())
	} else if opened := a.took(); slices.Contains(opened, log.CommitName(25)) {
		t.Errorf("the first reader opens %v", opened)
	}
	if s, err := two.SnapshotAt(ctx, 7); err != nil || s.Len() != 7 {
		t.Errorf("version 7: %v", err)
	}
	if s := snapshot(t, one); s.Version != 30 {
		t.Errorf("an older version took the place of the newest: %d", s.Version)
	}
}

// TestSharedSnapshotsOfAnotherTable: a table that is deleted and made anew is another one, whether or not it has as many versions.
func TestSharedSnapshotsOfAnotherTable(t *testing.T) {
	for _, versions := range []int{3, 5, 9} {
		bytes := memory.New(memory.Options{})
		grow(t, bytes, 5)
		first := snapshot(t, delta.Open(&placed{Store: bytes, place: fmt.Sprint(t.Name(), versions)}, delta.Options{}))
		old := delta.Open(&placed{Store: bytes, place: fmt.Sprint(t.Name(), versions)}, delta.Options{})
		snapshot(t, old)
		if err := bytes.List(ctx, "", "", func(i objstore.Info) bool { return bytes.Delete(ctx, i.Name) != nil || true }); err != nil {
			t.Fatal(err)
		}
		grow(t, bytes, versions)
		check := func(who string, table *delta.Table) {
			t.Helper()
			if s := snapshot(t, table); s.Metadata.ID == first.Metadata.ID || s.Version != int64(versions) || s.Len() != versions {
				t.Errorf("%s sees version %d of %d files of table %s, not the new one's %d", who, s.Version, s.Len(), s.Metadata.ID, versions)
			}
		}
		if versions > 5 { // only what comes behind the version that is known shows that it is another table
			check("a Table from before", old)
		}
		check("a new Table", delta.Open(&placed{Store: bytes, place: fmt.Sprint(t.Name(), versions)}, delta.Options{}))
		check("a Table from before", old)
		runtime.KeepAlive(first)
	}
}

// TestSharedSnapshotsAreNoWayIn: who may not read a table is told nothing of it because another reader may.
func TestSharedSnapshotsAreNoWayIn(t *testing.T) {
	bytes := memory.New(memory.Options{})
	grow(t, bytes, 3)
	table := delta.Open(&placed{Store: bytes, place: t.Name()}, delta.Options{})
	s := snapshot(t, table)
	denied := errors.New("access denied")
	stranger := delta.Open(&placed{Store: bytes, place: t.Name(), denied: denied}, delta.Options{})
	for _, version := range []int64{-1, 3} {
		if _, err := stranger.SnapshotAt(ctx, version); !errors.Is(err, denied) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	runtime.KeepAlive(s)
}

// TestSharedSnapshotsTogether: readers and writers of one table beside each other, each with a Table of its own, never see a version that
// is not whole, or go back.
func TestSharedSnapshotsTogether(t *testing.T) {
	bytes := memory.New(memory.Options{})
	grow(t, bytes, 1)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			table, last := delta.Open(&placed{Store: bytes, place: t.Name()}, delta.Options{Pool: batch.NewPool()}), int64(0)
			for range 20 {
				if n < 2 {
					grow(t, bytes, 1)
				}
				s, err := table.Snapshot(ctx)
				if err != nil || s.Version < last || s.Len() != int(s.Version) {
					t.Errorf("version %v after %d, %v", s, last, err)
					return
				}
				last = s.Version
			}
		})
	}
	all.Wait()
}

// TestSharedSnapshotsEnd: with the last Table of a place what it shared goes.
func TestSharedSnapshotsEnd(t *testing.T) {
	bytes := memory.New(memory.Options{})
	grow(t, bytes, 1)
	for range 100 {
		snapshot(t, delta.Open(&placed{Store: bytes, place: t.Name()}, delta.Options{}))
	}
	for range 1000 {
		if runtime.GC(); !slices.ContainsFunc(delta.SharedPlaces(), func(p any) bool { return strings.HasPrefix(fmt.Sprint(p), t.Name()) }) {
			return
		}
		runtime.Gosched()
	}
	t.Error("the version that nobody uses is still there")
}
