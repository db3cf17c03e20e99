package batch

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends row i of c as JSON: integers as digits, decimals as a
// number with all digits of the scale, floats in the shortest form that reads back the same, with
// "NaN", "Infinity" and "-Infinity" as strings, timestamps as
// "2026-01-31T10:20:30.123456Z", without the Z when they have no zone, dates as "2026-01-31",
// binary as base64, a map as a list of {"key","value"} sorted by key, void as
// null, a variant as its own JSON, intervals as Spark writes them in text. A byte of a string
// that is not UTF-8 becomes U+FFFD. A broken variant is a string that
// says so: "<broken variant: ...>".
func AppendJSON(dst []byte, c *Column, i int) []byte {
	if c.IsNull(i) {
		return append(dst, "null"...)
	}
	switch c.Type.Kind {
	case Boolean:
		return strconv.AppendBool(dst, c.Bool(i))
	case TinyInt, SmallInt, Int:
		return strconv.AppendInt(dst, int64(c.I32[i]), 10)
	case BigInt:
		return strconv.AppendInt(dst, c.I64[i], 10)
	case Float:
		return appendJSONFloat(dst, float64(c.F32[i]), 32)
	case Double:
		return appendJSONFloat(dst, c.F64[i], 64)
	case Decimal:
		return AppendDecimal(dst, c.I128[i], int(c.Type.Scale))
	case String:
		return AppendJSONString(dst, c.Bytes(i))
	case Binary:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), c.Bytes(i)), '"')
	case Date:
		return append(AppendDate(append(dst, '"'), int64(c.I32[i])), '"')
	case Timestamp:
		return append(AppendTimestamp(append(dst, '"'), c.I64[i], 'T'), 'Z', '"')
	case TimestampNTZ:
		return append(AppendTimestamp(append(dst, '"'), c.I64[i], 'T'), '"')
	case YearMonth:
		return append(AppendYearMonth(append(dst, '"'), c.I32[i]), '"')
	case DayTime:
		return append(AppendDayTime(append(dst, '"'), c.I64[i]), '"')
	case Struct:
		return appendJSONObject(dst, c.Type.Fields, c.Kids, i)
	case Array:
		return appendJSONArray(dst, c, i)
	case Map:
		return appendJSONMap(dst, c, i)
	case Variant:
		start := len(dst)
		dst, err := AppendVariantJSON(dst, c.Kids[0].Bytes(i), c.Kids[1].Bytes(i))
		if err != nil {
			return AppendJSONString(dst[:start], []byte("<broken variant: "+err.Error()+">"))
		}
		return dst
	}
	return append(dst, "null"...)
}

// AppendRowJSON appends physical row i of b as one object, columns in schema order, nulls written,
// without a line end.
func AppendRowJSON(dst []byte, b *Batch, i int) []byte {
	return appendJSONObject(dst, b.Schema.Fields, b.Columns, i)
}

func appendJSONObject(dst []byte, fields []Field, columns []*Column, i int) []byte {
	dst = append(dst, '{')
	for k, c := range columns {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendJSONString(dst, []byte(fields[k].Name)), ':')
		if c == nil {
			dst = append(dst, "null"...)
		} else {
			dst = AppendJSON(dst, c, i)
		}
	}
	return append(dst, '}')
}

func appendJSONArray(dst []byte, c *Column, i int) []byte {
	dst = append(dst, '[')
	for e := c.Off[i]; e < c.Off[i+1]; e++ {
		if e > c.Off[i] {
			dst = append(dst, ',')
		}
		dst = AppendJSON(dst, c.Kids[0], int(e))
	}
	return append(dst, ']')
}

// sortedEntries returns the entries of map row i as rows of the kids, ordered by key.
func sortedEntries(c *Column, i int) []int {
	entries := make([]int, 0, c.Off[i+1]-c.Off[i])
	for e := c.Off[i]; e < c.Off[i+1]; e++ {
		entries = append(entries, int(e))
	}
	slices.SortStableFunc(entries, func(a, b int) int { return CompareRows(c.Kids[0], a, c.Kids[0], b) })
	return entries
}

func appendJSONMap(dst []byte, c *Column, i int) []byte {
	dst = append(dst, '[')
	for n, e := range sortedEntries(c, i) {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSON(append(dst, `{"key":`...), c.Kids[0], e)
		dst = AppendJSON(append(dst, `,"value":`...), c.Kids[1], e)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendJSONFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	// Plain digits in the range where people read them, as JavaScript does.
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, v, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, bits)
}

// plain says of each byte whether it stands for itself in a JSON string, whatever is beside it.
var plain = func() (t [256]bool) {
	for ch := ' '; ch < utf8.RuneSelf; ch++ {
		t[ch] = ch != '"' && ch != '\\'
	}
	return t
}()

const hexDigits = "0123456789abcdef"

// AppendJSONString appends v as a JSON string. Bytes that are not UTF-8 become
// U+FFFD; nothing is escaped that need not be.
func AppendJSONString(dst, v []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; ; {
		for i < len(v) && plain[v[i]] {
			i++
		}
		if i == len(v) {
			break
		}
		ch := v[i]
		if ch >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(v[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, v[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, v[start:i]...)
		switch ch {
		case '"', '\\':
			dst = append(dst, '\\', ch)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[ch>>4], hexDigits[ch&15])
		}
		i++
		start = i
	}
	return append(append(dst, v[start:]...), '"')
}
