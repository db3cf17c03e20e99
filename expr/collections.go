package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// elementOf says which access is meant: they differ in base and failure.
type elementOf uint8

const (
	elementAt      elementOf = iota // element_at: from 1, negative from the end
	elementIndex                    // a[i], from 0
	elementTry                      // try_element_at, get: null where there is none; see base
	elementOfMap                    // m[k], m.k: null where there is none
	elementGetZero                  // get: from 0, null where there is none
)

func (b *binder) index(n *parse.Index) (*node, error) {
	x, err := b.bind(n.X)
	if err != nil {
		return nil, err
	}
	i, err := b.bind(n.I)
	if err != nil {
		return nil, err
	}
	if x.t.Kind == batch.Struct {
		if name, ok := stringConstant(i); ok {
			return b.field(x, name, n)
		}
	}
	return b.element(x, i, n, elementIndex)
}

// element binds access to an element of an array or map.
func (b *binder) element(x, i *node, at parse.Node, how elementOf) (*node, error) {
	switch x.t.Kind {
	case batch.Map:
		key, ok := b.common(x.t.Fields[0].Type, i.t)
		if how == elementIndex && accepts(i.t, x.t.Fields[0].Type) {
			key, ok = x.t.Fields[0].Type, true
		}
		if !ok || !key.Equal(x.t.Fields[0].Type) {
			return nil, b.mismatch(at, "keys are of type %s, not %s", clip(x.t.Fields[0].Type.String()), clip(i.t.String()))
		}
		i, err := b.implicit(i, key, at)
		if err != nil {
			return nil, err
		}
		n := b.callStrict("element", x.t.Fields[1].Type, mapKernel, x, i)
		n.nullable = true
		return b.intern(n, ""), nil
	case batch.Array:
		if !integral(i.t.Kind) && (i.t.Kind != batch.Void || how == elementAt) {
			return nil, b.mismatch(at, "the place in an array is an integer, not %s", clip(i.t.String()))
		}
		i, err := b.implicit(i, batch.BigIntType, at)
		if err != nil {
			return nil, err
		}
		n := b.callStrict("element", x.t.Fields[0].Type, arrayKernel(how, b.o.ANSI), x, i)
		n.nullable = true
		n.fails = b.o.ANSI && how == elementIndex || how == elementAt || how == elementTry // place 0 always fails
		return b.intern(n, fmt.Sprint(how)), nil
	}
	if _, call := at.(*parse.Call); call {
		return nil, b.mismatch(at, "there are elements in arrays and maps, not in a value of type %s", clip(x.t.String()))
	}
	return nil, b.fail(at, "INVALID_EXTRACT_BASE_FIELD_TYPE", "there are no elements in a value of type %s", clip(x.t.String()))
}

// pickKid gathers one element a row: at returns its place in the kid, or -1.
func pickKid(r *run, sel []int32, kid *batch.Column, at func(i int) int) *batch.Column {
	b := batch.NewBuilder(kid.Type, r.pool())
	defer b.Release()
	where := append(r.pool().Rows(r.n), make([]int32, r.n)...)
	rows := r.pool().Rows(r.n)
	b.Null()
	r.each(sel, func(i int) {
		if k := at(i); k >= 0 {
			rows = append(rows, int32(k))
			where[i] = int32(len(rows))
		}
	})
	b.AppendRows(kid, rows)
	all := b.Finish()
	c := batch.Gather(r.pool(), all, where)
	all.Release()
	r.pool().PutRows(rows)
	r.pool().PutRows(where)
	return c
}

func mapKernel(r *run, sel []int32, a []val) (*batch.Column, error) {
	m, mm, km := a[0].c, a[0].mask(), a[1].mask()
	return pickKid(r, sel, m.Kids[1], func(i int) int {
		if a[0].null(i) || a[1].null(i) {
			return -1
		}
		for j := int(m.Off[i&mm+1]) - 1; j >= int(m.Off[i&mm]); j-- {
			if nestedOrder(m.Kids[0], a[1].c, j, i&km) == 0 {
				return j
			}
		}
		return -1
	}), nil
}

