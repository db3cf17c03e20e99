package agg

import (
	"math/bits"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// distinct finds, for the aggregates over distinct values, the rows that bring
// a value which their group did not have, or take back its last.
type distinct struct {
	bits   []uint64 // by physical row: for which bits of the set it counts
	sel    []int32  // rows that count for any
	keys   []*batch.Column
	hashes []uint64
	rows   []uint32   // of the set, by physical row
	of     [][]uint32 // the same of each set
	dirty  []uint32
	gone   []uint32
	fresh  []int32        // rows that made the row of their value
	to     [64]*selection // of the set's masks, by bit
}

// find fills the selections of the masks of set number i; groups are the rows of the groups, by physical row.
func (d *distinct) find(a *Accumulators, i int, s *Set, in *Input, groups []uint32, remove bool) error {
	d.count(a, s, in.N)
	for m := range a.plan.masks {
		if x := &a.plan.masks[m]; x.set == i {
			to := &a.sels[m]
			to.sel, to.all = to.room[:0], false
			d.to[x.bit] = to
		}
	}
	if len(d.sel) == 0 {
		return nil
	}
	more := d.keys[:0]
	for _, arg := range s.args {
		more = append(more, in.Columns[arg])
	}
	d.hashes = batch.HashMore(more, in.N, in.Hashes, d.hashes)
	d.keys = append(append(more[:0:0], in.Keys...), more...)
	if cap(d.of[i]) < in.N {
		d.of[i] = make([]uint32, in.N)
	}
	d.rows = d.of[i][:in.N]
	seg := in.Sets[i]
	if err := seg.UpsertIn(state.Groups{Segment: in.groups, Rows: groups, Hashes: in.Hashes}, d.keys, d.sel, in.N, d.hashes, d.rows, nil); err != nil {
		return err
	}
	d.dirty, d.gone = d.dirty[:0], d.gone[:0]
	if len(s.Values) == 1 && !a.plan.Counts() {
		d.first(segmentWords(seg.Words(0).Layout()))
		if in.Fresh != nil {
			in.Fresh[i] = append(in.Fresh[i], d.fresh...)
		}
	} else {
		words := make([]words, len(s.masks))
		for v := range words {
			words[v] = segmentWords(seg.Words(v).Layout())
		}
		d.counted(words, remove)
	}
	seg.Touch(d.dirty)
	if len(d.gone) > 0 {
		seg.Delete(d.gone)
	}
	for b := range s.masks {
		d.to[b].room = d.to[b].sel
	}
	return nil
}

// count fills bits and sel from the selections of the set's masks.
func (d *distinct) count(a *Accumulators, s *Set, n int) {
	if cap(d.bits) < n {
		d.bits = make([]uint64, n)
	}
	d.bits, d.sel = d.bits[:n], d.sel[:0]
	clear(d.bits)
	for b, m := range s.masks {
		sel := &a.sels[m]
		if sel.all {
			for i := range d.bits {
				d.bits[i] |= 1 << b
			}
			continue
		}
		for _, i := range sel.sel {
			d.bits[i] |= 1 << b
		}
	}
	for i, set := range d.bits {
		if set != 0 {
			d.sel = append(d.sel, int32(i))
		}
	}
}

// first selects the rows whose bits are new in the word of their value.
func (d *distinct) first(seen words) {
	d.fresh = d.fresh[:0]
	for _, i := range d.sel {
		p := seen.at(d.rows[i])
		news := d.bits[i] &^ *p
		if news == 0 {
			continue
		}
		if *p == 0 {
			d.fresh = append(d.fresh, i)
		}
		*p |= news
		d.dirty = append(d.dirty, d.rows[i])
		for ; news != 0; news &= news - 1 {
			to := d.to[bits.TrailingZeros64(news)]
			to.sel = append(to.sel, i)
		}
	}
}

// counted selects the rows that bring the first of a value, or take back the last; a
// value that nobody has any more leaves the set.
func (d *distinct) counted(counts []words, remove bool) {
	for _, i := range d.sel {
		row := d.rows[i]
		d.dirty = append(d.dirty, row)
		for set := d.bits[i]; set != 0; set &= set - 1 {
			b := bits.TrailingZeros64(set)
			p := counts[b].at(row)
			edge := *p == 0
			if remove {
				*p--
				edge = *p == 0
			} else {
				*p++
			}
			if edge {
				d.to[b].sel = append(d.to[b].sel, i)
			}
		}
		if remove && empty(counts, row) {
			d.gone = append(d.gone, row)
		}
	}
}

func empty(counts []words, row uint32) bool {
	for b := range counts {
		if *counts[b].at(row) != 0 {
			return false
		}
	}
	return true
}
