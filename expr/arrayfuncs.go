package expr

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

type bindFunction = func(*binder, *parse.Call, []*node) (*node, error)

func init() {
	one := [][]sourceOf{{givesKid}}
	define("array_distinct", "array_distinct(x)", "The elements, each once.", "array_distinct(array(1, 2, 2, null, null))", "[1, 2, null]", 1, 1,
		arrays(1, false, func(t batch.Type) kernel {
			return listKernel(t, one, true, func(x *lister, i int) bool {
				var s seen
				from, n := x.span(0, i)
				for j := from; j < from+n; j++ {
					if s.add(x.kid(0), j) {
						x.take(0, 0, j)
					}
				}
				return true
			})
		}))
	both := [][]sourceOf{{givesKid, givesKid}}
	define("array_union", "array_union(x, y)", "The elements of both, each once.", "array_union(array(1, 2), array(2, 3))", "[1, 2, 3]", 2, 2,
		arrays(2, false, func(t batch.Type) kernel {
			return listKernel(t, both, true, func(x *lister, i int) bool {
				var s seen
				for k := range 2 {
					from, n := x.span(k, i)
					for j := from; j < from+n; j++ {
						if s.add(x.kid(k), j) {
							x.take(0, k, j)
						}
					}
				}
				return true
			})
		}))
	define("array_intersect", "array_intersect(x, y)", "The elements that both have, each once.", "array_intersect(array(1, 2), array(2, 3))", "[2]", 2, 2, arrays(2, false, arrayMinus(true)))
	define("array_except", "array_except(x, y)", "The elements of x that y has not, each once.", "array_except(array(1, 2), array(2, 3))", "[1]", 2, 2, arrays(2, false, arrayMinus(false)))
	define("arrays_overlap", "arrays_overlap(x, y)", "Whether both have an element in common; null if that hangs on a null.", "arrays_overlap(array(1, 2), array(2, 3))", "true", 2, 2,
		arrays(2, true, func(batch.Type) kernel { return strict(batch.BooleanType, overlap) }))
	define("array_compact", "array_compact(x)", "The elements that are not null.", "array_compact(array(1, null, 2))", "[1, 2]", 1, 1, arrays(1, false, func(t batch.Type) kernel {
		t = batch.ArrayType(t.Fields[0].Type, false)
		return listKernel(t, one, true, func(x *lister, i int) bool {
			from, n := x.span(0, i)
			for j := from; j < from+n; j++ {
				if !x.kid(0).IsNull(j) {
					x.take(0, 0, j)
				}
			}
			return true
		})
	}))
	defineElements()
	define("array_join", "array_join(x, by[, null])", "The texts with by between them; nulls are left out or replaced.", "array_join(array('a', null, 'b'), ',', '-')", "a,-,b", 2, 3, arrayJoin)
	define("slice", "slice(x, from, n)", "n elements from place from, which is counted from 1, or from the end if negative.", "slice(array(1, 2, 3, 4), 2, 2)", "[2, 3]", 3, 3, arraySlice)
	define("flatten", "flatten(x)", "The elements of the arrays of an array; null if one is null.", "flatten(array(array(1, 2), array(3)))", "[1, 2, 3]", 1, 1, flatten)
	define("array_repeat", "array_repeat(x, n)", "x n times.", "array_repeat('a', 2)", "[a, a]", 2, 2, arrayRepeat)
	define("arrays_zip", "arrays_zip(x, ...)", "Structs of the elements at each place, null where an array is shorter.", "arrays_zip(array(1, 2), array('a'))", "[{1, a}, {2, null}]", 0, -1, arraysZip)
}

