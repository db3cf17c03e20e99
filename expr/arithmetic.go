package expr

import (
	"fmt"
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

const (
	arithmeticOverflow = "ARITHMETIC_OVERFLOW"
	divideByZero       = "DIVIDE_BY_ZERO"
)

// number brings an operand of arithmetic to a number: strings become doubles
// unless the other side says otherwise.
func (b *binder) number(n *node, at parse.Node) (*node, error) {
	switch {
	case numeric(n.t.Kind), n.t.Kind == batch.YearMonth, n.t.Kind == batch.DayTime:
		return n, nil
	case n.t.Kind == batch.String, n.t.Kind == batch.Void:
		return b.implicit(n, batch.DoubleType, at)
	}
	return nil, b.mismatch(at, "arithmetic needs numbers, this is of type %s", clip(n.t.String()))
}

// arithmetic binds + - * / % DIV and pmod.
func (b *binder) arithmetic(op string, at parse.Node, l, r *node, mode castMode) (*node, error) {
	l, r, settled, err := b.operands(op, at, l, r)
	if settled != nil || err != nil {
		return settled, err
	}
	if temporal(l.t.Kind) || temporal(r.t.Kind) {
		return b.timeArithmetic(op, at, l, r, mode)
	}
	for _, n := range []*node{l, r} {
		if !numeric(n.t.Kind) && n.t.Kind != batch.String && n.t.Kind != batch.Void {
			return nil, b.mismatch(at, "%s needs numbers, this is of type %s", op, clip(n.t.String()))
		}
	}
	t, ok := b.common(l.t, r.t)
	if !ok || t.Kind == batch.String || t.Kind == batch.Void {
		t = batch.DoubleType
	}
	switch {
	case op == "DIV" && t.Kind != batch.Decimal:
		t = batch.BigIntType
	case op == "/" && t.Kind != batch.Decimal:
		t = batch.DoubleType
	case t.Kind == batch.Decimal:
		return b.decimalArithmetic(op, at, l, r, mode)
	}
	if l, err = b.operand(l, t, mode, at); err != nil {
		return nil, err
	}
	if r, err = b.operand(r, t, mode, at); err != nil {
		return nil, err
	}
	k, fails := numberKernel(op, t, mode)
	n := b.callStrict(op, t, k, l, r)
	n.rightFirst = divides(op)
	if d, ok := r.wholeConstant(); ok && op != "+" && op != "-" && op != "*" {
		fails = d == 0 || d == -1
	}
	n.cheap = true
	return b.arithmeticNode(n, fails, mode), nil
}

// operand brings an operand to the type: a text that cannot be read is null for the functions that try.
func (b *binder) operand(n *node, t batch.Type, mode castMode, at parse.Node) (*node, error) {
	if mode == castTry && n.t.Kind == batch.String {
		return b.cast(n, t, mode, at)
	}
	return b.implicit(n, t, at)
}

// arithmeticNode says what a failure does to a node.
func (b *binder) arithmeticNode(n *node, fails bool, mode castMode) *node {
	n.fails = fails && mode == castANSI
	n.nullable = n.nullable || fails && mode != castANSI || n.fails
	return b.intern(n, fmt.Sprint(mode))
}

func numberKernel(op string, t batch.Type, mode castMode) (kernel, bool) {
	switch t.Kind {
	case batch.Double:
		return floatKernel(op, t, mode, func(c *batch.Column) []float64 { return c.F64 }), op == "/" || op == "%" || op == "pmod"
	case batch.Float:
		return floatKernel(op, t, mode, func(c *batch.Column) []float32 { return c.F32 }), op == "/" || op == "%" || op == "pmod"
	case batch.BigInt:
		return wholeKernel(op, t, mode, func(c *batch.Column) []int64 { return c.I64 }), true
	}
	return wholeKernel(op, t, mode, func(c *batch.Column) []int32 { return c.I32 }), true
}

// wholeKernel computes integers: all rows in one loop that also notices
// whether any row overflowed; only then the rows are looked at one by one.
func wholeKernel[T int32 | int64](op string, t batch.Type, mode castMode, in func(*batch.Column) []T) kernel {
	low, high := intRange(t.Kind)
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c := r.dense(t)
		d, x, y := in(c), in(a[0].c), in(a[1].c)
		xm, ym := a[0].mask(), a[1].mask()
		r.copyNulls(c, a...)
		var suspect bool
		switch op {
		case "+", "-":
			suspect = addLoop(d, x, y, xm, ym, op == "-", T(low), T(high))
		case "*":
			if xm == 0 && ym != 0 {
				suspect = multiplyLoop(d, y, x, ym, xm, low, high)
			} else {
				suspect = multiplyLoop(d, x, y, xm, ym, low, high)
			}
		default:
			suspect = divideLoop(op, d, x, y, xm, ym)
		}
		if !suspect {
			return c, nil
		}
		r.each(sel, func(i int) {
			if c.IsNull(i) {
				return
			}
			p, q := int64(x[i&xm]), int64(y[i&ym])
			class := wholeProblem(op, p, q, low, high)
			if class == arithmeticOverflow && mode == castLegacy {
				d[i] = wrapped(d[i], t.Kind)
				return
			} else if class == "" {
				return
			}
			c.NewValid().Clear(i)
			if mode == castANSI {
				r.fail(i, arithmeticClass(class, op, t), arithmeticMessage(class, op, p, q, t), nil)
			}
		})
		return c, nil
	}
}

