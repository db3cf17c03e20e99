package expr

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// Which outcomes of a comparison count as true.
const (
	less = 1 << iota
	equal
	greater
)

var outcomes = map[string]int{"=": equal, "<=>": equal, "<>": less | greater, "<": less, "<=": less | equal,
	">": greater, ">=": greater | equal}

func (b *binder) compare(op string, l, r *node, at parse.Node) (*node, error) {
	l, r, err := b.pair(at, l, r)
	if err != nil {
		return nil, err
	}
	want := outcomes[op]
	out := b.call(op, batch.BooleanType, compareKernel(want, op == "<=>"), l, r)
	out.perEntry = op != "<=>" && (l.t.Kind == batch.String || l.t.Kind == batch.Binary)
	out.cheap, out.strict = l.t.Fixed(), op != "<=>"
	if op == "<=>" {
		out.nullable = false
	}
	return b.intern(out, ""), nil
}

func compareKernel(want int, nullSafe bool) kernel {
	return func(r *run, _ []int32, a []val) (*batch.Column, error) {
		c := r.new(batch.BooleanType)
		compareInto(c.Bits, r.n, a[0], a[1], want)
		if !nullSafe {
			r.copyNulls(c, a...)
			return c, nil
		}
		for w := range c.Bits {
			lv, rv := a[0].validWord(w), a[1].validWord(w)
			c.Bits[w] = c.Bits[w]&lv&rv | ^lv&^rv
		}
		return c, nil
	}
}

// validWord returns which rows of word w are not null.
func (v val) validWord(w int) uint64 {
	switch {
	case v.c.Type.Kind == batch.Void, v.one && v.c.IsNull(0):
		return 0
	case v.one || v.c.Valid == nil:
		return ^uint64(0)
	}
	return v.c.Valid[w]
}

// compareInto sets the bits of the rows whose comparison is among want. Null
// rows get any bit.
func compareInto(out batch.Bitmap, n int, l, r val, want int) {
	lc, rc := l.c, r.c
	lm, rm := l.mask(), r.mask()
	switch lc.Type.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		ordered(out, n, lc.I32, rc.I32, lm, rm, want)
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		ordered(out, n, lc.I64, rc.I64, lm, rm, want)
	case batch.Float, batch.Double, batch.Decimal, batch.String, batch.Binary, batch.Boolean:
		if (lc.Type.Kind == batch.String || lc.Type.Kind == batch.Binary) && (want == equal || want == less|greater) {
			sameBytes(out, n, l, r, want != equal)
			return
		}
		three(out, n, want, flatOrder(lc, rc, lm, rm))
	case batch.Struct, batch.Array:
		three(out, n, want, func(i int) int { return nestedOrder(lc, rc, i&lm, i&rm) })
	}
}

func bitOf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// ordered compares integers, one operator a loop.
func ordered[T int32 | int64](out batch.Bitmap, n int, l, r []T, lm, rm, want int) {
	if lm == 0 && rm != 0 { // a constant on the left: mirror
		l, r, lm, rm = r, l, rm, lm
		want = want&equal | want&less<<2 | want&greater>>2
	}
	for w := range out {
		first := w << 6
		last := min(n, first+64)
		var word uint64
		switch {
		case rm == 0 && lm != 0:
			word = orderedConst(l[first:last], r[0], want)
		case lm == 0:
			word = -bitOf(holds(cmp.Compare(l[0], r[0]), want))
		default:
			word = orderedPair(l[first:last], r[first:last], want)
		}
		out[w] = word
	}
}

func holds(c, want int) bool { return want>>(c+1)&1 != 0 }

func orderedConst[T int32 | int64](l []T, r T, want int) (word uint64) {
	switch want {
	case equal:
		for i, v := range l {
			word |= bitOf(v == r) << (uint(i) & 63)
		}
	case less | greater:
		for i, v := range l {
			word |= bitOf(v != r) << (uint(i) & 63)
		}
	case less:
		for i, v := range l {
			word |= bitOf(v < r) << (uint(i) & 63)
		}
	case less | equal:
		for i, v := range l {
			word |= bitOf(v <= r) << (uint(i) & 63)
		}
	case greater:
		for i, v := range l {
			word |= bitOf(v > r) << (uint(i) & 63)
		}
	default:
		for i, v := range l {
			word |= bitOf(v >= r) << (uint(i) & 63)
		}
	}
	return word
}

func orderedPair[T int32 | int64](l, r []T, want int) (word uint64) {
	r = r[:len(l)]
	switch want {
	case equal:
		for i, v := range l {
			word |= bitOf(v == r[i]) << (uint(i) & 63)
		}
	case less | greater:
		for i, v := range l {
			word |= bitOf(v != r[i]) << (uint(i) & 63)
		}
	case less, greater | equal:
		for i, v := range l {
			word |= bitOf(v < r[i]) << (uint(i) & 63)
		}
	default:
		for i, v := range l {
			word |= bitOf(v > r[i]) << (uint(i) & 63)
		}
	}
	if want == greater|equal || want == less|equal {
		word = ^word
	}
	return word
}

