package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// words returns word w of a boolean value: which rows are true, which are not null.
func (v val) words(w int) (bits, valid uint64) {
	valid = ^uint64(0)
	if v.c.Type.Kind == batch.Void {
		return 0, 0
	}
	if v.one {
		if v.c.IsNull(0) {
			return 0, 0
		}
		if v.c.Bits.Get(0) {
			return valid, valid
		}
		return 0, valid
	}
	if v.c.Valid != nil {
		valid = v.c.Valid[w]
	}
	return v.c.Bits[w], valid
}

func (b *binder) boolean(n *node, at parse.Node) (*node, error) {
	if n.t.Kind == batch.Boolean {
		return n, nil
	}
	if n.t.Kind == batch.Void || n.t.Kind == batch.String && b.o.ANSI {
		return b.implicit(n, batch.BooleanType, at)
	}
	return nil, b.mismatch(at, "a condition is boolean, this is of type %s", clip(n.t.String()))
}

// branchCondition binds what IF and CASE decide by: no text stands for a condition there.
func (b *binder) branchCondition(n *node, at parse.Node, of string) (*node, error) {
	if k := n.t.Kind; k != batch.Boolean && (k != batch.Void || of == "CASE") {
		return nil, b.mismatch(at, "%s decides by a condition, this is of type %s", of, clip(n.t.String()))
	}
	return b.boolean(n, at)
}

// logic binds AND and OR.
func (b *binder) logic(n *parse.Binary, l, r *node) (*node, error) {
	if lk, rk := l.t.Kind, r.t.Kind; (lk == batch.String || rk == batch.String) && (lk == rk || lk == batch.Void || rk == batch.Void) {
		return nil, b.mismatch(n, "%s needs conditions, not texts", n.Op)
	}
	l, err := b.boolean(l, n.L)
	if err != nil {
		return nil, err
	}
	if r, err = b.boolean(r, n.R); err != nil {
		return nil, err
	}
	return b.junction(n.Op == "AND", l, r), nil
}

func (b *binder) junction(and bool, l, r *node) *node {
	out := &node{name: map[bool]string{true: "and", false: "or"}[and], t: batch.BooleanType,
		nullable: l.nullable || r.nullable, args: []*node{l, r}}
	out.lazy = func(run *run, n *node, sel []int32) (val, error) { return evalJunction(run, n, sel, and) }
	return b.intern(out, "")
}

// evalJunction computes AND or OR. The right side is computed where the left
// does not decide, if it may fail there.
func evalJunction(r *run, n *node, sel []int32, and bool) (val, error) {
	l, err := n.args[0].eval(r, sel)
	if err != nil {
		return val{}, err
	}
	defer l.c.Release()
	right, ok, err := n.args[1].try(r, sel)
	if err != nil {
		return val{}, err
	}
	inner := sel
	if !ok && n.args[1].fails {
		inner = r.pick(sel, func(w int) uint64 {
			bits, valid := l.words(w)
			if and {
				return bits | ^valid
			}
			return ^(bits & valid)
		})
		defer r.pool().PutRows(inner)
	}
	if !ok {
		if right, err = n.args[1].eval(r, inner); err != nil {
			return val{}, err
		}
	}
	defer right.c.Release()
	one := l.one && right.one
	rows := r.n
	if one {
		rows = 1
	}
	c := r.pool().NewColumn(batch.BooleanType, rows)
	nulls := false
	var valid batch.Bitmap
	for w := range c.Bits {
		lb, lv := l.words(w)
		rb, rv := right.words(w)
		lt, lf, rt, rf := lb&lv, ^lb&lv, rb&rv, ^rb&rv
		t, f := lt|rt, lf&rf
		if and {
			t, f = lt&rt, lf|rf
		}
		c.Bits[w] = t
		if known := t | f; known != ^uint64(0) || nulls {
			if !nulls {
				nulls, valid = true, c.NewValid()
			}
			valid[w] = known
		}
	}
	return val{c: c, one: one}, nil
}

