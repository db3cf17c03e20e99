package parquet

import (
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// headroom is kept free before the values of a page for its levels, so that
// pages whose levels are one run are compressed where they lie.
const headroom = 64

// leafWriter gathers one leaf column: the page being filled and the finished
// pages of the row group.
type leafWriter struct {
	path           []string
	typ            batch.Type
	physical       format.Type
	width          int // FixedLenByteArray: bytes a value
	maxDef, maxRep uint8

	// The page being filled. defs is empty while every entry is at maxDef and
	// the column does not repeat.
	entries, rows, nulls int
	bits                 int // Boolean: values in plain
	coding               coding
	dict                 dictionary
	*pageBuffers

	// The finished pages of the row group.
	values, nullCount    int64
	groupRows            int64
	dictPages, flatPages int32
	uncompressed         int64 // page headers included
	bounds               bounds
}

// coding says how the values of the page being filled are held.
type coding uint8

const (
	codingPlain coding = iota // in plain
	codingTrial               // in codes; nothing says yet that a dictionary pays
	codingDict                // in codes; it pays
)

// pageBuffers is the memory of a leaf writer, reused across files.
type pageBuffers struct {
	plain      []byte // headroom, then values in PLAIN encoding
	codes      []int32
	defs, reps []byte
	chunk      segments // headers and bodies of finished pages
	first      segments // the dictionary page
	scratch    []byte
	packed     []byte
	translate  []int32 // from codes of a batch's dictionary to ours, -1: unknown
	i32        []int32
	i64        []int64
	f32        []float32
	f64        []float64
	table      dictionaryBuffers
}

// held returns the bytes of the buffers.
func (b *pageBuffers) held() int64 {
	return int64(cap(b.plain)+cap(b.defs)+cap(b.reps)+cap(b.scratch)+cap(b.packed)) + b.chunk.held() + b.first.held() +
		int64(cap(b.codes)+cap(b.translate)+cap(b.i32)+cap(b.f32))*4 + int64(cap(b.i64)+cap(b.f64))*8 + b.table.held()
}

// source names the values of a column that are to be written: the rows, or if
// that is nil those from lo up to hi. None of them is null.
type source struct {
	column *batch.Column
	rows   []int32
	lo, hi int
}

func (s source) len() int {
	if s.rows != nil {
		return len(s.rows)
	}
	return s.hi - s.lo
}

// start empties the leaf for a new row group.
func (l *leafWriter) start(dictionaries bool) {
	l.values, l.nullCount, l.uncompressed, l.groupRows = 0, 0, 0, 0
	l.dictPages, l.flatPages = 0, 0
	l.chunk.reset()
	l.bounds = bounds{min: l.bounds.min[:0], max: l.bounds.max[:0]}
	l.coding = codingPlain
	if dictionaries && l.physical != format.Boolean && l.physical != format.FixedLenByteArray {
		l.coding = codingTrial
	}
	l.dict.reset(l)
	l.startPage()
}

func (l *leafWriter) startPage() {
	l.entries, l.rows, l.nulls, l.bits = 0, 0, 0, 0
	l.defs, l.reps, l.codes = l.defs[:0], l.reps[:0], l.codes[:0]
	if cap(l.plain) < headroom {
		l.plain = make([]byte, headroom, 16<<10)
	}
	l.plain = l.plain[:headroom]
}

// pageBytes estimates the values of the page being filled, uncompressed.
func (l *leafWriter) pageBytes() int {
	if l.coding != codingPlain {
		return len(l.codes)*int(l.dict.bitWidth())/8 + len(l.defs)/8
	}
	return len(l.plain) - headroom + len(l.defs)/8
}

// pending estimates what the leaf adds to the file.
func (l *leafWriter) pending() int64 {
	return int64(l.chunk.size+l.pageBytes()) + int64(len(l.dict.plain))
}

// addDefs notes entries whose values are all there (defs nil), or their
// definition levels with nulls of them below the greatest.
func (l *leafWriter) addDefs(n int, defs []byte, nulls int) {
	if l.maxDef == 0 {
		l.entries += n
		return
	}
	if nulls > 0 && len(l.defs) < l.entries {
		l.defs = appendRepeated(l.defs, l.maxDef, l.entries-len(l.defs))
	}
	if nulls > 0 {
		l.defs = append(l.defs, defs...)
	} else if l.nulls > 0 {
		l.defs = appendRepeated(l.defs, l.maxDef, n)
	}
	l.entries += n
	l.nulls += nulls
}

func appendRepeated(b []byte, v byte, n int) []byte {
	at := len(b)
	b = extend(b, n)
	for i := at; i < len(b); i++ {
		b[i] = v
	}
	return b
}

// extend lengthens b by n bytes of no defined value.
func extend(b []byte, n int) []byte {
	if need := len(b) + n; need > cap(b) {
		grown := make([]byte, len(b), max(need, 2*cap(b), 1024))
		copy(grown, b)
		b = grown
	}
	return b[:len(b)+n]
}

// addValues appends the values of s, none null, to the page.
func (l *leafWriter) addValues(s source) {
	if s.len() == 0 {
		return
	}
	c := s.column
	switch l.typ.Kind {
	case batch.Boolean:
		l.addBools(s)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		l.i32 = l.addInt32(pick(l.i32, c.I32, s))
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		l.i64 = l.addInt64(pick(l.i64, c.I64, s))
	case batch.Float:
		values, scratch := pick(l.f32, c.F32, s)
		l.f32 = scratch
		l.bounds.floats32(values)
		l.addFixed(asUint32(values), nil)
	case batch.Double:
		values, scratch := pick(l.f64, c.F64, s)
		l.f64 = scratch
		l.bounds.floats64(values)
		l.addFixed(nil, asUint64(values))
	case batch.Decimal:
		l.addDecimals(s)
	case batch.String, batch.Binary:
		l.addStrings(s)
	}
}

// pick returns the values of s in one slice, and the scratch to use next time.
func pick[T any](scratch, values []T, s source) ([]T, []T) {
	if s.rows == nil {
		return values[s.lo:s.hi], scratch
	}
	if cap(scratch) < len(s.rows) {
		scratch = make([]T, len(s.rows), max(len(s.rows), 1024))
	}
	scratch = scratch[:len(s.rows)]
	for i, r := range s.rows {
		scratch[i] = values[r]
	}
	return scratch, scratch
}

func (l *leafWriter) addInt32(values, scratch []int32) []int32 {
	l.bounds.ints32(values)
	l.addFixed(unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(values))), len(values)), nil)
	return scratch
}

