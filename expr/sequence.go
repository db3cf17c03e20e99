package expr

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("sequence", "sequence(from, to[, step])", "The values from one to another, both with: integers by 1 or -1, dates and timestamps by a day, or by the step.",
		"sequence(1, 5)", "[1, 2, 3, 4, 5]", 2, 3, sequence)
	define("sort_array", "sort_array(x[, ascending])", "The elements in order, nulls first, or descending and nulls last.", "sort_array(array('b', 'd', null, 'a'), true)", "[null, a, b, d]", 1, 2, sortArray)
}

func sortArray(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Array || hasMap(args[0].t.Fields[0].Type) {
		return nil, b.mismatch(c.Args[0], "sort_array needs an array of values that have an order, not %s", clip(args[0].t.String()))
	}
	descending := false
	if len(args) == 2 {
		l := args[1].literal
		if l == nil || l.Type.Kind != batch.Boolean || l.IsNull(0) {
			return nil, b.mismatch(c.Args[1], "the order of sort_array is true or false, a constant")
		}
		descending = !l.Bool(0)
	}
	return b.intern(b.call("sort_array", args[0].t, sortKernel(args[0].t, descending, descending), args[0]), fmt.Sprint(descending)), nil
}

func sequence(b *binder, c *parse.Call, args []*node) (*node, error) {
	t, ok := b.common(args[0].t, args[1].t)
	if ok && t.Kind == batch.String && instantKind(args[0].t.Kind) {
		t = args[0].t
	}
	if ok && integral(t.Kind) && len(args) == 3 && integral(args[2].t.Kind) {
		t, ok = b.common(t, args[2].t)
	}
	if !ok || !integral(t.Kind) && !instantKind(t.Kind) {
		return nil, b.mismatch(c, "sequence goes from integers to integers, or between dates or timestamps, not from %s to %s", clip(args[0].t.String()), clip(args[1].t.String()))
	}
	if err := b.to(t, c, args, 0, 1); err != nil {
		return nil, err
	}
	if len(args) == 3 {
		switch {
		case integral(t.Kind):
			if err := b.to(t, c, args, 2); err != nil {
				return nil, err
			}
		case !interval(args[2].t.Kind):
			return nil, b.mismatch(c.Args[2], "the step between %ss is an interval, not %s", t, clip(args[2].t.String()))
		}
	}
	at := batch.ArrayType(t, false)
	n := b.callStrict("sequence", at, strict(at, func(x *rows, i int) {
		if instantKind(t.Kind) {
			sequenceOfTimes(x, i, t)
		} else {
			sequenceOfNumbers(x, i, t)
		}
	}), args...)
	n.fails = true
	return b.intern(n, ""), nil
}

func (x *rows) whole(k, i int) int64 {
	if c := x.a[k].c; c.I64 != nil {
		return c.I64[i&x.a[k].mask()]
	}
	return int64(x.i32(k, i))
}

func (x *rows) putWhole(to *batch.Builder, v int64) {
	switch to.Type().Kind {
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		to.Int64(v)
	default:
		to.Int32(int32(v))
	}
}

// sequenceFails ends a row whose bounds and step do not go together, or that has too many elements.
func (x *rows) sequenceFails(i int, from, to, step int64) bool {
	if step == 0 && from != to || step > 0 && from > to || step < 0 && from < to {
		x.fail(i, "ILLEGAL_SEQUENCE_BOUNDARIES", fmt.Sprintf("from %d to %d by %d", from, to, step), nil)
		return true
	}
	if step != 0 {
		if n := (float64(to) - float64(from)) / float64(step); n >= maxElements {
			x.fail(i, "COLLECTION_SIZE_LIMIT_EXCEEDED", fmt.Sprintf("an array of %.0f elements; the limit is %d", n, maxElements), nil)
			return true
		}
	}
	return false
}

func sequenceOfNumbers(x *rows, i int, t batch.Type) {
	from, to := x.whole(0, i), x.whole(1, i)
	step := int64(1)
	if len(x.a) == 3 {
		step = x.whole(2, i)
	} else if from > to {
		step = -1
	}
	if x.sequenceFails(i, from, to, step) {
		return
	}
	n := int64(0)
	if step != 0 {
		n = (to - from) / step
	}
	for k := range n + 1 {
		x.putWhole(x.b.Kids[0], from+k*step)
	}
	x.b.List()
}

func sequenceOfTimes(x *rows, i int, t batch.Type) {
	unit, zone := int64(1), x.r.zone
	if t.Kind == batch.Date {
		unit, zone = datetime.Day, nil
	} else if t.Kind == batch.TimestampNTZ {
		zone = nil
	}
	from, to := x.whole(0, i)*unit, x.whole(1, i)*unit
	months, micros := int64(0), datetime.Day
	switch {
	case len(x.a) == 2 && from > to:
		micros = -micros
	case len(x.a) == 3 && x.a[2].c.Type.Kind == batch.YearMonth:
		months, micros = int64(x.i32(2, i)), 0
	case len(x.a) == 3:
		micros = x.i64(2, i)
	}
	if t.Kind == batch.Date && micros%datetime.Day != 0 {
		x.fail(i, "ILLEGAL_SEQUENCE_BOUNDARIES", "the step between dates is of whole days", nil)
		return
	}
	rough := micros + months*28*datetime.Day
	if x.sequenceFails(i, from, to, rough) {
		return
	}
	days, ofDay := datetime.Split(datetime.Local(from, zone))
	for k := int64(0); ; k++ {
		v := from + k*micros
		if months != 0 || len(x.a) == 2 || micros%datetime.Day == 0 {
			d, ok := datetime.AddMonths(days, k*months)
			if !ok {
				break
			}
			v = datetime.Instant((int64(d)+k*(micros/datetime.Day))*datetime.Day+ofDay, zone)
		}
		if rough >= 0 && v > to || rough < 0 && v < to {
			break
		}
		x.putWhole(x.b.Kids[0], v/unit)
		if rough == 0 {
			break
		}
	}
	x.b.List()
}
