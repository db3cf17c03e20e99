package state

import (
	"encoding/binary"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// tuples is room for the keys of some rows in their canonical form.
type tuples struct {
	data    []byte
	entries []byte   // canonical values of dictionaries, and wide more bytes
	places  []uint32 // of the entries, and the end
	columns []tupleColumn
}

// tupleColumn is a column with how it is encoded.
type tupleColumn struct {
	*batch.Column
	how    encoding
	places []uint32 // coded: of the entries
}

type encoding uint8

const (
	canonical encoding = iota // value by value
	numbers                   // 64 bits, none null
	texts                     // none null, no dictionary
	coded                     // none null, each entry of the dictionary encoded once
)

// wide is how many bytes are copied at once, whether a value has them or not: what is too much is written over
// by the next value.
const wide = 16

// encode fills spans with where the key of each row is in the bytes returned.
func (t *tuples) encode(keys []*batch.Column, rows []int32, spans []span) []byte {
	t.prepare(keys, len(rows))
	out := t.data[:0]
	for i, r := range rows {
		from := uint32(len(out))
		for k := range t.columns {
			c := &t.columns[k]
			switch c.how {
			case numbers:
				out = append(out, 1)
				out = binary.LittleEndian.AppendUint64(out, uint64(c.I64[r]))
			case coded:
				code := c.I32[r]
				from, end := c.places[code], c.places[code+1]
				out = appendWide(out, t.entries, from, end)
			case texts:
				from, end := c.Off[r], c.Off[r+1]
				out = binary.AppendUvarint(append(out, 1), uint64(end-from))
				out = appendWide(out, c.Data, uint32(from), uint32(end))
			default:
				out = appendCanonical(out, c.Column, int(r))
			}
		}
		spans[i] = span{from, uint32(len(out))}
	}
	clear(t.columns) // they are borrowed
	t.data = out
	return out
}

// appendWide appends from[at:end], by a copy of a fixed size where the value is small and there is as much behind it.
func appendWide(out, from []byte, at, end uint32) []byte {
	n := int(end - at)
	if n > wide || int(at)+wide > len(from) || cap(out)-len(out) < wide {
		return append(out, from[at:end]...)
	}
	to := out[len(out) : len(out)+wide]
	in := from[at : at+wide]
	binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(in))
	binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(in[8:]))
	return out[:len(out)+n]
}

// prepare finds out how each column is encoded.
func (t *tuples) prepare(keys []*batch.Column, rows int) {
	t.columns, t.entries, t.places = t.columns[:0], t.entries[:0], t.places[:0]
	for _, k := range keys {
		c := tupleColumn{Column: k}
		text := k.Type.Kind == batch.String || k.Type.Kind == batch.Binary
		switch {
		case k.Valid != nil && k.Valid.Count(k.N) != k.N:
		case k.I64 != nil:
			c.how = numbers
		case text && k.Dict == nil && k.Off != nil:
			c.how = texts
		case text && k.Dict != nil && k.Dict.N <= rows:
			c.how = coded
			c.places = t.dictionary(k.Dict)
		}
		t.columns = append(t.columns, c)
	}
	var room [wide]byte
	t.entries = append(t.entries, room[:]...)
}

// dictionary encodes the entries of a dictionary and returns their places.
func (t *tuples) dictionary(d *batch.Column) []uint32 {
	t.places = slices.Grow(t.places, d.N+1)
	first := len(t.places)
	for e := range d.N {
		t.places = append(t.places, uint32(len(t.entries)))
		t.entries = appendCanonical(t.entries, d, e)
	}
	t.places = append(t.places, uint32(len(t.entries)))
	return t.places[first:]
}