func arrayKernel(how elementOf, ansi bool) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		l, lm, im := a[0].c, a[0].mask(), a[1].mask()
		return pickKid(r, sel, l.Kids[0], func(i int) int {
			if a[0].null(i) || a[1].null(i) {
				return -1
			}
			from, n := int64(l.Off[i&lm]), int64(l.Off[i&lm+1]-l.Off[i&lm])
			k := a[1].c.I64[i&im]
			asked := k
			class := "INVALID_ARRAY_INDEX"
			if how == elementAt || how == elementTry {
				class = "INVALID_ARRAY_INDEX_IN_ELEMENT_AT"
				switch {
				case k == 0:
					r.fail(i, "INVALID_INDEX_OF_ZERO", "the index of an array begins with 1", nil)
					return -1
				case k > 0:
					k--
				default:
					k += n
				}
			}
			if k >= 0 && k < n {
				return int(from + k)
			}
			if ansi && (how == elementAt || how == elementIndex) {
				r.fail(i, class, fmt.Sprintf("The index %d is out of bounds. The array has %d elements. Use try_element_at or get to get NULL instead.", asked, n), nil)
			}
			return -1
		}), nil
	}
}

// fieldOfEach binds a.name of an array of structs: the array of the fields.
func (b *binder) fieldOfEach(x *node, name string, at parse.Node) (*node, error) {
	element := x.t.Fields[0]
	i := batch.NewSchema(element.Type.Fields...).IndexFold(name)
	if i < 0 {
		return nil, b.fail(at, "FIELD_NOT_FOUND", "no such struct field %s in %s", parse.QuoteName(clip(name)), clip(element.Type.String()))
	}
	f := element.Type.Fields[i]
	t := batch.ArrayType(f.Type, element.Nullable || f.Nullable)
	field := fieldKernel(i)
	k := func(r *run, _ []int32, a []val) (*batch.Column, error) {
		c := batch.Slice(r.pool(), a[0].c, 0, a[0].c.N)
		c.Type = t
		kid, err := field(r, nil, []val{{c: c.Kids[0]}})
		if err != nil {
			c.Release()
			return nil, err
		}
		c.Kids[0].Release()
		c.Kids[0] = kid
		return c, nil
	}
	return b.intern(b.call("get_array_struct_fields", t, k, x), fmt.Sprint(i)), nil
}

// makeArray binds array(...).
func makeArray(b *binder, c *parse.Call, args []*node) (*node, error) {
	t, err := b.commonOf(c, args)
	if err != nil {
		return nil, err
	}
	null := false
	for _, a := range args {
		null = null || a.nullable
	}
	at := batch.ArrayType(t, null)
	n := b.call("array", at, interleave(at, 1), args...)
	n.nullable = false
	return b.intern(n, ""), nil
}

// makeMap binds map(k1, v1, ...).
func makeMap(b *binder, c *parse.Call, args []*node) (*node, error) {
	if len(args)%2 == 1 {
		return nil, b.fail(c, "WRONG_NUM_ARGS", "map takes keys and values in turn, not %d arguments", len(args))
	}
	var keys, values []*node
	for i := 0; i < len(args); i += 2 {
		keys, values = append(keys, args[i]), append(values, args[i+1])
	}
	kt, err := b.commonOf(c, keys)
	if err != nil {
		return nil, err
	}
	vt, err := b.commonOf(c, values)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		kt, vt = batch.VoidType, batch.VoidType
	}
	null := false
	args = args[:0:0]
	for i := range keys {
		args = append(args, keys[i], values[i])
		null = null || values[i].nullable
	}
	t := batch.MapType(kt, vt, null)
	n := b.call("map", t, interleave(t, 2), args...)
	n.nullable = false
	n.fails = true
	return b.intern(n, ""), nil
}

// interleave builds lists whose elements are the arguments in turn: into one
// kid, or alternately into two. A null or doubled key fails its row.
func interleave(t batch.Type, kids int) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c := r.pool().NewColumn(t, r.n)
		each := len(a) / kids
		for k := range kids {
			b := batch.NewBuilder(t.Fields[k].Type, r.pool())
			one := []int32{0}
			for i := range r.n {
				for j := k; j < len(a); j += kids {
					one[0] = int32(i & a[j].mask())
					b.AppendRows(a[j].c, one)
				}
			}
			c.Kids = append(c.Kids, b.Finish())
			b.Release()
		}
		for i := range c.Off {
			c.Off[i] = int32(i * each)
		}
		if kids == 2 {
			checkKeys(r, sel, c, each)
		}
		return c, nil
	}
}

