package expr

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("unix_date", "unix_date(date)", "The days since 1970-01-01.", "unix_date(DATE'1970-01-02')", "1", 1, 1,
		eager(batch.IntType, []batch.Type{batch.DateType}, false, strict(batch.IntType, func(x *rows, i int) { x.b.Int32(x.i32(0, i)) })))
	define("date_from_unix_date", "date_from_unix_date(n)", "The date n days after 1970-01-01.", "date_from_unix_date(1)", "1970-01-02", 1, 1,
		eager(batch.DateType, []batch.Type{batch.IntType}, false, strict(batch.DateType, func(x *rows, i int) { x.b.Int32(x.i32(0, i)) })))
	defineText3("dayname", "The name of the day of the week, three letters.", "Mon", func(days int32) string {
		return time.Weekday(datetime.Weekday(days) % 7).String()[:3]
	})
	defineText3("monthname", "The name of the month, three letters.", "Mar", func(days int32) string {
		_, m, _ := datetime.Civil(days)
		return time.Month(m).String()[:3]
	})
	define("next_day", "next_day(date, day)", "The first date later than this one that is the day of the week named.", "next_day(DATE'2015-01-14', 'TU')", "2015-01-20", 2, 2, nextDay)
	define("months_between", "months_between(x, y[, round])", "The months from y to x, with a fraction of a month of 31 days, rounded to 8 digits.",
		"months_between(TIMESTAMP'1997-02-28 10:30:00', TIMESTAMP'1996-10-30 00:00:00')", "3.94959677", 2, 3,
		eager(batch.DoubleType, []batch.Type{batch.TimestampType, batch.TimestampType, batch.BooleanType}, false, strict(batch.DoubleType, monthsBetweenRow)))
	define("current_timezone", "current_timezone()", "The session's time zone.", "current_timezone() = current_timezone()", "true", 0, 0,
		func(b *binder, c *parse.Call, _ []*node) (*node, error) {
			return b.stringLiteral(b.o.zone().String()), nil
		})
	define("to_timestamp_ltz", "to_timestamp_ltz(x[, format])", "The timestamp of a string, by a format of Java's letters.", "to_timestamp_ltz('2026-03-09 14:05')", "2026-03-09 14:05:00", 1, 2, timeParser(batch.TimestampType, false))
	for name, to := range map[string]bool{"from_utc_timestamp": false, "to_utc_timestamp": true} {
		doc := map[bool]string{false: "The wall clock of a zone when UTC's is x.", true: "UTC's wall clock when that of a zone is x."}[to]
		define(name, name+"(x, zone)", doc, name+"(TIMESTAMP'2016-08-31 00:00:00', '+09:00')", map[bool]string{false: "2016-08-31 09:00:00", true: "2016-08-30 15:00:00"}[to], 2, 2,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				var zones zoneCache
				return eager(batch.TimestampType, []batch.Type{batch.TimestampType, batch.StringType}, true, strict(batch.TimestampType, func(x *rows, i int) {
					zone, ok := zones.of(x.str(1, i))
					if !ok {
						x.fail(i, "INVALID_TIMEZONE", "there is no time zone "+clip(string(x.str(1, i))), nil)
						return
					}
					if to {
						x.b.Int64(datetime.Instant(x.i64(0, i), zone))
					} else {
						x.b.Int64(datetime.Local(x.i64(0, i), zone))
					}
				}))(b, c, args)
			})
	}
	define("convert_timezone", "convert_timezone([from, ]to, x)", "The wall clock of another zone; from is the session's.", "convert_timezone('+00:00', '+09:00', TIMESTAMP_NTZ'2016-08-31 00:00:00')", "2016-08-31 09:00:00", 2, 3, convertTimezone)
	defineMakers()
}

func defineText3(name, doc, want string, f func(days int32) string) {
	define(name, name+"(date)", doc, name+"(DATE'2026-03-09')", want, 1, 1,
		eager(batch.StringType, []batch.Type{batch.DateType}, false, strict(batch.StringType, func(x *rows, i int) { x.b.String(f(x.i32(0, i))) })))
}

// zoneCache keeps the last zone that was looked up: it is mostly the same from row to row.
type zoneCache struct{ last atomic.Pointer[cachedZone] }

