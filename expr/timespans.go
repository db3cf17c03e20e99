package expr

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

// truncate cuts a wall clock to a unit; false: no such unit.
func truncate(unit string, days int32, ofDay int64) (int32, int64, bool) {
	y, m, _ := datetime.Civil(days)
	switch unit {
	case "YEAR", "YYYY", "YY":
		return datetime.Days(y, 1, 1), 0, true
	case "QUARTER":
		return datetime.Days(y, (m-1)/3*3+1, 1), 0, true
	case "MONTH", "MON", "MM":
		return datetime.Days(y, m, 1), 0, true
	case "WEEK":
		return days - int32(datetime.Weekday(days)) + 1, 0, true
	case "DAY", "DD":
		return days, 0, true
	}
	n := map[string]int64{"HOUR": datetime.Hour, "MINUTE": datetime.Minute, "SECOND": datetime.Second,
		"MILLISECOND": 1000, "MICROSECOND": 1}[unit]
	if n == 0 {
		return 0, 0, false
	}
	return days, ofDay - ofDay%n, true
}

// keepsOffset reports whether a time cut to the unit keeps its offset where the wall clock of the result has it: of units up to a day, as in Java.
func keepsOffset(unit string) bool {
	switch unit {
	case "DAY", "DD", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND":
		return true
	}
	return false
}

func defineTruncation() {
	define("date_trunc", "date_trunc(unit, timestamp)", "A timestamp cut to a unit: YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, MILLISECOND.",
		"date_trunc('HOUR', TIMESTAMP'2026-03-09 14:05:07')", "2026-03-09 14:00:00", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			return b.truncation(c, args[0], args[1], batch.TimestampType)
		})
	define("trunc", "trunc(date, unit)", "A date cut to a unit: YEAR, QUARTER, MONTH, WEEK.", "trunc(DATE'2026-03-09', 'MM')", "2026-03-01", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			return b.truncation(c, args[1], args[0], batch.DateType)
		})
}

func (b *binder) truncation(c *parse.Call, unit, x *node, t batch.Type) (*node, error) {
	if unit.t.Nested() {
		return nil, b.mismatch(c, "the unit of %s is a text, such as 'MONTH'", strings.ToLower(c.Name))
	}
	unit, err := b.implicit(unit, batch.StringType, c)
	if err != nil {
		return nil, err
	}
	if x.t.Kind == batch.TimestampNTZ && t.Kind == batch.Timestamp {
		t = x.t
	}
	if !accepts(x.t, t) {
		return nil, b.mismatch(c, "%s needs a %s, this is of type %s", strings.ToLower(c.Name), t, clip(x.t.String()))
	}
	if x, err = b.implicit(x, t, c); err != nil {
		return nil, err
	}
	var cut unitCache
	k := strict(t, func(x *rows, i int) {
		text, known := cut.of(x.str(1, i), t.Kind == batch.Date)
		if !known { // no such unit is null, as in Spark
			x.b.Null()
			return
		}
		if t.Kind == batch.Date {
			d, _, _ := truncate(text, x.i32(0, i), 0)
			x.b.Int32(d)
			return
		}
		var zone *time.Location
		if t.Kind == batch.Timestamp {
			zone = x.r.zone
		}
		clock := datetime.Local(x.i64(0, i), zone)
		days, ofDay := datetime.Split(clock)
		days, ofDay, _ = truncate(text, days, ofDay)
		cut := int64(days)*datetime.Day + ofDay
		if keepsOffset(text) {
			x.b.Int64(datetime.InstantNear(cut, clock-x.i64(0, i), zone))
			return
		}
		x.b.Int64(datetime.Instant(cut, zone))
	})
	n := b.callStrict(strings.ToLower(c.Name), t, k, x, unit)
	n.nullable = true
	return b.intern(n, ""), nil
}

// unitCache keeps the last unit that was looked up: it is mostly the same from row to row.
type unitCache struct{ last atomic.Pointer[cachedUnit] }

type cachedUnit struct {
	as, unit string
	known    bool
}

// of returns the unit in capitals, and whether it cuts a time, or a date.
func (u *unitCache) of(text []byte, date bool) (string, bool) {
	if c := u.last.Load(); c != nil && c.as == string(text) {
		return c.unit, c.known
	}
	c := &cachedUnit{as: string(text), unit: strings.ToUpper(string(text))}
	_, _, c.known = truncate(c.unit, 0, 0)
	c.known = c.known && (!date || strings.Contains(" YEAR YYYY YY QUARTER MONTH MON MM WEEK ", " "+c.unit+" "))
	u.last.Store(c)
	return c.unit, c.known
}
