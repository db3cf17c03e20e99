package state

import (
	"encoding/binary"
	"unsafe"

	"github.com/deltaic/deltaic/batch"
)

// Encoder turns rows of blocks into what they are below memory.
type Encoder struct{ table Table }

// NewEncoder returns an encoder for a table in a job of so many key groups.
func NewEncoder(spec Spec, groups int) (*Encoder, error) {
	spec.Shared = false // what is below has whole keys
	t, err := NewTable(spec, nil, nil)
	if err != nil {
		return nil, err
	}
	t.groups = groups
	return &Encoder{table: *t}, nil
}

// Encoded is rows as bytes, in the order in which they came.
type Encoded struct {
	Data []byte
	Rows []EncodedRow
}

// EncodedRow is a row's place, Data[From:Key], and its values, Data[Key:End].
type EncodedRow struct {
	From, Key, End int
	Kind           batch.RowKind
}

// Capacity returns the memory that the rows take.
func (e *Encoded) Capacity() int64 {
	return int64(cap(e.Data)) + int64(cap(e.Rows))*int64(unsafe.Sizeof(EncodedRow{}))
}

// Place returns a row's place.
func (e *Encoded) Place(i int) []byte { return e.Data[e.Rows[i].From:e.Rows[i].Key] }

// Values returns a row's values.
func (e *Encoded) Values(i int) []byte { return e.Data[e.Rows[i].Key:e.Rows[i].End] }

// Append adds the selected rows of a block, whose key groups are given, to out.
func (e *Encoder) Append(out *Encoded, b *Block, sel []int32, groups []int32) {
	t := &e.table
	var data []byte
	if t.layout.bytes() {
		data = t.spansOf(b.Keys, sel)
	}
	for i, r := range sel {
		row := EncodedRow{From: len(out.Data)}
		segment := int64(0)
		if b.Segments != nil {
			segment = b.Segments[r]
		}
		out.Data = AppendPlace(out.Data, segment, int(groups[r]))
		switch {
		case t.layout == layoutOne || t.layout.single() && b.Keys[0].IsNull(int(r)):
		case t.layout == layoutWord:
			out.Data = binary.BigEndian.AppendUint64(out.Data, word(b.Keys[0], int(r)))
		default:
			out.Data = append(append(out.Data, 1), data[t.scratch.spans[i].from:t.scratch.spans[i].to]...)
		}
		row.Key = len(out.Data)
		if b.Kinds != nil {
			row.Kind = b.Kinds[r]
		}
		for _, v := range b.Values {
			if width(v.Type.Kind) > 0 {
				out.Data = binary.LittleEndian.AppendUint64(out.Data, valueWord(v, int(r)))
			} else {
				value := v.Bytes(int(r))
				out.Data = append(binary.AppendUvarint(out.Data, uint64(len(value))), value...)
			}
		}
		row.End = len(out.Data)
		out.Rows = append(out.Rows, row)
	}
}

// Fill makes the copy hold rows of a table as they are below memory, in this order, as
// new ones.
func (c *Copy) Fill(spec Spec, places, values [][]byte) error {
	whole := spec
	whole.Shared = false
	t, err := NewTable(whole, nil, nil)
	if err != nil {
		return err
	}
	c.reset(t)
	c.spec = spec
	for i, place := range places {
		segment, _ := SegmentOf(place)
		if n := len(c.parts); n > 0 && c.parts[n-1].segment != segment {
			c.parts[n-1].end = c.n
		}
		if n := len(c.parts); n == 0 || c.parts[n-1].segment != segment {
			c.parts = append(c.parts, part{segment: segment})
		}
		key := place[placeKey:]
		at := len(c.words)
		c.words = append(c.words, make([]uint64, c.stride)...)
		switch {
		case len(key) == 0 && c.layout != layoutOne:
			c.nulls = append(c.nulls, c.n)
			if c.layout == layoutBytes {
				c.data.add(nil)
			}
		case len(key) == 0:
		case c.layout == layoutWord:
			c.words[at] = binary.BigEndian.Uint64(key)
		default:
			c.data.add(key[1:])
		}
		if err := eachValue(&spec, values[i], func(v int, word uint64, data []byte) {
			if data != nil {
				c.data.add(data)
			} else {
				c.words[at+c.lead+v] = word
			}
		}); err != nil {
			return err
		}
		c.kinds = append(c.kinds, batch.Insert)
		c.n++
	}
	if n := len(c.parts); n > 0 {
		c.parts[n-1].end = c.n
	}
	return nil
}
