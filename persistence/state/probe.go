package state

import (
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// scratch is room for one batch; it grows to the largest one seen.
type scratch struct {
	rows   []int32 // physical rows with a key to look for
	tags   []uint32
	found  []uint32 // rows plus one
	first  []slot
	ends   []uint32 // slots that ended the searches that found nothing
	keys   []uint64 // layoutWord: the values
	there  []uint64 // the key words that the table has at found
	spans  []span   // other layouts: where in bytes the key is
	tuples tuples
	hashes []uint64
	groups []uint16
	prefix []uint64 // hashes of the key columns that decide the group
	look   lookup
	heads  []uint32 // layoutShared: the row of the head of each physical row
	leads  []uint64 // and the first word of each key
	one    [1]int32
}

type span struct{ from, to uint32 }

// pieceRows bounds how many rows go through the phases together, so that the
// slots that one phase fetched are still near for the next.
const pieceRows = 4096

// Upsert finds the rows of the keys of the selected rows (sel nil: all n), and makes those that are not
// there, of zero words and empty bytes. rows gets the row of each selected physical row; the bits of
// fresh, which the caller has cleared and which may be nil, are set for those whose key was not there.
// Of equal keys in one batch the first is fresh; nulls are equal. hashes are those of
// batch.Hash over the same columns, one a physical row. Fresh rows count as touched.
func (s *Segment) Upsert(keys []*batch.Column, sel []int32, n int, hashes []uint64, rows []uint32, fresh batch.Bitmap) error {
	u := upsert{Segment: s, out: rows, fresh: fresh, add: true}
	return u.upsert(keys, sel, n, hashes)
}

// Groups is rows of another table that have the first keys of rows.
type Groups struct {
	Segment *Segment
	Rows    []uint32 // by physical row
	Hashes  []uint64 // of the first keys
}

// UpsertIn is Upsert for a table whose rows share their first keys, if the caller has found these in another table before: they are
// not looked for again.
func (s *Segment) UpsertIn(g Groups, keys []*batch.Column, sel []int32, n int, hashes []uint64, rows []uint32, fresh batch.Bitmap) error {
	u := upsert{Segment: s, out: rows, fresh: fresh, add: true, prefix: g.Hashes, groups: g.Segment, of: g.Rows}
	return u.upsert(keys, sel, n, hashes)
}

func (u *upsert) upsert(keys []*batch.Column, sel []int32, n int, hashes []uint64) error {
	s, t := u.Segment, u.table
	if err := t.check(keys); err != nil {
		return err
	}
	if int64(s.grid.n)+int64(n) >= math.MaxUint32 {
		return supervision.New(supervision.Fatal, "STATE_STORE_TOO_MANY_KEYS",
			"table %s holds %d keys in one task, the most is %d: raise the parallelism", t.spec.Name, s.grid.n, uint32(math.MaxUint32-1))
	}
	if len(s.leaving) > 0 {
		s.leave(2 * n)
	}
	if t.below != nil && t.account.Over() {
		s.evict(2 * n)
	}
	return u.run(keys, sel, n, hashes)
}

// Find is Upsert that makes no rows: NoRow stands for those that are not there.
func (s *Segment) Find(keys []*batch.Column, sel []int32, n int, hashes []uint64, rows []uint32) error {
	if err := s.table.check(keys); err != nil {
		return err
	}
	u := upsert{Segment: s, out: rows}
	return u.run(keys, sel, n, hashes)
}

// upsert is one batch on its way through a segment.
type upsert struct {
	*Segment
	out      []uint32
	fresh    batch.Bitmap
	add      bool
	prefix   []uint64 // layoutShared: hashes of the first keys; nil: not known
	groups   *Segment // layoutShared: a segment of which the caller knows the rows with the first keys; nil: none
	of       []uint32 // its rows, by physical row
	replaced int      // of the index, when it was searched
}

func (u *upsert) run(keys []*batch.Column, sel []int32, n int, hashes []uint64) error {
	x := &u.table.scratch
	if sel != nil {
		x.rows = append(x.rows[:0], sel...)
	} else {
		x.rows = upTo(x.rows, n)
	}
	if u.deep {
		if err := u.bring(keys, x.rows, n, hashes); err != nil {
			return err
		}
	}
	if err := u.find(keys, x.rows, n, hashes); err != nil {
		return err
	}
	if u.stale > 0 {
		u.deleted(sel, n)
	}
	if u.table.below != nil {
		u.met(sel, n)
	}
	return nil
}

// find fills out with the rows that memory has, deleted ones too, and makes those that are not there if they are to be added.
func (u *upsert) find(keys []*batch.Column, rows []int32, n int, hashes []uint64) error {
	x := &u.table.scratch
	if u.table.layout == layoutShared {
		if err := u.findHeads(keys, rows, n); err != nil {
			return err
		}
	}
	for left := u.nulls(keys, rows); len(left) > 0; {
		rows := left[:min(len(left), pieceRows)]
		left = left[len(rows):]
		x.tags = room(x.tags, len(rows))
		for i, r := range rows {
			x.tags[i] = tagOf(hashes[r])
		}
		u.piece(keys, rows)
	}
	return nil
}

// piece finds rows whose tags are in scratch. It returns the bytes that the spans are in.
func (u *upsert) piece(keys []*batch.Column, rows []int32) []byte {
	x := &u.table.scratch
	x.found = room(x.found, len(rows))
	x.first, x.ends, x.there = room(x.first, len(rows)), room(x.ends, len(rows)), room(x.there, len(rows))
	switch u.table.layout {
	case layoutWord:
		u.words(keys[0], rows)
		return nil
	case layoutShared:
		u.pairs(keys[len(keys)-1], rows)
		return nil
	}
	return u.bytes(keys, rows)
}

func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

// upTo returns 0 to n-1, in s if it has room.
func upTo[T int32 | uint32](s []T, n int) []T {
	s = room(s, n)
	for i := range s {
		s[i] = T(i)
	}
	return s
}

// nulls deals with the rows that have no key to look for in the index: the null key of a
// one-column layout, and the row of a table without keys. It returns the others.
func (u *upsert) nulls(keys []*batch.Column, rows []int32) []int32 {
	switch {
	case u.table.layout == layoutOne:
		for _, r := range rows {
			u.out[r] = u.lone(r)
		}
		return nil
	case !u.table.layout.single() || keys[0].Valid == nil:
		return rows
	}
	kept := rows[:0]
	for _, r := range rows {
		if keys[0].Valid.Get(int(r)) {
			kept = append(kept, r)
		} else {
			u.out[r] = u.lone(r)
		}
	}
	return kept
}

func (u *upsert) lone(physical int32) uint32 {
	if u.null == 0 && u.add {
		u.null = u.make(physical) + 1
	}
	return u.null - 1
}

func (u *upsert) make(physical int32) uint32 {
	if u.fresh != nil {
		u.fresh.Set(int(physical))
	}
	return u.newRow()
}

func (u *upsert) words(key *batch.Column, rows []int32) {
	x := &u.table.scratch
	x.keys = room(x.keys, len(rows))
	gatherWords(key, rows, x.keys)
	u.search()
	there, found := x.there[:len(x.keys)], x.found[:len(x.keys)]
	for i, f := range found {
		if f == 0 {
			there[i] = ^x.keys[i]
		} else {
			there[i] = u.grid.key(f - 1)
		}
	}
	for i, k := range x.keys {
		if there[i] == k {
			u.out[rows[i]] = found[i] - 1
		} else {
			u.out[rows[i]] = u.settleWord(i, k, rows[i])
		}
	}
}

// search looks for the tags in scratch.
func (u *upsert) search() {
	x := &u.table.scratch
	u.replaced = u.index.replaced
	u.index.find(x.tags, x.found, x.ends, x.first)
}

// from returns where the search for the key goes on that number i of the tags is of: where search ended, unless
// it ended at another key or its bucket has been replaced since. There is room for one more.
func (u *upsert) from(i int) (b *bucket, at int) {
	x := &u.table.scratch
	tag := x.tags[i]
	b = u.index.bucket(tag)
	if u.add {
		b = u.index.reserve(tag)
	}
	if mask := len(b.slots) - 1; x.found[i] == 0 && u.replaced == u.index.replaced {
		return b, int(x.ends[i]) & mask
	} else {
		return b, int(tag) & mask
	}
}

// settleWord deals with a key that find did not meet: an earlier row of the batch may
// have brought it, or it lies behind another key of the same tag.
func (u *upsert) settleWord(i int, key uint64, physical int32) uint32 {
	tag := u.table.scratch.tags[i]
	b, j := u.from(i)
	mask := len(b.slots) - 1
	for ; b.slots[j&mask].row != 0; j = (j + 1) & mask {
		if e := b.slots[j&mask]; e.tag == tag && u.grid.key(e.row-1) == key {
			return e.row - 1
		}
	}
	if !u.add {
		return NoRow
	}
	r := u.make(physical)
	u.grid.row(r)[0] = key
	u.index.fill(b, j, slot{tag, r + 1})
	return r
}

func gatherWords(c *batch.Column, rows []int32, out []uint64) {
	switch c.Type.Kind {
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		for i, r := range rows {
			out[i] = uint64(c.I64[r])
		}
	default:
		for i, r := range rows {
			out[i] = word(c, int(r))
		}
	}
}

func (u *upsert) bytes(keys []*batch.Column, rows []int32) []byte {
	x := &u.table.scratch
	data := u.table.spansOf(keys, rows)
	u.search()
	for i, f := range x.found {
		if f != 0 {
			x.there[i] = u.grid.key(f - 1)
		}
	}
	for i, f := range x.found {
		key := data[x.spans[i].from:x.spans[i].to]
		if f != 0 && string(u.arena.get(x.there[i])) == string(key) {
			u.out[rows[i]] = f - 1
		} else {
			u.out[rows[i]] = u.settleBytes(i, key, rows[i])
		}
	}
	return data
}

// settleBytes is settleWord for keys that are bytes.
func (u *upsert) settleBytes(i int, key []byte, physical int32) uint32 {
	tag := u.table.scratch.tags[i]
	b, j := u.from(i)
	mask := len(b.slots) - 1
	for ; b.slots[j&mask].row != 0; j = (j + 1) & mask {
		if e := b.slots[j&mask]; e.tag == tag && string(u.arena.get(u.grid.key(e.row-1))) == string(key) {
			return e.row - 1
		}
	}
	if !u.add {
		return NoRow
	}
	r := u.make(physical)
	u.grid.row(r)[0] = u.arena.add(key)
	u.index.fill(b, j, slot{tag, r + 1})
	return r
}

// spansOf fills spans with where the key of each row is in the bytes returned.
func (t *Table) spansOf(keys []*batch.Column, rows []int32) []byte {
	x := &t.scratch
	x.spans = room(x.spans, len(rows))
	if t.layout == layoutTuple || t.layout == layoutShared {
		return x.tuples.encode(keys, rows, x.spans)
	}
	c := keys[0]
	if d := c.Dict; d != nil {
		for i, r := range rows {
			code := c.I32[r]
			x.spans[i] = span{uint32(d.Off[code]), uint32(d.Off[code+1])}
		}
		return d.Data
	}
	for i, r := range rows {
		x.spans[i] = span{uint32(c.Off[r]), uint32(c.Off[r+1])}
	}
	return c.Data
}

// deleted gives the rows that were met and are deleted a new life, or none.
func (u *upsert) deleted(sel []int32, n int) {
	if sel != nil {
		n = len(sel)
	}
	for i := range n {
		physical := int32(i)
		if sel != nil {
			physical = sel[i]
		}
		r := u.out[physical]
		if r == NoRow || !u.gone.Get(int(r)) {
			continue
		}
		if !u.add {
			u.out[physical] = NoRow
			continue
		}
		u.revive(r)
		if u.fresh != nil {
			u.fresh.Set(int(physical))
		}
	}
}
