package operators

import (
	"bytes"
	"math/bits"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// best finds, for a Top that keeps one row of each group, the best of a batch: a row that another of its batch displaces is
// never copied.
type best struct {
	slots  []uint64 // by hash of the group's state row: that, and the place in rows plus one
	groups []uint32
	rows   []int32 // physical, of each group the best so far that displaces what the group has
	keys   []int32 // of rows: which of the form's keys
}

// begin makes room for n rows.
func (b *best) begin(n int) {
	size := 1 << bits.Len(uint(2*n))
	if cap(b.slots) < size {
		b.slots = make([]uint64, size)
	}
	b.slots = b.slots[:size]
	clear(b.slots)
	b.groups, b.rows, b.keys = b.groups[:0], b.rows[:0], b.keys[:0]
}

// find returns the place of a group's row, -1 if it has none, and the slot that it has or would have.
func (b *best) find(group uint32) (place int, slot *uint64) {
	mask := len(b.slots) - 1
	for at := int(uint64(group) * 0x9E3779B97F4A7C15 >> 32); ; at++ {
		switch s := &b.slots[at&mask]; {
		case *s == 0:
			return -1, s
		case uint32(*s>>32) == group:
			return int(uint32(*s)) - 1, s
		}
	}
}

// updateOnly is update for groups of one row.
func (t *Top) updateOnly(at int64, segment *state.Segment, in *batch.Batch, sel []int32, by []*batch.Column) {
	counts, lists := segment.Words(topCount), segment.Bytes(topList)
	n := in.N
	if sel != nil {
		n = len(sel)
	}
	t.form.reset()
	t.best.begin(n)
	for i := range n {
		r := int32(i)
		if sel != nil {
			r = sel[i]
		}
		t.form.add(by, t.o.By, int(r))
		key, group := t.form.key(int32(i)), t.probe.rows[r]
		switch place, slot := t.best.find(group); {
		case place < 0:
			if counts.At(group) == 0 || t.displaces(lists.At(group), key) {
				t.best.groups, t.best.rows, t.best.keys = append(t.best.groups, group), append(t.best.rows, r), append(t.best.keys, int32(i))
				*slot = uint64(group)<<32 | uint64(len(t.best.rows))
			}
		default:
			if c := bytes.Compare(key, t.form.key(t.best.keys[place])); c < 0 || c == 0 && t.o.LaterWins {
				t.best.rows[place], t.best.keys[place] = r, int32(i)
			}
		}
	}
	for i, group := range t.best.groups {
		t.row = batch.AppendRow(t.row[:0], t.columns, int(t.best.rows[i]))
		t.touch(at, group, lists.At(group), int(counts.At(group)))
		t.list = appendEntry(t.list[:0], entry{t.form.key(t.best.keys[i]), t.row})
		lists.Set(group, t.list)
		counts.Set(group, 1)
	}
	segment.Touch(t.rows)
}