// wrapped cuts an integer to the bits of its type, as Java does.
func wrapped[T int32 | int64](v T, k batch.Kind) T {
	switch k {
	case batch.TinyInt:
		return T(int8(v))
	case batch.SmallInt:
		return T(int16(v))
	}
	return v
}

// each calls f for the rows of sel.
func (r *run) each(sel []int32, f func(i int)) {
	if sel == nil {
		for i := range r.n {
			f(i)
		}
		return
	}
	for _, i := range sel {
		f(int(i))
	}
}

// arithmeticClass is what Spark calls a problem of an operator and a type.
func arithmeticClass(class, op string, t batch.Type) string {
	switch {
	case class == divideByZero && (op == "%" || op == "pmod"):
		return "REMAINDER_BY_ZERO"
	case class == arithmeticOverflow && (t.Kind == batch.TinyInt || t.Kind == batch.SmallInt):
		return "BINARY_ARITHMETIC_OVERFLOW"
	case class == arithmeticOverflow && interval(t.Kind):
		return "INTERVAL_ARITHMETIC_OVERFLOW"
	}
	return class
}

func arithmeticMessage(class, op string, p, q any, t batch.Type) string {
	if class == divideByZero {
		return "Division by zero. Use try_divide to get NULL instead."
	}
	return fmt.Sprintf("%v %s %v overflows %s. Use try_add, try_subtract or try_multiply to get NULL instead.", p, op, q, t)
}

func addLoop[T int32 | int64](d, x, y []T, xm, ym int, minus bool, low, high T) bool {
	if xm != 0 && ym == 0 {
		if by := y[0]; !minus {
			return addConst(d, x, by, low, high)
		} else if by > low { // its negative is there
			return addConst(d, x, -by, low, high)
		}
	}
	var bad T
	if minus {
		for i := range d {
			p, q := x[i&xm], y[i&ym]
			s := p - q
			bad |= (p ^ q) & (p ^ s)
			if s < low || s > high {
				bad = -1
			}
			d[i] = s
		}
		return bad < 0
	}
	for i := range d {
		p, q := x[i&xm], y[i&ym]
		s := p + q
		bad |= (p ^ s) & (q ^ s)
		if s < low || s > high {
			bad = -1
		}
		d[i] = s
	}
	return bad < 0
}

func multiplyLoop[T int32 | int64](d, x, y []T, xm, ym int, low, high int64) bool {
	if xm != 0 && ym == 0 && y[0] >= 1 {
		return multiplyConst(d, x, y[0], T(low), T(high))
	}
	bad := false
	for i := range d {
		v := batch.MulInt64(int64(x[i&xm]), int64(y[i&ym]))
		s := int64(v.Lo)
		bad = bad || v.Hi != s>>63 || s < low || s > high
		d[i] = T(s)
	}
	return bad
}

// divideByConst is divideLoop by a number of at least 2.
func divideByConst[T int32 | int64](op string, d, x []T, by divisor) {
	if op == "%" && by.d&(by.d-1) == 0 {
		remainderOfBits(d, x, T(by.d))
		return
	}
	switch op {
	case "DIV":
		for i := range d {
			q, _ := by.quoRem(int64(x[i]))
			d[i] = T(q)
		}
	case "%":
		for i := range d {
			_, r := by.quoRem(int64(x[i]))
			d[i] = T(r)
		}
	default: // pmod
		for i := range d {
			_, r := by.quoRem(int64(x[i]))
			d[i] = T(r + r>>63&int64(by.d))
		}
	}
}

func divideLoop[T int32 | int64](op string, d, x, y []T, xm, ym int) bool {
	if xm != 0 && ym == 0 && y[0] >= 2 {
		divideByConst(op, d, x[:len(d)], newDivisor(uint64(y[0])))
		return false
	}
	bad := false
	for i := range d {
		p, q := x[i&xm], y[i&ym]
		if q == 0 {
			bad, d[i] = true, 0
			continue
		}
		switch {
		case q == -1:
			if d[i] = 0; op == "DIV" {
				d[i] = -p
				bad = bad || p == -p && p != 0
			}
		case op == "DIV":
			d[i] = p / q
		case op == "%":
			d[i] = p % q
		default: // pmod
			if d[i] = p % q; d[i] < 0 {
				d[i] = (d[i] + q) % q
			}
		}
	}
	return bad
}