// arrays makes a bind function of one or two arrays, brought to one type.
func arrays(count int, boolean bool, k func(t batch.Type) kernel) bindFunction {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		for i, a := range args {
			if a.t.Kind != batch.Array && (a.t.Kind != batch.Void || count == 2) {
				return nil, b.mismatch(c.Args[i], "%s needs an array, this is of type %s", strings.ToLower(c.Name), clip(a.t.String()))
			}
		}
		t, err := b.commonOf(c, args)
		if err != nil {
			return nil, err
		}
		if t.Kind == batch.Void {
			t = batch.ArrayType(batch.VoidType, true)
			if args[0], err = b.implicit(args[0], t, c); err != nil {
				return nil, err
			}
		}
		if e := t.Fields[0].Type; hasMap(e) && strings.ToLower(c.Name) != "array_compact" {
			return nil, b.mismatch(c, "elements of type %s cannot be compared", clip(e.String()))
		}
		if boolean {
			n := b.call(strings.ToLower(c.Name), batch.BooleanType, k(t), args...)
			n.nullable = true
			return b.intern(n, ""), nil
		}
		return b.intern(b.call(strings.ToLower(c.Name), t, k(t), args...), ""), nil
	}
}

func hasMap(t batch.Type) bool {
	if t.Kind == batch.Map || t.Kind == batch.Variant {
		return true
	}
	return slices.ContainsFunc(t.Fields, func(f batch.Field) bool { return hasMap(f.Type) })
}

func arrayMinus(keep bool) func(t batch.Type) kernel {
	return func(t batch.Type) kernel {
		return listKernel(t, [][]sourceOf{{givesKid, gives0}}, true, func(x *lister, i int) bool {
			var other, s seen
			from, n := x.span(1, i)
			for j := from; j < from+n; j++ {
				other.add(x.kid(1), j)
			}
			from, n = x.span(0, i)
			for j := from; j < from+n; j++ {
				if other.has(x.kid(0), j) == keep && s.add(x.kid(0), j) {
					x.take(0, 0, j)
				}
			}
			return true
		})
	}
}

// has reports whether a row equal to this one was added.
func (s *seen) has(c *batch.Column, j int) bool {
	if s.keys != nil {
		s.buf = batch.AppendSortKey(s.buf[:0], c, j, batch.Ascending)
		_, there := s.keys[string(s.buf)]
		return there
	}
	for k, d := range s.columns {
		if same(d, int(s.rows[k]), c, j) {
			return true
		}
	}
	return false
}

func overlap(x *rows, i int) {
	var s seen
	null := false
	l, m := x.a[0].c, x.a[1].c
	li, mi := i&x.a[0].mask(), i&x.a[1].mask()
	for j := l.Off[li]; j < l.Off[li+1]; j++ {
		if l.Kids[0].IsNull(int(j)) {
			null = true
		} else {
			s.add(l.Kids[0], int(j))
		}
	}
	for j := m.Off[mi]; j < m.Off[mi+1]; j++ {
		if m.Kids[0].IsNull(int(j)) {
			null = true
		} else if s.has(m.Kids[0], int(j)) {
			x.b.Bool(true)
			return
		}
	}
	if null && l.Off[li+1] > l.Off[li] && m.Off[mi+1] > m.Off[mi] {
		x.b.Null()
		return
	}
	x.b.Bool(false)
}

// withElement binds functions of an array and a value of its elements' type, which it may widen.
func withElement(result func(t batch.Type) batch.Type, compared bool, k func(t batch.Type) kernel) bindFunction {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if args[0].t.Kind != batch.Array {
			return nil, b.mismatch(c.Args[0], "%s needs an array, this is of type %s", strings.ToLower(c.Name), clip(args[0].t.String()))
		}
		e, ok := b.common(args[0].t.Fields[0].Type, args[1].t)
		if (args[0].t.Fields[0].Type.Kind == batch.String) != (args[1].t.Kind == batch.String) && args[1].t.Kind != batch.Void && args[0].t.Fields[0].Type.Kind != batch.Void {
			ok = false
		}
		if !ok || compared && hasMap(e) || args[1].t.Kind == batch.Void && compared {
			return nil, b.mismatch(c, "an array of %s and a %s do not go together", clip(args[0].t.Fields[0].Type.String()), clip(args[1].t.String()))
		}
		var err error
		if args[0], err = b.implicit(args[0], batch.ArrayType(e, args[0].t.Fields[0].Nullable), c); err != nil {
			return nil, err
		}
		if args[1], err = b.implicit(args[1], e, c); err != nil {
			return nil, err
		}
		t := result(batch.ArrayType(e, args[0].t.Fields[0].Nullable || args[1].nullable))
		n := b.call(strings.ToLower(c.Name), t, k(t), args...)
		n.nullable = true
		return b.intern(n, ""), nil
	}
}