type cachedZone struct {
	name string
	zone *time.Location
	ok   bool
}

func (z *zoneCache) of(name []byte) (*time.Location, bool) {
	if c := z.last.Load(); c != nil && c.name == string(name) {
		return c.zone, c.ok
	}
	c := &cachedZone{name: string(name)}
	c.zone, c.ok = datetime.ZoneNamed(c.name)
	z.last.Store(c)
	return c.zone, c.ok
}

func nextDay(b *binder, c *parse.Call, args []*node) (*node, error) {
	ansi := b.o.ANSI
	names := map[string]int{"MO": 1, "MON": 1, "MONDAY": 1, "TU": 2, "TUE": 2, "TUESDAY": 2, "WE": 3, "WED": 3, "WEDNESDAY": 3, "TH": 4, "THU": 4, "THURSDAY": 4,
		"FR": 5, "FRI": 5, "FRIDAY": 5, "SA": 6, "SAT": 6, "SATURDAY": 6, "SU": 7, "SUN": 7, "SUNDAY": 7}
	return eager(batch.DateType, []batch.Type{batch.DateType, batch.StringType}, true, strict(batch.DateType, func(x *rows, i int) {
		day := names[strings.ToUpper(string(x.str(1, i)))]
		if day == 0 {
			if ansi {
				x.fail(i, "ILLEGAL_DAY_OF_WEEK", "there is no day of the week "+clip(string(x.str(1, i))), nil)
			} else {
				x.b.Null()
			}
			return
		}
		d := x.i32(0, i)
		x.b.Int32(d + int32((day-datetime.Weekday(d)+6)%7) + 1)
	}))(b, c, args)
}

func monthsBetweenRow(x *rows, i int) {
	end, start := x.i64(0, i), x.i64(1, i)
	endDay, _ := datetime.Split(datetime.Local(end, x.r.zone))
	startDay, _ := datetime.Split(datetime.Local(start, x.r.zone))
	y1, m1, d1 := datetime.Civil(endDay)
	y2, m2, d2 := datetime.Civil(startDay)
	months := float64((y1-y2)*12 + m1 - m2)
	if d1 == d2 || d1 == datetime.DaysIn(y1, m1) && d2 == datetime.DaysIn(y2, m2) {
		x.b.Float64(months)
		return
	}
	ofDay := func(t int64, day int32) int64 { // since the day began, whatever its clock did
		return (t - datetime.Instant(int64(day)*datetime.Day, x.r.zone)) / datetime.Second
	}
	seconds := int64(d1-d2)*86400 + ofDay(end, endDay) - ofDay(start, startDay)
	months += float64(seconds) / (31 * 86400)
	if len(x.a) < 3 || x.a[2].c.Bool(i&x.a[2].mask()) {
		months = math.Round(months*1e8) / 1e8
	}
	x.b.Float64(months)
}

func convertTimezone(b *binder, c *parse.Call, args []*node) (*node, error) {
	if len(args) == 2 {
		args = append([]*node{b.stringLiteral(b.o.zone().String())}, args...)
		d := *c
		d.Args = append([]parse.Node{c.Args[0]}, c.Args...)
		c = &d
	}
	var zones, others zoneCache
	return eager(batch.TimestampNTZType, []batch.Type{batch.StringType, batch.StringType, batch.TimestampNTZType}, true, strict(batch.TimestampNTZType, func(x *rows, i int) {
		from, ok1 := zones.of(x.str(0, i))
		to, ok2 := others.of(x.str(1, i))
		if !ok1 || !ok2 {
			x.fail(i, "INVALID_TIMEZONE", "there is no such time zone", nil)
			return
		}
		x.b.Int64(datetime.Local(datetime.Instant(x.i64(2, i), from), to))
	}))(b, c, args)
}

