package log

import (
	"math"
	"slices"
	"strconv"

	"github.com/deltaic/deltaic/batch"
)

// parsedStats is the column in which a checkpoint has the statistics as columns.
const parsedStats = "stats_parsed"

// withStats adds what is to be read for the statistics of files where a checkpoint has them as columns alone.
func withStats(want, have batch.Type) batch.Type {
	at := func(t batch.Type, name string) int {
		return slices.IndexFunc(t.Fields, func(f batch.Field) bool { return f.Name == name })
	}
	parsed := at(have, parsedStats)
	if at(have, "stats") >= 0 || parsed < 0 {
		return want
	}
	want.Fields = append(slices.Clip(want.Fields), have.Fields[parsed])
	return want
}

// statsText writes a file's statistics, given as columns, as the text that add-actions have; "" if there are none.
func statsText(r *record, row int) string {
	k := r.value(parsedStats, row)
	if k == nil {
		return ""
	}
	b, ok := appendStats(nil, k, row)
	if !ok {
		return ""
	}
	return string(b)
}

// appendStats writes a value as JSON, and reports whether it has a text there. What has none, such as null, infinity or
// an array, is left out: a bound that is not known excludes no row.
func appendStats(b []byte, c *batch.Column, row int) ([]byte, bool) {
	if c.IsNull(row) {
		return b, false
	}
	switch c.Type.Kind {
	case batch.Struct:
		b = append(b, '{')
		empty := true
		for i, f := range c.Type.Fields {
			before := len(b)
			if !empty {
				b = append(b, ',')
			}
			b = append(AppendString(b, f.Name), ':')
			var ok bool
			if b, ok = appendStats(b, c.Kids[i], row); !ok {
				b = b[:before]
				continue
			}
			empty = false
		}
		return append(b, '}'), !empty
	case batch.Boolean:
		return strconv.AppendBool(b, c.Bool(row)), true
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return strconv.AppendInt(b, int64(c.I32[row]), 10), true
	case batch.BigInt:
		return strconv.AppendInt(b, c.I64[row], 10), true
	case batch.Float:
		return appendNumber(b, float64(c.F32[row]), 32)
	case batch.Double:
		return appendNumber(b, c.F64[row], 64)
	case batch.Decimal:
		return batch.AppendDecimal(b, c.I128[row], int(c.Type.Scale)), true
	case batch.String:
		return AppendString(b, c.Bytes(row)), true
	case batch.Date:
		return append(batch.AppendDate(append(b, '"'), int64(c.I32[row])), '"'), true
	case batch.Timestamp:
		return append(batch.AppendTimestamp(append(b, '"'), c.I64[row], 'T'), `Z"`...), true
	case batch.TimestampNTZ:
		return append(batch.AppendTimestamp(append(b, '"'), c.I64[row], 'T'), '"'), true
	}
	return b, false
}

func appendNumber(b []byte, v float64, bits int) ([]byte, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return b, false
	}
	return strconv.AppendFloat(b, v, 'g', -1, bits), true
}
