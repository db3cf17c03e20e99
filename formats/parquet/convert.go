package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

// conversion is how values of a leaf become values of a batch type.
type conversion func(l *leafReader, n int) error

// conversionTo returns how the values of a leaf are read as want, and the
// digits that decimals are extended by, or false if that could lose something.
func conversionTo(e *format.SchemaElement, want batch.Type) (conversion, int, bool) {
	from := leafType(e)
	if want.Kind == batch.Decimal {
		return decimalConversion(e, from, want)
	}
	switch e.Type.V {
	case format.Boolean:
		return readBools, 0, want.Kind == batch.Boolean
	case format.Int32:
		return int32Conversion(e, from, want)
	case format.Int64:
		return int64Conversion(e, from, want)
	case format.Int96:
		return readInt96, 0, want.Kind == batch.Timestamp || want.Kind == batch.TimestampNTZ
	case format.Float:
		if want.Kind == batch.Double {
			return readFloatAsDouble, 0, true
		}
		return readFloats, 0, want.Kind == batch.Float
	case format.Double:
		return readDoubles, 0, want.Kind == batch.Double
	case format.ByteArray:
		return readStrings, 0, from.Kind != batch.Decimal && (want.Kind == batch.String || want.Kind == batch.Binary)
	case format.FixedLenByteArray:
		return readFixedBytes, 0, from.Kind == batch.Binary && want.Kind == batch.Binary
	}
	return nil, 0, false
}

// integerWidth orders the integer kinds.
func integerWidth(k batch.Kind) int {
	switch k {
	case batch.TinyInt:
		return 8
	case batch.SmallInt:
		return 16
	case batch.Int:
		return 32
	case batch.BigInt:
		return 64
	}
	return 0
}

func int32Conversion(e *format.SchemaElement, from, want batch.Type) (conversion, int, bool) {
	if from.Kind == batch.Date {
		if want.Kind == batch.TimestampNTZ {
			return readDateAsTimestamp, 0, true
		}
		return readInts, 0, want.Kind == batch.Date
	}
	width := integerWidth(from.Kind)
	unsigned := unsignedBits(e) == 32
	bare := !e.ConvertedType.Valid && e.LogicalType.Value == nil
	switch want.Kind {
	case batch.TinyInt, batch.SmallInt:
		if bare { // writers that do not annotate; the values decide
			return readNarrow, 0, true
		}
		return readInts, 0, integerWidth(want.Kind) >= width
	case batch.Int:
		return readInts, 0, width <= 32 && width > 0
	case batch.Date, batch.YearMonth:
		return readInts, 0, bare
	case batch.BigInt:
		if unsigned {
			return readUnsigned, 0, true
		}
		return readIntAsBigInt, 0, width > 0
	case batch.Double:
		return readIntAsDouble, 0, width > 0 && !unsigned
	}
	return nil, 0, false
}

func int64Conversion(e *format.SchemaElement, from, want batch.Type) (conversion, int, bool) {
	switch want.Kind {
	case batch.BigInt, batch.DayTime:
		return readBigInts, 0, from.Kind == batch.BigInt
	case batch.Timestamp, batch.TimestampNTZ:
		// Writers disagree on what is adjusted to UTC; the table's schema decides.
		if from.Kind != batch.Timestamp && from.Kind != batch.TimestampNTZ {
			return nil, 0, false
		}
		t, ok := e.LogicalType.Value.(*format.TimestampType)
		switch {
		case !ok && e.ConvertedType.V == deprecated.TimestampMillis:
			return readMillis, 0, true
		case ok:
			switch t.Unit.Value.(type) {
			case *format.MilliSeconds:
				return readMillis, 0, true
			case *format.NanoSeconds:
				return readNanos, 0, true
			}
		}
		return readBigInts, 0, true
	}
	return nil, 0, false
}

func readBools(l *leafReader, n int) error {
	for len(l.bits) < batch.BitmapWords(l.rows+n) {
		l.bits = append(l.bits, 0)
	}
	return l.bools(l.bits, l.rows, n)
}

func readInts(l *leafReader, n int) (err error) {
	l.i32, err = numbers(&l.chunkReader, l.i32, n, l.dict.i32)
	return err
}

