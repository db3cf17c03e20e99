package expr

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("hash", "hash(x, ...)", "Spark's 32-bit Murmur3 hash of the arguments, seed 42.", "hash('Spark', array(123), 2)", "-1321691492", 0, -1,
		hashing(batch.IntType, func(x *rows, i int) {
			h := uint32(42)
			for k := range x.a {
				h = murmurValue(x.a[k].c, i&x.a[k].mask(), h)
			}
			x.b.Int32(int32(h))
		}))
	define("xxhash64", "xxhash64(x, ...)", "Spark's 64-bit xxHash of the arguments, seed 42.", "xxhash64('Spark', array(123), 2)", "5602566077635097486", 0, -1,
		hashing(batch.BigIntType, func(x *rows, i int) {
			h := uint64(42)
			for k := range x.a {
				h = xxValue(x.a[k].c, i&x.a[k].mask(), h)
			}
			x.b.Int64(int64(h))
		}))
}

func hashing(t batch.Type, f func(x *rows, i int)) bindFunction {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if len(args) == 0 {
			return nil, b.fail(c, "WRONG_NUM_ARGS", "%s needs an argument", strings.ToLower(c.Name))
		}
		for i, a := range args {
			if hasMap(a.t) {
				return nil, b.mismatch(c.Args[i], "values of type %s have no hash", clip(a.t.String()))
			}
		}
		n := b.call(strings.ToLower(c.Name), t, rowsOf(t, f), args...)
		n.nullable = false
		return b.intern(n, ""), nil
	}
}

// murmurValue is Spark's Murmur3 of a value; null leaves the hash as it is.
func murmurValue(c *batch.Column, i int, h uint32) uint32 {
	if c.Type.Kind == batch.Void || c.IsNull(i) {
		return h
	}
	switch c.Type.Kind {
	case batch.Boolean:
		return murmurInt(uint32(bitOf(c.Bool(i))), h)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		return murmurInt(uint32(c.I32[i]), h)
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		return murmurLong(uint64(c.I64[i]), h)
	case batch.Float:
		return murmurInt(floatBits(c.F32[i]), h)
	case batch.Double:
		return murmurLong(doubleBits(c.F64[i]), h)
	case batch.Decimal:
		if c.Type.Precision <= 18 {
			return murmurLong(c.I128[i].Lo, h)
		}
		return murmurBytes(bigBytes(c.I128[i]), h)
	case batch.String, batch.Binary:
		return murmurBytes(c.Bytes(i), h)
	case batch.Struct:
		for _, kid := range c.Kids {
			h = murmurValue(kid, i, h)
		}
	case batch.Array:
		for j := c.Off[i]; j < c.Off[i+1]; j++ {
			h = murmurValue(c.Kids[0], int(j), h)
		}
	}
	return h
}

func floatBits(v float32) uint32 {
	if v == 0 {
		return 0
	}
	if v != v {
		return 0x7fc00000
	}
	return math.Float32bits(v)
}

func doubleBits(v float64) uint64 {
	if v == 0 {
		return 0
	}
	if v != v {
		return 0x7ff8000000000000
	}
	return math.Float64bits(v)
}

// bigBytes is a decimal as Java's BigInteger writes it: the fewest bytes of two's complement, the high one first.
func bigBytes(v batch.Int128) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(v.Hi))
	binary.BigEndian.PutUint64(b[8:], v.Lo)
	from := 0
	for from < 15 && (b[from] == 0 && b[from+1] < 0x80 || b[from] == 0xff && b[from+1] >= 0x80) {
		from++
	}
	return b[from:]
}

func murmurMix(k, h uint32) uint32 {
	k *= 0xcc9e2d51
	k = bits.RotateLeft32(k, 15)
	k *= 0x1b873593
	h ^= k
	return bits.RotateLeft32(h, 13)*5 + 0xe6546b64
}

