package batch

import (
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// The constants of the row hash. They are part of the format: rows are routed
// and state is placed by it, so they never change.
const (
	hashStart = 0x9e3779b97f4a7c15 // of a row without columns
	hashP0    = 0xa0761d6478bd642f
	hashP1    = 0xe7037ed1a0b428db
	hashNull  = 0x8ebc6af09c88c6e3 // what a null adds
	hashNaN   = 0x7ff8000000000000 // the bits of every NaN
)

// mix folds v into h. It is wyhash64: multiply to 128 bits twice.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(v^hashP0, h^hashP1)
	hi, lo = bits.Mul64(lo^hashP0, hi^hashP1)
	return hi ^ lo
}

// mixNull folds a null into h.
func mixNull(h uint64) uint64 {
	hi, lo := bits.Mul64(h^hashNull, hashP1)
	return hi ^ lo
}

// Hash returns the hashes of the n rows of the key columns, in order, in
// out[:n], which it allocates if out is too small. Every physical row is hashed, whatever a
// selection says. It has no seed and is stable for ever, on every platform:
// rows are routed and state is placed by it.
//
// A row's hash starts as 9e3779b97f4a7c15 (hex) and takes the columns in
// order. With mul(a,b) the 128-bit product as halves hi and lo, P0 =
// a0761d6478bd642f and P1 = e7037ed1a0b428db, mix(h,v) is: (hi,lo) = mul(v^P0, h^P1);
// (hi,lo) = mul(lo^P0, hi^P1); hi^lo. Each value changes h so:
//
//   - null, of every kind, and void: (hi,lo) = mul(h^8ebc6af09c88c6e3, P1); hi^lo
//   - integers, dates, timestamps, intervals: mix(h, v), v sign-extended to 64
//     bits, so an int and a bigint of one value are equal; booleans as 0 and 1
//   - float and double: mix(h, bits of the value as a double), -0.0 as 0.0 and
//     every NaN as 7ff8000000000000
//   - decimal: mix(mix(h, low 64 bits), high 64 bits) of the unscaled value, so
//     only decimals of one scale compare
//   - string and binary, with a dictionary or without: mix(h, XXH64(bytes), seed 0)
//   - struct: its fields in order, as columns
//   - variant: its metadata, then its value, as binary
//   - array: h = mix(h, length), then mix(h, e) for each element's hash e, which
//     begins as 0
//   - map: mix(mix(h, length), sum of the entries' hashes), each of which begins as 0
//     and takes key, then value: the order of entries does not count
func Hash(cols []*Column, n int, out []uint64) []uint64 {
	if cap(out) < n {
		out = make([]uint64, n)
	}
	out = out[:n]
	for i := range out {
		out[i] = hashStart
	}
	for _, c := range cols {
		hashColumn(c, 0, out)
	}
	return out
}

// HashMore returns the hashes of rows that have more columns than those of which
// from are the hashes, in out[:n], which it allocates if out is too small: HashMore(b, n, Hash(a, n, nil), nil) is Hash of a and b.
// A nil from stands for no columns.
func HashMore(more []*Column, n int, from, out []uint64) []uint64 {
	if from == nil {
		return Hash(more, n, out)
	}
	if cap(out) < n {
		out = make([]uint64, n)
	}
	out = out[:n]
	copy(out, from)
	for _, c := range more {
		hashColumn(c, 0, out)
	}
	return out
}

// KeyGroup returns the key group, 0..groups-1, of a row with this hash. It
// uses the upper bits, so that tables may use the lower ones. groups is fixed for a job, for
// ever: group = upper 64 bits of hash * groups.
func KeyGroup(hash uint64, groups int) int {
	hi, _ := bits.Mul64(hash, uint64(groups))
	return int(hi)
}

