package keyed

import (
	"iter"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/persistence/state"
)

// Map is a map from M to V a key. Each entry is a row of its own, found by key and map key; beside it the places
// of a key are numbered without gaps, so that all entries of a key can be listed.
type Map[M comparable, V any] struct {
	h       *Handle
	ttl     time.Duration
	keys    *typed.Binary[M]
	form    *typed.Binary[V]
	heads   *state.Segment // by key: how many entries
	counts  *state.Words
	entries *state.Segment // by key and map key: place, expiry, value
	ordinal *state.Words
	expires *state.Words
	values  *state.Bytes
	places  *state.Segment // by key and place: the map key
	named   *state.Bytes
	scratch []byte
}

// NewMap opens a map. ttl is how long each entry lives after it was written, 0: for ever.
func NewMap[M comparable, V any](h *Handle, name string, ttl time.Duration) (*Map[M, V], error) {
	keys, err := typed.NewBinary[M]()
	if err != nil {
		return nil, err
	}
	form, err := typed.NewBinary[V]()
	if err != nil {
		return nil, err
	}
	m := &Map[M, V]{h: h, ttl: ttl, keys: keys, form: form}
	if m.heads, err = h.table("map:"+name, nil, state.Column{Name: "entries", Type: batch.BigIntType}); err != nil {
		return nil, err
	}
	if m.entries, err = h.table("entries:"+name, []state.Column{{Name: "key", Type: batch.BinaryType}}, ordinalColumn, expiresColumn, valueColumn); err != nil {
		return nil, err
	}
	if m.places, err = h.table("places:"+name, []state.Column{ordinalColumn}, state.Column{Name: "key", Type: batch.BinaryType}); err != nil {
		return nil, err
	}
	m.counts, m.ordinal, m.expires = m.heads.Words(0), m.entries.Words(0), m.entries.Words(1)
	m.values, m.named = m.entries.Bytes(2), m.places.Bytes(0)
	h.states = append(h.states, m)
	return m, nil
}

// column is one map key.
func (m *Map[M, V]) column(key []byte) *batch.Column {
	b := batch.NewBuilder(batch.BinaryType, m.h.key.pool)
	defer b.Release()
	b.Bytes(key)
	return b.Finish()
}

// find returns the row of an entry.
func (m *Map[M, V]) find(key []byte, make bool) (row uint32, fresh, ok bool) {
	columns, hashes, rows := m.h.below(m.column(key))
	defer done(columns)
	bits := batch.Bitmap{0}
	var err error
	if make {
		err = m.entries.Upsert(columns, nil, 1, hashes, rows, bits)
	} else {
		err = m.entries.Find(columns, nil, 1, hashes, rows)
	}
	if m.h.fail(err) {
		return 0, false, false
	}
	return rows[0], bits.Get(0), rows[0] != state.NoRow
}

// place returns the row of a place.
func (m *Map[M, V]) place(at uint64) (uint32, bool) {
	columns, hashes, rows := m.h.below(m.h.ordinals(at, at+1))
	defer done(columns)
	if m.h.fail(m.places.Upsert(columns, nil, 1, hashes, rows, nil)) {
		return 0, false
	}
	return rows[0], true
}

// Get returns the value of a map key, and whether there is one.
func (m *Map[M, V]) Get(key M) (V, bool) {
	var none V
	row, _, ok := m.find(m.keys.Append(nil, &key), false)
	if !ok || !m.h.live(m.expires.At(row)) {
		return none, false
	}
	v, err := m.form.Read(m.values.At(row))
	return v, !m.h.fail(err)
}

// Put makes v the value of a map key.
func (m *Map[M, V]) Put(key M, v V) {
	name := m.keys.Append(nil, &key)
	row, fresh, ok := m.find(name, true)
	if !ok {
		return
	}
	m.scratch = m.form.Append(m.scratch[:0], &v)
	if !m.h.keep(m.values, row, m.scratch) {
		return
	}
	m.expires.Set(row, m.h.expiry(m.ttl))
	m.entries.Touch([]uint32{row})
	if !fresh {
		return
	}
	head, ok := m.h.make(m.heads)
	if !ok {
		return
	}
	n := m.counts.At(head)
	m.counts.Set(head, n+1)
	m.heads.Touch([]uint32{head})
	m.ordinal.Set(row, n)
	m.put(n, name)
}

// put gives a place a map key.
func (m *Map[M, V]) put(at uint64, name []byte) {
	if row, ok := m.place(at); ok {
		m.named.Set(row, name)
		m.places.Touch([]uint32{row})
	}
}

// Delete removes a map key.
func (m *Map[M, V]) Delete(key M) { m.remove(m.keys.Append(nil, &key)) }

// remove deletes an entry; the last one gets its place.
func (m *Map[M, V]) remove(name []byte) {
	row, _, ok := m.find(name, false)
	if !ok {
		return
	}
	at := m.ordinal.At(row)
	m.entries.Delete([]uint32{row})
	head, ok := m.h.find(m.heads)
	if !ok {
		return
	}
	last := m.counts.At(head) - 1
	m.counts.Set(head, last)
	m.heads.Touch([]uint32{head})
	if last == 0 {
		m.heads.Delete([]uint32{head})
	}
	end, ok := m.place(last)
	if !ok {
		return
	}
	moved := append([]byte{}, m.named.At(end)...)
	m.places.Delete([]uint32{end})
	if at == last {
		return
	}
	m.put(at, moved)
	if row, _, ok = m.find(moved, false); ok {
		m.ordinal.Set(row, at)
		m.entries.Touch([]uint32{row})
	}
}

// names returns the map keys of the key at work.
func (m *Map[M, V]) names() [][]byte {
	head, ok := m.h.find(m.heads)
	if !ok {
		return nil
	}
	columns, hashes, rows := m.h.below(m.h.ordinals(0, m.counts.At(head)))
	defer done(columns)
	if m.h.fail(m.places.Find(columns, nil, len(rows), hashes, rows)) {
		return nil
	}
	var names [][]byte
	for _, row := range there(rows) {
		names = append(names, append([]byte{}, m.named.At(row)...))
	}
	return names
}

// All returns the entries as they are when it is called, those first that were put first as long as none was deleted.
func (m *Map[M, V]) All() iter.Seq2[M, V] {
	type entry struct {
		key   M
		value V
	}
	var all []entry
	for _, name := range m.names() {
		row, _, ok := m.find(name, false)
		if !ok || !m.h.live(m.expires.At(row)) {
			continue
		}
		k, err := m.keys.Read(name)
		if m.h.fail(err) {
			break
		}
		v, err := m.form.Read(m.values.At(row))
		if m.h.fail(err) {
			break
		}
		all = append(all, entry{k, v})
	}
	return func(yield func(M, V) bool) {
		for _, e := range all {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Clear removes all entries.
func (m *Map[M, V]) Clear() {
	for _, name := range m.names() {
		m.remove(name)
	}
}

func (m *Map[M, V]) fetch(first []int32) { m.h.fetch(m.heads, first) }

func (m *Map[M, V]) sweep(now int64) {
	if m.ttl <= 0 {
		return
	}
	m.h.each(m.heads, func() {
		for _, name := range m.names() {
			if row, _, ok := m.find(name, false); ok && int64(m.expires.At(row)) <= now {
				m.remove(name)
			}
		}
	})
}
