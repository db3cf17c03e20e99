package persistence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/state"
)

// Restore fills the store, which must be empty, with the rows of its key groups
// from the files of a manifest. Files of other steps and of other key groups are not read; the task
// may have another range than those that wrote them. After an error the store is empty.
func (s *Store) Restore(ctx context.Context, objects objstore.Store, files []StateFile) error {
	if len(s.tables) != 0 {
		return s.failure("INTERNAL_ERROR", "restore into a store that is in use", "")
	}
	if err := s.restore(ctx, objects, files); err != nil {
		s.Close()
		return err
	}
	for _, t := range s.tables {
		t.restored, t.used = true, false
	}
	s.again = func(wanted state.Spec) error { return s.restoreAs(ctx, objects, files, wanted) }
	return nil
}

// restoreAs restores a table once more, with values that are other than those stored.
func (s *Store) restoreAs(ctx context.Context, objects objstore.Store, files []StateFile, wanted state.Spec) error {
	inputs := slices.DeleteFunc(s.inputs(files), func(in input) bool { return in.file.Table != wanted.Name })
	s.tables[wanted.Name].Release()
	delete(s.tables, wanted.Name)
	t, err := state.NewTable(wanted, s.options.Pool, s.options.Account)
	if err != nil {
		return err
	}
	s.tables[wanted.Name] = &kept{Table: t, restored: true}
	if s.options.Image == nil {
		return s.load(ctx, objects, inputs)
	}
	return s.restoreTable(ctx, objects, files, inputs)
}

func (s *Store) restore(ctx context.Context, objects objstore.Store, files []StateFile) error {
	inputs := s.inputs(files)
	if s.options.Image == nil {
		return s.load(ctx, objects, inputs)
	}
	for len(inputs) > 0 {
		var own, others []input
		for _, in := range inputs {
			if in.file.Table == inputs[0].file.Table {
				own = append(own, in)
			} else {
				others = append(others, in)
			}
		}
		if err := s.restoreTable(ctx, objects, files, own); err != nil {
			return err
		}
		inputs = others
	}
	return nil
}

// load applies files, oldest first.
func (s *Store) load(ctx context.Context, objects objstore.Store, inputs []input) error {
	dropped, err := s.dropsOf(ctx, objects, inputs)
	if err != nil {
		return err
	}
	if err := s.openAsWritten(ctx, objects, inputs); err != nil {
		return err
	}
	for _, in := range inputs {
		if err := s.loadFile(ctx, objects, in, dropped); err != nil {
			return err
		}
	}
	for _, in := range inputs {
		s.tables[in.file.Table].Settle()
	}
	return nil
}

// drops are the files that drop a segment of a table. Rows of older files that lie in
// it are passed over: they never take memory.
type drops map[dropKey][]input

type dropKey struct {
	table   string
	segment int64
}

func (d drops) hide(table string, segment, epoch int64, group int) bool {
	if len(d) == 0 {
		return false
	}
	for _, in := range d[dropKey{table, segment}] {
		if in.file.Epoch > epoch && in.has(group) {
			return true
		}
	}
	return false
}

// dropsOf reads which segments the files drop.
func (s *Store) dropsOf(ctx context.Context, objects objstore.Store, inputs []input) (drops, error) {
	dropped := drops{}
	for _, in := range inputs {
		if in.file.Drops == 0 {
			continue
		}
		r, err := s.openInput(ctx, objects, in)
		if err != nil {
			return nil, err
		}
		for _, segment := range r.drops {
			key := dropKey{in.file.Table, segment}
			dropped[key] = append(dropped[key], in)
		}
		r.close()
	}
	return dropped, nil
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

// openInput opens a file and checks that it is this flow's.
func (s *Store) openInput(ctx context.Context, objects objstore.Store, in input) (*fileReader, error) {
	r, err := openFile(ctx, objects, in.file, s.options.Pool)
	if err != nil {
		return nil, err
	}
	// A flow that was taken back to an earlier epoch goes on from files of the incarnation that it was.
	if !strings.HasPrefix(in.file.Name, incarnationFolder(r.header.Incarnation)) || r.header.Groups != s.options.Groups {
		defer r.close()
		return nil, r.corrupt("the file is of incarnation %s with %d key groups, the flow is %s with %d",
			r.header.Incarnation, r.header.Groups, s.options.Incarnation, s.options.Groups)
	}
	return r, nil
}

// openAsWritten opens tables that are not open as the latest attempt wrote them: what a table's values are changes between
// attempts, and a base may be of an epoch before them. Files of other attempts are brought to that.
func (s *Store) openAsWritten(ctx context.Context, objects objstore.Store, inputs []input) error {
	latest := slices.SortedStableFunc(slices.Values(inputs), func(a, b input) int { return cmp.Compare(b.file.Attempt, a.file.Attempt) })
	for _, in := range latest {
		if s.tables[in.file.Table] != nil {
			continue
		}
		r, err := s.openInput(ctx, objects, in)
		if err == nil {
			_, err = s.open(r.spec)
			r.close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadFile applies the rows of a file to its table.
func (s *Store) loadFile(ctx context.Context, objects objstore.Store, in input, dropped drops) error {
	t := s.tables[in.file.Table]
	return s.scan(ctx, objects, in, dropped, t.Spec(), func(b *fileBlock, sel []int32) error { return t.Apply(&b.Block, sel, b.hashes) })
}

// scan reads a file and hands over the rows that count, as rows of the wanted table: those of its key groups in
// segments that no later file drops.
func (s *Store) scan(ctx context.Context, objects objstore.Store, in input, dropped drops, wanted state.Spec,
	each func(b *fileBlock, sel []int32) error) error {
	r, err := s.openInput(ctx, objects, in)
	if err != nil {
		return err
	}
	defer r.close()
	migration, err := s.migration(r.spec, wanted)
	if err != nil {
		return fmt.Errorf("state file %s: %w", in.file.Name, err)
	}
	sel := []int32{}
	for {
		block, err := r.next(ctx)
		if err != nil || block == nil {
			return err
		}
		sel = sel[:0]
		for i, g := range block.groups {
			segment := int64(0)
			if block.Segments != nil {
				segment = block.Segments[i]
			}
			if in.has(int(g)) && !dropped.hide(in.file.Table, segment, in.file.Epoch, int(g)) {
				sel = append(sel, int32(i))
			}
		}
		var made []*batch.Column
		if migration != nil {
			block.Values, made = migration.Values(s.options.Pool, block.Values, block.N)
		}
		err = each(block, sel)
		for _, c := range made {
			c.Release()
		}
		block.batch.Release()
		if err != nil {
			return err
		}
	}
}