func checkKeys(r *run, sel []int32, c *batch.Column, each int) {
	r.each(sel, func(i int) {
		for j := i * each; j < (i+1)*each; j++ {
			class := ""
			if c.Kids[0].IsNull(j) {
				class = "NULL_MAP_KEY"
			}
			for k := i * each; k < j && class == ""; k++ {
				if nestedOrder(c.Kids[0], c.Kids[0], k, j) == 0 {
					class = "DUPLICATED_MAP_KEY"
				}
			}
			if class != "" {
				r.fail(i, class, "the keys of a map are not null and differ", nil)
				c.NewValid().Clear(i)
				return
			}
		}
	})
}

// makeStruct binds struct(...) and named_struct(...).
func makeStruct(b *binder, c *parse.Call, args []*node) (*node, error) {
	var fields []batch.Field
	var values []*node
	if c.Name[0]|0x20 == 'n' {
		if len(args)%2 == 1 {
			return nil, b.fail(c, "WRONG_NUM_ARGS", "named_struct takes names and values in turn, not %d arguments", len(args))
		}
		for i := 0; i < len(args); i += 2 {
			name, ok := stringConstant(args[i])
			if !ok {
				return nil, b.mismatch(c.Args[i], "the name of a field is a string constant")
			}
			fields = append(fields, batch.Field{Name: name})
			values = append(values, args[i+1])
		}
	} else {
		for i, a := range args {
			name := fmt.Sprintf("col%d", i+1)
			switch x := c.Args[i].(type) {
			case *parse.Name:
				name = x.Parts[len(x.Parts)-1]
			case *parse.Alias:
				name = x.Name
			}
			fields = append(fields, batch.Field{Name: name})
			values = append(values, a)
		}
	}
	for i, v := range values {
		fields[i].Type, fields[i].Nullable = v.t, v.nullable
	}
	t := batch.StructType(fields...)
	n := b.call("named_struct", t, func(r *run, _ []int32, a []val) (*batch.Column, error) {
		s := batch.NewBuilder(batch.StructType(), r.pool())
		defer s.Release()
		out := s.Finish()
		out.Type, out.N = t, r.n
		for _, v := range a {
			if r.n != 1 || !v.one {
				v.c.Retain()
				out.Kids = append(out.Kids, r.full(v))
			} else {
				out.Kids = append(out.Kids, v.c.Retain())
			}
		}
		return out, nil
	}, values...)
	n.nullable = false
	return b.intern(n, fmt.Sprint(t)), nil
}

func init() {
	define("array", "array(x, ...)", "The array of its arguments.", "array(1, 2, 3)", "[1, 2, 3]", 0, -1, makeArray)
	define("map", "map(k, v, ...)", "The map of keys and values in turn.", "map('a', 1, 'b', 2)", "{a -> 1, b -> 2}", 0, 400, makeMap)
	define("struct", "struct(x, ...)", "A struct of its arguments, named as columns are.", "struct(1, 'a')", "{1, a}", 0, -1, makeStruct)
	define("named_struct", "named_struct(name, x, ...)", "A struct of names and values in turn.", "named_struct('a', 1, 'b', 2).b", "2", 0, -1, makeStruct)
	define("size", "size(x)", "The number of elements of an array or map; null for null.", "size(array(1, 2))", "2", 1, 1, size)
	also("size", "cardinality", "array_size")
	define("element_at", "element_at(x, i)", "Element i of an array, from 1 or, if negative, from the end; or the value of key i of a map.",
		"element_at(array('a', 'b', 'c'), -1)", "c", 2, 2, accessor(elementAt))
	define("try_element_at", "try_element_at(x, i)", "As element_at, null where there is no such element.",
		"try_element_at(array(1, 2), 5)", "NULL", 2, 2, accessor(elementTry))
	define("get", "get(x, i)", "Element i of an array, from 0, null where there is none.", "get(array(1, 2), 0)", "1", 2, 2, accessor(elementGetZero))
	define("array_contains", "array_contains(x, v)", "Whether an array has the value.", "array_contains(array(1, 2), 2)", "true", 2, 2, arrayContains)
}

func accessor(how elementOf) func(*binder, *parse.Call, []*node) (*node, error) {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return b.element(args[0], args[1], c, how)
	}
}

