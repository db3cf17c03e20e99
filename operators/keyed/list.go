package keyed

import (
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/persistence/state"
)

// List is a list of values of type V a key. Each value is a row of its own, so that appending costs the same
// however long the list is.
type List[V any] struct {
	h          *Handle
	ttl        time.Duration
	form       *typed.Binary[V]
	heads      *state.Segment // by key: where the list begins and ends
	begin, end *state.Words
	items      *state.Segment // by key and place
	expires    *state.Words
	values     *state.Bytes
	scratch    []byte
}

// NewList opens a list. ttl is how long each value lives after it was written, 0: for ever.
func NewList[V any](h *Handle, name string, ttl time.Duration) (*List[V], error) {
	form, err := typed.NewBinary[V]()
	if err != nil {
		return nil, err
	}
	heads, err := h.table("list:"+name, nil, state.Column{Name: "begin", Type: batch.BigIntType}, state.Column{Name: "end", Type: batch.BigIntType})
	if err != nil {
		return nil, err
	}
	items, err := h.table("items:"+name, []state.Column{ordinalColumn}, expiresColumn, valueColumn)
	if err != nil {
		return nil, err
	}
	l := &List[V]{h: h, ttl: ttl, form: form, heads: heads, begin: heads.Words(0), end: heads.Words(1),
		items: items, expires: items.Words(0), values: items.Bytes(1)}
	h.states = append(h.states, l)
	return l, nil
}

// ordinals is a column of from..to-1.
func (h *Handle) ordinals(from, to uint64) *batch.Column {
	c := h.key.pool.NewColumn(batch.BigIntType, int(to-from))
	for i := range c.I64 {
		c.I64[i] = int64(from) + int64(i)
	}
	return c
}

// bounds returns where the list begins and ends, without what has expired in front.
func (l *List[V]) bounds() (begin, end uint64) {
	if row, there := l.h.find(l.heads); there {
		return l.begin.At(row), l.end.At(row)
	}
	return 0, 0
}

// Append adds values at the end.
func (l *List[V]) Append(values ...V) {
	if len(values) == 0 {
		return
	}
	head, ok := l.h.make(l.heads)
	if !ok {
		return
	}
	end := l.end.At(head)
	l.end.Set(head, end+uint64(len(values)))
	l.heads.Touch([]uint32{head})
	columns, hashes, rows := l.h.below(l.h.ordinals(end, end+uint64(len(values))))
	defer done(columns)
	if l.h.fail(l.items.Upsert(columns, nil, len(rows), hashes, rows, nil)) {
		return
	}
	expires := l.h.expiry(l.ttl)
	for i, row := range rows {
		l.scratch = l.form.Append(l.scratch[:0], &values[i])
		if !l.h.keep(l.values, row, l.scratch) {
			return
		}
		l.expires.Set(row, expires)
	}
	l.items.Touch(rows)
}

// All returns the values, in order.
func (l *List[V]) All() []V {
	begin, end := l.bounds()
	if begin == end {
		return nil
	}
	columns, hashes, rows := l.h.below(l.h.ordinals(begin, end))
	defer done(columns)
	if l.h.fail(l.items.Find(columns, nil, len(rows), hashes, rows)) {
		return nil
	}
	var all []V
	for _, row := range rows {
		if row == state.NoRow || !l.h.live(l.expires.At(row)) {
			continue
		}
		v, err := l.form.Read(l.values.At(row))
		if l.h.fail(err) {
			return nil
		}
		all = append(all, v)
	}
	return all
}

// Set replaces all values.
func (l *List[V]) Set(values ...V) {
	l.Clear()
	l.Append(values...)
}

// Clear removes all values.
func (l *List[V]) Clear() {
	begin, end := l.bounds()
	l.drop(begin, end)
	if row, there := l.h.find(l.heads); there {
		l.heads.Delete([]uint32{row})
	}
}

// drop deletes the rows from..to-1.
func (l *List[V]) drop(from, to uint64) {
	if from == to {
		return
	}
	columns, hashes, rows := l.h.below(l.h.ordinals(from, to))
	defer done(columns)
	if l.h.fail(l.items.Find(columns, nil, len(rows), hashes, rows)) {
		return
	}
	l.items.Delete(there(rows))
}

func there(rows []uint32) []uint32 {
	kept := rows[:0]
	for _, r := range rows {
		if r != state.NoRow {
			kept = append(kept, r)
		}
	}
	return kept
}

func (l *List[V]) fetch(first []int32) { l.h.fetch(l.heads, first) }

// sweep shortens lists by what has expired, which is at their beginnings.
func (l *List[V]) sweep(now int64) {
	if l.ttl <= 0 {
		return
	}
	l.h.each(l.heads, func() {
		begin, end := l.bounds()
		columns, hashes, rows := l.h.below(l.h.ordinals(begin, end))
		defer done(columns)
		if l.h.fail(l.items.Find(columns, nil, len(rows), hashes, rows)) {
			return
		}
		from := begin
		for _, row := range rows {
			if row == state.NoRow || int64(l.expires.At(row)) > now {
				break
			}
			from++
		}
		if from == end {
			l.Clear()
			return
		}
		if from == begin {
			return
		}
		l.drop(begin, from)
		if head, ok := l.h.find(l.heads); ok {
			l.begin.Set(head, from)
			l.heads.Touch([]uint32{head})
		}
	})
}

// each calls f with each key of a table as the key at work. f may delete rows of the table.
func (h *Handle) each(s *state.Segment, f func()) {
	var rows []uint32
	h.fail(s.Scan(func(r []uint32) error {
		rows = append(rows, r...)
		return nil
	}))
	for len(rows) > 0 && h.err == nil {
		n := min(len(rows), 4096)
		keys := s.Keys(h.key.pool, rows[:n])
		h.key.begin(keys[:len(h.keys)], n)
		for i := range n {
			h.key.at(i)
			f()
		}
		h.key.end()
		releaseColumns(keys)
		rows = rows[n:]
	}
}
