package expr

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

// trimmed cuts what Spark's casts trim: blanks and control characters.
func trimmed(s []byte) []byte {
	for len(s) > 0 && s[0] <= ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// text returns s as a string without a copy, for parsers that keep nothing.
func text(s []byte) string { return unsafe.String(unsafe.SliceData(s), len(s)) }

// fromString returns the kernel that reads values of a type from strings, or
// nil if none are read.
func fromString(to batch.Type, mode castMode) kernel {
	read := reader(to, mode)
	if read == nil {
		return nil
	}
	return strict(to, func(x *rows, i int) {
		if class := read(x, trimmed(x.str(0, i))); class != "" {
			x.bad(i, mode, class, batch.StringType, to)
		}
	})
}

const malformed = "CAST_INVALID_INPUT"

// reader returns a function that appends the value of a text, or returns the
// class of what is wrong with it.
func reader(to batch.Type, mode castMode) func(x *rows, s []byte) string {
	switch to.Kind {
	case batch.Boolean:
		return func(x *rows, s []byte) string {
			v, ok := parseBool(s)
			return keep(ok, func() { x.b.Bool(v) })
		}
	case batch.TinyInt, batch.SmallInt, batch.Int:
		low, high := intRange(to.Kind)
		return func(x *rows, s []byte) string {
			v, ok := parseInt(s, mode == castLegacy)
			if !ok || v < low || v > high {
				return malformed
			}
			x.b.Int32(int32(v))
			return ""
		}
	case batch.BigInt:
		return func(x *rows, s []byte) string {
			v, ok := parseInt(s, mode == castLegacy)
			if !ok {
				return malformed
			}
			x.b.Int64(v)
			return ""
		}
	case batch.Float:
		return func(x *rows, s []byte) string {
			v, ok := parseFloat(s, 32)
			return keep(ok, func() { x.b.Float32(float32(v)) })
		}
	case batch.Double:
		return func(x *rows, s []byte) string {
			v, ok := parseFloat(s, 64)
			if !ok {
				return malformed
			}
			x.b.Float64(v)
			return ""
		}
	case batch.Decimal:
		return func(x *rows, s []byte) string {
			v, ok := batch.ParseDecimal(s, int(to.Precision), int(to.Scale))
			if !ok {
				return decimalProblem(s)
			}
			x.b.Decimal(v)
			return ""
		}
	}
	return timeReader(to)
}

// decimalProblem is what is wrong with a text that makes no decimal of the type.
func decimalProblem(s []byte) string {
	if _, number := parseFloat(s, 64); !number || bytes.Trim(s, "+-.0123456789eE") != nil && len(bytes.Trim(s, "+-.0123456789eE")) > 0 {
		return malformed
	}
	if _, ok := batch.ParseDecimal(s, 38, 0); !ok && !bytes.ContainsAny(s, "eE") && len(bytes.TrimLeft(bytes.TrimLeft(s, "+-"), "0")) > 38 || !ok && bytes.ContainsAny(s, "eE") {
		return "NUMERIC_OUT_OF_SUPPORTED_RANGE"
	}
	return "NUMERIC_VALUE_OUT_OF_RANGE"
}

func keep(ok bool, add func()) string {
	if !ok {
		return malformed
	}
	add()
	return ""
}

func timeReader(to batch.Type) func(x *rows, s []byte) string {
	switch to.Kind {
	case batch.Date:
		return func(x *rows, s []byte) string {
			v, ok := datetime.ParseDate(s)
			return keep(ok, func() { x.b.Int32(v) })
		}
	case batch.Timestamp, batch.TimestampNTZ:
		ntz := to.Kind == batch.TimestampNTZ
		return func(x *rows, s []byte) string {
			v, ok := datetime.ParseTimestamp(s, x.r.zone, ntz)
			if !ok {
				return malformed
			}
			x.b.Int64(v)
			return ""
		}
	case batch.YearMonth, batch.DayTime:
		return func(x *rows, s []byte) string {
			months, micros, ok := readInterval(s)
			if !ok || (to.Kind == batch.YearMonth) == (micros != 0) && (months != 0 || micros != 0) {
				return malformed
			}
			if to.Kind == batch.YearMonth {
				x.b.Int32(months)
			} else {
				x.b.Int64(micros)
			}
			return ""
		}
	}
	return nil
}

// readInterval reads "1 hour 30 minutes" and the SQL form INTERVAL '1' DAY.
func readInterval(s []byte) (int32, int64, bool) {
	if len(s) > 200 {
		return 0, 0, false
	}
	if months, micros, ok := parse.ParseInterval(string(s)); ok {
		return months, micros, true
	}
	n, err := parse.Expr(string(s))
	l, ok := n.(*parse.Literal)
	if err != nil || !ok || l.Kind != batch.YearMonth && l.Kind != batch.DayTime {
		return 0, 0, false
	}
	return l.Months, l.Micros, true
}

func intRange(k batch.Kind) (int64, int64) {
	switch k {
	case batch.TinyInt:
		return math.MinInt8, math.MaxInt8
	case batch.SmallInt:
		return math.MinInt16, math.MaxInt16
	case batch.Int, batch.YearMonth:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// parseInt reads a decimal integer; with fraction, digits behind a point are
// allowed and cut off.
func parseInt(s []byte, fraction bool) (int64, bool) {
	dotted := false
	if fraction {
		if at := bytes.IndexByte(s, '.'); at >= 0 {
			for _, c := range s[at+1:] {
				if c < '0' || c > '9' {
					return 0, false
				}
			}
			s, dotted = s[:at], true
		}
	}
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, dotted
	}
	var v uint64
	for _, c := range s {
		if c < '0' || c > '9' || v > math.MaxUint64/10-1 {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	if negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

func parseBool(s []byte) (v, ok bool) {
	if len(s) > 5 {
		return false, false
	}
	switch strings.ToLower(text(s)) {
	case "t", "true", "y", "yes", "1":
		return true, true
	case "f", "false", "n", "no", "0":
		return false, true
	}
	return false, false
}

// parseFloat reads what Java's Double.parseDouble reads, hexadecimal apart.
func parseFloat(s []byte, bits int) (float64, bool) {
	if len(s) == 0 || len(s) > 1000 {
		return 0, false
	}
	if last := s[len(s)-1] | 0x20; (last == 'd' || last == 'f') && len(s) > 1 && (s[len(s)-2] >= '0' && s[len(s)-2] <= '9' || s[len(s)-2] == '.') {
		s = s[:len(s)-1]
	}
	if bytes.ContainsAny(s, "xX_pP") {
		return 0, false
	}
	v, err := strconv.ParseFloat(text(s), bits)
	if err != nil && !math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// toStringKernel writes values as CAST to string does.
func toStringKernel(from batch.Type) kernel {
	if integral(from.Kind) {
		return wholeToString
	}
	return strict(batch.StringType, func(x *rows, i int) {
		x.bytes(appendValue(x.buf[:0], x.a[0].c, i&x.a[0].mask(), x.r.zone))
	})
}

// wholeToString writes integers straight into the column.
func wholeToString(r *run, _ []int32, a []val) (*batch.Column, error) {
	c := r.new(batch.StringType)
	c.CopyValid(a[0].c)
	c.ReserveData(8 * r.n)
	var room [20]byte
	for i := range r.n {
		if !c.IsNull(i) {
			v, _ := whole(a[0].c, i)
			c.AppendData(strconv.AppendInt(room[:0], v, 10))
		}
		c.Off[i+1] = int32(len(c.Data))
	}
	return c, nil
}

// appendValue appends a row that is not null as CAST to string writes it.
func appendValue(dst []byte, c *batch.Column, i int, zone *time.Location) []byte {
	switch c.Type.Kind {
	case batch.Boolean:
		return strconv.AppendBool(dst, c.Bool(i))
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return strconv.AppendInt(dst, int64(c.I32[i]), 10)
	case batch.BigInt:
		return strconv.AppendInt(dst, c.I64[i], 10)
	case batch.Float:
		return appendFloat(dst, float64(c.F32[i]), 32)
	case batch.Double:
		return appendFloat(dst, c.F64[i], 64)
	case batch.Decimal:
		return batch.AppendDecimal(dst, c.I128[i], int(c.Type.Scale))
	case batch.String, batch.Binary:
		return append(dst, c.Bytes(i)...)
	case batch.Date:
		return datetime.AppendDate(dst, c.I32[i])
	case batch.Timestamp:
		return datetime.AppendTimestamp(dst, datetime.Local(c.I64[i], zone))
	case batch.TimestampNTZ:
		return datetime.AppendTimestamp(dst, c.I64[i])
	case batch.YearMonth:
		return append(dst, parse.IntervalSQL(c.Type, int64(c.I32[i]))...)
	case batch.DayTime:
		return append(dst, parse.IntervalSQL(c.Type, c.I64[i])...)
	case batch.Variant:
		if v := c.Kids[1].Bytes(i); len(v) > 0 {
			if t, ok := scalarOf(v); ok && (t.Kind == batch.Timestamp || t.Kind == batch.TimestampNTZ || t.Kind == batch.Binary) {
				one := batch.NewBuilder(t, nil)
				putScalar(one, v)
				return appendValue(dst, one.Finish(), 0, zone)
			}
		}
		at := len(dst)
		if dst = batch.AppendJSON(dst, c, i); dst[at] == '"' {
			return append(dst[:at], jsonText(dst[at:])...)
		}
		return dst
	case batch.Struct:
		return appendStruct(dst, c, i, zone)
	case batch.Array, batch.Map:
		return appendList(dst, c, i, zone)
	}
	return append(dst, "NULL"...)
}

func appendOrNull(dst []byte, c *batch.Column, i int, zone *time.Location) []byte {
	switch {
	case c.IsNull(i):
		return append(dst, "null"...)
	case c.Type.Kind == batch.Variant:
		return batch.AppendJSON(dst, c, i)
	}
	return appendValue(dst, c, i, zone)
}

func appendStruct(dst []byte, c *batch.Column, i int, zone *time.Location) []byte {
	dst = append(dst, '{')
	for k, kid := range c.Kids {
		if k > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendOrNull(dst, kid, i, zone)
	}
	return append(dst, '}')
}

func appendList(dst []byte, c *batch.Column, i int, zone *time.Location) []byte {
	open, shut := byte('['), byte(']')
	if c.Type.Kind == batch.Map {
		open, shut = '{', '}'
	}
	dst = append(dst, open)
	for j := int(c.Off[i]); j < int(c.Off[i+1]); j++ {
		if j > int(c.Off[i]) {
			dst = append(dst, ", "...)
		}
		dst = appendOrNull(dst, c.Kids[0], j, zone)
		if c.Type.Kind == batch.Map {
			dst = append(dst, " -> "...)
			dst = appendOrNull(dst, c.Kids[1], j, zone)
		}
	}
	return append(dst, shut)
}

// appendFloat writes a number as Java's Double.toString does.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	if a := math.Abs(v); a == 0 || a >= 1e-3 && a < 1e7 {
		from := len(dst)
		dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
		if bytes.IndexByte(dst[from:], '.') < 0 {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	var room [32]byte
	s := strconv.AppendFloat(room[:0], v, 'e', -1, bits)
	at := bytes.IndexByte(s, 'e')
	if at <= 2 { // one digit: of those of two the nearest, as in Java
		s = strconv.AppendFloat(room[:0], v, 'e', 1, bits)
		at = bytes.IndexByte(s, 'e')
	}
	dst = append(dst, s[:at]...)
	if bytes.IndexByte(s[:at], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	dst = append(dst, 'E')
	exponent := s[at+1:]
	if exponent[0] == '-' {
		dst = append(dst, '-')
	}
	return append(dst, bytes.TrimLeft(exponent[1:], "0")...)
}