func size(b *binder, c *parse.Call, args []*node) (*node, error) {
	x := args[0]
	ofNull := int32(0) // for null, if it is not null
	if !b.o.ANSI && !strings.EqualFold(c.Name, "array_size") {
		ofNull = -1
	}
	if x.t.Kind == batch.Void {
		x, err := b.implicit(x, batch.ArrayType(batch.IntType, true), c)
		if err != nil {
			return nil, err
		}
		return size(b, c, []*node{x})
	}
	if x.t.Kind != batch.Array && x.t.Kind != batch.Map {
		return nil, b.mismatch(c, "size needs an array or map, this is of type %s", clip(x.t.String()))
	}
	n := b.call("size", batch.IntType, func(r *run, _ []int32, a []val) (*batch.Column, error) {
		d := r.new(batch.IntType)
		off, m := a[0].c.Off, a[0].mask()
		for i := range d.I32 {
			d.I32[i] = off[i&m+1] - off[i&m]
			if ofNull < 0 && a[0].null(i) {
				d.I32[i] = ofNull
			}
		}
		if ofNull == 0 {
			r.copyNulls(d, a...)
		}
		return d, nil
	}, x)
	n.nullable = n.nullable && ofNull == 0
	return b.intern(n, fmt.Sprint(ofNull)), nil
}

func arrayContains(b *binder, c *parse.Call, args []*node) (*node, error) {
	x := args[0]
	if x.t.Kind != batch.Array {
		return nil, b.mismatch(c, "array_contains needs an array, this is of type %s", clip(x.t.String()))
	}
	if e := x.t.Fields[0].Type.Kind; args[1].t.Kind == batch.Void || (e == batch.String) != (args[1].t.Kind == batch.String) && e != batch.Void {
		return nil, b.mismatch(c, "an array of %s and a %s do not go together", clip(x.t.Fields[0].Type.String()), clip(args[1].t.String()))
	}
	e, ok := b.common(x.t.Fields[0].Type, args[1].t)
	if !ok {
		return nil, b.mismatch(c, "an array of %s and a %s do not go together", clip(x.t.Fields[0].Type.String()), clip(args[1].t.String()))
	}
	x, err := b.implicit(x, batch.ArrayType(e, x.t.Fields[0].Nullable), c)
	if err != nil {
		return nil, err
	}
	v, err := b.implicit(args[1], e, c)
	if err != nil {
		return nil, err
	}
	n := b.callStrict("array_contains", batch.BooleanType, containsKernel, x, v)
	n.nullable = true
	return b.intern(n, ""), nil
}

// anyBit reports whether one of the bits from..to-1 is set.
func anyBit(b batch.Bitmap, from, to int) bool {
	if from >= to {
		return false
	}
	first, last := from>>6, (to-1)>>6
	head, tail := ^uint64(0)<<(uint(from)&63), ^uint64(0)>>(63-uint(to-1)&63)
	if first == last {
		return b[first]&head&tail != 0
	}
	any := b[first]&head | b[last]&tail
	for _, w := range b[first+1 : last] {
		any |= w
	}
	return any != 0
}

// containsKernel compares all elements at once.
func containsKernel(r *run, sel []int32, a []val) (*batch.Column, error) {
	s := r.spread(sel, a[0])
	defer s.close()
	want := a[1]
	if !want.one {
		want = val{c: batch.Gather(r.pool(), want.c, s.of())}
		defer want.c.Release()
	}
	words := batch.BitmapWords(s.n)
	same, nulls := batch.Bitmap(r.pool().Words(words)), batch.Bitmap(r.pool().Words(words))
	defer r.pool().PutWords(same)
	defer r.pool().PutWords(nulls)
	elements := val{c: s.kids[0]}
	compareInto(same, s.n, elements, want, equal)
	none := true
	for w := range words {
		valid := elements.validWord(w)
		same[w] &= valid
		nulls[w] = ^valid
		none = none && valid == ^uint64(0)
	}
	out := r.new(batch.BooleanType)
	r.copyNulls(out, a...)
	r.each(sel, func(i int) {
		from, to := int(s.off[i]), int(s.off[i+1])
		if anyBit(same, from, to) {
			out.Bits.Set(i)
		} else if !none && anyBit(nulls, from, to) {
			out.NewValid().Clear(i)
		}
	})
	return out, nil
}
