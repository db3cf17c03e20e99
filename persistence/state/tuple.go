package state

import (
	"encoding/binary"

	"github.com/deltaic/deltaic/batch"
)

// tuples is room for the keys of some rows in their canonical form, made a column at a time: first how long
// each key is, then what is in it.
type tuples struct {
	data    []byte
	at      []uint32 // where the next value of each row goes
	entries []byte   // canonical values: of the dictionaries, and the one that is measured
	places  []uint32 // of the entries of each dictionary, and the end
}

// encode fills spans with where the key of each row is in the bytes returned.
func (t *tuples) encode(keys []*batch.Column, rows []int32, spans []span) []byte {
	t.at, t.entries, t.places = room(t.at, len(rows)), t.entries[:0], t.places[:0]
	clear(t.at)
	for _, k := range keys {
		t.measure(k, rows)
	}
	end := uint32(0)
	for i, n := range t.at {
		spans[i] = span{end, end + n}
		t.at[i] = end
		end += n
	}
	t.data = room(t.data, int(end))
	places := t.places
	for _, k := range keys {
		switch {
		case width(k.Type.Kind) > 0:
			t.words(k, rows)
		case isText(k) && smallDictionary(k, rows):
			t.coded(k, rows, places[:k.Dict.N+1])
			places = places[k.Dict.N+1:]
		case isText(k):
			t.texts(k, rows)
		default:
			for i, r := range rows {
				t.at[i] = uint32(len(appendCanonical(t.data[:t.at[i]], k, int(r))))
			}
		}
	}
	return t.data
}

func isText(c *batch.Column) bool {
	return c.Type.Kind == batch.String || c.Type.Kind == batch.Binary
}

// smallDictionary reports whether it pays to encode each entry once.
func smallDictionary(c *batch.Column, rows []int32) bool {
	return c.Dict != nil && c.Dict.N <= len(rows)
}

// measure adds the length of each row's value.
func (t *tuples) measure(c *batch.Column, rows []int32) {
	fixed := uint32(width(c.Type.Kind))
	switch {
	case fixed > 0:
		for i, r := range rows {
			t.at[i]++
			if !c.IsNull(int(r)) {
				t.at[i] += fixed
			}
		}
	case isText(c) && smallDictionary(c, rows):
		first := len(t.places)
		for e := range c.Dict.N {
			t.places = append(t.places, uint32(len(t.entries)))
			t.entries = appendCanonical(t.entries, c.Dict, e)
		}
		t.places = append(t.places, uint32(len(t.entries)))
		places := t.places[first:]
		for i, r := range rows {
			if c.IsNull(int(r)) {
				t.at[i]++
			} else {
				code := c.I32[r]
				t.at[i] += places[code+1] - places[code]
			}
		}
	case isText(c):
		for i, r := range rows {
			t.at[i]++
			if !c.IsNull(int(r)) {
				n := len(c.Bytes(int(r)))
				t.at[i] += uint32(lengthOf(n) + n)
			}
		}
	default:
		end := len(t.entries)
		for i, r := range rows {
			t.entries = appendCanonical(t.entries[:end], c, int(r))
			t.at[i] += uint32(len(t.entries) - end)
		}
		t.entries = t.entries[:end]
	}
}

// words writes values of fixed width.
func (t *tuples) words(c *batch.Column, rows []int32) {
	long := width(c.Type.Kind) == 8
	for i, r := range rows {
		to := t.data[t.at[i]:]
		switch {
		case c.IsNull(int(r)):
			to[0] = 0
			t.at[i]++
		case c.I64 != nil:
			to[0] = 1
			binary.LittleEndian.PutUint64(to[1:], uint64(c.I64[r]))
			t.at[i] += 9
		case long:
			to[0] = 1
			binary.LittleEndian.PutUint64(to[1:], word(c, int(r)))
			t.at[i] += 9
		default:
			to[0] = 1
			binary.LittleEndian.PutUint32(to[1:], uint32(word(c, int(r))))
			t.at[i] += 5
		}
	}
}

// texts writes values of bytes.
func (t *tuples) texts(c *batch.Column, rows []int32) {
	for i, r := range rows {
		to := t.data[t.at[i]:]
		if c.IsNull(int(r)) {
			to[0] = 0
			t.at[i]++
			continue
		}
		v := c.Bytes(int(r))
		to[0] = 1
		n := 1 + binary.PutUvarint(to[1:], uint64(len(v)))
		t.at[i] += uint32(n + copy(to[n:], v))
	}
}

// coded writes values of a dictionary that are encoded already.
func (t *tuples) coded(c *batch.Column, rows []int32, places []uint32) {
	for i, r := range rows {
		if c.IsNull(int(r)) {
			t.data[t.at[i]] = 0
			t.at[i]++
			continue
		}
		code := c.I32[r]
		t.at[i] += uint32(copy(t.data[t.at[i]:], t.entries[places[code]:places[code+1]]))
	}
}