func three(out batch.Bitmap, n, want int, order func(i int) int) {
	for i := range n {
		if holds(order(i), want) {
			out.Set(i)
		}
	}
}

// flatOrder returns the order of row i of two columns of one flat kind that is
// no integer. NaN equals itself and is greater than every number, as in Spark.
func flatOrder(l, r *batch.Column, lm, rm int) func(i int) int {
	switch l.Type.Kind {
	case batch.Float:
		return func(i int) int { return orderFloat(float64(l.F32[i&lm]), float64(r.F32[i&rm])) }
	case batch.Double:
		return func(i int) int { return orderFloat(l.F64[i&lm], r.F64[i&rm]) }
	case batch.Decimal:
		return func(i int) int { return l.I128[i&lm].Cmp(r.I128[i&rm]) }
	case batch.Boolean:
		return func(i int) int { return int(bitOf(l.Bool(i&lm))) - int(bitOf(r.Bool(i&rm))) }
	}
	return func(i int) int {
		if l.IsNull(i&lm) || r.IsNull(i&rm) {
			return 0
		}
		return bytes.Compare(l.Bytes(i&lm), r.Bytes(i&rm))
	}
}

func orderFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b || math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	}
	return -1
}

func sameBytes(out batch.Bitmap, n int, l, r val, not bool) {
	if r.one && !l.one && l.c.Dict == nil && !r.c.IsNull(0) {
		sameAsConst(out, l.c, n, string(r.c.Bytes(0)), not)
		return
	}
	lm, rm := l.mask(), r.mask()
	for i := range n {
		if l.null(i) || r.null(i) {
			continue
		}
		if bytes.Equal(l.c.Bytes(i&lm), r.c.Bytes(i&rm)) != not {
			out.Set(i)
		}
	}
}

// sameAsConst compares texts with a constant, short ones by a word: which texts are as long as it cannot be foretold.
func sameAsConst(out batch.Bitmap, c *batch.Column, n int, want string, not bool) {
	off := c.Off[:n+1]
	var text [8]byte
	copy(text[:], want)
	word, mask := binary.LittleEndian.Uint64(text[:]), ^uint64(0)>>(64-8*min(len(want), 8))
	for w := range out {
		first := w << 6
		ends := off[first : min(n, first+64)+1]
		var same uint64
		for i, to := range ends[1:] {
			from := ends[i]
			var is bool
			if len(want) <= 8 && int(from)+8 <= len(c.Data) {
				is = (binary.LittleEndian.Uint64(c.Data[from:])^word)&mask|uint64(int(to-from)^len(want)) == 0
			} else {
				is = int(to-from) == len(want) && string(c.Data[from:to]) == want
			}
			same |= bitOf(is) << (uint(i) & 63)
		}
		if not {
			same ^= ^uint64(0) >> (65 - len(ends))
		}
		out[w] |= same
	}
}

// nestedOrder orders rows of any type; null comes before all else.
func nestedOrder(l, r *batch.Column, i, j int) int {
	if ln, rn := l.IsNull(i), r.IsNull(j); ln || rn {
		return int(bitOf(rn)) - int(bitOf(ln))
	}
	switch l.Type.Kind {
	case batch.Struct:
		for k := range l.Kids {
			if c := nestedOrder(l.Kids[k], r.Kids[k], i, j); c != 0 {
				return c
			}
		}
		return 0
	case batch.Array:
		a, aEnd, b, bEnd := int(l.Off[i]), int(l.Off[i+1]), int(r.Off[j]), int(r.Off[j+1])
		for ; a < aEnd && b < bEnd; a, b = a+1, b+1 {
			if c := nestedOrder(l.Kids[0], r.Kids[0], a, b); c != 0 {
				return c
			}
		}
		return cmp.Compare(aEnd-a, bEnd-b)
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		return cmp.Compare(l.I32[i], r.I32[j])
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime:
		return cmp.Compare(l.I64[i], r.I64[j])
	case batch.Float:
		return orderFloat(float64(l.F32[i]), float64(r.F32[j]))
	case batch.Double:
		return orderFloat(l.F64[i], r.F64[j])
	case batch.Decimal:
		return l.I128[i].Cmp(r.I128[j])
	case batch.Boolean:
		return int(bitOf(l.Bool(i))) - int(bitOf(r.Bool(j)))
	case batch.String, batch.Binary:
		return bytes.Compare(l.Bytes(i), r.Bytes(j))
	}
	return 0
}
