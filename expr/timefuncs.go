package expr

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

// epochNode is a node that depends on the epoch's time alone.
func (b *binder) epochNode(name string, t batch.Type, f func(r *run) int64) *node {
	n := b.call(name, t, func(r *run, _ []int32, _ []val) (*batch.Column, error) {
		c := r.new(t)
		if t.Kind == batch.Date {
			c.I32[0] = int32(f(r))
		} else {
			c.I64[0] = f(r)
		}
		return c, nil
	})
	n.epoch = true
	return b.intern(n, "")
}

func init() {
	define("current_timestamp", "current_timestamp()", "The time at which the epoch began; the same for all its rows.",
		"current_timestamp() = current_timestamp()", "true", 0, 0, func(b *binder, c *parse.Call, _ []*node) (*node, error) {
			return b.epochNode("current_timestamp", batch.TimestampType, func(r *run) int64 { return r.ctx.Now }), nil
		})
	also("current_timestamp", "now")
	define("localtimestamp", "localtimestamp()", "current_timestamp() as the session's wall clock.",
		"localtimestamp() = localtimestamp()", "true", 0, 0, func(b *binder, c *parse.Call, _ []*node) (*node, error) {
			return b.epochNode("localtimestamp", batch.TimestampNTZType, func(r *run) int64 { return datetime.Local(r.ctx.Now, r.zone) }), nil
		})
	define("current_date", "current_date()", "The date of current_timestamp() in the session's zone.",
		"current_date() = to_date(now())", "true", 0, 0, func(b *binder, c *parse.Call, _ []*node) (*node, error) {
			return b.epochNode("current_date", batch.DateType, func(r *run) int64 {
				days, _ := datetime.Split(datetime.Local(r.ctx.Now, r.zone))
				return int64(days)
			}), nil
		})
	also("current_date", "curdate")
	defineFields()
	defineConversions()
	defineDateArithmetic()
	defineTruncation()
}

// clockField returns the part of a wall clock.
type clockField func(days int32, ofDay int64) int32

var clockFields = map[string]clockField{
	"year":  func(d int32, _ int64) int32 { y, _, _ := datetime.Civil(d); return int32(y) },
	"month": func(d int32, _ int64) int32 { _, m, _ := datetime.Civil(d); return int32(m) },
	"day":   func(d int32, _ int64) int32 { _, _, v := datetime.Civil(d); return int32(v) },
	"quarter": func(d int32, _ int64) int32 {
		_, m, _ := datetime.Civil(d)
		return int32((m + 2) / 3)
	},
	"dayofyear": func(d int32, _ int64) int32 {
		y, m, v := datetime.Civil(d)
		return int32(datetime.YearDay(y, m, v))
	},
	"dayofweek":  func(d int32, _ int64) int32 { return int32(datetime.Weekday(d)%7 + 1) },
	"weekday":    func(d int32, _ int64) int32 { return int32(datetime.Weekday(d) - 1) },
	"weekofyear": func(d int32, _ int64) int32 { _, w := datetime.ISOWeek(d); return int32(w) },
	"hour":       func(_ int32, t int64) int32 { return int32(t / datetime.Hour) },
	"minute":     func(_ int32, t int64) int32 { return int32(t / datetime.Minute % 60) },
	"second":     func(_ int32, t int64) int32 { return int32(t / datetime.Second % 60) },
}

func defineFields() {
	for name, doc := range map[string][2]string{
		"year": {"The year.", "2026"}, "month": {"The month, 1 to 12.", "3"}, "day": {"The day of the month.", "9"},
		"quarter": {"The quarter, 1 to 4.", "1"}, "dayofyear": {"The day of the year, from 1.", "68"},
		"dayofweek": {"The day of the week, 1 for Sunday.", "2"}, "weekday": {"The day of the week, 0 for Monday.", "0"},
		"weekofyear": {"The ISO week.", "11"}, "hour": {"The hour in the session's zone.", "14"},
		"minute": {"The minute.", "5"}, "second": {"The second, without its fraction.", "7"},
	} {
		define(name, name+"(x)", doc[0], name+"(TIMESTAMP'2026-03-09 14:05:07')", doc[1], 1, 1,
			func(b *binder, c *parse.Call, args []*node) (*node, error) { return b.clock(name, args[0], c) })
	}
	also("day", "dayofmonth")
}

