package state

import (
	"encoding/binary"
	"math/bits"
)

const (
	arenaChunk    = 256 << 10 // bytes
	arenaMinChunk = 256
	arenaStart    = 8            // where 0 would be a place: it means an empty entry
	arenaLarge    = 64 << 10     // an entry larger than this has a chunk of its own
	arenaClasses  = 64 + 8*8 + 1 // of sizes up to arenaLarge
)

// arena keeps byte strings, each behind its length, in chunks that never move.
// A place is the chunk in the upper half and the offset in the lower. Room that
// an entry leaves is used for entries of its size again.
type arena struct {
	chunks  [][]byte
	free    *[arenaClasses]uint64 // by size, the first place of a list through the places themselves
	holes   []uint32              // chunks of large entries that are gone
	filling int                   // the chunk that small entries are added to
	idle    int64                 // bytes that entries have left and that none has taken
	charge  func(int64)
}

// sizeOf returns the room that an entry of need bytes takes, and its class:
// steps of four bytes, later an eighth of a power of two. It follows from need alone, so entries need
// not say it.
func sizeOf(need int) (size, class int) {
	if need <= 256 {
		class = max(2, (need+3)/4)
		return class * 4, class
	}
	width := bits.Len(uint(need - 1))
	step := (need - 1) >> (width - 4) // 8 to 15
	return (step + 1) << (width - 4), 64 + (width-9)*8 + step - 7
}

func lengthOf(n int) int { return (bits.Len32(uint32(n)|1) + 6) / 7 }

// add returns where the copy of v is.
func (a *arena) add(v []byte) uint64 {
	if len(v) == 0 {
		return 0
	}
	need := lengthOf(len(v)) + len(v)
	at := a.room(need)
	a.write(at, v)
	return at
}

func (a *arena) write(at uint64, v []byte) {
	c := a.chunks[at>>32][uint32(at):]
	w := binary.PutUvarint(c, uint64(len(v)))
	copy(c[w:], v)
}

// set replaces the entry at a place and returns where it is now.
func (a *arena) set(at uint64, v []byte) uint64 {
	if at != 0 && len(v) != 0 {
		old := len(a.raw(at))
		need := lengthOf(len(v)) + len(v)
		_, was := sizeOf(old)
		if _, class := sizeOf(need); class == was && max(old, need) <= arenaLarge || old == need {
			a.write(at, v)
			return at
		}
	}
	place := a.add(v) // before the old one goes: v may be it
	a.remove(at)
	return place
}

// remove gives an entry's room back.
func (a *arena) remove(at uint64) {
	if at == 0 {
		return
	}
	need := len(a.raw(at))
	chunk := at >> 32
	if need > arenaLarge {
		a.charge(-int64(len(a.chunks[chunk])))
		a.chunks[chunk] = nil
		a.holes = append(a.holes, uint32(chunk))
		return
	}
	if a.free == nil {
		a.free = new([arenaClasses]uint64)
		a.charge(arenaClasses * 8)
	}
	size, class := sizeOf(need)
	a.idle += int64(size)
	binary.LittleEndian.PutUint64(a.chunks[chunk][uint32(at):], a.free[class])
	a.free[class] = at
}

// room finds a place for need bytes.
func (a *arena) room(need int) uint64 {
	if need > arenaLarge {
		return a.roomAlone(need)
	}
	size, class := sizeOf(need)
	if a.free != nil && a.free[class] != 0 {
		at := a.free[class]
		a.free[class] = binary.LittleEndian.Uint64(a.chunks[at>>32][uint32(at):])
		a.idle -= int64(size)
		return at
	}
	if len(a.chunks) == 0 || len(a.chunks[a.filling])+size > cap(a.chunks[a.filling]) {
		a.grow(size)
	}
	c := a.chunks[a.filling]
	a.chunks[a.filling] = c[:len(c)+size]
	return uint64(a.filling)<<32 | uint64(len(c))
}

// roomAlone makes a chunk for one large entry.
func (a *arena) roomAlone(need int) uint64 {
	if len(a.chunks) == 0 {
		a.grow(0) // place 0 is nobody's
	}
	a.charge(int64(need))
	c := make([]byte, need)
	if n := len(a.holes); n > 0 {
		i := a.holes[n-1]
		a.holes = a.holes[:n-1]
		a.chunks[i] = c
		return uint64(i) << 32
	}
	a.chunks = append(a.chunks, c)
	return uint64(len(a.chunks)-1) << 32
}

// grow makes room for size bytes in the chunk that is filled. The first chunk
// doubles, so that small tables stay small.
func (a *arena) grow(size int) {
	if len(a.chunks) == 0 {
		first := max(arenaMinChunk, arenaStart+size)
		a.charge(int64(first))
		a.chunks, a.filling = append(a.chunks, make([]byte, arenaStart, first)), 0
		return
	}
	if a.filling == 0 && cap(a.chunks[0]) < arenaChunk {
		old := a.chunks[0]
		wide := min(max(2*cap(old), len(old)+size), arenaChunk)
		if wide >= len(old)+size {
			a.charge(int64(wide - cap(old)))
			a.chunks[0] = append(make([]byte, 0, wide), old...)
			return
		}
	}
	a.charge(arenaChunk)
	a.chunks = append(a.chunks, make([]byte, 0, arenaChunk))
	a.filling = len(a.chunks) - 1
}

// get returns the entry, which is good until it is set or removed.
func (a *arena) get(at uint64) []byte {
	if at == 0 {
		return nil
	}
	c := a.chunks[at>>32][uint32(at):]
	if n := int(c[0]); n < 0x80 {
		return c[1 : 1+n : 1+n]
	}
	n, w := binary.Uvarint(c)
	return c[w : w+int(n) : w+int(n)]
}

// raw returns the entry behind its length.
func (a *arena) raw(at uint64) []byte {
	if at == 0 {
		return empty
	}
	c := a.chunks[at>>32][uint32(at):]
	n, w := binary.Uvarint(c)
	return c[: w+int(n) : w+int(n)]
}

var empty = []byte{0}

// release gives back what the arena was charged.
func (a *arena) release() {
	var held int64
	for _, c := range a.chunks {
		held += int64(cap(c))
	}
	if a.free != nil {
		held += arenaClasses * 8
	}
	a.charge(-held)
}