func (l *leafWriter) addInt64(values, scratch []int64) []int64 {
	l.bounds.ints64(values)
	l.addFixed(nil, unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(values))), len(values)))
	return scratch
}

// addFixed appends values of four or of eight bytes; one of the two is nil.
func (l *leafWriter) addFixed(v32 []uint32, v64 []uint64) {
	if l.coding != codingPlain {
		l.codes = l.dict.addFixed(l.codes, v32, v64)
		l.judgeDictionary()
		return
	}
	l.plain = appendUint32s(l.plain, v32)
	l.plain = appendUint64s(l.plain, v64)
}

func (l *leafWriter) addBools(s source) {
	bits := s.column.Bits
	n := s.len()
	need := (l.bits+n+7)/8 - (len(l.plain) - headroom)
	at := len(l.plain)
	l.plain = extend(l.plain, need)
	clear(l.plain[at:])
	out := l.plain[headroom:]
	trues := 0
	for i := 0; i < n; i++ {
		row := s.lo + i
		if s.rows != nil {
			row = int(s.rows[i])
		}
		b := byte(bits[row>>6] >> (uint(row) & 63) & 1)
		trues += int(b)
		out[l.bits>>3] |= b << (uint(l.bits) & 7)
		l.bits++
	}
	l.bounds.bools(trues < n, trues > 0)
}

func (l *leafWriter) addDecimals(s source) {
	n := s.len()
	row := func(i int) batch.Int128 {
		if s.rows != nil {
			return s.column.I128[s.rows[i]]
		}
		return s.column.I128[s.lo+i]
	}
	switch l.physical {
	case format.Int32:
		l.i32 = l.i32[:0]
		for i := 0; i < n; i++ {
			l.i32 = append(l.i32, int32(row(i).Lo))
		}
		l.addInt32(l.i32, nil)
	case format.Int64:
		l.i64 = l.i64[:0]
		for i := 0; i < n; i++ {
			l.i64 = append(l.i64, int64(row(i).Lo))
		}
		l.addInt64(l.i64, nil)
	default:
		at := len(l.plain)
		l.plain = extend(l.plain, n*l.width)
		for i := 0; i < n; i++ {
			v := row(i)
			putInt128(l.plain[at:at+l.width], v)
			l.bounds.wide(v)
			at += l.width
		}
	}
}

// putInt128 writes the low len(b) bytes of v, most significant first.
func putInt128(b []byte, v batch.Int128) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte(v.Lo)
		v.Lo = v.Lo>>8 | uint64(v.Hi)<<56
		v.Hi >>= 8
	}
}

// checkRows makes sure that the leaf holds as many rows as the row group says:
// readers take columns of different lengths for corrupt.
func (l *leafWriter) checkRows(rows int64) error {
	if l.groupRows != rows {
		return supervision.New(supervision.Restart, "PARQUET_COLUMN_LENGTH",
			"column %s has %d rows in a row group of %d", joinPath(l.path), l.groupRows, rows)
	}
	return nil
}
