package persistence

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Stored is the state that a manifest names, to be looked at without a job.
type Stored struct {
	Objects     objstore.Store
	Incarnation string
	Groups      int // key groups of the job
	Files       []StateFile
	Pool        *batch.Pool
}

// StoredTable describes a table of stored state.
type StoredTable struct {
	Step, Table string
	Spec        state.Spec
	Groups      int   // key groups that have files
	Rows        int64 // that count
	Bytes       int64 // of files
}

func (s Stored) store(step string, lo, hi int) *Store {
	return &Store{options: Options{Incarnation: s.Incarnation, Step: step, Groups: s.Groups, Lo: lo, Hi: hi, Pool: s.Pool}, tables: map[string]*kept{}}
}

// inputs returns what is stored of a table in the key groups [lo,hi).
func (s Stored) inputs(step, table string, lo, hi int) []input {
	return slices.DeleteFunc(s.store(step, lo, hi).inputs(s.Files), func(in input) bool { return in.file.Table != table })
}

// Tables describes all tables, by step and name. It reads every file.
func (s Stored) Tables(ctx context.Context) ([]StoredTable, error) {
	var tables []StoredTable
	for _, f := range s.Files {
		i := slices.IndexFunc(tables, func(t StoredTable) bool { return t.Step == f.Step && t.Table == f.Table })
		if i < 0 {
			i = len(tables)
			tables = append(tables, StoredTable{Step: f.Step, Table: f.Table})
		}
		tables[i].Bytes += f.Length
	}
	slices.SortFunc(tables, func(a, b StoredTable) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Table, b.Table))
	})
	for i := range tables {
		t := &tables[i]
		groups := make([]bool, s.Groups)
		for _, in := range s.inputs(t.Step, t.Table, 0, s.Groups) {
			for _, r := range in.groups {
				for g := r.lo; g < r.hi; g++ {
					groups[g] = true
				}
			}
		}
		for _, has := range groups {
			if has {
				t.Groups++
			}
		}
		err := s.Rows(ctx, t.Step, t.Table, func(spec state.Spec, b *state.Block, _ []int32) error {
			t.Spec = spec
			t.Rows += int64(b.N)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// rounds calls f with ranges of key groups of which each fits into memory.
func (s Stored) rounds(step, table string, f func(lo, hi int) error) error {
	rounds := min(int(bytesOf(s.inputs(step, table, 0, s.Groups))/mergeBytes)+1, s.Groups)
	for round := range rounds {
		if err := f(s.Groups*round/rounds, s.Groups*(round+1)/rounds); err != nil {
			return err
		}
	}
	return nil
}

// load reads a table of the key groups [lo,hi); nil if nothing of it is stored.
func (s Stored) load(ctx context.Context, step, table string, lo, hi int) (*state.Table, error) {
	store := s.store(step, lo, hi)
	if err := store.load(ctx, s.Objects, s.inputs(step, table, lo, hi)); err != nil {
		return nil, err
	}
	t := store.tables[table]
	if t == nil {
		return nil, nil
	}
	return t.Table, nil
}

// blocks calls f with the rows of a table and their key groups.
func (s Stored) blocks(t *state.Table, f func(b *state.Block, groups []int32) error) error {
	var all state.Copy
	if err := t.All(&all); err != nil {
		return err
	}
	for {
		b := all.Next(s.Pool)
		if b.N == 0 {
			b.Release()
			return nil
		}
		err := f(&b, groupsOf(t.Spec(), b.Keys, b.N, s.Groups, batch.Hash(b.Keys, b.N, nil), nil))
		b.Release()
		if err != nil {
			return err
		}
	}
}

// Rows calls f with the rows of a table, and each row's key group. The block is good during the call; the first
// one of a table without rows is empty.
func (s Stored) Rows(ctx context.Context, step, table string, f func(spec state.Spec, b *state.Block, groups []int32) error) error {
	return s.rounds(step, table, func(lo, hi int) error {
		t, err := s.load(ctx, step, table, lo, hi)
		if err != nil || t == nil {
			return err
		}
		if t.Len() == 0 {
			return f(t.Spec(), &state.Block{}, nil)
		}
		return s.blocks(t, func(b *state.Block, groups []int32) error { return f(t.Spec(), b, groups) })
	})
}

// Difference is a row that two stored states have in different ways: Insert is in the later one alone,
// Delete in the earlier one alone.
type Difference struct {
	Kind          batch.RowKind // Insert, UpdateAfter or Delete
	Group         int
	Segment       int64
	Spec          state.Spec
	Key           []*batch.Column // row KeyRow of each
	KeyRow        int
	Before, After []*batch.Column // of one row each; nil: not there
}

// Diff calls f with what is different in a table of a later state.
func (s Stored) Diff(ctx context.Context, later Stored, step, table string, f func(Difference) error) error {
	both := s
	both.Files = append(slices.Clone(s.Files), later.Files...) // for the size of the rounds alone
	return both.rounds(step, table, func(lo, hi int) error {
		before, err := s.load(ctx, step, table, lo, hi)
		if err != nil {
			return err
		}
		after, err := later.load(ctx, step, table, lo, hi)
		if err != nil {
			return err
		}
		if before != nil {
			err = s.compare(before, after, func(d Difference) error {
				if d.After == nil {
					d.Kind = batch.Delete
					return f(d)
				}
				return nil
			})
		}
		if err == nil && after != nil {
			err = s.compare(after, before, func(d Difference) error {
				d.Before, d.After = d.After, d.Before
				d.Kind = batch.UpdateAfter
				if d.Before == nil {
					d.Kind = batch.Insert
				}
				return f(d)
			})
		}
		return err
	})
}

// compare calls f with the rows of a that b, which may be nil, has not, or has in another way.
func (s Stored) compare(a, b *state.Table, f func(Difference) error) error {
	if b != nil {
		if err := s.fits(a, b); err != nil {
			return err
		}
	}
	return s.blocks(a, func(block *state.Block, groups []int32) error {
		hashes, rows := batch.Hash(block.Keys, block.N, nil), make([]uint32, block.N)
		for i := range block.N {
			segment := int64(0)
			if block.Segments != nil {
				segment = block.Segments[i]
			}
			d := Difference{Group: int(groups[i]), Segment: segment, Spec: a.Spec(), Key: block.Keys, KeyRow: i}
			row := rowOf(s.Pool, block.Values, i)
			var other []*batch.Column
			if at := lookup(b, segment); at != nil {
				if err := at.Find(block.Keys, []int32{int32(i)}, block.N, hashes, rows); err != nil {
					return err
				}
				if rows[i] != state.NoRow {
					other = []*batch.Column{}
					for v := range block.Values {
						other = append(other, at.Values(s.Pool, v, rows[i:i+1]))
					}
				}
			}
			d.Before, d.After = row, other
			var err error
			if other == nil || !equalRows(row, other) {
				err = f(d)
			}
			for _, c := range append(row, other...) {
				c.Release()
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s Stored) fits(a, b *state.Table) error {
	spec := a.Spec()
	if err := spec.Fits(b.Spec()); err != nil {
		return supervision.New(supervision.Fatal, "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "table %s: the two epochs have other columns: %v", spec.Name, err)
	}
	return nil
}

func lookup(t *state.Table, segment int64) *state.Segment {
	if t == nil {
		return nil
	}
	return t.Lookup(segment)
}

// rowOf returns one row of columns, never nil.
func rowOf(p *batch.Pool, columns []*batch.Column, i int) []*batch.Column {
	row := []*batch.Column{}
	for _, c := range columns {
		row = append(row, batch.Gather(p, c, []int32{int32(i)}))
	}
	return row
}

func equalRows(a, b []*batch.Column) bool {
	return slices.EqualFunc(a, b, func(a, b *batch.Column) bool {
		return bytes.Equal(batch.AppendJSON(nil, a, 0), batch.AppendJSON(nil, b, 0))
	})
}

// Check reads a file to its end and returns what is wrong with it, nil if nothing is.
func (s Stored) Check(ctx context.Context, f StateFile) error {
	store := s.store(f.Step, 0, s.Groups)
	r, err := store.openInput(ctx, s.Objects, input{file: f})
	if err != nil {
		return err
	}
	defer r.close()
	for {
		block, err := r.next(ctx)
		if err != nil {
			return fmt.Errorf("state file %s: %w", f.Name, err)
		}
		if block == nil {
			return nil
		}
		block.batch.Release()
	}
}
