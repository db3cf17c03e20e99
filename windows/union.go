package windows

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/persistence/state"
)

// union reads the groups of several segments as if they were one.
type union struct {
	pool         *batch.Pool
	accumulators *agg.Accumulators
	hashes       []uint64
	found        []uint32
	rows         []uint32
	places       []uint32
	kept         []uint32
}

// each calls f with every group of the parts once: keys, which f takes over, and what all
// parts have of it, which is lent.
func (u *union) each(parts []*state.Segment, f func(keys []*batch.Column, p *agg.Partial) error) error {
	for i, part := range parts {
		err := part.Scan(func(rows []uint32) error {
			rows, err := u.without(parts[:i], part, rows)
			if err != nil || len(rows) == 0 {
				return err
			}
			keys := part.Keys(u.pool, rows)
			p := u.accumulators.Export(part, rows)
			defer u.accumulators.Free(p)
			if len(parts) > i+1 {
				u.hashes = batch.Hash(keys, len(rows), u.hashes)
				if err := u.add(p, parts[i+1:], keys, nil); err != nil {
					release(keys)
					return err
				}
			}
			return f(keys, p)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// without returns the rows whose group is in none of the segments.
func (u *union) without(parts []*state.Segment, from *state.Segment, rows []uint32) ([]uint32, error) {
	if len(parts) == 0 {
		return rows, nil
	}
	keys := from.Keys(u.pool, rows)
	defer release(keys)
	n := len(rows)
	u.hashes = batch.Hash(keys, n, u.hashes)
	u.kept = append(u.kept[:0], rows...)
	for _, part := range parts {
		u.found = sized(u.found, n)
		if err := part.Find(keys, nil, n, u.hashes, u.found); err != nil {
			return nil, err
		}
		for i, r := range u.found {
			if r != state.NoRow {
				u.kept[i] = state.NoRow
			}
		}
	}
	left := u.kept[:0]
	for _, r := range u.kept {
		if r != state.NoRow {
			left = append(left, r)
		}
	}
	return left, nil
}

// add folds into p what the segments have of its groups, whose hashes are u.hashes. The bits of
// has, if it is not nil, are set for the groups that are in one of them.
func (u *union) add(p *agg.Partial, parts []*state.Segment, keys []*batch.Column, has batch.Bitmap) error {
	u.found = sized(u.found, p.N)
	for _, part := range parts {
		if err := part.Find(keys, nil, p.N, u.hashes, u.found); err != nil {
			return err
		}
		u.rows, u.places = u.rows[:0], u.places[:0]
		for i, r := range u.found {
			if r == state.NoRow {
				continue
			}
			u.rows, u.places = append(u.rows, r), append(u.places, uint32(i))
			if has != nil {
				has.Set(i)
			}
		}
		if len(u.rows) == 0 {
			continue
		}
		more := u.accumulators.Export(part, u.rows)
		err := u.accumulators.Fold(p, u.places, more)
		u.accumulators.Free(more)
		if err != nil {
			return err
		}
	}
	return nil
}