// wholeProblem returns what is wrong with p op q, or "".
func wholeProblem(op string, p, q, low, high int64) string {
	var s batch.Int128
	a, b := batch.Int128From(p), batch.Int128From(q)
	switch op {
	case "+":
		s = a.Add(b)
	case "-":
		s = a.Sub(b)
	case "*":
		s = batch.MulInt64(p, q)
	default:
		if q == 0 {
			return divideByZero
		}
		if op == "DIV" && q == -1 {
			s = a.Neg()
		}
	}
	if v, ok := s.Int64(); !ok || v < low || v > high {
		return arithmeticOverflow
	}
	return ""
}

func floatKernel[T float32 | float64](op string, t batch.Type, mode castMode, in func(*batch.Column) []T) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c := r.dense(t)
		d, x, y := in(c), in(a[0].c), in(a[1].c)
		xm, ym := a[0].mask(), a[1].mask()
		r.copyNulls(c, a...)
		zero := false
		switch op {
		case "+":
			for i := range d {
				d[i] = x[i&xm] + y[i&ym]
			}
		case "-":
			for i := range d {
				d[i] = x[i&xm] - y[i&ym]
			}
		case "*":
			for i := range d {
				d[i] = x[i&xm] * y[i&ym]
			}
		case "/":
			for i := range d {
				q := y[i&ym]
				zero = zero || q == 0
				d[i] = x[i&xm] / q
			}
		default:
			for i := range d {
				q := y[i&ym]
				zero = zero || q == 0
				m := math.Mod(float64(x[i&xm]), float64(q))
				if op == "pmod" && m < 0 {
					m = math.Mod(m+float64(q), float64(q))
				}
				d[i] = T(m)
			}
		}
		if zero {
			eachZero(sel, r.n, y, ym, func(i int) {
				if c.IsNull(i) {
					return
				}
				c.NewValid().Clear(i)
				if mode == castANSI {
					r.fail(i, arithmeticClass(divideByZero, op, t), arithmeticMessage(divideByZero, op, 0, 0, t), nil)
				}
			})
		}
		return c, nil
	}
}

// eachZero calls f for the rows of sel, of n, that have zero in y: few among many.
func eachZero[T float32 | float64](sel []int32, n int, y []T, ym int, f func(i int)) {
	if sel == nil {
		for i := range n {
			if y[i&ym] == 0 {
				f(i)
			}
		}
		return
	}
	for _, i := range sel {
		if y[int(i)&ym] == 0 {
			f(int(i))
		}
	}
}

// negate binds -x.
func (b *binder) negate(x *node, at, of parse.Node) (*node, error) {
	x, err := b.number(x, of)
	if err != nil {
		return nil, err
	}
	mode := castANSI
	if !b.o.ANSI && !interval(x.t.Kind) {
		mode = castLegacy
	}
	zero := batch.NewBuilder(x.t, nil)
	switch x.t.Kind {
	case batch.Float:
		zero.Float32(float32(math.Copysign(0, -1)))
	case batch.Double:
		zero.Float64(math.Copysign(0, -1))
	case batch.Decimal:
		k := strict(x.t, func(x *rows, i int) { x.b.Decimal(x.a[0].c.I128[i&x.a[0].mask()].Neg()) })
		return b.intern(b.call("negative", x.t, k, x), ""), nil
	case batch.BigInt, batch.DayTime:
		zero.Int64(0)
	default:
		zero.Int32(0)
	}
	k, fails := numberKernel("-", x.t, mode)
	if x.t.Kind == batch.DayTime {
		k = wholeKernel("-", x.t, mode, func(c *batch.Column) []int64 { return c.I64 })
	}
	n := b.call("-", x.t, k, b.constant(zero.Finish(), "-0"), x)
	return b.arithmeticNode(n, fails, mode), nil
}

// bits binds & | ^ ~.
func (b *binder) bits(op string, at parse.Node, args ...*node) (*node, error) {
	t, err := b.commonOf(at, args)
	if err != nil {
		return nil, err
	}
	if t.Kind == batch.Void {
		return b.implicit(args[0], batch.IntType, at)
	}
	if !integral(t.Kind) {
		return nil, b.mismatch(at, "%s needs integers, this is of type %s", op, clip(t.String()))
	}
	f := map[string]func(p, q int64) int64{
		"&": func(p, q int64) int64 { return p & q }, "|": func(p, q int64) int64 { return p | q },
		"^": func(p, q int64) int64 { return p ^ q }, "~": func(p, _ int64) int64 { return ^p }}[op]
	k := strict(t, func(x *rows, i int) {
		p, _ := whole(x.a[0].c, i&x.a[0].mask())
		q := int64(0)
		if len(x.a) > 1 {
			q, _ = whole(x.a[1].c, i&x.a[1].mask())
		}
		if t.Kind == batch.BigInt {
			x.b.Int64(f(p, q))
		} else {
			x.b.Int32(int32(f(p, q)))
		}
	})
	return b.intern(b.call(op, t, k, args...), ""), nil
}
