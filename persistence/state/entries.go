package state

import "encoding/binary"

// entriesChunk is how much an entries grows by: what is there never moves.
const entriesChunk = 256 << 10

// entries is byte strings in a row, each behind its length, to be read in the order in which they were added.
type entries struct {
	chunks [][]byte
	used   int // chunks that hold something, the last of them with room
}

// reset forgets the entries and keeps the memory.
func (e *entries) reset() {
	for i := range e.chunks[:e.used] {
		e.chunks[i] = e.chunks[i][:0]
	}
	e.used = 0
}

// capacity returns the bytes of memory.
func (e *entries) capacity() (n int64) {
	for _, c := range e.chunks {
		n += int64(cap(c))
	}
	return n
}

// room returns a chunk to append n bytes to.
func (e *entries) room(n int) *[]byte {
	if e.used > 0 {
		if last := &e.chunks[e.used-1]; cap(*last)-len(*last) >= n {
			return last
		}
	}
	if e.used == len(e.chunks) {
		e.chunks = append(e.chunks, nil)
	}
	next := &e.chunks[e.used]
	if cap(*next) < n {
		*next = make([]byte, 0, max(n, entriesChunk))
	}
	e.used++
	return next
}

// addRaw appends an entry that is behind its length already, and returns its place.
func (e *entries) addRaw(raw []byte) (place uint64) {
	to := e.room(len(raw))
	place = uint64(e.used-1)<<32 | uint64(len(*to))
	*to = append(*to, raw...)
	return place
}

// at returns the entry at a place.
func (e *entries) at(place uint64) []byte {
	return e.next(&entriesCursor{chunk: int(place >> 32), at: int(uint32(place))})
}

// add appends an entry.
func (e *entries) add(v []byte) {
	to := e.room(lengthOf(len(v)) + len(v))
	*to = append(binary.AppendUvarint(*to, uint64(len(v))), v...)
}

// entriesCursor is how far entries have been read.
type entriesCursor struct{ chunk, at int }

// next returns the next entry.
func (e *entries) next(c *entriesCursor) []byte {
	for c.at == len(e.chunks[c.chunk]) {
		c.chunk, c.at = c.chunk+1, 0
	}
	in := e.chunks[c.chunk][c.at:]
	n, w := binary.Uvarint(in)
	c.at += w + int(n)
	return in[w : w+int(n)]
}