// pick returns the rows of sel whose bit is set, as scratch: give it back with
// PutRows. The result is never nil.
func (r *run) pick(sel []int32, word func(w int) uint64) []int32 {
	rows := r.pool().Rows(r.n)
	if sel == nil {
		mask := batch.Bitmap(r.pool().Words(batch.BitmapWords(r.n)))
		for w := range mask {
			mask[w] = word(w)
		}
		rows = mask.Rows(r.n, rows)
		r.pool().PutWords(mask)
	} else {
		for _, i := range sel {
			if word(int(i)>>6)>>(uint(i)&63)&1 != 0 {
				rows = append(rows, i)
			}
		}
	}
	if rows == nil {
		rows = []int32{}
	}
	return rows
}

func notKernel(r *run, _ []int32, a []val) (*batch.Column, error) {
	c := r.new(batch.BooleanType)
	for w := range c.Bits {
		bits, valid := a[0].words(w)
		c.Bits[w] = ^bits & valid
	}
	r.copyNulls(c, a...)
	return c, nil
}

// copyNulls makes rows of c null where any of the arguments is.
func (r *run) copyNulls(c *batch.Column, args ...val) {
	for _, a := range args {
		switch {
		case a.one && a.c.IsNull(0) || a.c.Type.Kind == batch.Void:
			clear(c.NewValid())
		case !a.one && a.c.Valid != nil:
			v := c.NewValid()
			for w := range v {
				v[w] &= a.c.Valid[w]
			}
		}
	}
}

// is binds IS NULL and its like.
func (b *binder) is(n *parse.Is) (*node, error) {
	x, err := b.bind(n.X)
	if err != nil {
		return nil, err
	}
	var out *node
	switch n.What {
	case "DISTINCT":
		y, err := b.bind(n.From)
		if err != nil {
			return nil, err
		}
		if out, err = b.compare("<=>", x, y, n); err != nil {
			return nil, err
		}
		if !n.Not {
			out = b.intern(b.call("not", batch.BooleanType, notKernel, out), "")
		}
		return out, nil
	case "NULL":
		return b.isNull(x, n.Not), nil
	}
	if n.What == "UNKNOWN" {
		if k := x.t.Kind; k != batch.Boolean && k != batch.Void && !x.t.Nested() {
			return nil, b.mismatch(n, "IS UNKNOWN asks of a condition, this is of type %s", clip(x.t.String()))
		}
		return b.isNull(x, n.Not), nil
	}
	if x, err = b.boolean(x, n.X); err != nil {
		return nil, err
	}
	out = b.call("is", batch.BooleanType, isKernel(n.What == "TRUE", n.Not), x)
	out.nullable = false
	return b.intern(out, n.What+not(n.Not)), nil
}

func not(b bool) string {
	if b {
		return "not"
	}
	return ""
}

func (b *binder) isNull(x *node, not bool) *node {
	name := "isnull"
	if not {
		name = "isnotnull"
	}
	out := b.call(name, batch.BooleanType, func(r *run, _ []int32, a []val) (*batch.Column, error) {
		c := r.new(batch.BooleanType)
		for w := range c.Bits {
			null := uint64(0)
			switch {
			case a[0].c.Type.Kind == batch.Void, a[0].one && a[0].c.IsNull(0):
				null = ^uint64(0)
			case !a[0].one && a[0].c.Valid != nil:
				null = ^a[0].c.Valid[w]
			}
			if not {
				null = ^null
			}
			c.Bits[w] = null
		}
		return c, nil
	}, x)
	out.nullable, out.cheap = false, true
	return b.intern(out, "")
}

func isKernel(want, not bool) kernel {
	return func(r *run, _ []int32, a []val) (*batch.Column, error) {
		c := r.new(batch.BooleanType)
		for w := range c.Bits {
			bits, valid := a[0].words(w)
			if !want {
				bits = ^bits
			}
			if c.Bits[w] = bits & valid; not {
				c.Bits[w] = ^c.Bits[w]
			}
		}
		return c, nil
	}
}