func readNarrow(l *leafReader, n int) error {
	at := len(l.i32)
	if err := readInts(l, n); err != nil {
		return err
	}
	least, most := int32(math.MinInt16), int32(math.MaxInt16)
	if l.want.Kind == batch.TinyInt {
		least, most = math.MinInt8, math.MaxInt8
	}
	for _, v := range l.i32[at:] {
		if v < least || v > most {
			return fmt.Errorf("the value %d is beyond %s", v, l.want)
		}
	}
	return nil
}

func readBigInts(l *leafReader, n int) (err error) {
	l.i64, err = numbers(&l.chunkReader, l.i64, n, l.dict.i64)
	return err
}

func readFloats(l *leafReader, n int) (err error) {
	raw := (*[]int32)(unsafe.Pointer(&l.f32)) // same size, no pointers
	*raw, err = numbers(&l.chunkReader, *raw, n, l.dict.i32)
	return err
}

func readDoubles(l *leafReader, n int) (err error) {
	raw := (*[]int64)(unsafe.Pointer(&l.f64))
	*raw, err = numbers(&l.chunkReader, *raw, n, l.dict.i64)
	return err
}

// from32 reads n values of four bytes and appends each, converted, to out.
func from32[T any](l *leafReader, out *[]T, n int, convert func(int32) T) (err error) {
	if l.raw32, err = numbers(&l.chunkReader, l.raw32[:0], n, l.dict.i32); err != nil {
		return err
	}
	at := len(*out)
	*out = grown(*out, n)
	for i, v := range l.raw32 {
		(*out)[at+i] = convert(v)
	}
	return nil
}

func readIntAsBigInt(l *leafReader, n int) error {
	return from32(l, &l.i64, n, func(v int32) int64 { return int64(v) })
}

func readUnsigned(l *leafReader, n int) error {
	return from32(l, &l.i64, n, func(v int32) int64 { return int64(uint32(v)) })
}

func readIntAsDouble(l *leafReader, n int) error {
	return from32(l, &l.f64, n, func(v int32) float64 { return float64(v) })
}

func readFloatAsDouble(l *leafReader, n int) error {
	return from32(l, &l.f64, n, func(v int32) float64 { return float64(math.Float32frombits(uint32(v))) })
}

const microsPerDay = 86_400_000_000

func readDateAsTimestamp(l *leafReader, n int) error {
	return from32(l, &l.i64, n, func(v int32) int64 { return int64(v) * microsPerDay })
}

func readMillis(l *leafReader, n int) error {
	at := len(l.i64)
	if err := readBigInts(l, n); err != nil {
		return err
	}
	for i, v := range l.i64[at:] {
		if v > math.MaxInt64/1000 || v < math.MinInt64/1000 {
			return fmt.Errorf("the timestamp of %d milliseconds is beyond the range of microseconds", v)
		}
		l.i64[at+i] = v * 1000
	}
	return nil
}

func readNanos(l *leafReader, n int) error {
	at := len(l.i64)
	if err := readBigInts(l, n); err != nil {
		return err
	}
	for i, v := range l.i64[at:] {
		q := v / 1000
		if v%1000 < 0 {
			q--
		}
		l.i64[at+i] = q
	}
	return nil
}

// julianEpoch is the Julian day of 1970-01-01.
const julianEpoch = 2_440_588

func readInt96(l *leafReader, n int) error {
	return l.fixed(n, func(_ int, b []byte) {
		nanos, day := int64(binary.LittleEndian.Uint64(b)), int64(int32(binary.LittleEndian.Uint32(b[8:])))
		l.i64 = append(l.i64, (day-julianEpoch)*microsPerDay+nanos/1000)
	})
}

func readFixedBytes(l *leafReader, n int) error {
	if int64(len(l.data))+int64(n)*int64(l.width) > l.budget {
		return errBudget(l.budget)
	}
	return l.fixed(n, func(_ int, b []byte) {
		l.data = append(l.data, b...)
		l.off = append(l.off, int32(len(l.data)))
	})
}

