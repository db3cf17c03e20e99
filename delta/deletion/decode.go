package deletion

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
)

// The magic numbers at the head of a vector, least significant byte first.
const (
	magicPortable = 1681511377
	magicNative   = 1681511376
)

var errShort = errors.New("the deletion vector is cut off")

// Unframe returns the bytes of the vector that lies at offset in a file of vectors, whose part from offset on is
// given: the size, the vector, its checksum. size is what the log says of it.
func Unframe(b []byte, size int64) ([]byte, error) {
	if len(b) < 4 {
		return nil, errShort
	}
	n := int64(int32(binary.BigEndian.Uint32(b)))
	if n != size {
		return nil, fmt.Errorf("the file says that the deletion vector has %d bytes, the log says %d", n, size)
	}
	if n < 0 || int64(len(b)) < 4+n+4 {
		return nil, errShort
	}
	data := b[4 : 4+n]
	if crc32.ChecksumIEEE(data) != binary.BigEndian.Uint32(b[4+n:]) {
		return nil, errors.New("the checksum of the deletion vector is wrong")
	}
	return data, nil
}

// Framed is what a vector of size bytes takes in its file: its size and its checksum come with it.
func Framed(size int64) int64 { return 4 + size + 4 }

// CheckVersion checks the first byte of a file of vectors.
func CheckVersion(b byte) error {
	if b != 1 {
		return fmt.Errorf("the file of deletion vectors has format version %d; this program reads version 1", b)
	}
	return nil
}

// reader takes numbers from the head of bytes.
type reader struct{ b []byte }

func (r *reader) take(n int) ([]byte, error) {
	if n > len(r.b) {
		return nil, errShort
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b, nil
}

func (r *reader) u16() (int, error) {
	b, err := r.take(2)
	if err != nil {
		return 0, err
	}
	return int(binary.LittleEndian.Uint16(b)), nil
}

func (r *reader) u32() (uint32, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// Decode reads a vector in the portable form: the magic number, the number of bitmaps, and for each the upper
// half of its rows with a 32-bit Roaring bitmap of the lower halves.
func Decode(b []byte) (*Vector, error) {
	r := &reader{b}
	magic, err := r.u32()
	switch {
	case err != nil:
		return nil, err
	case magic == magicNative || magic == bits.ReverseBytes32(magicNative):
		return nil, errors.New("the deletion vector is in Spark's native form, which readers other than Spark do not know")
	case magic != magicPortable:
		return nil, fmt.Errorf("the deletion vector begins with the number %d instead of %d", magic, magicPortable)
	}
	count, err := r.take(8)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(count)
	v, last := &Vector{}, int64(-1)
	for range n {
		high, err := r.u32()
		if err != nil {
			return nil, err
		}
		if int64(high) <= last || high >= 1<<31 {
			return nil, fmt.Errorf("the bitmap of upper half %d follows that of %d", high, last)
		}
		last = int64(high)
		if err := v.bitmap(r, last<<32); err != nil {
			return nil, err
		}
	}
	if len(r.b) > 0 {
		return nil, fmt.Errorf("%d bytes follow the deletion vector", len(r.b))
	}
	return v, nil
}

// The numbers at the head of a Roaring bitmap: with runs the upper half is the number of
// blocks less one.
const (
	cookieRuns  = 12347
	cookiePlain = 12346
	// withOffsets is the number of blocks from which a bitmap with runs has offsets.
	withOffsets = 4
	// mostArray is the number of rows up to which a block is an array.
	mostArray = 4096
)

// bitmap reads a 32-bit Roaring bitmap of the rows from base on.
func (v *Vector) bitmap(r *reader, base int64) error {
	cookie, err := r.u32()
	if err != nil {
		return err
	}
	n, hasRuns := int(cookie>>16)+1, cookie&0xffff == cookieRuns
	var flags []byte
	switch {
	case hasRuns:
		if flags, err = r.take((n + 7) / 8); err != nil {
			return err
		}
	case cookie == cookiePlain:
		count, err := r.u32()
		if err != nil {
			return err
		}
		if count > blockRows {
			return fmt.Errorf("a bitmap says %d blocks, %d are possible", count, blockRows)
		}
		n = int(count)
	default:
		return fmt.Errorf("a bitmap begins with the number %d, which no Roaring bitmap does", cookie)
	}
	head, err := r.take(4 * n)
	if err != nil {
		return err
	}
	if !hasRuns || n >= withOffsets {
		if _, err := r.take(4 * n); err != nil { // where the blocks lie, which is one after the other
			return err
		}
	}
	last := -1
	for i := range n {
		key, rows := int(binary.LittleEndian.Uint16(head[4*i:])), int(binary.LittleEndian.Uint16(head[4*i+2:]))+1
		if key <= last {
			return fmt.Errorf("block %d of a bitmap follows block %d", key, last)
		}
		last = key
		b := block{base: base + int64(key)*blockRows}
		isRuns := hasRuns && flags[i>>3]>>(i&7)&1 == 1
		if err := b.read(r, rows, isRuns); err != nil {
			return fmt.Errorf("block %d of a bitmap: %w", key, err)
		}
		v.blocks = append(v.blocks, b)
		v.count += int64(rows)
	}
	return nil
}

// read reads a block of so many rows.
func (b *block) read(r *reader, rows int, isRuns bool) error {
	switch {
	case isRuns:
		return b.readRuns(r, rows)
	case rows <= mostArray:
		return b.readArray(r, rows)
	}
	raw, err := r.take(blockRows / 8)
	if err != nil {
		return err
	}
	b.bits = make([]uint64, blockRows/64)
	got := 0
	for i := range b.bits {
		b.bits[i] = binary.LittleEndian.Uint64(raw[8*i:])
		got += bits.OnesCount64(b.bits[i])
	}
	if got != rows {
		return fmt.Errorf("it has %d rows, its head says %d", got, rows)
	}
	return nil
}

func (b *block) readArray(r *reader, rows int) error {
	raw, err := r.take(2 * rows)
	if err != nil {
		return err
	}
	b.array = make([]uint16, rows)
	for i := range b.array {
		b.array[i] = binary.LittleEndian.Uint16(raw[2*i:])
		if i > 0 && b.array[i] <= b.array[i-1] {
			return fmt.Errorf("row %d follows row %d", b.array[i], b.array[i-1])
		}
	}
	return nil
}

func (b *block) readRuns(r *reader, rows int) error {
	n, err := r.u16()
	if err != nil {
		return err
	}
	raw, err := r.take(4 * n)
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("it has no runs")
	}
	b.runs = make([]run, n)
	got, last := 0, -1
	for i := range b.runs {
		first, more := int(binary.LittleEndian.Uint16(raw[4*i:])), int(binary.LittleEndian.Uint16(raw[4*i+2:]))
		if first <= last || first+more >= blockRows {
			return fmt.Errorf("a run of %d rows from %d on follows row %d", more+1, first, last)
		}
		last = first + more
		b.runs[i] = run{uint16(first), uint16(last)}
		got += more + 1
	}
	if got != rows {
		return fmt.Errorf("it has %d rows, its head says %d", got, rows)
	}
	return nil
}
