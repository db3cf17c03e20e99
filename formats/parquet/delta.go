package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

var errDeltaShort = errors.New("delta-encoded numbers are cut off")

// deltaInts decodes DELTA_BINARY_PACKED numbers, at most most of them, and
// returns them with the bytes behind them.
func deltaInts(data []byte, out []int64, most int) ([]int64, []byte, error) {
	var header [3]uint64
	for i := range header {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return nil, nil, errDeltaShort
		}
		header[i], data = v, data[n:]
	}
	block, minis, total := header[0], header[1], header[2]
	if minis == 0 || minis > 512 || block == 0 || block > 1<<16 || block%minis != 0 || block/minis%8 != 0 {
		return nil, nil, fmt.Errorf("delta blocks of %d in %d parts are not possible", block, minis)
	}
	// A block has a byte for its least delta and one for each part's width.
	if total > uint64(most) || total > 1+(uint64(len(data))/(1+minis)+1)*block {
		return nil, nil, fmt.Errorf("%d delta-encoded numbers cannot lie in %d bytes of a page of %d", total, len(data), most)
	}
	value, n := binary.Varint(data)
	if n <= 0 {
		return nil, nil, errDeltaShort
	}
	data = data[n:]
	if total > 0 {
		out = append(out, value)
	}
	per := int(block / minis)
	for left := int(total) - 1; left > 0; {
		least, n := binary.Varint(data)
		if n <= 0 || len(data)-n < int(minis) {
			return nil, nil, errDeltaShort
		}
		widths := data[n : n+int(minis)]
		data = data[n+int(minis):]
		for _, w := range widths {
			if left <= 0 {
				break // parts without numbers have a width and no bytes
			}
			size := per * int(w) / 8
			if w > 64 || size > len(data) {
				return nil, nil, errDeltaShort
			}
			count := min(per, left)
			for i := range count {
				value += least + int64(bitsAt(data[:size], i*int(w), uint(w)))
				out = append(out, value)
			}
			data = data[size:]
			left -= count
		}
	}
	return out, data, nil
}

// bitsAt returns the width bits at bit position at of b.
func bitsAt(b []byte, at int, width uint) uint64 {
	if width == 0 {
		return 0
	}
	var raw [16]byte
	if first := at >> 3; first+16 <= len(b) {
		copy(raw[:], b[first:first+16])
	} else {
		copy(raw[:], b[first:])
	}
	shift := uint(at & 7)
	lo, hi := binary.LittleEndian.Uint64(raw[:]), binary.LittleEndian.Uint64(raw[8:])
	v := lo>>shift | hi<<1<<(63-shift)
	if width < 64 {
		v &= 1<<width - 1
	}
	return v
}

// deltaLengths decodes DELTA_LENGTH_BYTE_ARRAY: the offsets of the strings and
// the bytes that they lie in.
func deltaLengths(data []byte, most int) ([]int64, []byte, error) {
	offsets, rest, err := deltaInts(data, []int64{0}, most)
	if err != nil {
		return nil, nil, err
	}
	at := int64(0)
	for i := 1; i < len(offsets); i++ {
		if offsets[i] < 0 || offsets[i] > int64(len(rest))-at {
			return nil, nil, fmt.Errorf("string %d of %d bytes goes beyond its page", i-1, offsets[i])
		}
		at += offsets[i]
		offsets[i] = at
	}
	return offsets, rest, nil
}

// deltaStrings decodes DELTA_BYTE_ARRAY, whose strings share prefixes with the
// ones before, to at most budget bytes.
func deltaStrings(data []byte, most int, budget int64) ([]int64, []byte, error) {
	prefixes, rest, err := deltaInts(data, nil, most)
	if err != nil {
		return nil, nil, err
	}
	suffixes, text, err := deltaLengths(rest, most)
	if err != nil {
		return nil, nil, err
	}
	if len(suffixes) != len(prefixes)+1 {
		return nil, nil, fmt.Errorf("%d prefixes stand before %d suffixes", len(prefixes), len(suffixes)-1)
	}
	offsets := make([]int64, 1, len(suffixes))
	var out []byte
	last := int64(0)
	for i, p := range prefixes {
		if p < 0 || p > int64(len(out))-last {
			return nil, nil, fmt.Errorf("string %d shares %d bytes with one that is shorter", i, p)
		}
		suffix := text[suffixes[i]:suffixes[i+1]]
		if int64(len(out))+p+int64(len(suffix)) > budget {
			return nil, nil, fmt.Errorf("the strings of a page take more than %d bytes", budget)
		}
		start := int64(len(out))
		out = append(append(out, out[last:last+p]...), suffix...)
		last = start
		offsets = append(offsets, int64(len(out)))
	}
	return offsets, out, nil
}

// widthOf returns the bits that a level of at most greatest takes.
func widthOf(greatest uint8) uint { return uint(bits.Len8(greatest)) }
