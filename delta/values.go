package delta

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
)

const (
	microsPerDay = 24 * 60 * 60 * 1_000_000
	// Days of 0001-01-01 and 9999-12-31, outside which text forms differ between readers.
	firstDay, lastDay = -719162, 2932896
)

// appendDate writes yyyy-MM-dd; false: the year has not four digits.
func appendDate(b []byte, days int64) ([]byte, bool) {
	if days < firstDay || days > lastDay {
		return b, false
	}
	return batch.AppendDate(b, days), true
}

// appendTime writes date, separator, time with six digits of fraction, zone.
func appendTime(b []byte, micros int64, separator byte, zone string) ([]byte, bool) {
	day := micros / microsPerDay
	if micros%microsPerDay < 0 {
		day--
	}
	b, ok := appendDate(b, day)
	if !ok {
		return b, false
	}
	b = append(b, separator)
	b = time.UnixMicro(micros-day*microsPerDay).UTC().AppendFormat(b, "15:04:05.000000")
	return append(b, zone...), true
}

// javaFloat writes a floating point number as Java's toString does.
func javaFloat(v float64, size int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	if abs := math.Abs(v); abs == 0 || abs >= 1e-3 && abs < 1e7 {
		s := strconv.FormatFloat(v, 'f', -1, size)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, size), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	e, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(e)
}

// partitionValue writes a row's value as partitionValues hold it; "" is null.
func partitionValue(c *batch.Column, row int) (string, error) {
	if c.IsNull(row) {
		return "", nil
	}
	var text []byte
	ok := true
	switch c.Type.Kind {
	case batch.Boolean:
		return strconv.FormatBool(c.Bool(row)), nil
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return strconv.FormatInt(int64(c.I32[row]), 10), nil
	case batch.BigInt:
		return strconv.FormatInt(c.I64[row], 10), nil
	case batch.Float:
		return javaFloat(float64(c.F32[row]), 32), nil
	case batch.Double:
		return javaFloat(c.F64[row], 64), nil
	case batch.Decimal:
		return string(batch.AppendDecimal(nil, c.I128[row], int(c.Type.Scale))), nil
	case batch.String, batch.Binary:
		return string(c.Bytes(row)), nil
	case batch.Date:
		text, ok = appendDate(nil, int64(c.I32[row]))
	case batch.Timestamp:
		text, ok = appendTime(nil, c.I64[row], 'T', "Z")
	case batch.TimestampNTZ:
		text, ok = appendTime(nil, c.I64[row], ' ', "")
	default:
		return "", fmt.Errorf("type %s cannot partition a table", c.Type)
	}
	if !ok {
		return "", fmt.Errorf("its year is outside of 1 to 9999")
	}
	return string(text), nil
}

// constant returns a column of n rows that all hold the partition value.
func constant(t batch.Type, value string, n int, pool *batch.Pool) (*batch.Column, error) {
	if value == "" {
		return nulls(t, n, pool), nil
	}
	if t.Kind == batch.String || t.Kind == batch.Binary {
		return batch.NewConst(pool, t, []byte(value), n), nil
	}
	b := batch.NewBuilder(t, pool)
	put, err := parsePartition(b, t, value)
	if err != nil {
		b.Release()
		return nil, err
	}
	for range n {
		put()
	}
	return b.Finish(), nil
}

// appendPartition appends a partition value, which is not null.
func appendPartition(b *batch.Builder, t batch.Type, value string) error {
	if t.Kind == batch.String || t.Kind == batch.Binary {
		b.String(value)
		return nil
	}
	put, err := parsePartition(b, t, value)
	if err == nil {
		put()
	}
	return err
}

// parsePartition returns what appends the value to the builder.
func parsePartition(b *batch.Builder, t batch.Type, value string) (func(), error) {
	fail := func() (func(), error) { return nil, fmt.Errorf("the partition value %q is no %s", value, t) }
	switch t.Kind {
	case batch.Boolean:
		v, err := strconv.ParseBool(value)
		if err != nil {
			return fail()
		}
		return func() { b.Bool(v) }, nil
	case batch.TinyInt, batch.SmallInt, batch.Int:
		v, err := strconv.ParseInt(value, 10, map[batch.Kind]int{batch.TinyInt: 8, batch.SmallInt: 16, batch.Int: 32}[t.Kind])
		if err != nil {
			return fail()
		}
		return func() { b.Int32(int32(v)) }, nil
	case batch.BigInt:
		v, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fail()
		}
		return func() { b.Int64(v) }, nil
	case batch.Float, batch.Double:
		v, err := strconv.ParseFloat(value, map[batch.Kind]int{batch.Float: 32, batch.Double: 64}[t.Kind])
		if err != nil && !math.IsInf(v, 0) {
			return fail()
		}
		if t.Kind == batch.Float {
			return func() { b.Float32(float32(v)) }, nil
		}
		return func() { b.Float64(v) }, nil
	case batch.Decimal:
		v, ok := batch.ParseDecimal([]byte(value), int(t.Precision), int(t.Scale))
		if !ok {
			return fail()
		}
		return func() { b.Decimal(v) }, nil
	case batch.Date:
		v, err := time.Parse("2006-01-02", value)
		if err != nil {
			return fail()
		}
		days := v.Unix() / 86400
		return func() { b.Int32(int32(days)) }, nil
	case batch.Timestamp, batch.TimestampNTZ:
		v, ok := parseTime(value)
		if !ok {
			return fail()
		}
		return func() { b.Int64(v) }, nil
	}
	return fail()
}

// parseTime reads the spellings of timestamps that partition values have; one
// without a zone counts as UTC.
func parseTime(s string) (int64, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}
