package expr

import (
	"fmt"
	"math/big"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// decimalResult returns Spark's type of a op b.
func decimalResult(op string, a, b batch.Type) batch.Type {
	p1, s1, p2, s2 := int(a.Precision), int(a.Scale), int(b.Precision), int(b.Scale)
	switch op {
	case "+", "-":
		return bounded(max(p1-s1, p2-s2)+max(s1, s2)+1, max(s1, s2))
	case "*":
		return bounded(p1+p2+1, s1+s2)
	case "/":
		scale := max(6, s1+p2+1)
		return bounded(p1-s1+s2+scale, scale)
	case "DIV":
		return bounded(max(p1-s1+s2, 1), 0)
	}
	return bounded(min(p1-s1, p2-s2)+max(s1, s2), max(s1, s2))
}

// asDecimal brings an integer or string operand to a decimal; a number as it is written counts
// with the digits it has.
func (b *binder) asDecimal(n *node, at parse.Node) (*node, error) {
	t := decimalFor(n.t)
	if v, ok := n.wholeConstant(); ok && !n.folded && n.t.Kind != batch.TinyInt {
		t = decimalOf(fmt.Sprint(v))
	}
	if t.Kind != batch.Decimal {
		t = batch.DecimalType(38, 18)
	}
	return b.implicit(n, t, at)
}

func (n *node) wholeConstant() (int64, bool) {
	if n.literal == nil || n.literal.IsNull(0) || !integral(n.t.Kind) {
		return 0, false
	}
	return whole(n.literal, 0)
}

func (b *binder) decimalArithmetic(op string, at parse.Node, l, r *node, mode castMode) (*node, error) {
	l, err := b.asDecimal(l, at)
	if err != nil {
		return nil, err
	}
	if r, err = b.asDecimal(r, at); err != nil {
		return nil, err
	}
	t := decimalResult(op, l.t, r.t)
	k := decimalKernel(op, l.t, r.t, t, mode)
	n := b.callStrict(op, t, k, l, r)
	n.rightFirst = divides(op)
	n.cheap = op == "+" || op == "-" || op == "*"
	if decimalLoopOf(op, l.t, r.t, t) != nil {
		n.fused = fuse(op, l, r)
	}
	out := b.arithmeticNode(n, true, mode)
	if op == "DIV" {
		return b.cast(out, batch.BigIntType, mode, at)
	}
	return out, nil
}

// decimalKernel computes most rows by a loop over 64-bit numbers, and a batch in which one does not fit row by row.
func decimalKernel(op string, l, r, t batch.Type, mode castMode) kernel {
	loop := decimalLoopOf(op, l, r, t)
	s1, s2 := int(l.Scale), int(r.Scale)
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c := r.dense(t)
		r.copyNulls(c, a...)
		x, y, xm, ym := a[0].c.I128, a[1].c.I128, a[0].mask(), a[1].mask()
		if loop != nil && r.n > 0 && !loop(c.I128, x, y) {
			return c, nil
		}
		r.each(sel, func(i int) {
			if c.IsNull(i) {
				return
			}
			p, q := x[i&xm], y[i&ym]
			v, class := decimalRow(op, p, q, s1, s2, t)
			if c.I128[i] = v; class == "" {
				return
			}
			c.NewValid().Clear(i)
			if mode == castANSI {
				r.fail(i, arithmeticClass(class, op, t), arithmeticMessage(class, op, decimalText(p, s1), decimalText(q, s2), t), nil)
			}
		})
		return c, nil
	}
}

// decimalRow computes one row, and says what is wrong with it.
func decimalRow(op string, p, q batch.Int128, s1, s2 int, t batch.Type) (v batch.Int128, class string) {
	if q.Sign() == 0 && op != "+" && op != "-" && op != "*" {
		return v, divideByZero
	}
	v, ok := decimalOp(op, p, q, s1, s2, int(t.Scale))
	if !ok || !v.FitsPrecision(int(t.Precision)) {
		return batch.Int128{}, "NUMERIC_VALUE_OUT_OF_RANGE"
	}
	return v, ""
}

func decimalText(v batch.Int128, scale int) string { return string(batch.AppendDecimal(nil, v, scale)) }

// decimalOp computes p op q at the scale, halves rounded away from zero. What
// does not fit 128 bits on the way is computed with big integers.
func decimalOp(op string, p, q batch.Int128, s1, s2, scale int) (batch.Int128, bool) {
	switch op {
	case "+", "-":
		s := max(s1, s2)
		x, ok1 := p.Rescale(s1, s)
		y, ok2 := q.Rescale(s2, s)
		if ok1 && ok2 {
			if op == "-" {
				y = y.Neg()
			}
			return x.Add(y).Rescale(s, scale)
		}
	case "*":
		if v, ok := p.Mul(q); ok && s1+s2 <= 38 {
			return v.Rescale(s1+s2, scale)
		}
	case "/":
		if k := scale + s2 - s1; k >= 0 && k <= 38 {
			if v, ok := p.Mul(batch.Pow10(k)); ok {
				return v.QuoHalfUp(q), true
			}
		}
	case "DIV", "%", "pmod":
		s := max(s1, s2)
		x, ok1 := p.Rescale(s1, s)
		y, ok2 := q.Rescale(s2, s)
		if ok1 && ok2 {
			whole, rest := x.QuoRem(y)
			if op == "DIV" {
				return whole, true
			}
			if op == "pmod" && rest.Sign() < 0 {
				_, rest = rest.Add(y).QuoRem(y)
			}
			return rest.Rescale(s, scale)
		}
	}
	return decimalBig(op, p.Big(), q.Big(), s1, s2, scale)
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func decimalBig(op string, p, q *big.Int, s1, s2, scale int) (batch.Int128, bool) {
	s := max(s1, s2)
	switch op {
	case "*":
		return rounded(p.Mul(p, q), tenTo(s1+s2), scale)
	case "/":
		return rounded(p.Mul(p, tenTo(s2)), q.Mul(q, tenTo(s1)), scale)
	}
	p.Mul(p, tenTo(s-s1))
	q.Mul(q, tenTo(s-s2))
	switch op {
	case "+":
		p.Add(p, q)
	case "-":
		p.Sub(p, q)
	case "DIV":
		return batch.Int128FromBig(p.Quo(p, q))
	case "%":
		p.Rem(p, q)
	case "pmod":
		if p.Rem(p, q).Sign() < 0 {
			p.Rem(p.Add(p, q), q)
		}
	}
	return rounded(p, tenTo(s), scale)
}

// rounded returns p/q at the scale, rounded half up.
func rounded(p, q *big.Int, scale int) (batch.Int128, bool) {
	p.Mul(p, tenTo(scale))
	v, rest := new(big.Int).QuoRem(p, q, new(big.Int))
	if rest.Abs(rest).Lsh(rest, 1).CmpAbs(q) >= 0 {
		if p.Sign()*q.Sign() < 0 {
			v.Sub(v, big.NewInt(1))
		} else {
			v.Add(v, big.NewInt(1))
		}
	}
	return batch.Int128FromBig(v)
}
