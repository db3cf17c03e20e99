package batch

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"unsafe"
)

// The wire form of a batch, version 1. All numbers are little endian. Every
// buffer begins at a multiple of 8 from the start and is filled up with zeros to one.
//
//	offset  bytes  header
//	0       4      "DBAT"
//	4       1      version: 1
//	5       1      flags: 1 row kinds follow, 2 origins follow, 4 lateness follows; others 0
//	6       2      number of columns
//	8       4      number of rows N, at most 2^31-1
//	12      4      CRC-32C of all bytes but these four
//	16      8      length of the whole, header included
//	24             if kinds: N bytes, one a row: 0 insert, 1 update before, 2 update after, 3 delete
//	               if origins: N splits of 4 bytes, then N offsets of 8 bytes
//	               if lateness: N watermarks of 8 bytes that had passed the rows, the least number for rows in time
//	               the columns, in schema order
//
// A column of n rows (a column of the batch has n = N):
//
//	0       1      kind (the numbers of Kind)
//	1       1      precision, 0 if not a decimal
//	2       1      scale
//	3       1      flags: 1 validity follows, 2 dictionary; others 0
//	4       4      n
//	8              if validity: ceil(n/64) words of 8 bytes, least significant bit first, 1 not null
//	               then by kind:
//	               boolean                            ceil(n/64) words of bits
//	               tinyint smallint int date, months  n values of 4 bytes
//	               bigint timestamps, microseconds    n values of 8 bytes
//	               float, double                      n IEEE 754 values of 4, 8 bytes
//	               decimal                            n values of 16 bytes: low 8, then high 8
//	               string binary                      n+1 offsets of 4 bytes, the first 0; 8 bytes: length of
//	                                                  the data, equal to the last offset; the data
//	               string binary, dictionary          n codes of 4 bytes; a column: the dictionary, without
//	                                                  flags, each code below its n
//	               struct                             a column per field, each of n rows
//	               array                              n+1 offsets of 4 bytes, the first 0; a column: the
//	                                                  elements, of as many rows as the last offset
//	               map                                as array, with two columns: keys without nulls, values
//	               variant                            two binary columns of n rows: metadata, values
//	               void                               nothing
//
// Names are not in it: both ends know the schema. Columns without bytes (void,
// structs without fields) have at most 2^20 rows.
const (
	wireMagic   = "DBAT"
	wireVersion = 1
	wireHeader  = 24

	wireKinds   = 1 // flags of the header
	wireOrigins = 2
	wireBehind  = 4

	wireValid = 1 // flags of a column
	wireDict  = 2

	wireBareRows = 1 << 20 // most rows where no byte backs them
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// bigEndian says that this machine's numbers must be turned around.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// Encode appends the wire form of the rows that count to dst. The batch has
// every column; its schema is not written. To encode without allocating, pass a batch without a
// selection and a dst with room. The form is stable: see [Decode] for reading it.
func Encode(dst []byte, b *Batch) []byte {
	if b.Sel != nil {
		c := b.Compact(nil)
		defer c.Release()
		b = c
	}
	start := len(dst)
	var header [wireHeader]byte
	copy(header[:], wireMagic)
	header[4] = wireVersion
	if b.Kinds != nil {
		header[5] |= wireKinds
	}
	if b.Origin != nil {
		header[5] |= wireOrigins
	}
	if b.Behind != nil {
		header[5] |= wireBehind
	}
	binary.LittleEndian.PutUint16(header[6:], uint16(len(b.Columns)))
	binary.LittleEndian.PutUint32(header[8:], uint32(b.N))
	w := wireWriter{dst: append(dst, header[:]...), start: start}
	if b.Kinds != nil {
		for _, k := range b.Kinds[:b.N] {
			w.dst = append(w.dst, byte(k))
		}
		w.pad()
	}
	if b.Origin != nil {
		put(&w, b.Origin.Split[:b.N])
		put(&w, b.Origin.Offset[:b.N])
	}
	if b.Behind != nil {
		put(&w, b.Behind[:b.N])
	}
	for _, c := range b.Columns {
		w.column(c, 0, c.N)
	}
	all := w.dst[start:]
	binary.LittleEndian.PutUint64(all[16:], uint64(len(all)))
	binary.LittleEndian.PutUint32(all[12:], wireSum(all))
	return w.dst
}

// wireSum is the checksum of everything but its own place.
func wireSum(all []byte) uint32 {
	return crc32.Update(crc32.Update(0, crcTable, all[:12]), crcTable, all[16:])
}

type wireWriter struct {
	dst   []byte
	start int // of the wire form in dst
}

var zeros [8]byte

func (w *wireWriter) pad() {
	if odd := (len(w.dst) - w.start) & 7; odd != 0 {
		w.dst = append(w.dst, zeros[odd:]...)
	}
}

// bytesOf returns the memory of s.
func bytesOf[T fixed](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}

// put appends a buffer and fills it up.
func put[T fixed](w *wireWriter, s []T) {
	at := len(w.dst)
	w.dst = append(w.dst, bytesOf(s)...)
	if bigEndian {
		swapEndian[T](w.dst[at:])
	}
	w.pad()
}

// swapEndian turns elements of at most 8 bytes around in place.
func swapEndian[T fixed](b []byte) {
	var t T
	for size := int(unsafe.Sizeof(t)); len(b) >= size; b = b[size:] {
		slices.Reverse(b[:size])
	}
}

// column writes rows from..from+n-1 of c: a list's kids may hold more rows
// than the list uses.
func (w *wireWriter) column(c *Column, from, n int) {
	flags := byte(0)
	valid := c.Valid != nil && c.Type.Kind != Void
	if valid {
		flags |= wireValid
	}
	dictionary := c.Dict != nil && c.Dict.N <= n // a larger one costs more than it saves
	if dictionary {
		flags |= wireDict
	}
	w.dst = append(w.dst, byte(c.Type.Kind), c.Type.Precision, c.Type.Scale, flags)
	w.dst = binary.LittleEndian.AppendUint32(w.dst, uint32(n))
	if valid {
		w.bits(c.Valid, from, n)
	}
	switch c.Type.Kind {
	case Boolean:
		w.bits(c.Bits, from, n)
	case TinyInt, SmallInt, Int, Date, YearMonth:
		put(w, c.I32[from:from+n])
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		put(w, c.I64[from:from+n])
	case Float:
		put(w, c.F32[from:from+n])
	case Double:
		put(w, c.F64[from:from+n])
	case Decimal:
		w.decimals(c.I128[from : from+n])
	case String, Binary:
		w.strings(c, from, n, dictionary)
	case Array, Map:
		first, last := w.offsets(c, from, n)
		for _, k := range c.Kids {
			w.column(k, int(first), int(last-first))
		}
	case Struct, Variant:
		for _, k := range c.Kids {
			w.column(k, from, n)
		}
	}
}

func (w *wireWriter) strings(c *Column, from, n int, dictionary bool) {
	if dictionary {
		put(w, c.I32[from:from+n])
		w.column(c.Dict, 0, c.Dict.N)
		return
	}
	if c.Dict == nil {
		first, last := w.offsets(c, from, n)
		w.dst = binary.LittleEndian.AppendUint64(w.dst, uint64(last-first))
		w.dst = append(w.dst, c.Data[first:last]...)
		w.pad()
		return
	}
	codes, end := c.I32[from:from+n], uint32(0)
	w.dst = append(w.dst, 0, 0, 0, 0)
	for _, k := range codes {
		end += uint32(c.Dict.Off[k+1] - c.Dict.Off[k])
		w.dst = binary.LittleEndian.AppendUint32(w.dst, end)
	}
	w.pad()
	w.dst = binary.LittleEndian.AppendUint64(w.dst, uint64(end))
	for _, k := range codes {
		w.dst = append(w.dst, c.Dict.Bytes(int(k))...)
	}
	w.pad()
}

// decimals writes the low half first; in memory the high one is.
func (w *wireWriter) decimals(values []Int128) {
	for _, v := range values {
		w.dst = binary.LittleEndian.AppendUint64(w.dst, v.Lo)
		w.dst = binary.LittleEndian.AppendUint64(w.dst, uint64(v.Hi))
	}
}

// bits writes n bits beginning with bit from; what is behind them is zero.
func (w *wireWriter) bits(b Bitmap, from, n int) {
	shift, words := uint(from)&63, b[min(from>>6, len(b)):]
	for i := range BitmapWords(n) {
		word := words[i] >> shift
		if shift != 0 && i+1 < len(words) {
			word |= words[i+1] << (64 - shift)
		}
		if rest := n - i<<6; rest < 64 {
			word &= 1<<uint(rest) - 1
		}
		w.dst = binary.LittleEndian.AppendUint64(w.dst, word)
	}
}

// offsets writes n+1 offsets beginning with 0 and returns where the content
// begins and ends.
func (w *wireWriter) offsets(c *Column, from, n int) (first, last int32) {
	off := c.Off[from : from+n+1]
	first, last = off[0], off[n]
	if first == 0 {
		put(w, off)
		return first, last
	}
	for _, o := range off {
		w.dst = binary.LittleEndian.AppendUint32(w.dst, uint32(o-first))
	}
	w.pad()
	return first, last
}
