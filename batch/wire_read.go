package batch

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Decode reads a batch that [Encode] wrote. Its columns' memory is the
// pool's; data may be used again at once. The columns must have the types of s. It checks
// everything: data that was cut, altered or made to harm is a [CorruptError]
// that says what was found where, and no more memory is taken than a small
// multiple of len(data). The form's version must be 1; a newer one is refused by name.
func Decode(data []byte, s *Schema, p *Pool) (*Batch, error) {
	n, err := wireCheck(data, s)
	if err != nil {
		return nil, err
	}
	r := wireReader{data: data, at: wireHeader, pool: p}
	b := &Batch{Schema: s, N: n}
	if data[5]&wireKinds != 0 {
		b.Kinds = r.kinds(n)
	}
	if data[5]&wireOrigins != 0 {
		b.Origin = &Origin{Split: readInto(&r, n, madeOf[int32]), Offset: readInto(&r, n, madeOf[int64])}
	}
	if data[5]&wireBehind != 0 {
		b.Behind = readInto(&r, n, madeOf[int64])
	}
	for i := range s.Fields {
		if r.err != nil {
			break
		}
		c := r.column(s.Fields[i].Type, n)
		b.Columns = append(b.Columns, c)
		if r.err != nil {
			r.err.Column = s.Fields[i].Name
		}
	}
	if r.err == nil && r.at != len(data) {
		r.fail("%d bytes follow the last column", len(data)-r.at)
	}
	if r.err != nil {
		b.Release()
		return nil, r.err
	}
	return b, nil
}

// Peek returns the length of the wire form that data begins with, from its header alone: how
// a reader finds the next one in a file of many. It checks magic and version only.
func Peek(data []byte) (int64, error) {
	switch {
	case len(data) < wireHeader:
		return 0, corrupt("%d bytes: shorter than a header", len(data))
	case string(data[:4]) != wireMagic:
		return 0, corrupt("it begins with %x", data[:4])
	case data[4] != wireVersion:
		return 0, corrupt("format version %d: this program reads version %d", data[4], wireVersion)
	}
	size := binary.LittleEndian.Uint64(data[16:])
	if size < wireHeader || size > 1<<62 {
		return 0, corrupt("a length of %d", size)
	}
	return int64(size), nil
}

// CorruptError says that data is not the wire form of the batch that was
// expected. Who read the data adds where it came from.
type CorruptError struct {
	Message string
	Column  string // in which it was found; "" the header
	At      int    // byte of the data behind which it was found; 0 the header
}

// CorruptBatch is the error class for a [CorruptError] that crosses a room.
const CorruptBatch = "CORRUPT_BATCH"

// Error returns the message with the column and place in front.
func (e *CorruptError) Error() string {
	switch {
	case e.Column != "":
		return fmt.Sprintf("corrupt batch: column %q, at byte %d: %s", e.Column, e.At, e.Message)
	case e.At > 0:
		return fmt.Sprintf("corrupt batch: at byte %d: %s", e.At, e.Message)
	}
	return "corrupt batch: " + e.Message
}

func corrupt(format string, args ...any) *CorruptError {
	return &CorruptError{Message: fmt.Sprintf(format, args...)}
}

// wireCheck checks the header and returns the number of rows.
func wireCheck(data []byte, s *Schema) (int, error) {
	size, err := Peek(data)
	if err != nil {
		return 0, err
	}
	if size != int64(len(data)) {
		return 0, corrupt("%d bytes that say they are %d", len(data), size)
	}
	if sum, want := wireSum(data), binary.LittleEndian.Uint32(data[12:]); sum != want {
		return 0, corrupt("checksum %08x where %08x was written", sum, want)
	}
	if data[5]&^(wireKinds|wireOrigins|wireBehind) != 0 {
		return 0, corrupt("unknown flags %02x", data[5])
	}
	if columns := int(binary.LittleEndian.Uint16(data[6:])); columns != len(s.Fields) {
		return 0, corrupt("%d columns where the schema has %d", columns, len(s.Fields))
	}
	n := binary.LittleEndian.Uint32(data[8:])
	if n > maxOffset || len(s.Fields) == 0 && n > wireBareRows {
		return 0, corrupt("%d rows", n)
	}
	return int(n), nil
}

// wireReader reads on until something is wrong; then err is set and every
// further read does nothing.
type wireReader struct {
	data []byte
	at   int
	pool *Pool
	err  *CorruptError
}

func (r *wireReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = corrupt(format, args...)
		r.err.At = r.at
	}
}

// next returns n bytes and skips the filling behind them; nil if they are not there.
func (r *wireReader) next(n int) []byte {
	if r.err != nil {
		return nil
	}
	left := len(r.data) - r.at
	if n < 0 || n > left {
		r.fail("%d bytes are needed and %d are left", n, left)
		return nil
	}
	b := r.data[r.at : r.at+n : r.at+n]
	r.at = min(r.at+(n+7)&^7, len(r.data))
	return b
}

func (r *wireReader) kinds(n int) []RowKind {
	raw := r.next(n)
	if r.err != nil {
		return nil
	}
	kinds := make([]RowKind, n)
	for i, k := range raw {
		if RowKind(k) > Delete {
			r.fail("row kind %d", k)
			return nil
		}
		kinds[i] = RowKind(k)
	}
	return kinds
}

func madeOf[T fixed](n int) []T { return make([]T, n) }

// readInto reads n elements into memory that is asked for once they are known to be there.
func readInto[T fixed](r *wireReader, n int, lend func(n int) []T) []T {
	var t T
	raw := r.next(n * int(unsafe.Sizeof(t)))
	if r.err != nil {
		return nil
	}
	s := lend(n)
	copy(bytesOf(s), raw)
	if bigEndian {
		swapEndian[T](bytesOf(s))
	}
	return s
}

