package batch

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A row as bytes: how operators keep whole rows in state. The form is stored
// (docs/FORMATS.md): what a table's rows mean is fixed by its Spec.Version.
//
// A row of n values is ceil(n/8) bytes of bits, least significant first, set
// where the value is null, and then the values that are not null, little endian:
//
//	boolean, tinyint                     1 byte
//	smallint                             2 bytes
//	int date, months, float              4 bytes
//	bigint timestamps, microseconds      8 bytes
//	double                               8 bytes
//	decimal                              16 bytes: low 8, then high 8
//	string binary                        uvarint length, the bytes
//	variant                              metadata and value, as two binaries
//	struct                               a row of its fields
//	array                                uvarint length n, a row of n elements
//	map                                  uvarint length n, a row of n keys, a row of n values
//	void                                 is always null
//
// Types are not in it: reader and writer know them.

// AppendRow appends row i of the columns to dst as bytes that [ReadRow] reads.
func AppendRow(dst []byte, columns []*Column, i int) []byte {
	at := len(dst)
	dst = appendZeros(dst, (len(columns)+7)/8)
	for k, c := range columns {
		if c.IsNull(i) {
			dst[at+k>>3] |= 1 << (k & 7)
		} else {
			dst = appendValue(dst, c, i)
		}
	}
	return dst
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, 0)
	}
	return dst
}

func appendValue(dst []byte, c *Column, i int) []byte {
	switch c.Type.Kind {
	case Boolean:
		return append(dst, byte(boolWord(c.Bool(i))))
	case TinyInt:
		return append(dst, byte(c.I32[i]))
	case SmallInt:
		return binary.LittleEndian.AppendUint16(dst, uint16(c.I32[i]))
	case Int, Date, YearMonth:
		return binary.LittleEndian.AppendUint32(dst, uint32(c.I32[i]))
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		return binary.LittleEndian.AppendUint64(dst, uint64(c.I64[i]))
	case Float:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(c.F32[i]))
	case Double:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(c.F64[i]))
	case Decimal:
		dst = binary.LittleEndian.AppendUint64(dst, c.I128[i].Lo)
		return binary.LittleEndian.AppendUint64(dst, uint64(c.I128[i].Hi))
	case String, Binary:
		return appendBytes(dst, c.Bytes(i))
	case Variant:
		return appendBytes(appendBytes(dst, c.Kids[0].Bytes(i)), c.Kids[1].Bytes(i))
	case Struct:
		return AppendRow(dst, c.Kids, i)
	case Array, Map:
		from, to := int(c.Off[i]), int(c.Off[i+1])
		dst = binary.AppendUvarint(dst, uint64(to-from))
		for _, kid := range c.Kids {
			dst = appendElements(dst, kid, from, to)
		}
	}
	return dst
}

func appendBytes(dst, v []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
}

func appendElements(dst []byte, c *Column, from, to int) []byte {
	at := len(dst)
	dst = appendZeros(dst, (to-from+7)/8)
	for k := from; k < to; k++ {
		if c.IsNull(k) {
			dst[at+(k-from)>>3] |= 1 << ((k - from) & 7)
		} else {
			dst = appendValue(dst, c, k)
		}
	}
	return dst
}

// ReadRow appends the row that AppendRow wrote, a value to each builder, whose
// types are those of the columns, and returns how many bytes it took. Bytes that are no such
// row are an error, and the builders are as they were.
func ReadRow(row []byte, to []*Builder) (int, error) {
	r, before := rowReader{data: row}, 0
	if len(to) > 0 {
		before = to[0].Len()
	}
	r.row(to)
	if r.broken {
		for _, b := range to {
			b.Truncate(before)
		}
		return 0, fmt.Errorf("batch: a row of %d bytes in state does not have the form of its %d columns", len(row), len(to))
	}
	return r.at, nil
}

type rowReader struct {
	data   []byte
	at     int
	broken bool
}

// take returns the next n bytes; of broken data zeros, at most 16.
func (r *rowReader) take(n int) []byte {
	if r.broken || n > len(r.data)-r.at {
		r.broken = true
		return make([]byte, min(n, 16))
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

func (r *rowReader) length() int {
	n, size := binary.Uvarint(r.data[r.at:])
	if size <= 0 || n > math.MaxInt32 {
		r.broken = true
		return 0
	}
	r.at += size
	return int(n)
}

func (r *rowReader) row(to []*Builder) {
	nulls := r.take((len(to) + 7) / 8)
	for k, b := range to {
		if r.broken {
			return
		}
		if nulls[k>>3]>>(k&7)&1 != 0 {
			b.Null()
		} else {
			r.value(b)
		}
	}
}

func (r *rowReader) value(b *Builder) {
	switch b.c.Type.Kind {
	case Boolean:
		b.Bool(r.take(1)[0] != 0)
	case TinyInt:
		b.Int32(int32(int8(r.take(1)[0])))
	case SmallInt:
		b.Int32(int32(int16(binary.LittleEndian.Uint16(r.take(2)))))
	case Int, Date, YearMonth:
		b.Int32(int32(binary.LittleEndian.Uint32(r.take(4))))
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		b.Int64(int64(binary.LittleEndian.Uint64(r.take(8))))
	case Float:
		b.Float32(math.Float32frombits(binary.LittleEndian.Uint32(r.take(4))))
	case Double:
		b.Float64(math.Float64frombits(binary.LittleEndian.Uint64(r.take(8))))
	case Decimal:
		v := r.take(16)
		b.Decimal(Int128{Lo: binary.LittleEndian.Uint64(v), Hi: int64(binary.LittleEndian.Uint64(v[8:]))})
	case String, Binary:
		b.Bytes(r.take(r.length()))
	case Variant:
		b.Kids[0].Bytes(r.take(r.length()))
		b.Kids[1].Bytes(r.take(r.length()))
		b.Struct()
	case Struct:
		if r.row(b.Kids); !r.broken {
			b.Struct()
		}
	case Array, Map:
		n := r.length()
		for _, kid := range b.Kids {
			r.elements(kid, n)
		}
		if !r.broken {
			b.List()
		}
	default:
		r.broken = true // a void that is not null
	}
}

func (r *rowReader) elements(b *Builder, n int) {
	nulls := r.take((n + 7) / 8) // a bit an element bounds what broken data can ask for
	for k := 0; k < n && !r.broken; k++ {
		if nulls[k>>3]>>(k&7)&1 != 0 {
			b.Null()
		} else {
			r.value(b)
		}
	}
}