// seconds binds date_part('SECOND', x): with its fraction.
func (b *binder) seconds(x *node, at parse.Node) (*node, error) {
	if x.t.Kind != batch.TimestampNTZ {
		if !accepts(x.t, batch.TimestampType) {
			return nil, b.mismatch(at, "a date or timestamp is needed, this is of type %s", clip(x.t.String()))
		}
		var err error
		if x, err = b.implicit(x, batch.TimestampType, at); err != nil {
			return nil, err
		}
	}
	t, ntz := batch.DecimalType(8, 6), x.t.Kind == batch.TimestampNTZ
	return b.intern(b.callStrict("seconds", t, strict(t, func(x *rows, i int) {
		zone := x.r.zone
		if ntz {
			zone = nil
		}
		_, ofDay := datetime.Split(datetime.Local(x.i64(0, i), zone))
		x.b.Decimal(batch.Int128From(ofDay % datetime.Minute))
	}), x), ""), nil
}

// clock binds a field of a timestamp's wall clock: a plain loop in UTC.
func (b *binder) clock(name string, x *node, at parse.Node) (*node, error) {
	f := clockFields[name]
	timeOfDay := name == "hour" || name == "minute" || name == "second"
	if x.t.Kind == batch.String || x.t.Kind == batch.Void || x.t.Kind == batch.Date && timeOfDay {
		t := batch.DateType
		if timeOfDay {
			t = batch.TimestampType
		}
		var err error
		if x, err = b.implicit(x, t, at); err != nil {
			return nil, err
		}
	}
	if !instantKind(x.t.Kind) {
		return nil, b.mismatch(at, "%s needs a date or timestamp, this is of type %s", name, clip(x.t.String()))
	}
	kind := x.t.Kind
	n := b.call(name, batch.IntType, func(r *run, _ []int32, a []val) (*batch.Column, error) {
		d := r.new(batch.IntType)
		m := a[0].mask()
		zone := r.zone
		if kind == batch.TimestampNTZ {
			zone = nil
		}
		for i := range d.I32 {
			if kind == batch.Date {
				d.I32[i] = f(a[0].c.I32[i&m], 0)
				continue
			}
			days, ofDay := datetime.Split(datetime.Local(a[0].c.I64[i&m], zone))
			d.I32[i] = f(days, ofDay)
		}
		r.copyNulls(d, a...)
		return d, nil
	}, x)
	return b.intern(n, ""), nil
}

// parser binds to_date(x, format) and to_timestamp(x, format) and their try_ forms.
func timeParser(t batch.Type, try bool) func(*binder, *parse.Call, []*node) (*node, error) {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		mode := castANSI
		if try {
			mode = castTry
		} else if !b.o.ANSI {
			mode = castLegacy
		}
		if len(args) == 1 || args[0].t.Kind != batch.String {
			return b.cast(args[0], t, mode, c)
		}
		p, err := b.pattern(c, args[1])
		if err == nil && p.Unread() != 0 {
			class := map[bool]string{true: "INCONSISTENT_BEHAVIOR_CROSS_VERSION", false: "INVALID_DATETIME_PATTERN"}[p.Unread() == 'E' || p.Unread() == 'F']
			err = b.fail(c, class, "%c of a pattern is written, and not read: leave it out of the pattern and, with regexp_replace, out of the text", p.Unread())
		}
		if err != nil {
			return nil, err
		}
		k := strict(t, func(x *rows, i int) {
			s := x.str(0, i)
			if t.Kind == batch.Date {
				if v, ok := p.ParseDate(s); ok {
					x.b.Int32(v)
					return
				}
			} else {
				zone := x.r.zone
				if t.Kind == batch.TimestampNTZ {
					zone = nil
				}
				if v, ok := p.ParseTimestamp(s, zone); ok {
					x.b.Int64(v)
					return
				}
			}
			if mode == castANSI {
				x.fail(i, "CANNOT_PARSE_TIMESTAMP", fmt.Sprintf("Text '%.200s' does not match the pattern. Use try_to_timestamp to get NULL instead.", s), s)
			} else {
				x.b.Null()
			}
		})
		n := b.call(strings.ToLower(c.Name), t, k, args[0])
		n.nullable, n.fails = true, mode == castANSI
		pattern, _ := stringConstant(args[1])
		return b.intern(n, pattern), nil
	}
}

