package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
)

// castInterval returns how integers and decimals become intervals of months or seconds, and the other way round. What does not
// fit fails in every mode but try_cast, as in Spark.
func castInterval(from, to batch.Type, mode castMode) (kernel, bool, bool) {
	fails := func(x *rows, i int, class string) {
		if mode == castTry {
			x.b.Null()
			return
		}
		x.fail(i, class, fmt.Sprintf("the value does not fit %s. Use try_cast to get NULL instead.", to), nil)
	}
	switch {
	case from.Kind == to.Kind:
		return showUnits(to), false, true
	case interval(to.Kind) && (integral(from.Kind) || from.Kind == batch.Decimal):
		return strict(to, func(x *rows, i int) {
			if v, ok := intervalOf(x.a[0].c, i&x.a[0].mask(), to); !ok {
				fails(x, i, overflow)
			} else if to.Kind == batch.YearMonth {
				x.b.Int32(int32(v))
			} else {
				x.b.Int64(v)
			}
		}), true, true
	case interval(from.Kind) && integral(to.Kind):
		low, high := intRange(to.Kind)
		return strict(to, func(x *rows, i int) {
			v := x.whole(0, i) / unitSize(from)
			switch {
			case v < low || v > high:
				fails(x, i, overflow)
			case to.Kind == batch.BigInt:
				x.b.Int64(v)
			default:
				x.b.Int32(int32(v))
			}
		}), true, true
	case interval(from.Kind) && to.Kind == batch.Decimal:
		size := unitSize(from)
		return strict(to, func(x *rows, i int) {
			v, ok := decimalOp("/", batch.Int128From(x.whole(0, i)), batch.Int128From(size), 0, 0, int(to.Scale))
			if !ok || !v.FitsPrecision(int(to.Precision)) {
				fails(x, i, "NUMERIC_VALUE_OUT_OF_RANGE")
				return
			}
			x.b.Decimal(v)
		}), true, true
	}
	return nil, false, false
}

// unitSize is the last unit that an interval shows, in months or microseconds.
func unitSize(t batch.Type) int64 {
	_, to := t.Units()
	if t.Kind == batch.YearMonth {
		return [...]int64{12, 1}[to]
	}
	return [...]int64{datetime.Day, datetime.Hour, datetime.Minute, datetime.Second}[to]
}

// showUnits cuts intervals to the last unit that the type shows.
func showUnits(t batch.Type) kernel {
	size := unitSize(t)
	if t.Kind == batch.YearMonth && size == 1 || size == datetime.Second {
		return relabel(t)
	}
	return strict(t, func(x *rows, i int) {
		v := x.whole(0, i)
		if v -= v % size; t.Kind == batch.YearMonth {
			x.b.Int32(int32(v))
		} else {
			x.b.Int64(v)
		}
	})
}

// intervalOf returns so many of the last unit that the type shows, rounded half up.
func intervalOf(c *batch.Column, i int, t batch.Type) (int64, bool) {
	v, scale := batch.Int128{}, 0
	if c.Type.Kind == batch.Decimal {
		v, scale = c.I128[i], int(c.Type.Scale)
	} else {
		w, _ := whole(c, i)
		v = batch.Int128From(w)
	}
	total, ok := v.Mul(batch.Int128From(unitSize(t)))
	if !ok {
		return 0, false
	}
	total, ok = total.Rescale(scale, 0)
	n, fits := total.Int64()
	return n, ok && fits && (t.Kind == batch.DayTime || n >= math.MinInt32 && n <= math.MaxInt32)
}

// intervalFromText reads y-m, d h:m:s, and the same within INTERVAL '...' YEAR TO MONTH.
func intervalFromText(to batch.Type, mode castMode) kernel {
	return strict(to, func(x *rows, i int) {
		s := strings.TrimSpace(string(x.str(0, i)))
		v, ok := readMonths(s)
		if to.Kind == batch.DayTime {
			v, ok = readDayTime(s)
		}
		if !ok {
			if months, micros, literal := literalInterval(s); literal && (to.Kind == batch.YearMonth) == (micros == 0 && months != 0) {
				v, ok = micros+int64(months), true
			}
		}
		switch {
		case ok && to.Kind == batch.YearMonth:
			x.b.Int32(int32(v))
		case ok:
			x.b.Int64(v)
		case mode == castTry:
			x.b.Null()
		default:
			x.fail(i, "INVALID_INTERVAL_FORMAT", fmt.Sprintf("%.200q is no %s, such as %s", s, to, map[batch.Kind]string{batch.YearMonth: "1-2", batch.DayTime: "1 02:03:04"}[to.Kind]), x.str(0, i))
		}
	})
}

func literalInterval(s string) (int32, int64, bool) {
	if len(s) < 8 || !strings.EqualFold(s[:8], "interval") {
		return 0, 0, false
	}
	return readInterval([]byte(s))
}

// signed parts the sign from a text.
func signedText(s string) (sign int64, rest string) {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return -1, rest
	}
	return 1, strings.TrimPrefix(s, "+")
}

func readMonths(s string) (int64, bool) {
	sign, s := signedText(s)
	y, m, ok := strings.Cut(s, "-")
	years, err1 := strconv.ParseUint(y, 10, 31)
	months, err2 := strconv.ParseUint(m, 10, 31)
	total := sign * (int64(years)*12 + int64(months))
	return total, ok && err1 == nil && err2 == nil && months < 12 && total == int64(int32(total))
}

func readDayTime(s string) (int64, bool) {
	sign, s := signedText(s)
	d, clock, ok := strings.Cut(s, " ")
	parts := strings.Split(clock, ":")
	days, err := strconv.ParseUint(d, 10, 31)
	if !ok || err != nil || len(parts) != 3 || days > 106_751_991 {
		return 0, false
	}
	total := batch.MulInt64(int64(days), datetime.Day)
	seconds, fraction, dotted := strings.Cut(parts[2], ".")
	limits := [...]uint64{23, 59, 59}
	units := [...]int64{datetime.Hour, datetime.Minute, datetime.Second}
	for k, p := range []string{parts[0], parts[1], seconds} {
		v, err := strconv.ParseUint(p, 10, 8)
		if err != nil || v > limits[k] || len(p) > 2 {
			return 0, false
		}
		total = total.Add(batch.MulInt64(int64(v), units[k]))
	}
	if dotted {
		if len(fraction) > 9 {
			return 0, false
		}
		micros, err := strconv.ParseUint((fraction + "000000")[:6], 10, 32)
		if err != nil {
			return 0, false
		}
		total = total.Add(batch.Int128From(int64(micros)))
	}
	if sign < 0 {
		total = total.Neg()
	}
	return total.Int64()
}
