package operators

import "github.com/deltaic/deltaic/batch"

// touched is the groups of one segment that the running epoch has changed, and what their result was
// before. Their rows hold until the checkpoint, since they are touched.
type touched struct {
	seen   batch.Bitmap // by state row
	rows   []uint32
	before []byte
	ends   []int
}

// note reports whether a group is touched for the first time in the epoch.
func (t *touched) note(row uint32) bool {
	for int(row)>>6 >= len(t.seen) {
		t.seen = append(t.seen, 0)
	}
	if t.seen.Get(int(row)) {
		return false
	}
	t.seen.Set(int(row))
	t.rows = append(t.rows, row)
	return true
}

// keep adds the result that the group had that was noted last.
func (t *touched) keep(before []byte) {
	t.before = append(t.before, before...)
	t.ends = append(t.ends, len(t.before))
}

// was returns the result before the epoch of the i-th group.
func (t *touched) was(i int) []byte {
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.before[from:t.ends[i]]
}

// reset begins an epoch.
func (t *touched) reset() {
	for _, r := range t.rows {
		t.seen.Clear(int(r))
	}
	t.rows, t.before, t.ends = t.rows[:0], t.before[:0], t.ends[:0]
}
