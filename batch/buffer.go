package batch

import (
	"math/bits"
	"slices"
	"unsafe"

	"github.com/deltaic/deltaic/internal/invariant"
)

// Buffers hold no pointers, so one set of size classes serves every element
// type: a buffer is a run of 1<<class bytes, eight-byte aligned. Larger ones
// than the last class are made to measure and left to the garbage collector.
const (
	minClass = 6  // 64 bytes
	maxClass = 26 // 64 MiB
	// growBytes is the least a growing buffer takes: 64 bytes would double
	// six times before a usual batch is full.
	growBytes = 512
)

// The buffers of a column, as indexes of Column.lent.
const (
	slotValid = iota
	slotBits
	slotI32
	slotI64
	slotF32
	slotF64
	slotI128
	slotOff
	slotData
	slots
)

// fixed are the element types of buffers.
type fixed interface {
	~int32 | ~int64 | ~uint64 | ~float32 | ~float64 | ~uint8 | Int128
}

// chunk is memory lent by a pool. Columns remember theirs, so that what goes
// back is what was lent, whatever a decoder did to the slices meanwhile.
type chunk struct {
	start unsafe.Pointer
	size  int // bytes; 0: no chunk
}

func classOf(size int) int {
	if size <= 1<<minClass {
		return minClass
	}
	return bits.Len(uint(size - 1))
}

// chunk lends at least size bytes with undefined contents.
func (p *Pool) chunk(size int) chunk {
	class := classOf(size)
	if class > maxClass {
		size = (size + 4095) &^ 4095
		p.account.Charge(int64(size))
		return chunk{start: unsafe.Pointer(unsafe.SliceData(make([]uint64, size/8))), size: size}
	}
	size = 1 << class
	p.account.Charge(int64(size))
	if start, ok := p.free[class].Get().(unsafe.Pointer); ok {
		return chunk{start: start, size: size}
	}
	return chunk{start: unsafe.Pointer(unsafe.SliceData(make([]uint64, size/8))), size: size}
}

// poison is what released memory is filled with in builds with invariants:
// not a plausible length, offset or character.
const poison = 0xDB

func (p *Pool) giveBack(c chunk) {
	if c.size == 0 {
		return
	}
	p.account.Charge(-int64(c.size))
	if invariant.Enabled {
		for i, s := 0, unsafe.Slice((*byte)(c.start), c.size); i < len(s); i++ {
			s[i] = poison
		}
	}
	if class := classOf(c.size); class <= maxClass {
		p.free[class].Put(c.start)
	}
}

// view returns the chunk's memory as elements.
func view[T fixed](c chunk) []T {
	var t T
	return unsafe.Slice((*T)(c.start), c.size/int(unsafe.Sizeof(t)))
}

// lend returns n elements with undefined contents for a buffer of c that has
// none yet.
func lend[T fixed](c *Column, slot, n int) []T {
	if c.pool == nil {
		return make([]T, n)
	}
	c.count()
	var t T
	c.lent[slot] = c.pool.chunk(n * int(unsafe.Sizeof(t)))
	return view[T](c.lent[slot])[:n]
}

// lendZero is lend with all elements zero.
func lendZero[T fixed](c *Column, slot, n int) []T {
	s := lend[T](c, slot, n)
	clear(s)
	return s
}

// grow returns s with room for n more elements. The buffer it had goes back to
// the pool at once.
func grow[T fixed](c *Column, slot int, s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	if c.pool == nil {
		return slices.Grow(s, n)
	}
	c.count()
	var t T
	size := max((len(s)+n)*int(unsafe.Sizeof(t)), 2*len(s)*int(unsafe.Sizeof(t)), growBytes)
	old := c.lent[slot]
	c.lent[slot] = c.pool.chunk(size)
	d := view[T](c.lent[slot])[:len(s)]
	copy(d, s)
	c.pool.giveBack(old)
	return d
}

// push is append that takes memory from the column's pool.
func push[T fixed](c *Column, slot int, s []T, v T) []T {
	if len(s) == cap(s) {
		s = grow(c, slot, s, 1)
	}
	return append(s, v)
}
