package persistence

import (
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// layout says how a table keeps its keys.
type layout uint8

const (
	layoutWord  layout = iota // one column of at most 64 bits: the value
	layoutBytes               // one string or binary column: its bytes
	layoutTuple               // anything else: the canonical form
)

func layoutOf(keys []batch.Type) layout {
	if len(keys) == 1 {
		switch k := keys[0].Kind; {
		case width(k) > 0:
			return layoutWord
		case k == batch.String || k == batch.Binary:
			return layoutBytes
		}
	}
	return layoutTuple
}

// table is open addressing over columns. Rows are numbered in the order in
// which their keys came and never move, so columns of values can stand beside
// the keys, and what came since a mark is a range of rows.
type table struct {
	restored, used bool // from a checkpoint; opened by an operator since
	name           string
	types          []batch.Type
	layout         layout
	index          index
	words          words // layoutWord: the keys; else where in the arena each key is
	arena          arena
	null           uint32 // row plus one of the null key of a one-column layout; 0: none
	mark           int    // rows before it are in a change file or on their way into one

	charged int64
	account *batch.Account
	scratch scratch
}

// scratch is room for one batch; it grows to the largest one seen.
type scratch struct {
	rows  []int32 // physical rows with a key to look for
	tags  []uint32
	found []uint32
	first []slot
	keys  []uint64 // layoutWord: the values
	there []uint64 // what the table has at found
	spans []span   // other layouts: where in bytes the key is
	tuple []byte
	fresh batch.Bitmap // of restore, which does not ask
}

type span struct{ from, to uint32 }

func newTable(name string, types []batch.Type, account *batch.Account) *table {
	t := &table{name: name, types: types, layout: layoutOf(types), account: account}
	t.index = newIndex(t.charge)
	t.words.charge, t.arena.charge = t.charge, t.charge
	return t
}

func (t *table) charge(bytes int64) {
	t.charged += bytes
	t.account.Charge(bytes)
}

func (t *table) release() {
	t.account.Charge(-t.charged)
	t.charged = 0
}

// Len returns the number of keys.
func (t *table) Len() int { return t.words.n }

// Insert adds the keys of the selected rows. See operators.KeySet.
func (t *table) Insert(keys []*batch.Column, sel []int32, n int, hashes []uint64, fresh batch.Bitmap) error {
	if err := t.check(keys); err != nil {
		return err
	}
	if int64(t.words.n)+int64(n) >= math.MaxUint32 {
		return supervision.New(supervision.Fatal, "STATE_STORE_TOO_MANY_KEYS",
			"table %s holds %d keys in one task, the most is %d: raise the parallelism", t.name, t.words.n, uint32(math.MaxUint32-1))
	}
	s := &t.scratch
	t.selectRows(keys, sel, n, fresh)
	for left := s.rows; len(left) > 0; {
		rows := left[:min(len(left), pieceRows)]
		left = left[len(rows):]
		s.tags, s.found = room(s.tags, len(rows)), room(s.found, len(rows))
		s.first, s.there = room(s.first, len(rows)), room(s.there, len(rows))
		for i, r := range rows {
			s.tags[i] = tagOf(hashes[r])
		}
		if t.layout == layoutWord {
			t.insertWords(keys[0], rows, fresh)
		} else {
			t.insertBytes(keys, rows, fresh)
		}
	}
	return nil
}

// pieceRows bounds how many rows go through the phases together, so that the
// slots that one phase fetched are still near for the next.
const pieceRows = 4096

func (t *table) check(keys []*batch.Column) error {
	if len(keys) != len(t.types) {
		return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "table %s has %d key columns, got %d", t.name, len(t.types), len(keys))
	}
	for i, k := range keys {
		if !k.Type.Equal(t.types[i]) {
			return supervision.New(supervision.Fatal, "INTERNAL_ERROR", "key column %d of table %s is %s, got %s", i+1, t.name, t.types[i], k.Type)
		}
	}
	return nil
}

func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

