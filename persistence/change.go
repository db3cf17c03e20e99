package persistence

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/deltaic/deltaic/objstore"
)

// Change is what one epoch changed in a store, on its way into change files.
// It shares nothing with the store and belongs to one goroutine at a time.
type Change struct {
	options Options
	epoch   int64
	parts   []changePart
	charged int64
}

type changePart struct {
	table string
	rows  *rows
}

// copies are kept for the next checkpoint: one a second would otherwise be
// garbage of the size of the changes.
var copies = sync.Pool{New: func() any { return &rows{} }}

// Checkpoint copies the rows that came since the last checkpoint and marks them
// as taken. It is the part of a checkpoint that the task waits for. The change must be released.
func (s *Store) Checkpoint(epoch int64) *Change {
	c := &Change{options: s.options, epoch: epoch}
	for _, t := range s.tables {
		if t.mark == t.Len() {
			continue
		}
		r := copies.Get().(*rows)
		r.reset()
		r.copyFrom(t, t.mark, t.Len())
		t.mark = t.Len()
		c.charged += r.bytes()
		c.parts = append(c.parts, changePart{t.name, r})
	}
	slices.SortFunc(c.parts, func(a, b changePart) int { return cmp.Compare(a.table, b.table) })
	s.options.Account.Charge(c.charged)
	return c
}

// Rows returns the number of rows that changed.
func (c *Change) Rows() int64 {
	var n int64
	for _, p := range c.parts {
		n += int64(p.rows.n)
	}
	return n
}

// Write makes the change durable, one file for each table that changed, and
// returns their descriptions for the manifest: none if nothing changed. It may be called
// again after an error; the files then have new names.
func (c *Change) Write(ctx context.Context, objects objstore.Store) ([]StateFile, error) {
	var files []StateFile
	for _, p := range c.parts {
		f, err := writeRows(ctx, objects, c.options, KindChange, p.table, c.epoch, p.rows)
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
		copies.Put(p.rows)
	}
	c.options.Account.Charge(-c.charged)
	c.parts, c.charged = nil, 0
}

func writeRows(ctx context.Context, objects objstore.Store, o Options, kind, table string, epoch int64, r *rows) (StateFile, error) {
	w, err := createFile(ctx, objects, o, kind, table, r.types, epoch)
	if err == nil {
		err = w.write(ctx, r)
	}
	var f StateFile
	if err == nil {
		f, err = w.close()
	}
	if w != nil {
		w.abort()
	}
	return f, err
}
