package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func integral(k batch.Kind) bool { return k >= batch.TinyInt && k <= batch.BigInt }
func numeric(k batch.Kind) bool  { return k >= batch.TinyInt && k <= batch.Decimal }
func fractional(k batch.Kind) bool {
	return k == batch.Float || k == batch.Double || k == batch.Decimal
}

// decimalFor returns the decimal that holds every value of an integral type.
func decimalFor(t batch.Type) batch.Type {
	switch t.Kind {
	case batch.TinyInt:
		return batch.DecimalType(3, 0)
	case batch.SmallInt:
		return batch.DecimalType(5, 0)
	case batch.Int:
		return batch.DecimalType(10, 0)
	case batch.BigInt:
		return batch.DecimalType(20, 0)
	}
	return t
}

// bounded returns a decimal of at most 38 digits that keeps at least six
// digits behind the point where whole digits must be given up: Spark's
// adjustPrecisionScale.
func bounded(precision, scale int) batch.Type {
	if precision > 38 {
		whole := precision - scale
		scale = max(38-whole, min(scale, 6))
		precision = 38
	}
	return batch.DecimalType(uint8(precision), uint8(scale))
}

// common returns the type to which values of both types are brought to be
// compared or to stand in one column, by Spark's ANSI rules.
func common(a, b batch.Type) (batch.Type, bool) {
	if a.Equal(b) {
		return a, true
	}
	if a.Kind > b.Kind {
		a, b = b, a // the table below has the lower kind first
	}
	switch {
	case b.Kind == batch.Void:
		return a, true
	case numeric(a.Kind) && numeric(b.Kind):
		return commonNumber(a, b), true
	case b.Kind == batch.String:
		if integral(a.Kind) {
			return batch.BigIntType, true
		}
		if fractional(a.Kind) {
			return batch.DoubleType, true
		}
		return a, a.Kind == batch.Boolean
	case a.Kind == batch.String:
		return b, (!b.Nested() || b.Kind == batch.Variant) && !interval(b.Kind)
	case a.Kind == b.Kind && interval(a.Kind):
		return unitsOf(a, b), true
	case a.Kind == batch.Date && (b.Kind == batch.Timestamp || b.Kind == batch.TimestampNTZ):
		return b, true
	case a.Kind == batch.Timestamp && b.Kind == batch.TimestampNTZ:
		return a, true
	case a.Kind == b.Kind && a.Nested():
		return commonNested(a, b)
	}
	return batch.Type{}, false
}

// unitsOf is the interval that shows the units of both.
func unitsOf(a, b batch.Type) batch.Type {
	from1, to1 := a.Units()
	from2, to2 := b.Units()
	return batch.IntervalType(a.Kind, min(from1, from2), max(to1, to2))
}

func commonNumber(a, b batch.Type) batch.Type {
	if b.Kind != batch.Decimal {
		if integral(a.Kind) && b.Kind == batch.Float {
			return batch.DoubleType // an integer does not fit a float's digits
		}
		return b
	}
	if a.Kind == batch.Float || a.Kind == batch.Double {
		return batch.DoubleType
	}
	a = decimalFor(a)
	scale := max(int(a.Scale), int(b.Scale))
	whole := max(int(a.Precision)-int(a.Scale), int(b.Precision)-int(b.Scale))
	scale = min(scale, 38-whole) // whole digits are kept
	return batch.DecimalType(uint8(whole+scale), uint8(scale))
}

func commonNested(a, b batch.Type) (batch.Type, bool) {
	if len(a.Fields) != len(b.Fields) {
		return a, false
	}
	out := batch.Type{Kind: a.Kind}
	for i, f := range a.Fields {
		g := b.Fields[i]
		t, ok := common(f.Type, g.Type)
		if !ok {
			return a, false
		}
		f.Type, f.Nullable = t, f.Nullable || g.Nullable
		out.Fields = append(out.Fields, f)
	}
	return out, true
}

