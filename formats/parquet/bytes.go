package parquet

import (
	"encoding/binary"
	"unsafe"
)

// littleEndian says that numbers lie in memory as they lie in a file.
var littleEndian = func() bool {
	v := uint16(1)
	return *(*byte)(unsafe.Pointer(&v)) == 1
}()

func asUint32(v []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

func asUint64(v []float64) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

func appendUint32s(b []byte, v []uint32) []byte {
	if len(v) == 0 {
		return b
	}
	at := len(b)
	b = extend(b, len(v)*4)
	if littleEndian {
		copy(b[at:], unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*4))
		return b
	}
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[at+i*4:], x)
	}
	return b
}

func appendUint64s(b []byte, v []uint64) []byte {
	if len(v) == 0 {
		return b
	}
	at := len(b)
	b = extend(b, len(v)*8)
	if littleEndian {
		copy(b[at:], unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*8))
		return b
	}
	for i, x := range v {
		binary.LittleEndian.PutUint64(b[at+i*8:], x)
	}
	return b
}
