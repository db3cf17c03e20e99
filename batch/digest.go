package batch

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// RowDigest is a digest of a set of rows in which their order does not count
// and duplicates do: the sum modulo 2^256 of SHA-256 over each encoded row. The
// zero RowDigest is that of no rows.
//
// A row is "(" columns in schema order ")". Values: null and void n, boolean t
// or f, integers i<decimal>; float e<8 hex>; double d<16 hex>; (big-endian bits, every NaN
// 7fc00000 or 7ff8000000000000), decimal m<plain, exactly scale digits>; string
// s<bytes>:<UTF-8>, binary b<bytes>:<bytes>, date D<days>; timestamp T<micros>; timestamp_ntz
// N<micros>; array [<n>:values], map {<n>:keys and values, sorted by encoded
// key}, struct as a row. Intervals, which no other definition has, are Y<months>; and
// U<micros>;. Variants have none.
type RowDigest struct {
	sum  [4]uint64 // least significant first
	rows int64
	hash hash.Hash
	row  []byte
}

// ErrNoDigest says that rows with variants have no digest.
var ErrNoDigest = errors.New("rows with variant columns have no digest")

// Add adds the rows of b that count. It fails, before adding any, if a column has variants or is missing.
func (d *RowDigest) Add(b *Batch) error {
	for i, c := range b.Columns {
		if c == nil {
			return fmt.Errorf("row digest: column %q was not read", b.Schema.Fields[i].Name)
		}
		if hasVariant(c.Type) {
			return fmt.Errorf("column %q: %w", b.Schema.Fields[i].Name, ErrNoDigest)
		}
	}
	if d.hash == nil {
		d.hash = sha256.New()
	}
	var out [sha256.Size]byte
	for n := range b.Rows() {
		i := b.Row(n)
		d.row = append(d.row[:0], '(')
		for _, c := range b.Columns {
			d.row = appendDigest(d.row, c, i)
		}
		d.row = append(d.row, ')')
		d.hash.Reset()
		d.hash.Write(d.row)
		d.hash.Sum(out[:0])
		d.add([4]uint64{binary.BigEndian.Uint64(out[24:]), binary.BigEndian.Uint64(out[16:]),
			binary.BigEndian.Uint64(out[8:]), binary.BigEndian.Uint64(out[:])}, 1)
	}
	return nil
}

// RowSums returns of each row of b that counts the first half of what RowDigest adds for it, in out, which it allocates if that is too small.
// Variants count by their bytes. Rows that are equal have equal sums, and nobody knows how to make others that do.
func RowSums(b *Batch, out [][2]uint64) [][2]uint64 {
	out = out[:0]
	var buffer [256]byte
	row := buffer[:0]
	for n := range b.Rows() {
		i := b.Row(n)
		row = append(row[:0], '(')
		for _, c := range b.Columns {
			row = appendDigest(row, c, i)
		}
		sum := sha256.Sum256(append(row, ')'))
		out = append(out, [2]uint64{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])})
	}
	return out
}

// Merge adds the rows of o.
func (d *RowDigest) Merge(o *RowDigest) { d.add(o.sum, o.rows) }

func (d *RowDigest) add(sum [4]uint64, rows int64) {
	var carry uint64
	for i := range sum {
		d.sum[i], carry = bits.Add64(d.sum[i], sum[i], carry)
	}
	d.rows += rows
}

// Rows returns the number of rows added.
func (d *RowDigest) Rows() int64 { return d.rows }

// String returns the digest as 64 hex digits.
func (d *RowDigest) String() string {
	var b [sha256.Size]byte
	for i, w := range d.sum {
		binary.BigEndian.PutUint64(b[24-8*i:], w)
	}
	return hex.EncodeToString(b[:])
}

func hasVariant(t Type) bool {
	for _, f := range t.Fields {
		if hasVariant(f.Type) {
			return true
		}
	}
	return t.Kind == Variant
}

func appendDigest(dst []byte, c *Column, i int) []byte {
	if c.IsNull(i) {
		return append(dst, 'n')
	}
	switch c.Type.Kind {
	case Boolean:
		if c.Bool(i) {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case TinyInt, SmallInt, Int:
		return digestInt(dst, 'i', int64(c.I32[i]))
	case BigInt:
		return digestInt(dst, 'i', c.I64[i])
	case Float:
		word := math.Float32bits(c.F32[i])
		if c.F32[i] != c.F32[i] {
			word = 0x7fc00000
		}
		return append(appendHex(append(dst, 'e'), uint64(word), 8), ';')
	case Double:
		word := math.Float64bits(c.F64[i])
		if c.F64[i] != c.F64[i] {
			word = hashNaN
		}
		return append(appendHex(append(dst, 'd'), word, 16), ';')
	case Decimal:
		return append(AppendDecimal(append(dst, 'm'), c.I128[i], int(c.Type.Scale)), ';')
	case String:
		return digestBytes(dst, 's', c.Bytes(i))
	case Binary:
		return digestBytes(dst, 'b', c.Bytes(i))
	case Date:
		return digestInt(dst, 'D', int64(c.I32[i]))
	case Timestamp:
		return digestInt(dst, 'T', c.I64[i])
	case TimestampNTZ:
		return digestInt(dst, 'N', c.I64[i])
	case YearMonth:
		return digestInt(dst, 'Y', int64(c.I32[i]))
	case DayTime:
		return digestInt(dst, 'U', c.I64[i])
	case Array:
		return digestArray(dst, c, i)
	case Map:
		return digestMap(dst, c, i)
	}
	dst = append(dst, '(')
	for _, k := range c.Kids {
		dst = appendDigest(dst, k, i)
	}
	return append(dst, ')')
}

func digestInt(dst []byte, tag byte, v int64) []byte {
	return append(strconv.AppendInt(append(dst, tag), v, 10), ';')
}

func digestBytes(dst []byte, tag byte, v []byte) []byte {
	dst = append(strconv.AppendInt(append(dst, tag), int64(len(v)), 10), ':')
	return append(dst, v...)
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, hexDigits[v>>(4*uint(i))&15])
	}
	return dst
}

func digestArray(dst []byte, c *Column, i int) []byte {
	dst = append(strconv.AppendInt(append(dst, '['), int64(c.Off[i+1]-c.Off[i]), 10), ':')
	for e := c.Off[i]; e < c.Off[i+1]; e++ {
		dst = appendDigest(dst, c.Kids[0], int(e))
	}
	return append(dst, ']')
}

func digestMap(dst []byte, c *Column, i int) []byte {
	type entry struct{ key, value []byte }
	entries := make([]entry, 0, c.Off[i+1]-c.Off[i])
	for e := int(c.Off[i]); e < int(c.Off[i+1]); e++ {
		entries = append(entries, entry{appendDigest(nil, c.Kids[0], e), appendDigest(nil, c.Kids[1], e)})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return slices.Compare(a.key, b.key) })
	dst = append(strconv.AppendInt(append(dst, '{'), int64(len(entries)), 10), ':')
	for _, e := range entries {
		dst = append(append(dst, e.key...), e.value...)
	}
	return append(dst, '}')
}