func (b *binder) pattern(c *parse.Call, arg *node) (*datetime.Pattern, error) {
	text, ok := stringConstant(arg)
	if !ok {
		return nil, b.fail(c, "NON_FOLDABLE_ARGUMENT", "the format of %s is a string constant", strings.ToLower(c.Name))
	}
	p, err := datetime.NewPattern(text)
	if err != nil {
		class := "INVALID_DATETIME_PATTERN"
		if wrong := (*datetime.PatternError)(nil); errors.As(err, &wrong) && wrong.Older {
			class = "INCONSISTENT_BEHAVIOR_CROSS_VERSION"
		}
		return nil, b.fail(c, class, "%v", err)
	}
	return p, nil
}

func dateFormat(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.TimestampType, c, args, 0); err != nil {
		return nil, err
	}
	p, err := b.pattern(c, args[1])
	if err != nil {
		return nil, err
	}
	text, _ := stringConstant(args[1])
	byRow := strict(batch.StringType, func(x *rows, i int) { x.bytes(p.Append(x.buf[:0], x.i64(0, i), x.r.zone)) })
	return b.intern(b.call("date_format", batch.StringType, timeTextsOf(p, byRow), args[0]), text), nil
}

func defineConversions() {
	define("to_date", "to_date(x[, format])", "The date of a string or timestamp.", "to_date('2026-03-09')", "2026-03-09", 1, 2, timeParser(batch.DateType, false))
	define("try_to_date", "try_to_date(x[, format])", "As to_date, null where it cannot be read.", "try_to_date('soon')", "NULL", 1, 2, timeParser(batch.DateType, true))
	define("to_timestamp", "to_timestamp(x[, format])", "The timestamp of a string, by a format of Java's letters.",
		"to_timestamp('09/03/2026 14:05', 'dd/MM/yyyy HH:mm')", "2026-03-09 14:05:00", 1, 2, timeParser(batch.TimestampType, false))
	define("try_to_timestamp", "try_to_timestamp(x[, format])", "As to_timestamp, null where it cannot be read.", "try_to_timestamp('soon')", "NULL", 1, 2, timeParser(batch.TimestampType, true))
	define("to_timestamp_ntz", "to_timestamp_ntz(x[, format])", "The timestamp without time zone of a string.", "to_timestamp_ntz('2026-03-09 14:05')", "2026-03-09 14:05:00", 1, 2, timeParser(batch.TimestampNTZType, false))
	define("date_format", "date_format(x, format)", "A timestamp by a format of Java's letters.", "date_format(TIMESTAMP'2026-03-09 14:05:07', 'yyyy-MM EEE')", "2026-03 Mon", 2, 2, dateFormat)
	define("from_unixtime", "from_unixtime(seconds[, format])", "Seconds since 1970 as text.", "from_unixtime(0, 'yyyy-MM-dd')", "1970-01-01", 1, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if err := b.to(batch.BigIntType, c, args, 0); err != nil {
				return nil, err
			}
			if len(args) == 1 {
				args = append(args, b.stringLiteral("yyyy-MM-dd HH:mm:ss"))
			}
			x, err := b.implicit(args[0], batch.TimestampType, c)
			if err != nil {
				return nil, err
			}
			return dateFormat(b, c, []*node{x, args[1]})
		})
	define("unix_timestamp", "unix_timestamp([x[, format]])", "Seconds since 1970 of a timestamp or text.", "unix_timestamp(TIMESTAMP'1970-01-02 00:00:00')", "86400", 0, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if len(args) == 0 {
				args = []*node{b.epochNode("current_timestamp", batch.TimestampType, func(r *run) int64 { return r.ctx.Now })}
			} else {
				if len(args) == 1 && args[0].t.Kind == batch.String {
					args = append(args, b.stringLiteral("yyyy-MM-dd HH:mm:ss"))
				}
				t := batch.TimestampType
				if args[0].t.Kind == batch.TimestampNTZ {
					t = args[0].t // read as if it were in UTC
				}
				x, err := timeParser(t, false)(b, c, args)
				if err != nil {
					return nil, err
				}
				args = []*node{x}
			}
			return b.intern(b.callStrict("unix_timestamp", batch.BigIntType, strict(batch.BigIntType, func(x *rows, i int) {
				x.b.Int64(x.i64(0, i) / datetime.Second) // towards 1970, where a cast rounds down
			}), args...), ""), nil
		})
	also("unix_timestamp", "to_unix_timestamp")
	for name, factor := range map[string]int64{"timestamp_seconds": 1e6, "timestamp_millis": 1e3, "timestamp_micros": 1} {
		define(name, name+"(n)", "The timestamp n "+name[10:]+" since 1970 UTC.", name+"(0)", "1970-01-01 00:00:00", 1, 1,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				if factor == 1e6 && fractional(args[0].t.Kind) {
					return b.implicit(args[0], batch.TimestampType, c)
				}
				return multiplied(b, c, args, factor)
			})
	}
	for name, divisor := range map[string]int64{"unix_seconds": 1e6, "unix_millis": 1e3, "unix_micros": 1} {
		define(name, name+"(x)", "The "+name[5:]+" since 1970 UTC of a timestamp.", name+"(TIMESTAMP'1970-01-01 00:00:00')", "0", 1, 1,
			eager(batch.BigIntType, []batch.Type{batch.TimestampType}, false, strict(batch.BigIntType, func(x *rows, i int) {
				v := x.i64(0, i)
				q := v / divisor
				if v%divisor < 0 {
					q--
				}
				x.b.Int64(q)
			})))
	}
}