func defineMakers() {
	ints := func(n int) (l []batch.Type) {
		for range n {
			l = append(l, batch.IntType)
		}
		return l
	}
	define("make_ym_interval", "make_ym_interval([years[, months]])", "An interval of years and months.", "make_ym_interval(1, 2)", "INTERVAL '1-2' YEAR TO MONTH", 0, 2,
		eager(batch.YearMonthType, []batch.Type{batch.IntType}, true, strict(batch.YearMonthType, func(x *rows, i int) {
			v := int64(0)
			for k := range x.a {
				v += int64(x.i32(k, i)) * []int64{12, 1}[k]
			}
			if v != int64(int32(v)) {
				x.fail(i, "INTERVAL_ARITHMETIC_OVERFLOW", "the interval has too many months", nil)
				return
			}
			x.b.Int32(int32(v))
		})))
	define("make_dt_interval", "make_dt_interval([days[, hours[, mins[, secs]]]])", "An interval of days, hours, minutes and seconds.", "make_dt_interval(1, 12, 30, 1.001001)", "INTERVAL '1 12:30:01.001001' DAY TO SECOND", 0, 4,
		eager(batch.DayTimeType, append(ints(3), batch.DecimalType(18, 6)), true, strict(batch.DayTimeType, func(x *rows, i int) {
			v := batch.Int128{}
			for k := range x.a {
				if k == 3 {
					v = v.Add(x.a[k].c.I128[i&x.a[k].mask()])
				} else {
					v = v.Add(batch.MulInt64(int64(x.i32(k, i)), []int64{datetime.Day, datetime.Hour, datetime.Minute}[k]))
				}
			}
			w, ok := v.Int64()
			if !ok {
				x.fail(i, "INTERVAL_ARITHMETIC_OVERFLOW", "the interval has too many microseconds", nil)
				return
			}
			x.b.Int64(w)
		})))
	for _, name := range []string{"make_timestamp", "make_timestamp_ltz", "make_timestamp_ntz", "try_make_timestamp", "try_make_timestamp_ltz", "try_make_timestamp_ntz"} {
		base := strings.TrimPrefix(name, "try_")
		t, most, sign := batch.TimestampType, 7, "(year, month, day, hour, min, sec[, zone])"
		if base == "make_timestamp_ntz" {
			t, most, sign = batch.TimestampNTZType, 6, "(year, month, day, hour, min, sec)"
		}
		doc := "The timestamp of its parts."
		if name != base {
			doc = "As " + base + ", null where there is no such timestamp."
		}
		define(name, name+sign, doc, name+"(2014, 12, 28, 6, 30, 45.887)", "2014-12-28 06:30:45.887", 6, most, func(b *binder, c *parse.Call, args []*node) (*node, error) {
			report := b.o.ANSI && name == base
			var zones zoneCache
			return eager(t, append(ints(5), batch.DecimalType(16, 6), batch.StringType), true, strict(t, func(x *rows, i int) { makeTimestamp(x, i, t, report, &zones) }))(b, c, args)
		})
	}
}

func makeTimestamp(x *rows, i int, t batch.Type, report bool, zones *zoneCache) {
	bad := func(class, message string) {
		if report {
			x.fail(i, class, message, nil)
		} else {
			x.b.Null()
		}
	}
	zone := x.r.zone
	if t.Kind == batch.TimestampNTZ {
		zone = nil
	}
	if len(x.a) == 7 {
		var ok bool
		if zone, ok = zones.of(x.str(6, i)); !ok {
			x.fail(i, "INVALID_TIMEZONE", "there is no time zone "+clip(string(x.str(6, i))), nil)
			return
		}
	}
	y, m, d, h, n := int(x.i32(0, i)), int(x.i32(1, i)), int(x.i32(2, i)), int64(x.i32(3, i)), int64(x.i32(4, i))
	micros, _ := x.a[5].c.I128[i&x.a[5].mask()].Int64()
	switch {
	case !datetime.Valid(y, m, d) || h < 0 || h > 23 || n < 0 || n > 59 || micros < 0 || micros > 60*datetime.Second:
		class := "DATETIME_FIELD_OUT_OF_BOUNDS"
		if micros > 60*datetime.Second && micros < 61*datetime.Second {
			class = "INVALID_FRACTION_OF_SECOND"
		}
		bad(class, fmt.Sprintf("there is no time %d-%d-%d %d:%d:%d us", y, m, d, h, n, micros))
		return
	}
	clock := int64(datetime.Days(y, m, d))*datetime.Day + h*datetime.Hour + n*datetime.Minute + micros
	x.b.Int64(datetime.Instant(clock, zone))
}
