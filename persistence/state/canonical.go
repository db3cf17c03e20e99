package state

import (
	"encoding/binary"
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Keys of several columns, and of types that are not 64 bits wide, are kept as
// bytes: equal keys have equal bytes. The form lives in memory only; files hold
// typed columns.
//
// A value is 0 if it is null, else 1 and: fixed types their bytes, little endian; strings a length
// and bytes; structs their fields; arrays a count and their elements. As
// Spark groups, -0.0 is 0.0 and all NaN are one.

// appendCanonical appends row i of c.
func appendCanonical(out []byte, c *batch.Column, i int) []byte {
	if c.IsNull(i) {
		return append(out, 0)
	}
	out = append(out, 1)
	switch c.Type.Kind {
	case batch.String, batch.Binary:
		v := c.Bytes(i)
		out = binary.AppendUvarint(out, uint64(len(v)))
		return append(out, v...)
	case batch.Decimal:
		v := c.I128[i]
		out = binary.LittleEndian.AppendUint64(out, v.Lo)
		return binary.LittleEndian.AppendUint64(out, uint64(v.Hi))
	case batch.Struct:
		for _, k := range c.Kids {
			out = appendCanonical(out, k, i)
		}
		return out
	case batch.Array:
		lo, hi := c.Off[i], c.Off[i+1]
		out = binary.AppendUvarint(out, uint64(hi-lo))
		for j := lo; j < hi; j++ {
			out = appendCanonical(out, c.Kids[0], int(j))
		}
		return out
	}
	v := word(c, i)
	if width(c.Type.Kind) == 8 {
		return binary.LittleEndian.AppendUint64(out, v)
	}
	return binary.LittleEndian.AppendUint32(out, uint32(v))
}

// width returns the bytes of a fixed type of up to 64 bits, or 0.
func width(k batch.Kind) int {
	switch k {
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime, batch.Double:
		return 8
	case batch.Boolean, batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth, batch.Float:
		return 4
	}
	return 0
}

// word returns row i of a column whose type has a width.
func word(c *batch.Column, i int) uint64 {
	switch c.Type.Kind {
	case batch.Boolean:
		return c.Bits[i>>6] >> (uint(i) & 63) & 1
	case batch.Float:
		return uint64(floatBits(c.F32[i]))
	case batch.Double:
		return doubleBits(c.F64[i])
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		return uint64(c.I64[i])
	}
	return uint64(uint32(c.I32[i]))
}

func floatBits(v float32) uint32 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return 0x7fc00000
	}
	return math.Float32bits(v)
}

func doubleBits(v float64) uint64 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return 0x7ff8000000000000
	}
	return math.Float64bits(v)
}

// appendWord appends a value that word returned.
func appendWord(b *batch.Builder, v uint64) {
	switch b.Type().Kind {
	case batch.Boolean:
		b.Bool(v != 0)
	case batch.Float:
		b.Float32(math.Float32frombits(uint32(v)))
	case batch.Double:
		b.Float64(math.Float64frombits(v))
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		b.Int64(int64(v))
	default:
		b.Int32(int32(uint32(v)))
	}
}

// decodeCanonical appends the value at the front of in, which appendCanonical
// wrote in this process, and returns what is behind it.
func decodeCanonical(b *batch.Builder, in []byte) []byte {
	if in[0] == 0 {
		b.Null()
		return in[1:]
	}
	in = in[1:]
	switch k := b.Type().Kind; k {
	case batch.String, batch.Binary:
		n, w := binary.Uvarint(in)
		b.Bytes(in[w : w+int(n)])
		return in[w+int(n):]
	case batch.Decimal:
		b.Decimal(batch.Int128{Lo: binary.LittleEndian.Uint64(in), Hi: int64(binary.LittleEndian.Uint64(in[8:]))})
		return in[16:]
	case batch.Struct:
		for _, kid := range b.Kids {
			in = decodeCanonical(kid, in)
		}
		b.Struct()
		return in
	case batch.Array:
		n, w := binary.Uvarint(in)
		in = in[w:]
		for range n {
			in = decodeCanonical(b.Kids[0], in)
		}
		b.List()
		return in
	default:
		if width(k) == 8 {
			appendWord(b, binary.LittleEndian.Uint64(in))
			return in[8:]
		}
		appendWord(b, uint64(binary.LittleEndian.Uint32(in)))
		return in[4:]
	}
}

// checkKeyType refuses types that have no canonical form: maps, whose entries
// have no order, and variants.
func checkKeyType(t batch.Type) error {
	switch t.Kind {
	case batch.Map, batch.Variant, batch.Invalid:
		return &supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE",
			Message: "a key cannot hold a value of type " + t.String(),
			Hint:    "use columns of other types as keys, or a string made of the value, such as to_json(column)"}
	case batch.Struct, batch.Array:
		for _, f := range t.Fields {
			if err := checkKeyType(f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}
