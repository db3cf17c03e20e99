package expr

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// arraysZip binds arrays_zip: fields are named as columns are, else by their number.
func arraysZip(b *binder, c *parse.Call, args []*node) (*node, error) {
	var fields []batch.Field
	for i, a := range args {
		if a.t.Kind != batch.Array {
			return nil, b.mismatch(c.Args[i], "arrays_zip needs arrays, this is of type %s", clip(a.t.String()))
		}
		name := fmt.Sprint(i)
		if x, ok := c.Args[i].(*parse.Name); ok {
			name = x.Parts[len(x.Parts)-1]
		}
		fields = append(fields, batch.Field{Name: name, Type: a.t.Fields[0].Type, Nullable: true})
	}
	t := batch.ArrayType(batch.StructType(fields...), false)
	n := b.call("arrays_zip", t, strict(t, func(x *rows, i int) {
		longest := 0
		for k := range x.a {
			at := i & x.a[k].mask()
			longest = max(longest, int(x.a[k].c.Off[at+1]-x.a[k].c.Off[at]))
		}
		element := x.b.Kids[0]
		one := []int32{0}
		for j := range longest {
			for k := range x.a {
				l, at := x.a[k].c, i&x.a[k].mask()
				if one[0] = l.Off[at] + int32(j); one[0] < l.Off[at+1] {
					element.Kids[k].AppendRows(l.Kids[0], one)
				} else {
					element.Kids[k].Null()
				}
			}
			element.Struct()
		}
		x.b.List()
	}), args...)
	return b.intern(n, fmt.Sprint(fields)), nil
}

// sortRows orders places of a list: nulls first if ascending, else last; equal ones stay in order.
func sortRows(l *batch.Column, rows []int32, descending, nullsLast bool) {
	slices.SortStableFunc(rows, func(p, q int32) int {
		pn, qn := l.IsNull(int(p)), l.IsNull(int(q))
		switch {
		case pn || qn:
			o := cmp.Compare(bitOf(qn), bitOf(pn))
			if nullsLast {
				return -o
			}
			return o
		case descending:
			return nestedOrder(l, l, int(q), int(p))
		}
		return nestedOrder(l, l, int(p), int(q))
	})
}
