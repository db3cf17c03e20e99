package expr

import (
	"math"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

// calendarUnit is a unit of timestampadd and timestampdiff: of microseconds or of months.
type calendarUnit struct{ micros, months int64 }

var calendarUnits = map[string]calendarUnit{"MICROSECOND": {micros: 1}, "MILLISECOND": {micros: 1e3}, "SECOND": {micros: 1e6}, "MINUTE": {micros: 60e6}, "HOUR": {micros: 3600e6},
	"DAY": {micros: datetime.Day}, "DAYOFYEAR": {micros: datetime.Day}, "WEEK": {micros: 7 * datetime.Day}, "MONTH": {months: 1}, "QUARTER": {months: 3}, "YEAR": {months: 12}}

func init() {
	define("timestampadd", "timestampadd(unit, n, x)", "The time n units later, by the session's clock.", "timestampadd(MONTH, 1, TIMESTAMP'2026-01-31 12:00:00')", "2026-02-28 12:00:00", 3, 3, nil)
	define("timestampdiff", "timestampdiff(unit, start, end)", "The whole units from start to end, by the session's clock.",
		"timestampdiff(SECOND, TIMESTAMP'2026-01-01 00:00:00', TIMESTAMP'2026-01-01 00:01:30.9')", "90", 3, 3, nil)
}

// calendarCall reports whether a call has a unit as its first argument: timestampadd, timestampdiff and the other names of them.
func calendarCall(name string, c *parse.Call) bool {
	switch name {
	case "timestampadd", "timestampdiff":
		return true
	case "dateadd", "date_add", "datediff", "date_diff":
		return len(c.Args) == 3
	}
	return false
}

func (b *binder) calendar(name string, c *parse.Call) (*node, error) {
	if len(c.Args) != 3 {
		return nil, b.fail(c, "UNRESOLVED_ROUTINE", "%s takes a unit and two arguments, not %d", name, len(c.Args))
	}
	word := "NULL"
	switch n := c.Args[0].(type) {
	case *parse.Name:
		word = strings.ToUpper(strings.Join(n.Parts, "."))
	case *parse.Literal:
		if n.Kind == batch.Void {
			break
		}
		return nil, b.fail(c, invalidParameter, "the unit of %s is a word without quotes, such as DAY", name)
	}
	unit, ok := calendarUnits[word]
	if one := strings.TrimSuffix(word, "S"); !ok && one != "DAYOFYEAR" {
		if unit, ok = calendarUnits[one]; ok {
			word = one
		}
	}
	if !ok {
		class := "UNRESOLVED_ROUTINE"
		if strings.HasPrefix(name, "date") { // to Spark the unit is a column then
			class = "UNRESOLVED_COLUMN"
		}
		return nil, b.fail(c, class, "%s has no unit %s; there are MICROSECOND, MILLISECOND, SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER and YEAR", name, clip(word))
	}
	args, err := b.bindAll(c.Args[1:])
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, "diff") {
		return b.timestampDiff(c, unit, word, args)
	}
	return b.timestampAdd(c, unit, word, args)
}

func (b *binder) timestampDiff(c *parse.Call, unit calendarUnit, word string, args []*node) (*node, error) {
	if word == "DAYOFYEAR" {
		return nil, b.fail(c, invalidParameter, "timestampdiff has no unit DAYOFYEAR; use DAY")
	}
	for i := range args {
		if !accepts(args[i].t, batch.TimestampType) {
			return nil, b.mismatch(c, "argument %d of timestampdiff is of type %s; a timestamp is needed", i+2, clip(args[i].t.String()))
		}
		var err error
		if args[i], err = b.implicit(args[i], batch.TimestampType, c.Args[i+1]); err != nil {
			return nil, err
		}
	}
	return b.intern(b.callStrict("timestampdiff", batch.BigIntType, strict(batch.BigIntType, func(x *rows, i int) {
		from, to := datetime.Local(x.i64(0, i), x.r.zone), datetime.Local(x.i64(1, i), x.r.zone)
		x.b.Int64(datetime.Between(from, to, unit.micros, unit.months))
	}), args...), word), nil
}

func (b *binder) timestampAdd(c *parse.Call, unit calendarUnit, word string, args []*node) (*node, error) {
	t := batch.TimestampType
	if args[1].t.Kind == batch.TimestampNTZ {
		t = args[1].t
	}
	for i, want := range []batch.Type{batch.BigIntType, t} {
		if !accepts(args[i].t, want) {
			return nil, b.mismatch(c, "argument %d of timestampadd is of type %s; %s is needed", i+2, clip(args[i].t.String()), want)
		}
		var err error
		if args[i], err = b.implicit(args[i], want, c.Args[i+1]); err != nil {
			return nil, err
		}
	}
	n := b.callStrict("timestampadd", t, strict(t, func(x *rows, i int) {
		v, ok := addUnits(x, x.i64(1, i), x.i64(0, i), unit, t)
		if !ok {
			x.fail(i, "DATETIME_OVERFLOW", "the time is out of range", nil)
			return
		}
		x.b.Int64(v)
	}), args...)
	n.nullable, n.fails = true, true
	return b.intern(n, word), nil
}

func addUnits(x *rows, v, count int64, unit calendarUnit, t batch.Type) (int64, bool) {
	zone := x.zoneOf(t)
	if unit.months > 0 {
		if count > math.MaxInt32 || count < math.MinInt32 {
			return 0, false
		}
		return datetime.MoveMonths(v, count*unit.months, zone)
	}
	span, ok := batch.MulInt64(count, unit.micros).Int64()
	if !ok {
		return 0, false
	}
	if unit.micros >= datetime.Day {
		return datetime.AddDays(v, span/datetime.Day, zone)
	}
	out := v + span // units below the day take their time, whatever the clock does
	return out, (out >= v) == (span >= 0)
}