func defineElements() {
	itself := func(t batch.Type) batch.Type { return t }
	pend := func(before bool) func(t batch.Type) kernel {
		return func(t batch.Type) kernel {
			return listKernel(t, [][]sourceOf{{givesKid, givesRow}}, false, func(x *lister, i int) bool {
				if x.a[0].null(i) {
					return false
				}
				if before {
					x.take(0, 1, i&x.a[1].mask())
				}
				from, n := x.span(0, i)
				for j := from; j < from+n; j++ {
					x.take(0, 0, j)
				}
				if !before {
					x.take(0, 1, i&x.a[1].mask())
				}
				return true
			})
		}
	}
	define("array_append", "array_append(x, v)", "The array with v behind.", "array_append(array(1, 2), 3)", "[1, 2, 3]", 2, 2, withElement(itself, false, pend(false)))
	define("array_prepend", "array_prepend(x, v)", "The array with v before.", "array_prepend(array(1, 2), 3)", "[3, 1, 2]", 2, 2, withElement(itself, false, pend(true)))
	define("array_remove", "array_remove(x, v)", "The array without the elements that equal v.", "array_remove(array(1, 2, null, 1), 1)", "[2, null]", 2, 2,
		withElement(itself, true, func(t batch.Type) kernel {
			return listKernel(t, [][]sourceOf{{givesKid, gives0}}, true, func(x *lister, i int) bool {
				from, n := x.span(0, i)
				for j := from; j < from+n; j++ {
					if !same(x.kid(0), j, x.a[1].c, i&x.a[1].mask()) {
						x.take(0, 0, j)
					}
				}
				return true
			})
		}))
	define("array_position", "array_position(x, v)", "The place of the first element that equals v, from 1; 0 if there is none.", "array_position(array(3, 2, 1), 1)", "3", 2, 2,
		withElement(func(batch.Type) batch.Type { return batch.BigIntType }, true, func(batch.Type) kernel {
			return strict(batch.BigIntType, func(x *rows, i int) {
				l, at := x.a[0].c, i&x.a[0].mask()
				for j := l.Off[at]; j < l.Off[at+1]; j++ {
					if same(l.Kids[0], int(j), x.a[1].c, i&x.a[1].mask()) {
						x.b.Int64(int64(j - l.Off[at] + 1))
						return
					}
				}
				x.b.Int64(0)
			})
		}))
	define("array_insert", "array_insert(x, place, v)", "The array with v at a place, from 1 or from the end; nulls fill what lies between.", "array_insert(array(1, 2, 3), 2, 9)", "[1, 9, 2, 3]", 3, 3, arrayInsert)
	for name, sign := range map[string]int{"array_max": 1, "array_min": -1} {
		define(name, name+"(x)", "The "+map[int]string{1: "greatest", -1: "least"}[sign]+" element; nulls are left out.", name+"(array(1, 20, null, 3))", map[int]string{1: "20", -1: "1"}[sign], 1, 1,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				if args[0].t.Kind != batch.Array || hasMap(args[0].t.Fields[0].Type) {
					return nil, b.mismatch(c, "%s needs an array of values that have an order, not %s", name, clip(args[0].t.String()))
				}
				n := b.call(name, args[0].t.Fields[0].Type, extremeElement(sign), args...)
				n.nullable = true
				return b.intern(n, ""), nil
			})
	}
}

func extremeElement(sign int) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		l, m := a[0].c, a[0].mask()
		kid := l.Kids[0]
		return pickKid(r, sel, kid, func(i int) int {
			best := -1
			if a[0].null(i) {
				return best
			}
			for j := int(l.Off[i&m]); j < int(l.Off[i&m+1]); j++ {
				if !kid.IsNull(j) && (best < 0 || sign*nestedOrder(kid, kid, j, best) > 0) {
					best = j
				}
			}
			return best
		}), nil
	}
}

// maxElements bounds the elements that a function may make for one row.
const maxElements = 1 << 20

