package persistence

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
)

// Restore fills the store, which must be empty, with the rows of its key groups
// from the files of a manifest. Files of other steps and of other key groups are not read; the task
// may have another range than those that wrote them. After an error the store is empty.
func (s *Store) Restore(ctx context.Context, objects objstore.Store, files []StateFile) error {
	if len(s.tables) != 0 {
		return s.failure("INTERNAL_ERROR", "restore into a store that is in use", "")
	}
	for _, part := range s.inputs(files) {
		if err := s.restoreFile(ctx, objects, part); err != nil {
			s.Close()
			return err
		}
	}
	for _, t := range s.tables {
		t.mark, t.restored, t.used = t.Len(), true, false
	}
	return nil
}

// input is a file with the key groups that it counts for.
type input struct {
	file   StateFile
	groups []groupRange
}

func (p input) has(group int) bool {
	for _, r := range p.groups {
		if group >= r.lo && group < r.hi {
			return true
		}
	}
	return false
}

// inputs returns what this store has to read, in epoch order.
func (s *Store) inputs(files []StateFile) []input {
	var own []StateFile
	for _, f := range files {
		if f.Step == s.options.Step {
			own = append(own, f)
		}
	}
	slices.SortFunc(own, func(a, b StateFile) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	var in []input
	for _, f := range own {
		if groups := f.visible(own, s.options.Lo, s.options.Hi); len(groups) > 0 {
			in = append(in, input{f, groups})
		}
	}
	return in
}

func (s *Store) restoreFile(ctx context.Context, objects objstore.Store, part input) error {
	t := (*table)(nil)
	return s.scan(ctx, objects, part, func(types []batch.Type) (err error) {
		t, err = s.open(part.file.Table, types)
		return err
	}, func(keys []*batch.Column, sel []int32, n int, hashes []uint64) error {
		t.scratch.fresh = room(t.scratch.fresh, batch.BitmapWords(n))
		return t.Insert(keys, sel, n, hashes, t.scratch.fresh)
	})
}

// scan reads a file and hands over its key types, then the rows of the key
// groups that it counts for.
func (s *Store) scan(ctx context.Context, objects objstore.Store, part input, open func([]batch.Type) error,
	each func(keys []*batch.Column, sel []int32, n int, hashes []uint64) error) error {
	r, err := openFile(ctx, objects, part.file, s.options.Pool)
	if err != nil {
		return err
	}
	defer r.close()
	if r.header.Incarnation != s.options.Incarnation || r.header.Groups != s.options.Groups {
		return r.corrupt("the file is of incarnation %s with %d key groups, the flow is %s with %d",
			r.header.Incarnation, r.header.Groups, s.options.Incarnation, s.options.Groups)
	}
	if err := open(r.types); err != nil {
		return fmt.Errorf("state file %s: %w", part.file.Name, err)
	}
	sel := []int32{} // never nil: that would be all rows
	for {
		block, hashes, err := r.next(ctx)
		if err != nil || block == nil {
			return err
		}
		sel = sel[:0]
		for i, g := range block.Columns[0].I32 {
			if part.has(int(g)) {
				sel = append(sel, int32(i))
			}
		}
		err = each(block.Columns[1:], sel, block.N, hashes)
		block.Release()
		if err != nil {
			return err
		}
	}
}
