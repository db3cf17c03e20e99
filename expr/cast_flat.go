package expr

import (
	"encoding/binary"
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
)

const overflow = "CAST_OVERFLOW"

// castFlat returns how one flat value becomes another, and whether some do not.
func castFlat(from, to batch.Type, mode castMode) (func(x *rows, i int), bool) {
	switch to.Kind {
	case batch.Boolean:
		if numeric(from.Kind) || from.Kind == batch.Timestamp && mode == castLegacy {
			return func(x *rows, i int) { x.b.Bool(!isZero(x.a[0].c, i&x.a[0].mask())) }, false
		}
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt:
		return castInt(from, to, mode), true
	case batch.Float, batch.Double:
		return castFloat(from, to), false
	case batch.Decimal:
		return castDecimal(from, to, mode), true
	case batch.Timestamp:
		return castTimestamp(from, mode)
	case batch.TimestampNTZ:
		switch from.Kind {
		case batch.Timestamp:
			return func(x *rows, i int) { x.b.Int64(datetime.Local(x.i64(0, i), x.r.zone)) }, false
		case batch.Date:
			return func(x *rows, i int) { x.b.Int64(int64(x.i32(0, i)) * datetime.Day) }, false
		}
	case batch.Date:
		switch from.Kind {
		case batch.Timestamp:
			return func(x *rows, i int) {
				days, _ := datetime.Split(datetime.Local(x.i64(0, i), x.r.zone))
				x.b.Int32(days)
			}, false
		case batch.TimestampNTZ:
			return func(x *rows, i int) { days, _ := datetime.Split(x.i64(0, i)); x.b.Int32(days) }, false
		}
	}
	return nil, false
}

func isZero(c *batch.Column, i int) bool {
	switch c.Type.Kind {
	case batch.BigInt, batch.Timestamp:
		return c.I64[i] == 0
	case batch.Float:
		return c.F32[i] == 0
	case batch.Double:
		return c.F64[i] == 0
	case batch.Decimal:
		return c.I128[i].Sign() == 0
	}
	return c.I32[i] == 0
}

// whole returns a value cut to an integer, and whether it fits 64 bits.
func whole(c *batch.Column, i int) (int64, bool) {
	switch c.Type.Kind {
	case batch.Boolean:
		return int64(bitOf(c.Bool(i))), true
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return int64(c.I32[i]), true
	case batch.BigInt:
		return c.I64[i], true
	case batch.Float:
		return cut(float64(c.F32[i]))
	case batch.Double:
		return cut(c.F64[i])
	case batch.Decimal:
		q, _ := c.I128[i].QuoRem(batch.Pow10(int(c.Type.Scale)))
		v, ok := q.Int64()
		return v, ok
	case batch.Timestamp:
		v := c.I64[i]
		q := v / datetime.Second
		if v%datetime.Second < 0 {
			q--
		}
		return q, true
	}
	return 0, false
}

// cut truncates; out of range it saturates and NaN is 0, as Java's casts.
func cut(v float64) (int64, bool) {
	switch {
	case math.IsNaN(v):
		return 0, false
	case v >= 1<<63:
		return math.MaxInt64, false
	case v < -1<<63:
		return math.MinInt64, false
	}
	return int64(v), true
}

func castInt(from, to batch.Type, mode castMode) func(x *rows, i int) {
	if from.Kind != batch.Boolean && !numeric(from.Kind) && from.Kind != batch.Timestamp {
		return nil
	}
	low, high := intRange(to.Kind)
	saturate := from.Kind == batch.Float || from.Kind == batch.Double
	return func(x *rows, i int) {
		v, ok := whole(x.a[0].c, i&x.a[0].mask())
		if !ok || v < low || v > high {
			if mode == castLegacy && from.Kind == batch.Decimal {
				q, _ := x.a[0].c.I128[i&x.a[0].mask()].QuoRem(batch.Pow10(int(from.Scale)))
				v = int64(q.Lo)
			} else if mode != castLegacy || from.Kind == batch.Timestamp && to.Kind < batch.Int {
				x.bad(i, mode, overflow, from, to)
				return
			}
			if saturate && to.Kind <= batch.Int { // through a 32-bit int, as Java
				v = min(max(v, math.MinInt32), math.MaxInt32)
			}
		}
		switch to.Kind {
		case batch.BigInt:
			x.b.Int64(v)
		case batch.TinyInt:
			x.b.Int32(int32(int8(v)))
		case batch.SmallInt:
			x.b.Int32(int32(int16(v)))
		default:
			x.b.Int32(int32(v))
		}
	}
}

