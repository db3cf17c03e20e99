package batch

import (
	"math"
	"strconv"
	"strings"
)

// AppendText appends row i of c as Spark's cast to string and its show print
// it: NULL, true, 1.50, 1.0E10, 2026-01-31 10:20:30.5 (UTC), {1, a}, [1, 2],
// {k -> v}, binary as [1F 0A]. A variant is its JSON.
func AppendText(dst []byte, c *Column, i int) []byte {
	if c.IsNull(i) {
		return append(dst, "NULL"...)
	}
	switch c.Type.Kind {
	case Float:
		return appendJavaFloat(dst, float64(c.F32[i]), 32)
	case Double:
		return appendJavaFloat(dst, c.F64[i], 64)
	case String:
		return append(dst, c.Bytes(i)...)
	case Binary:
		return appendHexBytes(dst, c.Bytes(i))
	case Date:
		return AppendDate(dst, int64(c.I32[i]))
	case Timestamp, TimestampNTZ:
		return appendTextTime(dst, c.I64[i])
	case YearMonth:
		return AppendYearMonth(dst, c.I32[i])
	case DayTime:
		return AppendDayTime(dst, c.I64[i])
	case Struct:
		dst = append(dst, '{')
		for k, kid := range c.Kids {
			dst = AppendText(appendComma(dst, k), kid, i)
		}
		return append(dst, '}')
	case Array:
		dst = append(dst, '[')
		for e := c.Off[i]; e < c.Off[i+1]; e++ {
			dst = AppendText(appendComma(dst, int(e-c.Off[i])), c.Kids[0], int(e))
		}
		return append(dst, ']')
	case Map:
		dst = append(dst, '{')
		for e := c.Off[i]; e < c.Off[i+1]; e++ {
			dst = AppendText(appendComma(dst, int(e-c.Off[i])), c.Kids[0], int(e))
			dst = AppendText(append(dst, " -> "...), c.Kids[1], int(e))
		}
		return append(dst, '}')
	}
	return AppendJSON(dst, c, i) // the same for what is left
}

func appendComma(dst []byte, position int) []byte {
	if position > 0 {
		dst = append(dst, ", "...)
	}
	return dst
}

func appendHexBytes(dst, v []byte) []byte {
	dst = append(dst, '[')
	for i, x := range v {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, "0123456789ABCDEF"[x>>4], "0123456789ABCDEF"[x&15])
	}
	return append(dst, ']')
}

// appendTextTime appends a time with as many digits of the second as it has.
func appendTextTime(dst []byte, micros int64) []byte {
	days := floorDiv(micros, MicrosPerDay)
	rest := micros - days*MicrosPerDay
	dst = append(AppendDate(dst, days), ' ')
	return appendFraction(appendClock(dst, rest/MicrosPerSecond), rest%MicrosPerSecond)
}

// appendJavaFloat appends a float as Java prints it: a point always, and an
// exponent outside 1e-3 to 1e7.
func appendJavaFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	start := len(dst)
	if a := math.Abs(v); a == 0 || a >= 1e-3 && a < 1e7 {
		dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
		if !strings.Contains(string(dst[start:]), ".") {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	mantissa, exponent, _ := strings.Cut(string(dst[start:]), "e")
	dst = append(dst[:start], mantissa...)
	if !strings.Contains(mantissa, ".") {
		dst = append(dst, ".0"...)
	}
	e, _ := strconv.Atoi(exponent) // digits that AppendFloat wrote
	return strconv.AppendInt(append(dst, 'E'), int64(e), 10)
}
