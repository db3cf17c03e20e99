package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("time_bucket", "time_bucket(size, ts[, origin])", "The start of the bucket that a time is in; buckets of a size follow each other from an origin, else 1970 by the session's clock.",
		"time_bucket(INTERVAL '15' MINUTE, TIMESTAMP'2024-01-01 11:27:00')", "2024-01-01 11:15:00", 2, 3, timeBucket)
}

// timeBucket binds time_bucket. Size and origin are constants; the origin is of the type of the time.
func timeBucket(b *binder, c *parse.Call, args []*node) (*node, error) {
	t := args[1].t
	switch t.Kind {
	case batch.Timestamp, batch.TimestampNTZ:
	case batch.Void:
		t = batch.TimestampType
	default:
		return nil, b.mismatch(c.Args[1], "time_bucket needs a timestamp, this is of type %s", clip(t.String()))
	}
	if k := args[0].t.Kind; !interval(k) && k != batch.Void {
		return nil, b.mismatch(c.Args[0], "the size of buckets is an interval, this is of type %s", clip(args[0].t.String()))
	}
	if len(args) == 3 && args[2].t.Kind != t.Kind && args[2].t.Kind != batch.Void {
		return nil, b.mismatch(c.Args[2], "the origin is of type %s as the time is, this is of type %s", t, clip(args[2].t.String()))
	}
	for i, what := range map[int]string{0: "size of buckets", 2: "origin"} {
		if i < len(args) && args[i].literal == nil {
			return nil, b.mismatch(c.Args[i], "the %s is a constant", what)
		}
	}
	var size bucketing
	switch l := args[0].literal; {
	case l.IsNull(0):
		size.micros = 1 // never looked at: the result is null
	case l.Type.Kind == batch.YearMonth:
		size.months = int64(l.I32[0])
	default:
		size.micros = l.I64[0]
	}
	if size.months+size.micros <= 0 {
		return nil, b.mismatch(c.Args[0], "the size of buckets is above zero")
	}
	n := b.call("time_bucket", t, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		k := size
		if t.Kind == batch.Timestamp {
			k.zone = r.zone
		}
		k.origin = datetime.Instant(0, k.zone)
		if len(a) == 3 && !a[2].null(0) {
			k.origin = a[2].c.I64[0]
		}
		return strict(t, func(x *rows, i int) {
			if v, ok := k.of(x.i64(1, i)); ok {
				x.b.Int64(v)
			} else {
				x.fail(i, "DATETIME_OVERFLOW", "the start of the bucket is out of range", nil)
			}
		})(r, sel, a)
	}, args...)
	n.nullable, n.fails = true, true
	return b.intern(n, ""), nil
}
