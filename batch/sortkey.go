package batch

import (
	"encoding/binary"
	"math"
)

// Order says how one column sorts.
type Order struct {
	Descending bool
	// NullsLast puts nulls behind all values, whatever the direction. Spark's default is nulls
	// first when ascending and last when descending.
	NullsLast bool
}

// Ascending and Descending are Spark's defaults.
var (
	Ascending  = Order{}
	Descending = Order{Descending: true, NullsLast: true}
)

// AppendSortKey appends bytes for row i of c that compare, as bytes, as [CompareRows] and the
// order say. Keys of several columns are joined: no key is the beginning of
// another one's. Maps sort by their entries in order, variants by their bytes.
func AppendSortKey(dst []byte, c *Column, i int, o Order) []byte {
	null := byte(0)
	if o.NullsLast {
		null = 2
	}
	if c.IsNull(i) {
		return append(dst, null)
	}
	at := len(dst) + 1
	dst = appendSortValue(append(dst, 1), c, i)
	if o.Descending {
		for k := at; k < len(dst); k++ {
			dst[k] = ^dst[k]
		}
	}
	return dst
}

const signBit = 1 << 63

func appendSortValue(dst []byte, c *Column, i int) []byte {
	switch c.Type.Kind {
	case Boolean:
		return append(dst, byte(boolWord(c.Bool(i))))
	case TinyInt, SmallInt, Int, Date, YearMonth:
		return binary.BigEndian.AppendUint32(dst, uint32(c.I32[i])^1<<31)
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		return binary.BigEndian.AppendUint64(dst, uint64(c.I64[i])^signBit)
	case Float:
		return binary.BigEndian.AppendUint64(dst, sortDouble(float64(c.F32[i])))
	case Double:
		return binary.BigEndian.AppendUint64(dst, sortDouble(c.F64[i]))
	case Decimal:
		dst = binary.BigEndian.AppendUint64(dst, uint64(c.I128[i].Hi)^signBit)
		return binary.BigEndian.AppendUint64(dst, c.I128[i].Lo)
	case String, Binary:
		return appendSortBytes(dst, c.Bytes(i))
	case Array, Map:
		for e := int(c.Off[i]); e < int(c.Off[i+1]); e++ {
			dst = append(dst, 1)
			for _, kid := range c.Kids {
				dst = AppendSortKey(dst, kid, e, Ascending)
			}
		}
		return append(dst, 0)
	}
	for _, kid := range c.Kids {
		dst = AppendSortKey(dst, kid, i, Ascending)
	}
	return dst
}

// sortDouble orders all doubles: -0.0 as 0.0, every NaN greatest.
func sortDouble(v float64) uint64 {
	if b := doubleBits(v); v != v || b&signBit == 0 {
		return b | signBit
	}
	return ^math.Float64bits(v)
}

// appendSortBytes ends with 0 0; a 0 within is 0 255.
func appendSortBytes(dst, v []byte) []byte {
	for _, b := range v {
		if dst = append(dst, b); b == 0 {
			dst = append(dst, 0xff)
		}
	}
	return append(dst, 0, 0)
}
