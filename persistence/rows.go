package persistence

import (
	"encoding/binary"

	"github.com/deltaic/deltaic/batch"
)

// rows are keys on their way from a table or a file into a file.
type rows struct {
	types  []batch.Type
	layout layout
	words  []uint64 // layoutWord: the keys
	data   []byte   // other layouts: the keys, each behind its length
	nulls  []int    // rows that are the null key of a one-column layout, ascending
	n      int
}

func (r *rows) reset() {
	r.words, r.data, r.nulls, r.n = r.words[:0], r.data[:0], r.nulls[:0], 0
}

// bytes returns the memory that the rows take.
func (r *rows) bytes() int64 { return int64(cap(r.words))*8 + int64(cap(r.data)) }

// copyFrom copies rows lo to hi of a table.
func (r *rows) copyFrom(t *table, lo, hi int) {
	r.types, r.layout, r.n = t.types, t.layout, hi-lo
	if null := int(t.null) - 1; null >= lo && null < hi {
		r.nulls = append(r.nulls, null-lo)
	}
	if t.layout == layoutWord {
		r.words = t.words.copyRange(lo, hi, r.words)
		return
	}
	r.data = t.arena.copyFrom(t.words.at(uint32(lo)), r.data)
}

// copyFrom appends the entries from at to the last: they lie in the order in
// which they were added.
func (a *arena) copyFrom(at uint64, out []byte) []byte {
	first := int(at >> 32)
	out = append(out, a.chunks[first][uint32(at):]...)
	for _, c := range a.chunks[first+1:] {
		out = append(out, c...)
	}
	return out
}

// add appends the keys of these physical rows.
func (r *rows) add(keys []*batch.Column, physical []int32) {
	for _, p := range physical {
		i := int(p)
		switch {
		case r.layout == layoutTuple:
			r.addTuple(keys, i)
		case keys[0].IsNull(i):
			r.nulls = append(r.nulls, r.n)
			if r.layout == layoutWord {
				r.words = append(r.words, 0)
			} else {
				r.data = append(r.data, 0)
			}
		case r.layout == layoutWord:
			r.words = append(r.words, word(keys[0], i))
		default:
			v := keys[0].Bytes(i)
			r.data = append(binary.AppendUvarint(r.data, uint64(len(v))), v...)
		}
		r.n++
	}
}

// addTuple writes the key behind a length of fixed width, then closes the gap:
// the length is known afterwards.
func (r *rows) addTuple(keys []*batch.Column, i int) {
	var gap [binary.MaxVarintLen32]byte
	start := len(r.data)
	r.data = append(r.data, gap[:]...)
	from := len(r.data)
	for _, k := range keys {
		r.data = appendCanonical(r.data, k, i)
	}
	size := len(r.data) - from
	w := binary.PutUvarint(gap[:], uint64(size))
	copy(r.data[start:], gap[:w])
	copy(r.data[start+w:], r.data[from:])
	r.data = r.data[:start+w+size]
}

// cursor takes blocks of rows off the front.
type cursor struct {
	rows *rows
	row  int
	at   int // in data
	null int // in nulls
}

const (
	blockRows  = 1 << 16
	blockBytes = 1 << 20
)

// next appends up to a block of rows to the builders, one a key column, and
// returns how many: at least one while there are any.
func (c *cursor) next(builders []*batch.Builder) int {
	end := min(c.rows.n, c.row+blockRows)
	from, startRow := c.at, c.row
	for ; c.row < end && c.at-from < blockBytes; c.row++ {
		var key []byte
		if c.rows.layout != layoutWord {
			n, w := binary.Uvarint(c.rows.data[c.at:])
			c.at += w
			key = c.rows.data[c.at : c.at+int(n)]
			c.at += int(n)
		}
		switch {
		case c.null < len(c.rows.nulls) && c.rows.nulls[c.null] == c.row:
			c.null++
			builders[0].Null()
		case c.rows.layout == layoutWord:
			appendWord(builders[0], c.rows.words[c.row])
		case c.rows.layout == layoutBytes:
			builders[0].Bytes(key)
		default:
			for _, b := range builders {
				key = decodeCanonical(b, key)
			}
		}
	}
	return c.row - startRow
}
