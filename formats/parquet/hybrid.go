package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// hybrid reads the format's mix of run-length and bit-packed numbers in pieces,
// so that a run of a billion costs nothing until it is asked for.
type hybrid struct {
	data  []byte
	width uint
	run   uint64 // numbers left in the run
	value uint32 // of a run-length run
	bits  []byte // of a bit-packed run; nil: run-length
	bit   uint64 // position in bits
}

func newHybrid(data []byte, width uint) (hybrid, error) {
	if width > 32 {
		return hybrid{}, fmt.Errorf("numbers of %d bits are not possible", width)
	}
	return hybrid{data: data, width: width}, nil
}

var errLevelsShort = errors.New("there are fewer numbers than the page header says")

// next makes sure that the current run is not empty.
func (h *hybrid) next() error {
	for h.run == 0 {
		head, n := binary.Uvarint(h.data)
		if n <= 0 {
			return errLevelsShort
		}
		h.data = h.data[n:]
		if head&1 == 1 {
			groups := head >> 1
			size := groups * uint64(h.width)
			if groups > 1<<40 || h.width > 0 && size > uint64(len(h.data)) {
				// Some writers cut the last group off; the rest reads as zeros would.
				return errLevelsShort
			}
			h.run, h.bits, h.bit = groups*8, h.data[:size:size], 0
			h.data = h.data[size:]
			if h.width == 0 {
				h.bits, h.value = nil, 0
			}
			continue
		}
		bytes := int(h.width+7) / 8
		if bytes > len(h.data) {
			return errLevelsShort
		}
		h.run, h.bits, h.value = head>>1, nil, 0
		for i := range bytes {
			h.value |= uint32(h.data[i]) << (8 * i)
		}
		h.data = h.data[bytes:]
	}
	return nil
}

// sameRun returns the number that the next n numbers all are, if a run says so,
// and takes them.
func (h *hybrid) sameRun(n int) (uint32, bool) {
	if h.next() != nil || h.bits != nil || h.run < uint64(n) {
		return 0, false
	}
	h.run -= uint64(n)
	return h.value, true
}

// read fills dst with the next numbers.
func read[T uint8 | int32](h *hybrid, dst []T) error {
	for len(dst) > 0 {
		if err := h.next(); err != nil {
			return err
		}
		n := int(min(uint64(len(dst)), h.run))
		h.run -= uint64(n)
		if h.bits == nil {
			v := T(h.value)
			for i := range dst[:n] {
				dst[i] = v
			}
		} else {
			unpack(h, dst[:n])
		}
		dst = dst[n:]
	}
	return nil
}

// unpack reads bit-packed numbers; all of them lie in h.bits.
func unpack[T uint8 | int32](h *hybrid, dst []T) {
	mask, width, at := uint64(1)<<h.width-1, uint64(h.width), h.bit
	i := 0
	if levels, ok := any(dst).([]uint8); ok && width == 1 && at&7 == 0 {
		for ; i+8 <= len(levels); i += 8 {
			copy(levels[i:i+8], spreadBits[h.bits[at>>3]][:])
			at += 8
		}
	}
	if last := len(h.bits) - 8; last >= 0 {
		for ; i < len(dst) && int(at>>3) <= last; i++ {
			dst[i] = T(binary.LittleEndian.Uint64(h.bits[at>>3:]) >> (at & 7) & mask)
			at += width
		}
	}
	var tail [8]byte
	for ; i < len(dst); i++ {
		clear(tail[:])
		copy(tail[:], h.bits[at>>3:])
		dst[i] = T(binary.LittleEndian.Uint64(tail[:]) >> (at & 7) & mask)
		at += width
	}
	h.bit = at
}

// spreadBits holds the eight bits of a byte as bytes, the least significant
// first: most levels are of one bit.
var spreadBits = func() (t [256][8]uint8) {
	for b := range t {
		for i := range t[b] {
			t[b][i] = uint8(b >> i & 1)
		}
	}
	return t
}()