// values reads a buffer of the column.
func values[T fixed](r *wireReader, c *Column, slot, n int) []T {
	return readInto(r, n, func(n int) []T { return lend[T](c, slot, n) })
}

// column reads a column that must have the type and n rows. Whatever happens
// it returns a column that can be released.
func (r *wireReader) column(t Type, n int) *Column {
	c := r.pool.newColumn(t)
	head := r.next(8)
	if r.err != nil {
		return c
	}
	if k := Kind(head[0]); k != t.Kind || head[1] != t.Precision || head[2] != t.Scale {
		r.fail("a column of %s where %s is expected", Type{Kind: k, Precision: head[1], Scale: head[2]}.wireName(), t)
	}
	if got := binary.LittleEndian.Uint32(head[4:]); uint64(got) != uint64(n) {
		r.fail("a column of %d rows where %d are expected", got, n)
	}
	flags := head[3]
	dictionary := flags&wireDict != 0
	if flags&^(wireValid|wireDict) != 0 || dictionary && t.Kind != String && t.Kind != Binary ||
		flags != 0 && t.Kind == Void {
		r.fail("a column of %s with flags %02x", t, flags)
	}
	if (t.Kind == Void || t.Kind == Struct && len(t.Fields) == 0) && n > wireBareRows {
		r.fail("a column of %s with %d rows", t, n)
	}
	if r.err != nil {
		return c
	}
	c.N = n
	if flags&wireValid != 0 {
		c.Valid = values[uint64](r, c, slotValid, BitmapWords(n))
	}
	if dictionary {
		r.dictionary(c)
	} else {
		r.content(c)
	}
	return c
}

// wireName is String for a type whose fields are not known.
func (t Type) wireName() string {
	if t.Kind == Decimal {
		return t.String()
	}
	return t.Kind.String()
}

func (r *wireReader) content(c *Column) {
	n := c.N
	switch c.Type.Kind {
	case Boolean:
		c.Bits = values[uint64](r, c, slotBits, BitmapWords(n))
	case TinyInt, SmallInt, Int, Date, YearMonth:
		c.I32 = values[int32](r, c, slotI32, n)
		r.narrow(c)
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		c.I64 = values[int64](r, c, slotI64, n)
	case Float:
		c.F32 = values[float32](r, c, slotF32, n)
	case Double:
		c.F64 = values[float64](r, c, slotF64, n)
	case Decimal:
		r.decimals(c)
	case String, Binary:
		size := r.offsets(c)
		if said := r.next(8); r.err == nil && binary.LittleEndian.Uint64(said) != uint64(size) {
			r.fail("%d bytes of data where the offsets end at %d", binary.LittleEndian.Uint64(said), size)
		}
		c.Data = values[byte](r, c, slotData, size)
	case Array, Map:
		size := r.offsets(c)
		r.kids(c, size)
		if c.Type.Kind == Map && r.err == nil && c.Kids[0].Nulls() != 0 {
			r.fail("a map with a null key")
		}
	default:
		r.kids(c, n)
	}
}

// kids reads the child columns, each of n rows.
func (r *wireReader) kids(c *Column, n int) {
	if c.Type.Kind == Variant {
		c.Kids = append(c.Kids, r.column(BinaryType, n))
		c.Kids = append(c.Kids, r.column(BinaryType, n))
		return
	}
	for i := range c.Type.Fields {
		if r.err != nil {
			return
		}
		c.Kids = append(c.Kids, r.column(c.Type.Fields[i].Type, n))
	}
}

// narrow checks the range of integers that are narrower than their buffer.
func (r *wireReader) narrow(c *Column) {
	for _, v := range c.I32 {
		if c.Type.Kind == TinyInt && v != int32(int8(v)) || c.Type.Kind == SmallInt && v != int32(int16(v)) {
			r.fail("%d in a column of %s", v, c.Type)
			return
		}
	}
}

func (r *wireReader) decimals(c *Column) {
	raw := r.next(c.N * 16)
	if r.err != nil {
		return
	}
	c.I128 = lend[Int128](c, slotI128, c.N)
	for i := range c.I128 {
		v := Int128{Lo: binary.LittleEndian.Uint64(raw[16*i:]), Hi: int64(binary.LittleEndian.Uint64(raw[16*i+8:]))}
		if !v.FitsPrecision(int(c.Type.Precision)) {
			r.fail("a value with too many digits in a column of %s", c.Type)
			return
		}
		c.I128[i] = v
	}
}

// offsets reads n+1 offsets and returns the last.
func (r *wireReader) offsets(c *Column) int {
	c.Off = values[int32](r, c, slotOff, c.N+1)
	if r.err != nil {
		return 0
	}
	last := int32(0)
	for i, o := range c.Off {
		if o < last || i == 0 && o != 0 {
			r.fail("offset %d of a column of %s is %d after %d", i, c.Type, o, last)
			return 0
		}
		last = o
	}
	return int(last)
}

// dictionary reads codes and the column they point into.
func (r *wireReader) dictionary(c *Column) {
	c.I32 = values[int32](r, c, slotI32, c.N)
	if r.err != nil {
		return
	}
	if len(r.data)-r.at < 8 {
		r.fail("a dictionary is cut off")
		return
	}
	if r.data[r.at+3] != 0 {
		r.fail("a dictionary with flags %02x", r.data[r.at+3])
		return
	}
	size := binary.LittleEndian.Uint32(r.data[r.at+4:])
	if size > maxOffset {
		r.fail("a dictionary of %d rows", size)
		return
	}
	c.Dict = r.column(c.Type, int(size))
	for _, k := range c.I32 {
		if r.err == nil && uint32(k) >= size {
			r.fail("code %d in a dictionary of %d", k, size)
		}
	}
}