// readStrings keeps the codes of a dictionary as they are if the batch has had
// nothing but codes.
func readStrings(l *leafReader, n int) (err error) {
	if d := l.dict.strings; d != nil && l.values.encoding == valuesCodes && d.N > 0 && (l.coded || l.rows == l.nulls) {
		codes, err := l.dict.next(&l.values, n)
		if err != nil {
			return err
		}
		if !l.coded { // the rows so far are null
			l.coded = true
			l.off = append(l.off[:0], 0)
			l.i32 = grown(l.i32[:0], l.rows)
			clear(l.i32)
		}
		greatest := uint32(0)
		for _, c := range codes {
			greatest = max(greatest, uint32(c))
		}
		if int(greatest) >= d.N {
			return errCode
		}
		l.i32 = append(l.i32, codes...)
		return nil
	}
	l.off, l.data, err = l.strings(l.off, l.data, n, l.budget)
	return err
}

// decimalConversion reads integers and decimals as decimals that hold them.
func decimalConversion(e *format.SchemaElement, from, want batch.Type) (conversion, int, bool) {
	precision, scale := int(from.Precision), int(from.Scale)
	switch from.Kind {
	case batch.Decimal:
	case batch.TinyInt:
		precision = 3
	case batch.SmallInt:
		precision = 5
	case batch.Int:
		precision = 10
	case batch.BigInt:
		precision = 20
	default:
		return nil, 0, false
	}
	more := int(want.Scale) - scale
	fits := more >= 0 && int(want.Precision)-int(want.Scale) >= precision-scale
	switch e.Type.V {
	case format.Int32:
		if unsignedBits(e) == 32 {
			return nil, 0, false
		}
		return readDecimal32, more, fits
	case format.Int64:
		if unsignedBits(e) == 64 {
			return readUnsigned64, more, fits
		}
		return readDecimal64, more, fits
	case format.ByteArray:
		return readDecimalStrings, more, fits
	}
	return readDecimalFixed, more, fits
}

func (l *leafReader) addDecimal(v batch.Int128) {
	for range l.rescale {
		v = times10(v)
	}
	l.i128 = append(l.i128, v)
}

// times10 multiplies modulo 2^128.
func times10(v batch.Int128) batch.Int128 {
	hi, lo := bits.Mul64(v.Lo, 10)
	return batch.Int128{Hi: v.Hi*10 + int64(hi), Lo: lo}
}

func readDecimal32(l *leafReader, n int) (err error) {
	if l.raw32, err = numbers(&l.chunkReader, l.raw32[:0], n, l.dict.i32); err != nil {
		return err
	}
	for _, v := range l.raw32 {
		l.addDecimal(batch.Int128From(int64(v)))
	}
	return nil
}

func readDecimal64(l *leafReader, n int) (err error) {
	if l.raw64, err = numbers(&l.chunkReader, l.raw64[:0], n, l.dict.i64); err != nil {
		return err
	}
	for _, v := range l.raw64 {
		l.addDecimal(batch.Int128From(v))
	}
	return nil
}

func readUnsigned64(l *leafReader, n int) (err error) {
	if l.raw64, err = numbers(&l.chunkReader, l.raw64[:0], n, l.dict.i64); err != nil {
		return err
	}
	for _, v := range l.raw64 {
		l.addDecimal(batch.Int128{Lo: uint64(v)})
	}
	return nil
}

var errWide = errors.New("a decimal has more than 128 bits")

// int128Of reads a number of any width, most significant byte first.
func int128Of(b []byte) (batch.Int128, error) {
	var v batch.Int128
	if len(b) > 0 && int8(b[0]) < 0 {
		v = batch.Int128{Hi: -1, Lo: math.MaxUint64}
	}
	sign := byte(v.Lo)
	for len(b) > 16 {
		if b[0] != sign || (b[1]^sign)&0x80 != 0 {
			return v, errWide
		}
		b = b[1:]
	}
	for _, x := range b {
		v.Hi = v.Hi<<8 | int64(v.Lo>>56)
		v.Lo = v.Lo<<8 | uint64(x)
	}
	return v, nil
}

func readDecimalFixed(l *leafReader, n int) error {
	var wrong error
	err := l.fixed(n, func(_ int, b []byte) {
		v, err := int128Of(b)
		if err != nil {
			wrong = err
		}
		l.addDecimal(v)
	})
	return errors.Join(err, wrong)
}

func readDecimalStrings(l *leafReader, n int) error {
	off, data, err := l.strings([]int32{0}, nil, n, l.budget)
	if err != nil {
		return err
	}
	for i := range n {
		v, err := int128Of(data[off[i]:off[i+1]])
		if err != nil {
			return err
		}
		l.addDecimal(v)
	}
	return nil
}
