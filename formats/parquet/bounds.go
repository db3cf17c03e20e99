package parquet

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

// bounds holds the least and greatest value of a column in a row group. NaN is
// left out; which fields count depends on the physical type.
type bounds struct {
	set              bool
	minInt, maxInt   int64
	minReal, maxReal float64
	minWide, maxWide batch.Int128
	min, max         []byte
	minHead, maxHead uint64 // the first eight bytes of min and max as a number
}

// longestBound is the most bytes of a bound that is put into a footer; a
// longer one is left out, which every reader takes as unknown.
const longestBound = 1024

func (b *bounds) ints64(v []int64) {
	if len(v) == 0 {
		return
	}
	lo, hi := v[0], v[0]
	for _, x := range v[1:] {
		lo, hi = min(lo, x), max(hi, x)
	}
	b.ints(lo, hi)
}

func (b *bounds) ints32(v []int32) {
	if len(v) == 0 {
		return
	}
	lo, hi := v[0], v[0]
	for _, x := range v[1:] {
		lo, hi = min(lo, x), max(hi, x)
	}
	b.ints(int64(lo), int64(hi))
}

func (b *bounds) ints(lo, hi int64) {
	if !b.set {
		b.set, b.minInt, b.maxInt = true, lo, hi
		return
	}
	b.minInt, b.maxInt = min(b.minInt, lo), max(b.maxInt, hi)
}

func (b *bounds) bools(anyFalse, anyTrue bool) {
	lo, hi := int64(1), int64(0)
	if anyFalse {
		lo = 0
	}
	if anyTrue {
		hi = 1
	}
	b.ints(lo, hi)
}

func (b *bounds) floats32(v []float32) {
	for _, x := range v {
		b.real(float64(x))
	}
}

func (b *bounds) floats64(v []float64) {
	for _, x := range v {
		b.real(x)
	}
}

func (b *bounds) real(x float64) {
	switch {
	case x != x:
	case !b.set:
		b.set, b.minReal, b.maxReal = true, x, x
	case x < b.minReal:
		b.minReal = x
	case x > b.maxReal:
		b.maxReal = x
	}
}

func (b *bounds) wide(v batch.Int128) {
	if !b.set {
		b.set, b.minWide, b.maxWide = true, v, v
		return
	}
	if less128(v, b.minWide) {
		b.minWide = v
	}
	if less128(b.maxWide, v) {
		b.maxWide = v
	}
}

func less128(a, b batch.Int128) bool {
	return a.Hi < b.Hi || a.Hi == b.Hi && a.Lo < b.Lo
}

// head returns the first eight bytes of v as a number that orders like them.
func head(v []byte) uint64 {
	if len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	var h uint64
	for i, c := range v {
		h |= uint64(c) << (56 - 8*i)
	}
	return h
}

func (b *bounds) bytes(v []byte) {
	h := head(v)
	if !b.set {
		b.set = true
		b.min, b.minHead = append(b.min[:0], v...), h
		b.max, b.maxHead = append(b.max[:0], v...), h
		return
	}
	if h > b.minHead && h < b.maxHead {
		return
	}
	if h < b.minHead || h == b.minHead && bytes.Compare(v, b.min) < 0 {
		b.min, b.minHead = append(b.min[:0], v...), h
	}
	if h > b.maxHead || h == b.maxHead && bytes.Compare(v, b.max) > 0 {
		b.max, b.maxHead = append(b.max[:0], v...), h
	}
}

// statistics returns the column chunk's statistics.
func (l *leafWriter) statistics() format.Statistics {
	s := format.Statistics{NullCount: l.nullCount}
	b := &l.bounds
	if !b.set {
		return s
	}
	switch l.physical {
	case format.Boolean:
		s.MinValue, s.MaxValue = []byte{byte(b.minInt)}, []byte{byte(b.maxInt)}
	case format.Int32:
		s.MinValue = binary.LittleEndian.AppendUint32(nil, uint32(b.minInt))
		s.MaxValue = binary.LittleEndian.AppendUint32(nil, uint32(b.maxInt))
	case format.Int64:
		s.MinValue = binary.LittleEndian.AppendUint64(nil, uint64(b.minInt))
		s.MaxValue = binary.LittleEndian.AppendUint64(nil, uint64(b.maxInt))
	case format.Float:
		lo, hi := signedZeros(b.minReal, b.maxReal)
		s.MinValue = binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(lo)))
		s.MaxValue = binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(hi)))
	case format.Double:
		lo, hi := signedZeros(b.minReal, b.maxReal)
		s.MinValue = binary.LittleEndian.AppendUint64(nil, math.Float64bits(lo))
		s.MaxValue = binary.LittleEndian.AppendUint64(nil, math.Float64bits(hi))
	case format.FixedLenByteArray:
		s.MinValue, s.MaxValue = make([]byte, l.width), make([]byte, l.width)
		putInt128(s.MinValue, b.minWide)
		putInt128(s.MaxValue, b.maxWide)
	case format.ByteArray:
		if len(b.min) <= longestBound {
			s.MinValue = append([]byte{}, b.min...)
		}
		if len(b.max) <= longestBound {
			s.MaxValue = append([]byte{}, b.max...)
		}
	}
	return s
}

// signedZeros widens bounds that are zero, as the format asks: -0.0 and +0.0
// are not told apart when a column is scanned.
func signedZeros(lo, hi float64) (float64, float64) {
	if lo == 0 {
		lo = math.Copysign(0, -1)
	}
	if hi == 0 {
		hi = 0
	}
	return lo, hi
}