// hashColumn folds rows from, from+1, ... of c into out.
func hashColumn(c *Column, from int, out []uint64) {
	if c.Valid != nil && c.Type.Kind != Void && c.Valid.Count(c.N) != c.N {
		hashNullable(c, from, out)
		return
	}
	hashValid(c, from, out)
}

// hashNullable hashes all rows as if they were valid and then does the null
// ones over.
func hashNullable(c *Column, from int, out []uint64) {
	var buffer [256]uint64
	for len(out) > 0 {
		part := out[:min(len(out), len(buffer))]
		before := buffer[:copy(buffer[:], part)]
		hashValid(c, from, part)
		for i, h := range before {
			if !c.Valid.Get(from + i) {
				part[i] = mixNull(h)
			}
		}
		out, from = out[len(part):], from+len(part)
	}
}

func hashValid(c *Column, from int, out []uint64) {
	switch c.Type.Kind {
	case Boolean:
		for i, h := range out {
			out[i] = mix(h, c.Bits[(from+i)>>6]>>(uint(from+i)&63)&1)
		}
	case TinyInt, SmallInt, Int, Date, YearMonth:
		for i, v := range c.I32[from : from+len(out)] {
			out[i] = mix(out[i], uint64(int64(v)))
		}
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		for i, v := range c.I64[from : from+len(out)] {
			out[i] = mix(out[i], uint64(v))
		}
	case Float:
		for i, v := range c.F32[from : from+len(out)] {
			out[i] = mix(out[i], doubleBits(float64(v)))
		}
	case Double:
		for i, v := range c.F64[from : from+len(out)] {
			out[i] = mix(out[i], doubleBits(v))
		}
	case Decimal:
		for i, v := range c.I128[from : from+len(out)] {
			out[i] = mix(mix(out[i], v.Lo), uint64(v.Hi))
		}
	case String, Binary:
		hashStrings(c, from, out)
	case Struct, Variant:
		for _, k := range c.Kids {
			hashColumn(k, from, out)
		}
	case Array:
		hashLists(c, from, out, false)
	case Map:
		hashLists(c, from, out, true)
	default:
		for i, h := range out {
			out[i] = mixNull(h)
		}
	}
}

// doubleBits returns the bits of v with one zero and one NaN.
func doubleBits(v float64) uint64 {
	if v != v {
		return hashNaN
	}
	return math.Float64bits(v + 0) // -0.0 + 0 is 0.0
}

func hashStrings(c *Column, from int, out []uint64) {
	if c.Dict == nil {
		start := c.Off[from]
		for i, end := range c.Off[from+1 : from+1+len(out)] {
			out[i] = mix(out[i], xxhash.Sum64(c.Data[start:end]))
			start = end
		}
		return
	}
	codes := c.I32[from : from+len(out)]
	var buffer [256]uint64
	if c.Dict.N > len(buffer) && c.Dict.N > len(out) {
		for i, k := range codes {
			out[i] = mix(out[i], xxhash.Sum64(c.Dict.Bytes(int(k))))
		}
		return
	}
	words := buffer[:]
	if c.Dict.N > len(words) {
		words = make([]uint64, c.Dict.N)
	}
	for i := range c.Dict.N {
		words[i] = xxhash.Sum64(c.Dict.Bytes(i))
	}
	for i, k := range codes {
		out[i] = mix(out[i], words[k])
	}
}

func hashLists(c *Column, from int, out []uint64, unordered bool) {
	first, last := int(c.Off[from]), int(c.Off[from+len(out)])
	entries := make([]uint64, last-first)
	for _, k := range c.Kids {
		hashColumn(k, first, entries)
	}
	for i := range out {
		row := entries[int(c.Off[from+i])-first : int(c.Off[from+i+1])-first]
		h, sum := mix(out[i], uint64(len(row))), uint64(0)
		for _, e := range row {
			sum += e
			if !unordered {
				h = mix(h, e)
			}
		}
		if unordered {
			h = mix(h, sum)
		}
		out[i] = h
	}
}