func tooMany(n int64) (class, message string) {
	return "COLLECTION_SIZE_LIMIT_EXCEEDED", fmt.Sprintf("an array of %d elements; the limit is %d", n, maxElements)
}

func arrayInsert(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Array {
		return nil, b.mismatch(c.Args[0], "array_insert needs an array, this is of type %s", clip(args[0].t.String()))
	}
	if args[1].t.Kind != batch.Int && args[1].t.Kind != batch.TinyInt && args[1].t.Kind != batch.SmallInt {
		return nil, b.mismatch(c.Args[1], "the place is an int, not %s", clip(args[1].t.String()))
	}
	e, ok := b.common(args[0].t.Fields[0].Type, args[2].t)
	if !ok || (args[0].t.Fields[0].Type.Kind == batch.String) != (args[2].t.Kind == batch.String) && args[2].t.Kind != batch.Void && args[0].t.Fields[0].Type.Kind != batch.Void {
		return nil, b.mismatch(c, "an array of %s and a %s do not go together", clip(args[0].t.Fields[0].Type.String()), clip(args[2].t.String()))
	}
	t := batch.ArrayType(e, true)
	for i, want := range []batch.Type{t, batch.IntType, e} {
		if err := b.to(want, c, args, i); err != nil {
			return nil, err
		}
	}
	n := b.call("array_insert", t, listKernel(t, [][]sourceOf{{givesKid, gives0, givesRow}}, false, func(x *lister, i int) bool {
		if x.a[0].null(i) || x.a[1].null(i) {
			return false
		}
		from, n := x.span(0, i)
		place := int(x.a[1].c.I32[i&x.a[1].mask()])
		if place == 0 {
			x.r.fail(i, "INVALID_INDEX_OF_ZERO", "the places of an array begin with 1", nil)
			return false
		}
		if int64(max(place, -place)) > maxElements {
			class, message := tooMany(int64(max(place, -place)))
			x.r.fail(i, class, message, nil)
			return false
		}
		at := place - 1 // elements before v, counting nulls
		if place < 0 {
			at = n + place + 1
		}
		if at < 0 {
			x.take(0, 2, i&x.a[2].mask())
			for ; at < 0; at++ {
				x.takeNull(0)
			}
			at = -1
		}
		for j := range max(n, at) {
			if j == at {
				x.take(0, 2, i&x.a[2].mask())
			}
			if j < n {
				x.take(0, 0, from+j)
			} else {
				x.takeNull(0)
			}
		}
		if at == max(n, at) {
			x.take(0, 2, i&x.a[2].mask())
		}
		return true
	}), args...)
	n.nullable, n.fails = true, true
	return b.intern(n, ""), nil
}

func arrayJoin(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Array {
		return nil, b.mismatch(c.Args[0], "array_join needs an array, this is of type %s", clip(args[0].t.String()))
	}
	if e := args[0].t.Fields[0].Type.Kind; e != batch.String && e != batch.Void && !b.o.ANSI {
		return nil, b.mismatch(c.Args[0], "array_join needs an array of strings, this is of type %s", clip(args[0].t.String()))
	}
	for i, a := range args[1:] {
		if a.t.Kind != batch.String && a.t.Kind != batch.Void {
			return nil, b.mismatch(c.Args[i+1], "what stands between elements is a string, not %s", clip(a.t.String()))
		}
	}
	var err error
	if args[0], err = b.implicit(args[0], batch.ArrayType(batch.StringType, true), c.Args[0]); err != nil {
		return nil, err
	}
	if err := b.to(batch.StringType, c, args, 1, 2); err != nil {
		return nil, err
	}
	n := b.callStrict("array_join", batch.StringType, strict(batch.StringType, func(x *rows, i int) {
		l, at := x.a[0].c, i&x.a[0].mask()
		buf, first := x.buf[:0], true
		for j := int(l.Off[at]); j < int(l.Off[at+1]); j++ {
			if l.Kids[0].IsNull(j) && len(x.a) < 3 {
				continue
			}
			if !first {
				buf = append(buf, x.str(1, i)...)
			}
			first = false
			if l.Kids[0].IsNull(j) {
				buf = append(buf, x.str(2, i)...)
			} else {
				buf = append(buf, l.Kids[0].Bytes(j)...)
			}
		}
		x.bytes(buf)
	}), args...)
	n.nullable = true
	return b.intern(n, ""), nil
}

