package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// operands brings the sides of + - * / % DIV into a form in which arithmetic knows them, as the rules of the session say: texts
// and untyped nulls stand for what the other side asks for. Where the result is settled by that, it is returned.
func (b *binder) operands(op string, at parse.Node, l, r *node) (x, y, settled *node, err error) {
	text := l.t.Kind == batch.String || r.t.Kind == batch.String
	void := l.t.Kind == batch.Void || r.t.Kind == batch.Void
	other := l
	if l.t.Kind == batch.String || l.t.Kind == batch.Void {
		other = r
	}
	k := other.t.Kind
	refuse := func() (*node, *node, *node, error) {
		return l, r, nil, b.mismatch(at, "there is no %s %s %s", clip(l.t.String()), op, clip(r.t.String()))
	}
	switch {
	case op == "DIV" && (inexact(l) || inexact(r) || text && (!b.o.ANSI || k == batch.Decimal)):
		return refuse()
	case text && b.o.ANSI && (l.t.Kind == r.t.Kind || void):
		return refuse()
	case text && temporal(k):
		return b.textBesideTime(op, at, l, r)
	case text && !b.o.ANSI && numeric(k), text && !b.o.ANSI && (void || k == batch.String):
		if l, err = b.implicit(l, batch.DoubleType, at); err == nil {
			r, err = b.implicit(r, batch.DoubleType, at)
		}
		return l, r, nil, err
	case void && k == batch.Decimal:
		t := other.t
		if op == "/" && l.t.Kind == batch.Void {
			t = batch.DoubleType
		}
		if l, err = b.implicit(l, t, at); err == nil {
			r, err = b.implicit(r, t, at)
		}
		return l, r, nil, err
	case void && temporal(k):
		t, ok := nullBesideTime(op, l.t.Kind == batch.Void, other.t)
		if !ok {
			return refuse()
		}
		return l, r, b.intern(b.call("null", t, nullKernel(t), l, r), ""), nil
	case op == "DIV" && interval(l.t.Kind) && l.t.Kind == r.t.Kind:
		return b.divideIntervals(l, r)
	}
	return l, r, nil, nil
}

func inexact(n *node) bool { return n.t.Kind == batch.Float || n.t.Kind == batch.Double }

// nullBesideTime is the type of null op t, or of t op null.
func nullBesideTime(op string, left bool, t batch.Type) (batch.Type, bool) {
	switch {
	case op == "DIV" && interval(t.Kind) && !left, op == "DIV" && interval(t.Kind):
		return batch.BigIntType, true
	case op == "%", op == "pmod", op == "DIV", op == "/" && (left || !interval(t.Kind)), op == "*" && !interval(t.Kind):
		return t, false
	case op == "-" && (t.Kind == batch.Timestamp || t.Kind == batch.TimestampNTZ):
		return batch.DayTimeType, true
	case op == "+" && t.Kind == batch.Date:
		return batch.TimestampType, true
	}
	return t.Whole(), true
}

// textBesideTime binds a text beside a date, a time or an interval.
func (b *binder) textBesideTime(op string, at parse.Node, l, r *node) (x, y, settled *node, err error) {
	other, text := l, &r
	if l.t.Kind == batch.String {
		other, text = r, &l
	}
	t := other.t
	scales := op == "*" || op == "/" && other == l
	switch {
	case interval(t.Kind) && scales:
		t = batch.DoubleType
	case t.Kind == batch.DayTime && (op == "+" || op == "-" && other == r):
		t = batch.TimestampType
	case !interval(t.Kind) && op == "-" && (other == r || b.o.ANSI):
	default:
		return l, r, nil, b.mismatch(at, "there is no %s %s %s", clip(l.t.String()), op, clip(r.t.String()))
	}
	if *text, err = b.implicit(*text, t, at); err != nil {
		return l, r, nil, err
	}
	if t.Kind != batch.Timestamp || !interval(other.t.Kind) {
		return l, r, nil, nil
	}
	mode := castANSI
	if !b.o.ANSI {
		mode = castLegacy
	}
	moved, err := b.timeArithmetic(op, at, l, r, mode)
	if err != nil {
		return l, r, nil, err
	}
	settled, err = b.cast(moved, batch.StringType, mode, at) // it was a text, and stays one
	return l, r, settled, err
}

// divideIntervals binds the whole number of times that one interval is in another.
func (b *binder) divideIntervals(l, r *node) (x, y, settled *node, err error) {
	legacy := !b.o.ANSI
	n := b.callStrict("div", batch.BigIntType, strict(batch.BigIntType, func(x *rows, i int) {
		p, q := x.whole(0, i), x.whole(1, i)
		switch {
		case q == 0:
			if legacy {
				x.b.Null()
			} else {
				x.fail(i, "DIVIDE_BY_ZERO", "an interval is divided by one of no length", nil)
			}
		case q == -1 && p == -p && p != 0:
			x.fail(i, arithmeticOverflow, "the quotient of the intervals does not fit 64 bits", nil)
		default:
			x.b.Int64(p / q)
		}
	}), l, r)
	n.fails, n.nullable = true, true
	return l, r, b.intern(n, ""), nil
}