// float returns a number as a double.
func float(c *batch.Column, i int) float64 {
	switch c.Type.Kind {
	case batch.Boolean:
		return float64(bitOf(c.Bool(i)))
	case batch.BigInt:
		return float64(c.I64[i])
	case batch.Timestamp:
		return float64(c.I64[i]) / 1e6
	case batch.Float:
		return float64(c.F32[i])
	case batch.Double:
		return c.F64[i]
	case batch.Decimal:
		return c.I128[i].Float64(int(c.Type.Scale))
	}
	return float64(c.I32[i])
}

func castFloat(from, to batch.Type) func(x *rows, i int) {
	if from.Kind != batch.Boolean && !numeric(from.Kind) && from.Kind != batch.Timestamp {
		return nil
	}
	if to.Kind == batch.Float {
		return func(x *rows, i int) { x.b.Float32(float32(float(x.a[0].c, i&x.a[0].mask()))) }
	}
	return func(x *rows, i int) { x.b.Float64(float(x.a[0].c, i&x.a[0].mask())) }
}

func castDecimal(from, to batch.Type, mode castMode) func(x *rows, i int) {
	if from.Kind != batch.Boolean && !numeric(from.Kind) && from.Kind != batch.Timestamp {
		return nil
	}
	precision, scale := int(to.Precision), int(to.Scale)
	return func(x *rows, i int) {
		c, i0 := x.a[0].c, i&x.a[0].mask()
		var v batch.Int128
		ok := true
		switch from.Kind {
		case batch.Decimal:
			v, ok = c.I128[i0].Rescale(int(from.Scale), scale)
		case batch.Timestamp:
			v, ok = batch.Int128From(c.I64[i0]).Rescale(6, scale)
		case batch.Float, batch.Double:
			if f := float(c, i0); math.IsNaN(f) || math.IsInf(f, 0) {
				x.b.Null()
				return
			}
			x.buf = appendFloat(x.buf[:0], float(c, i0), 64) // a float by all digits of its double, as in Spark
			v, ok = batch.ParseDecimal(x.buf, precision, scale)
		default:
			w, _ := whole(c, i0)
			v, ok = batch.Int128From(w).Rescale(0, scale)
		}
		if !ok || !v.FitsPrecision(precision) {
			x.bad(i, mode, "NUMERIC_VALUE_OUT_OF_RANGE", from, to)
			return
		}
		x.b.Decimal(v)
	}
}

// castTimestamp reads numbers as seconds since 1970 with their fraction.
func castTimestamp(from batch.Type, mode castMode) (func(x *rows, i int), bool) {
	switch {
	case from.Kind == batch.Date:
		return func(x *rows, i int) { x.b.Int64(datetime.Instant(int64(x.i32(0, i))*datetime.Day, x.r.zone)) }, false
	case from.Kind == batch.TimestampNTZ:
		return func(x *rows, i int) { x.b.Int64(datetime.Instant(x.i64(0, i), x.r.zone)) }, false
	case from.Kind != batch.Boolean && !numeric(from.Kind):
		return nil, false
	}
	return func(x *rows, i int) {
		c, i0 := x.a[0].c, i&x.a[0].mask()
		var v int64
		ok := true
		switch from.Kind {
		case batch.Float, batch.Double:
			f := float(c, i0)
			if math.IsNaN(f) || math.IsInf(f, 0) {
				x.bad(i, mode, malformed, from, batch.TimestampType)
				return
			}
			if v, ok = cut(f * 1e6); mode == castLegacy {
				ok = true // Java's casts saturate
			}
		case batch.Decimal:
			var w batch.Int128
			if s := int(from.Scale); s > 6 {
				w, _ = c.I128[i0].QuoRem(batch.Pow10(s - 6))
			} else {
				w, ok = c.I128[i0].Rescale(s, 6)
			}
			fits := false
			v, fits = w.Int64()
			ok = ok && fits
		default:
			v, ok = whole(c, i0)
			switch { // seconds beyond the range end at its bounds
			case v > math.MaxInt64/1_000_000:
				v = math.MaxInt64
			case v < math.MinInt64/1_000_000:
				v = math.MinInt64
			default:
				v *= 1_000_000
			}
			if from.Kind == batch.Boolean {
				v /= 1_000_000
			}
		}
		if !ok {
			x.bad(i, mode, overflow, from, batch.TimestampType)
			return
		}
		x.b.Int64(v)
	}, true
}

// intToBinary writes integers big-endian, as Spark without ANSI does.
func intToBinary(from batch.Type) kernel {
	return strict(batch.BinaryType, func(x *rows, i int) {
		v, _ := whole(x.a[0].c, i&x.a[0].mask())
		b := binary.BigEndian.AppendUint64(x.buf[:0], uint64(v))
		width := map[batch.Kind]int{batch.TinyInt: 1, batch.SmallInt: 2, batch.Int: 4, batch.BigInt: 8}[from.Kind]
		x.b.Bytes(b[8-width:])
		x.buf = b[:0]
	})
}