func murmurEnd(h, n uint32) uint32 {
	h ^= n
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

func murmurInt(v, h uint32) uint32 { return murmurEnd(murmurMix(v, h), 4) }

func murmurLong(v uint64, h uint32) uint32 {
	return murmurEnd(murmurMix(uint32(v>>32), murmurMix(uint32(v), h)), 8)
}

// murmurBytes takes the bytes beyond the last four one by one, signed, as Spark does.
func murmurBytes(b []byte, h uint32) uint32 {
	n := uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		h = murmurMix(binary.LittleEndian.Uint32(b), h)
	}
	for _, c := range b {
		h = murmurMix(uint32(int32(int8(c))), h)
	}
	return murmurEnd(h, n)
}

const (
	xx1 = 0x9E3779B185EBCA87
	xx2 = 0xC2B2AE3D27D4EB4F
	xx3 = 0x165667B19E3779F9
	xx4 = 0x85EBCA77C2B2AE63
	xx5 = 0x27D4EB2F165667C5
)

// xxValue is Spark's xxHash64 of a value; null leaves the hash as it is.
func xxValue(c *batch.Column, i int, h uint64) uint64 {
	if c.Type.Kind == batch.Void || c.IsNull(i) {
		return h
	}
	switch c.Type.Kind {
	case batch.Boolean:
		return xxInt(uint32(bitOf(c.Bool(i))), h)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		return xxInt(uint32(c.I32[i]), h)
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		return xxLong(uint64(c.I64[i]), h)
	case batch.Float:
		return xxInt(floatBits(c.F32[i]), h)
	case batch.Double:
		return xxLong(doubleBits(c.F64[i]), h)
	case batch.Decimal:
		if c.Type.Precision <= 18 {
			return xxLong(c.I128[i].Lo, h)
		}
		return xxBytes(bigBytes(c.I128[i]), h)
	case batch.String, batch.Binary:
		return xxBytes(c.Bytes(i), h)
	case batch.Struct:
		for _, kid := range c.Kids {
			h = xxValue(kid, i, h)
		}
	case batch.Array:
		for j := c.Off[i]; j < c.Off[i+1]; j++ {
			h = xxValue(c.Kids[0], int(j), h)
		}
	}
	return h
}

func xxEnd(h uint64) uint64 {
	h ^= h >> 33
	h *= xx2
	h ^= h >> 29
	h *= xx3
	return h ^ h>>32
}

func xxRound(h, v uint64) uint64 { return bits.RotateLeft64(h+v*xx2, 31) * xx1 }

func xxInt(v uint32, seed uint64) uint64 {
	h := seed + xx5 + 4
	h ^= uint64(v) * xx1
	return xxEnd(bits.RotateLeft64(h, 23)*xx2 + xx3)
}

func xxLong(v, seed uint64) uint64 {
	h := seed + xx5 + 8
	h ^= xxRound(0, v)
	return xxEnd(bits.RotateLeft64(h, 27)*xx1 + xx4)
}

func xxBytes(b []byte, seed uint64) uint64 {
	n := uint64(len(b))
	h := seed + xx5
	if n >= 32 {
		lanes := [4]uint64{seed, seed, seed, seed}
		lanes[0] += xx1
		lanes[0] += xx2
		lanes[1] += xx2
		lanes[3] -= xx1
		for ; len(b) >= 32; b = b[32:] {
			for k := range lanes {
				lanes[k] = xxRound(lanes[k], binary.LittleEndian.Uint64(b[8*k:]))
			}
		}
		h = bits.RotateLeft64(lanes[0], 1) + bits.RotateLeft64(lanes[1], 7) + bits.RotateLeft64(lanes[2], 12) + bits.RotateLeft64(lanes[3], 18)
		for _, l := range lanes {
			h = (h^xxRound(0, l))*xx1 + xx4
		}
	}
	h += n
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^xxRound(0, binary.LittleEndian.Uint64(b)), 27)*xx1 + xx4
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*xx1, 23)*xx2 + xx3
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*xx5, 11) * xx1
	}
	return xxEnd(h)
}