// selectRows lists the rows to look for. The null key of a layout without room
// for one is dealt with here.
func (t *table) selectRows(keys []*batch.Column, sel []int32, n int, fresh batch.Bitmap) {
	s := &t.scratch
	if sel != nil {
		s.rows = append(s.rows[:0], sel...)
	} else {
		s.rows = room(s.rows, n)
		for i := range s.rows {
			s.rows[i] = int32(i)
		}
	}
	if t.layout == layoutTuple || keys[0].Valid == nil {
		return
	}
	kept := s.rows[:0]
	for _, r := range s.rows {
		if keys[0].Valid.Get(int(r)) {
			kept = append(kept, r)
		} else if t.null == 0 {
			t.null = t.addNull()
			fresh.Set(int(r))
		}
	}
	s.rows = kept
}

func (t *table) addNull() uint32 {
	if t.layout == layoutWord {
		t.words.append(0)
	} else {
		t.words.append(t.arena.add(nil))
	}
	return uint32(t.words.n)
}

func (t *table) insertWords(key *batch.Column, rows []int32, fresh batch.Bitmap) {
	s := &t.scratch
	s.keys = room(s.keys, len(rows))
	gatherWords(key, rows, s.keys)
	t.index.find(s.tags, s.found, s.first)
	for i, f := range s.found {
		if f == 0 {
			s.there[i] = ^s.keys[i]
		} else {
			s.there[i] = t.words.at(f - 1)
		}
	}
	for i, k := range s.keys {
		if s.there[i] != k && t.addWord(s.tags[i], k) {
			fresh.Set(int(rows[i]))
		}
	}
}

// addWord adds a key that find did not meet: an earlier row of the batch may
// have brought it, or it lies behind another key of the same tag.
func (t *table) addWord(tag uint32, key uint64) bool {
	s := t.index.reserve(tag)
	mask := len(s.slots) - 1
	j := int(tag) & mask
	for ; s.slots[j&mask].row != 0; j = (j + 1) & mask {
		if e := s.slots[j&mask]; e.tag == tag && t.words.at(e.row-1) == key {
			return false
		}
	}
	t.words.append(key)
	t.index.fill(s, j, slot{tag, uint32(t.words.n)})
	return true
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

func (t *table) insertBytes(keys []*batch.Column, rows []int32, fresh batch.Bitmap) {
	s := &t.scratch
	data := t.spansOf(keys, rows)
	t.index.find(s.tags, s.found, s.first)
	for i, f := range s.found {
		if f != 0 {
			s.there[i] = t.words.at(f - 1)
		}
	}
	for i, f := range s.found {
		key := data[s.spans[i].from:s.spans[i].to]
		if f != 0 && string(t.arena.get(s.there[i])) == string(key) {
			continue
		}
		if t.addBytes(s.tags[i], key) {
			fresh.Set(int(rows[i]))
		}
	}
}

// spansOf fills spans with where the key of each row is in the bytes returned.
func (t *table) spansOf(keys []*batch.Column, rows []int32) []byte {
	s := &t.scratch
	s.spans = room(s.spans, len(rows))
	if t.layout == layoutTuple {
		s.tuple = s.tuple[:0]
		for i, r := range rows {
			from := uint32(len(s.tuple))
			for _, k := range keys {
				s.tuple = appendCanonical(s.tuple, k, int(r))
			}
			s.spans[i] = span{from, uint32(len(s.tuple))}
		}
		return s.tuple
	}
	c := keys[0]
	if d := c.Dict; d != nil {
		for i, r := range rows {
			code := c.I32[r]
			s.spans[i] = span{uint32(d.Off[code]), uint32(d.Off[code+1])}
		}
		return d.Data
	}
	for i, r := range rows {
		s.spans[i] = span{uint32(c.Off[r]), uint32(c.Off[r+1])}
	}
	return c.Data
}

func (t *table) addBytes(tag uint32, key []byte) bool {
	s := t.index.reserve(tag)
	mask := len(s.slots) - 1
	j := int(tag) & mask
	for ; s.slots[j&mask].row != 0; j = (j + 1) & mask {
		if e := s.slots[j&mask]; e.tag == tag && string(t.arena.get(t.words.at(e.row-1))) == string(key) {
			return false
		}
	}
	t.words.append(t.arena.add(key))
	t.index.fill(s, j, slot{tag, uint32(t.words.n)})
	return true
}