func multiplied(b *binder, c *parse.Call, args []*node, factor int64) (*node, error) {
	if err := b.to(batch.BigIntType, c, args, 0); err != nil {
		return nil, err
	}
	n := b.callStrict(strings.ToLower(c.Name), batch.TimestampType, strict(batch.TimestampType, func(x *rows, i int) {
		v := x.i64(0, i)
		if v > math.MaxInt64/factor || v < math.MinInt64/factor {
			x.fail(i, arithmeticOverflow, fmt.Sprintf("%d does not fit a timestamp", v), nil)
			return
		}
		x.b.Int64(v * factor)
	}), args[0])
	n.fails, n.nullable = true, true
	return b.intern(n, ""), nil
}

func defineDateArithmetic() {
	add := func(minus bool) func(*binder, *parse.Call, []*node) (*node, error) {
		return func(b *binder, c *parse.Call, args []*node) (*node, error) {
			return b.addDays(c, args[0], args[1], minus)
		}
	}
	define("date_add", "date_add(date, n)", "The date n days later.", "date_add(DATE'2026-02-28', 1)", "2026-03-01", 2, 2, add(false))
	also("date_add", "dateadd")
	define("date_sub", "date_sub(date, n)", "The date n days before.", "date_sub(DATE'2026-03-01', 1)", "2026-02-28", 2, 2, add(true))
	define("datediff", "datediff(end, start)", "The days from start to end.", "datediff(DATE'2026-03-01', DATE'2026-02-01')", "28", 2, 3,
		eager(batch.IntType, []batch.Type{batch.DateType}, false, strict(batch.IntType, func(x *rows, i int) { x.b.Int32(x.i32(0, i) - x.i32(1, i)) })))
	also("datediff", "date_diff")
	define("add_months", "add_months(date, n)", "The date n months later; a day beyond the month's end becomes its last.", "add_months(DATE'2026-01-31', 1)", "2026-02-28", 2, 2,
		eager(batch.DateType, []batch.Type{batch.DateType, batch.IntType}, true, strict(batch.DateType, func(x *rows, i int) {
			d, ok := datetime.AddMonths(x.i32(0, i), int64(x.i32(1, i)))
			if !ok {
				x.fail(i, "DATETIME_OVERFLOW", "the date is out of range", nil)
				return
			}
			x.b.Int32(d)
		})))
	define("last_day", "last_day(date)", "The last day of the month.", "last_day(DATE'2026-02-03')", "2026-02-28", 1, 1,
		eager(batch.DateType, []batch.Type{batch.DateType}, false, strict(batch.DateType, func(x *rows, i int) {
			y, m, _ := datetime.Civil(x.i32(0, i))
			x.b.Int32(datetime.Days(y, m, datetime.DaysIn(y, m)))
		})))
	define("make_date", "make_date(year, month, day)", "The date of its parts.", "make_date(2026, 3, 9)", "2026-03-09", 3, 3,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			ansi := b.o.ANSI
			return eager(batch.DateType, []batch.Type{batch.IntType}, true, strict(batch.DateType, func(x *rows, i int) {
				y, m, d := int(x.i32(0, i)), int(x.i32(1, i)), int(x.i32(2, i))
				switch {
				case datetime.Valid(y, m, d):
					x.b.Int32(datetime.Days(y, m, d))
				case ansi:
					x.fail(i, "DATETIME_FIELD_OUT_OF_BOUNDS", fmt.Sprintf("there is no date %d-%d-%d", y, m, d), nil)
				default:
					x.b.Null()
				}
			}))(b, c, args)
		})
}