func arraySlice(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Array {
		return nil, b.mismatch(c.Args[0], "slice needs an array, this is of type %s", clip(args[0].t.String()))
	}
	if err := b.to(batch.IntType, c, args, 1, 2); err != nil {
		return nil, err
	}
	n := b.call("slice", args[0].t, listKernel(args[0].t, [][]sourceOf{{givesKid, gives0}}, true, func(x *lister, i int) bool {
		from, n := x.span(0, i)
		start, count := int(x.a[1].c.I32[i&x.a[1].mask()]), int(x.a[2].c.I32[i&x.a[2].mask()])
		class := ""
		if start == 0 {
			class = "INVALID_PARAMETER_VALUE.START"
		} else if count < 0 {
			class = "INVALID_PARAMETER_VALUE.LENGTH"
		}
		if class != "" {
			x.r.fail(i, class, fmt.Sprintf("slice from %d of %d elements: places begin with 1, a length with 0", start, count), nil)
			return false
		}
		if start--; start < -1 {
			start += n + 1
		}
		if start < 0 || start >= n || start+count > math.MaxInt32 {
			return true
		}
		for j := start; j < min(n, start+count); j++ {
			x.take(0, 0, from+j)
		}
		return true
	}), args...)
	n.fails = true
	return b.intern(n, ""), nil
}

func flatten(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Array || args[0].t.Fields[0].Type.Kind != batch.Array {
		return nil, b.mismatch(c, "flatten needs an array of arrays, this is of type %s", clip(args[0].t.String()))
	}
	t := args[0].t.Fields[0].Type
	n := b.call("flatten", t, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		return listKernel(t, [][]sourceOf{{givesKid, gives0}}, false, func(x *lister, i int) bool {
			from, n := x.outer(1, i)
			if n < 0 {
				return false
			}
			inner := x.a[0].c
			for j := from; j < from+n; j++ {
				if inner.IsNull(j) {
					return false
				}
				for k := inner.Off[j]; k < inner.Off[j+1]; k++ {
					x.take(0, 0, int(k))
				}
			}
			return true
		})(r, sel, []val{{c: a[0].c.Kids[0]}, a[0]})
	}, args...)
	n.nullable = true
	return b.intern(n, ""), nil
}

// outer is span with -1 for null.
func (x *lister) outer(k, i int) (from, n int) {
	if x.a[k].null(i) {
		return 0, -1
	}
	return x.span(k, i)
}

func arrayRepeat(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[1].t.Kind == batch.String {
		return nil, b.mismatch(c.Args[1], "the number of elements is an int, not a string")
	}
	if err := b.to(batch.IntType, c, args, 1); err != nil {
		return nil, err
	}
	t := batch.ArrayType(args[0].t, args[0].nullable)
	n := b.call("array_repeat", t, listKernel(t, [][]sourceOf{{givesRow, gives0}}, false, func(x *lister, i int) bool {
		var buf []byte
		if x.a[1].null(i) {
			return false
		}
		n := int(x.a[1].c.I32[i&x.a[1].mask()])
		if n > maxElements {
			class, message := tooMany(int64(n))
			x.r.fail(i, class, message, nil)
			return false
		}
		buf = batch.AppendRow(buf[:0], []*batch.Column{x.a[0].c}, i&x.a[0].mask())
		size := int64(max(n, 0)) * int64(len(buf))
		if size > maxColumn {
			x.r.fail(i, "COLLECTION_SIZE_LIMIT_EXCEEDED", "the repeated values exceed 256 MiB", nil)
			return false
		}
		if x.size += size; x.size > maxColumn {
			x.r.crowd()
			return false
		}
		for range n {
			x.take(0, 0, i&x.a[0].mask())
		}
		return true
	}), args...)
	n.nullable, n.fails = args[1].nullable, true
	return b.intern(n, ""), nil
}
