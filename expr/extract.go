package expr

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

// fieldNames are the names that date_part and EXTRACT know, by the field that they mean.
var fieldNames = map[string]string{"year": "year", "y": "year", "years": "year", "yr": "year", "yrs": "year", "yearofweek": "yearofweek", "quarter": "quarter", "qtr": "quarter",
	"month": "month", "mon": "month", "mons": "month", "months": "month", "week": "weekofyear", "w": "weekofyear", "weeks": "weekofyear", "day": "day", "d": "day", "days": "day",
	"dayofweek": "dayofweek", "dow": "dayofweek", "dayofweek_iso": "isodayofweek", "dow_iso": "isodayofweek", "doy": "dayofyear", "hour": "hour", "h": "hour", "hours": "hour", "hr": "hour", "hrs": "hour",
	"minute": "minute", "m": "minute", "min": "minute", "mins": "minute", "minutes": "minute", "second": "second", "s": "second", "sec": "second", "seconds": "second", "secs": "second"}

func init() {
	define("date_part", "date_part(field, x)", "A field of a date, time or interval, named by a string.", "date_part('year', DATE'2026-03-09')", "2026", 2, 2, datePart)
	also("date_part", "datepart")
	clockFields["yearofweek"] = func(d int32, _ int64) int32 { y, _ := datetime.ISOWeek(d); return int32(y) }
	clockFields["isodayofweek"] = func(d int32, _ int64) int32 { return int32(datetime.Weekday(d)) }
}

func datePart(b *binder, c *parse.Call, args []*node) (*node, error) {
	text, ok := stringConstant(args[0])
	if !ok && args[0].t.Kind != batch.Void {
		return nil, b.fail(c, "NON_FOLDABLE_ARGUMENT", "the field of %s is a string constant", strings.ToLower(c.Name))
	}
	field := fieldNames[strings.ToLower(text)]
	if field == "" {
		return nil, noField(b, c, args[1], text)
	}
	x := args[1]
	if k := x.t.Kind; !instantKind(k) && !interval(k) && k != batch.String && k != batch.Void {
		return nil, b.mismatch(c, "%s takes a field of a date, a time or an interval, not of %s", strings.ToLower(c.Name), clip(x.t.String()))
	}
	if interval(x.t.Kind) {
		if n := b.intervalField(field, x); n != nil {
			return n, nil
		}
		return nil, noField(b, c, x, text)
	}
	if field == "second" {
		return b.seconds(x, c)
	}
	return b.clock(field, x, c)
}

func noField(b *binder, c *parse.Call, x *node, text string) error {
	return b.fail(c, "INVALID_EXTRACT_FIELD", "%s has no field %q; dates and times have year, yearofweek, quarter, month, week, day, dayofweek, dayofweek_iso, doy, hour, minute and second", clip(x.t.String()), clip(text))
}

// intervalField binds a field of an interval, with the sign of all of it; nil if it has no such field.
func (b *binder) intervalField(field string, x *node) *node {
	type part struct {
		t           batch.Type
		by, modulus int64
	}
	parts := map[string]part{"year": {batch.IntType, 12, 0}, "month": {batch.TinyIntType, 1, 12}}
	if x.t.Kind == batch.DayTime {
		parts = map[string]part{"day": {batch.IntType, datetime.Day, 0}, "hour": {batch.TinyIntType, datetime.Hour, 24},
			"minute": {batch.TinyIntType, datetime.Minute, 60}, "second": {batch.DecimalType(8, 6), 1, 60 * datetime.Second}}
	}
	p, ok := parts[field]
	if !ok {
		return nil
	}
	return b.intern(b.callStrict("extract", p.t, strict(p.t, func(x *rows, i int) {
		v := x.whole(0, i) / p.by
		if p.modulus > 0 {
			v %= p.modulus
		}
		if p.t.Kind == batch.Decimal {
			x.b.Decimal(batch.Int128From(v))
		} else {
			x.b.Int32(int32(v))
		}
	}), x), field)
}