// common is common by the rules of the session: without ANSI a text beside another value makes a text, and an integer beside a
// float stays one.
func (b *binder) common(x, y batch.Type) (batch.Type, bool) {
	if b.o.ANSI || x.Equal(y) {
		return common(x, y)
	}
	if x.Kind > y.Kind {
		x, y = y, x
	}
	text := x.Kind == batch.String || y.Kind == batch.String
	switch {
	case x.Kind == batch.Void || y.Kind == batch.Void:
		return common(x, y)
	case integral(x.Kind) && y.Kind == batch.Float:
		return y, true
	case text && (x.Kind == batch.Boolean || y.Kind == batch.Binary):
		return batch.Type{}, false
	case text:
		return batch.StringType, y.Kind == batch.Variant || !y.Nested()
	case x.Kind == y.Kind && x.Kind != batch.Variant && x.Nested() && len(x.Fields) == len(y.Fields):
		out := batch.Type{Kind: x.Kind}
		for i, f := range x.Fields {
			t, ok := b.common(f.Type, y.Fields[i].Type)
			if !ok {
				return x, false
			}
			f.Type, f.Nullable = t, f.Nullable || y.Fields[i].Nullable
			out.Fields = append(out.Fields, f)
		}
		return out, true
	}
	return common(x, y)
}

// compared is the type in which values of both types are compared: without ANSI a text becomes what it is compared with.
func (b *binder) compared(x, y batch.Type) (batch.Type, bool) {
	if b.o.ANSI {
		return common(x, y)
	}
	if y.Kind == batch.String {
		x, y = y, x
	}
	if x.Kind == batch.String && y.Kind != batch.String {
		switch {
		case y.Kind == batch.Void:
			return x, true
		case y.Kind == batch.Decimal:
			return batch.DoubleType, true
		}
		return y, !y.Nested() && !interval(y.Kind)
	}
	return b.common(x, y)
}

// commonOf brings all nodes to one type. Integer constants beside decimals
// count with the digits they have.
func (b *binder) commonOf(at parse.Node, nodes []*node) (batch.Type, error) {
	if len(nodes) == 0 {
		return batch.VoidType, nil
	}
	t := nodes[0].t
	for _, n := range nodes[1:] {
		next, ok := b.common(t, n.t)
		if !ok {
			return t, b.mismatch(at, "the types %s and %s have nothing in common; cast one of them", clip(t.String()), clip(n.t.String()))
		}
		t = next
	}
	for i, n := range nodes {
		var err error
		if nodes[i], err = b.implicit(n, t, at); err != nil {
			return t, err
		}
	}
	return t, nil
}

// comparable brings two nodes to one type in which they can be compared.
func (b *binder) pair(at parse.Node, l, r *node) (*node, *node, error) {
	t, ok := b.compared(l.t, r.t)
	if !b.o.ANSI && (l.t.Kind == batch.Boolean && numeric(r.t.Kind) || r.t.Kind == batch.Boolean && numeric(l.t.Kind)) {
		if t, ok = r.t, true; l.t.Kind != batch.Boolean {
			t = l.t
		}
	}
	if !ok {
		return l, r, b.mismatch(at, "the types %s and %s cannot be compared; cast one of them", clip(l.t.String()), clip(r.t.String()))
	}
	if t.Kind == batch.Map || t.Kind == batch.Variant {
		return l, r, b.mismatch(at, "values of type %s cannot be compared", clip(t.String()))
	}
	l, err := b.implicit(l, t, at)
	if err != nil {
		return l, r, err
	}
	r, err = b.implicit(r, t, at)
	return l, r, err
}

// implicit casts a node to a type that the language chose.
func (b *binder) implicit(n *node, t batch.Type, at parse.Node) (*node, error) {
	mode := castANSI
	if !b.o.ANSI {
		mode = castLegacy
	}
	return b.cast(n, t, mode, at)
}
