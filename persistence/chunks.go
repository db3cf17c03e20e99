package persistence

import (
	"encoding/binary"
)

const (
	chunkShift = 13 // values of a chunk: 64 KiB
	chunkRows  = 1 << chunkShift
	chunkMask  = chunkRows - 1

	arenaChunk    = 256 << 10 // bytes
	arenaMinChunk = 1 << 10
)

// words is a growing column of 64-bit values that never copies more than one
// chunk to grow.
type words struct {
	chunks [][]uint64
	n      int
	charge func(int64)
}

func (w *words) at(i uint32) uint64 { return w.chunks[i>>chunkShift][i&chunkMask] }

func (w *words) append(v uint64) {
	last := w.n >> chunkShift
	if last == len(w.chunks) {
		size := chunkRows
		if last == 0 {
			size = 64
		}
		w.chunks = append(w.chunks, make([]uint64, 0, size))
		w.charge(int64(size) * 8)
	}
	c := w.chunks[last]
	if len(c) == cap(c) {
		wide := make([]uint64, len(c), 2*cap(c))
		copy(wide, c)
		w.charge(int64(cap(wide)-cap(c)) * 8)
		c = wide
	}
	w.chunks[last] = append(c, v)
	w.n++
}

// copyRange appends values lo to hi to out.
func (w *words) copyRange(lo, hi int, out []uint64) []uint64 {
	for lo < hi {
		c := w.chunks[lo>>chunkShift]
		end := min(len(c), lo&chunkMask+hi-lo)
		out = append(out, c[lo&chunkMask:end]...)
		lo += end - lo&chunkMask
	}
	return out
}

// arena keeps byte strings, each behind its length, in chunks that never move.
type arena struct {
	chunks [][]byte
	charge func(int64)
}

// add returns where the copy of v is: chunk in the upper half, offset in the lower.
func (a *arena) add(v []byte) uint64 {
	need := len(v) + binary.MaxVarintLen32
	last := len(a.chunks) - 1
	if last < 0 || len(a.chunks[last])+need > cap(a.chunks[last]) {
		last = a.room(need)
	}
	c := a.chunks[last]
	at := uint64(last)<<32 | uint64(len(c))
	c = binary.AppendUvarint(c, uint64(len(v)))
	a.chunks[last] = append(c, v...)
	return at
}

// room makes space for need bytes and returns its chunk. The first chunk
// doubles, so that small tables stay small.
func (a *arena) room(need int) int {
	last := len(a.chunks) - 1
	if last == 0 && cap(a.chunks[0]) < arenaChunk {
		old := a.chunks[0]
		size := 2 * cap(old)
		for size < len(old)+need {
			size *= 2
		}
		if size <= arenaChunk {
			a.charge(int64(size - cap(old)))
			a.chunks[0] = append(make([]byte, 0, size), old...)
			return 0
		}
	}
	size := arenaChunk
	if last < 0 {
		size = arenaMinChunk
	}
	size = max(size, need)
	a.charge(int64(size))
	a.chunks = append(a.chunks, make([]byte, 0, size))
	return last + 1
}

func (a *arena) get(at uint64) []byte {
	c := a.chunks[at>>32][uint32(at):]
	if n := int(c[0]); n < 0x80 {
		return c[1 : 1+n]
	}
	n, w := binary.Uvarint(c)
	return c[w : w+int(n)]
}
