package persistence

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/state"
)

// Change is what one epoch changed in a store, on its way into change files.
// It shares nothing with the store and belongs to one goroutine at a time.
type Change struct {
	options Options
	epoch   int64
	parts   []*state.Copy
	charged int64
}

// copies are kept for the next checkpoint: one a second would otherwise be
// garbage of the size of the changes.
var copies = sync.Pool{New: func() any { return &state.Copy{} }}

// recycle keeps a copy for the next one that asks, if it is worth its memory, which nobody is charged for meanwhile.
func recycle(c *state.Copy) {
	if c.Thrifty() {
		copies.Put(c)
	}
}

// Checkpoint copies the rows that came since the last checkpoint and marks them
// as taken. It is the part of a checkpoint that the task waits for. The change must be released.
func (s *Store) Checkpoint(epoch int64) *Change {
	c := &Change{options: s.options, epoch: epoch}
	for _, t := range s.tables {
		r := copies.Get().(*state.Copy)
		t.Checkpoint(epoch, r)
		t.updated, t.removed = r.Updated(), r.Removed
		if r.Empty() {
			recycle(r)
			continue
		}
		c.charged += r.Charged()
		c.parts = append(c.parts, r)
	}
	slices.SortFunc(c.parts, func(a, b *state.Copy) int { return cmp.Compare(a.Spec().Name, b.Spec().Name) })
	s.options.Account.Charge(c.charged)
	s.relieve()
	return c
}

// Rows returns the number of rows that changed.
func (c *Change) Rows() int64 {
	var n int64
	for _, p := range c.parts {
		n += int64(p.Rows())
	}
	return n
}

// Write makes the change durable, one file for each table that changed, and
// returns their descriptions for the manifest: none if nothing changed. It may be called
// again after an error; the files then have new names.
func (c *Change) Write(ctx context.Context, objects objstore.Store) ([]StateFile, error) {
	var files []StateFile
	for _, p := range c.parts {
		f, err := writeRows(ctx, objects, c.options, KindChange, c.epoch, p)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Release gives the copy's memory back. A second call does nothing.
func (c *Change) Release() {
	for _, p := range c.parts {
		recycle(p)
	}
	c.options.Account.Charge(-c.charged)
	c.parts, c.charged = nil, 0
}

func writeRows(ctx context.Context, objects objstore.Store, o Options, kind string, epoch int64, rows *state.Copy) (f StateFile, err error) {
	w, err := createFile(ctx, objects, o, kind, rows.Spec(), rows.Dropped, epoch)
	if err != nil {
		return f, err
	}
	defer w.abort()
	if err := w.write(ctx, rows); err != nil {
		return f, err
	}
	return w.close()
}
