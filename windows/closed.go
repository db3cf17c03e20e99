package windows

import (
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
)

// closed remembers up to which time a task has closed windows, so that no window
// is told twice: neither when a restored watermark is told again, nor by another number of tasks. State
// moves by key group, so the time is kept once for each key group that has keys, under the key that came first.
type closed struct {
	at     int64   // windows that end by then are closed; math.MinInt64 before any
	owed   int64   // up to which some key groups have closed theirs, and others have not yet; not after at: none
	before []int64 // up to which each key group had closed its windows, as long as they differ; nil: up to at
	stored int64   // what the table says
	groups int     // of the job
	marks  *state.Segment
	known  batch.Bitmap // key groups that have a mark
	count  int
	sel    []int32
	rows   []uint32
	fresh  batch.Bitmap
}

// closedTable is the name of the table of marks. It is part of the state's address and never changes.
const closedTable = "closed"

// open reads the marks. Tasks that wrote them may have had other watermarks at one barrier: which of them a task has
// seen depends, where splits were idle in between, on how its channels took turns. What the others have closed is then owed:
// see [intake.catchUp].
func (c *closed) open(o *operators.Context, keys []state.Column) error {
	t, err := o.State.Table(state.Spec{Name: closedTable, Keys: keys, Values: []state.Column{{Name: "watermark", Type: batch.BigIntType}}, Version: 1})
	if err != nil {
		return err
	}
	c.groups, c.at = o.KeyGroups, math.MinInt64
	c.marks, c.known, c.count = t.Segment(0), make(batch.Bitmap, batch.BitmapWords(o.KeyGroups)), 0
	at, hashes := c.marks.Words(0), []uint64(nil)
	least, before := int64(math.MaxInt64), make([]int64, o.KeyGroups)
	err = c.marks.Scan(func(rows []uint32) error {
		columns := c.marks.Keys(o.Pool, rows)
		hashes = batch.Hash(columns, len(rows), hashes)
		release(columns)
		for i, r := range rows {
			mark := int64(at.At(r))
			c.at, least = max(c.at, mark), min(least, mark)
			before[batch.KeyGroup(hashes[i], c.groups)] = mark
			c.see(hashes[i])
		}
		return nil
	})
	c.owed, c.before = c.at, nil
	if least < c.at {
		c.at, c.before = least, before
	}
	if mutant.On(mutant.WindowsToldAgain) && mutant.Late(number(o)) {
		c.at, c.owed, c.before = math.MinInt64, math.MinInt64, nil
	}
	c.stored = c.at
	return err
}

// behind reports whether key groups have closed other windows than each other.
func (c *closed) behind() bool { return c.owed > c.at }

// caughtUp says that all have closed what any of them had.
func (c *closed) caughtUp() { c.owed, c.before = c.at, nil }

// since returns up to which the key group of a hash had closed its windows when those after from are closed.
func (c *closed) since(hash uint64, from int64) int64 {
	if c.before == nil {
		return from
	}
	return max(from, c.before[batch.KeyGroup(hash, c.groups)])
}

// see reports whether the key group of a hash is new.
func (c *closed) see(hash uint64) bool {
	group := batch.KeyGroup(hash, c.groups)
	if c.known.Get(group) {
		return false
	}
	c.known.Set(group)
	c.count++
	return true
}

// mark gives every key group of the selected rows (nil: all n) a mark.
func (c *closed) mark(keys []*batch.Column, sel []int32, n int, hashes []uint64) error {
	if c.count == c.groups {
		return nil
	}
	c.sel = c.sel[:0]
	if sel == nil {
		for i, h := range hashes[:n] {
			if c.see(h) {
				c.sel = append(c.sel, int32(i))
			}
		}
	} else {
		for _, i := range sel {
			if c.see(hashes[i]) {
				c.sel = append(c.sel, i)
			}
		}
	}
	if len(c.sel) == 0 {
		return nil
	}
	c.rows = sized(c.rows, n)
	c.fresh = cleared(c.fresh, n)
	if err := c.marks.Upsert(keys, c.sel, n, hashes, c.rows, c.fresh); err != nil {
		return err
	}
	at := c.marks.Words(0)
	for _, i := range c.sel {
		at.Set(c.rows[i], uint64(c.stored))
	}
	return nil
}

// save makes the marks say what is closed, before a checkpoint.
func (c *closed) save() error {
	if c.at == c.stored {
		return nil
	}
	c.stored = c.at
	at := c.marks.Words(0)
	return c.marks.Scan(func(rows []uint32) error {
		for _, r := range rows {
			at.Set(r, uint64(c.at))
		}
		c.marks.Touch(rows)
		return nil
	})
}

// cleared returns a bitmap of n clear bits, in the memory of b if there is enough.
func cleared(b batch.Bitmap, n int) batch.Bitmap {
	b = sized(b, batch.BitmapWords(n))
	clear(b)
	return b
}

func release(columns []*batch.Column) {
	for _, c := range columns {
		c.Release()
	}
}
