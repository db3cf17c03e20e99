package expr

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// concat binds || and concat: of strings, of binaries, or of arrays.
func (b *binder) concat(at parse.Node, args []*node) (*node, error) {
	t := batch.StringType
	if len(args) > 0 && args[0].t.Kind == batch.Array {
		return b.concatArrays(at, args)
	}
	binary := len(args) > 0
	for _, a := range args {
		binary = binary && a.t.Kind == batch.Binary
	}
	if binary {
		t = batch.BinaryType
	}
	for i := range args {
		if !accepts(args[i].t, t) && (args[i].t.Kind != batch.Variant || t.Kind != batch.String) {
			return nil, b.mismatch(at, "a %s does not go together with %ss", clip(args[i].t.String()), t)
		}
		var err error
		if args[i], err = b.implicit(args[i], t, at); err != nil {
			return nil, err
		}
	}
	n := b.call("concat", t, concatKernel(t), args...)
	n.perEntry = len(args) < 100
	n.fails = len(args) >= 100 // fewer texts of usual size cannot pass the limit
	return b.intern(n, ""), nil
}

// concatKernel appends the texts of each row to the result at once.
func concatKernel(t batch.Type) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		c := r.new(t)
		r.copyNulls(c, a...)
		var room [8]textColumn
		parts, size := room[:0], 0
		for _, v := range a {
			x := textsOf(v)
			parts = append(parts, x)
			size += x.size(r.n)
		}
		c.ReserveData(min(size, maxColumn))
		next := 0
		r.each(sel, func(i int) {
			for ; next < i; next++ {
				c.Off[next+1] = c.Off[next]
			}
			next++
			before := len(c.Data)
			if !c.IsNull(i) {
				for k := range parts {
					if c.Data = append(c.Data, parts[k].at(i)...); len(c.Data) > maxColumn {
						break
					}
				}
			}
			if len(c.Data) > maxColumn {
				r.crowd()
				c.Data = c.Data[:before]
			}
			c.Off[i+1] = int32(len(c.Data))
		})
		for ; next < r.n; next++ {
			c.Off[next+1] = c.Off[next]
		}
		return c, nil
	}
}

func (b *binder) concatArrays(at parse.Node, args []*node) (*node, error) {
	t, err := b.commonOf(at, args)
	if err != nil {
		return nil, err
	}
	return b.intern(b.call("concat", t, rowsOf(t, func(x *rows, i int) {
		list := []int32{} // nil would be every row
		for k := range x.a {
			if x.a[k].null(i) {
				x.b.Null()
				return
			}
		}
		for k := range x.a {
			c, at := x.a[k].c, i&x.a[k].mask()
			list = list[:0]
			for j := c.Off[at]; j < c.Off[at+1]; j++ {
				list = append(list, j)
			}
			x.b.Kids[0].AppendRows(c.Kids[0], list)
		}
		x.b.List()
	}), args...), ""), nil
}

// concatWS binds concat_ws: nulls are left out, arrays of strings spread.
func concatWS(b *binder, c *parse.Call, args []*node) (*node, error) {
	for i := range args {
		if i > 0 && args[i].t.Kind == batch.Array {
			t := batch.ArrayType(batch.StringType, true)
			var err error
			if args[i], err = b.implicit(args[i], t, c.Args[i]); err != nil {
				return nil, err
			}
			continue
		}
		if err := b.to(batch.StringType, c, args, i); err != nil {
			return nil, err
		}
	}
	n := b.call("concat_ws", batch.StringType, rowsOf(batch.StringType, func(x *rows, i int) {
		if x.a[0].null(i) {
			x.b.Null()
			return
		}
		buf, first := x.buf[:0], true
		add := func(s []byte) {
			if !first {
				buf = append(buf, x.str(0, i)...)
			}
			first = false
			buf = append(buf, s...)
		}
		for k := 1; k < len(x.a); k++ {
			if x.a[k].null(i) {
				continue
			}
			l, at := x.a[k].c, i&x.a[k].mask()
			if l.Type.Kind == batch.String {
				add(l.Bytes(at))
				continue
			}
			for j := int(l.Off[at]); j < int(l.Off[at+1]); j++ {
				if !l.Kids[0].IsNull(j) {
					add(l.Kids[0].Bytes(j))
				}
			}
			if len(buf) > maxColumn {
				x.fail(i, "COLLECTION_SIZE_LIMIT_EXCEEDED", "a text of more than 256 MiB", nil)
				return
			}
		}
		x.bytes(buf)
	}), args...)
	n.nullable = args[0].nullable
	return b.intern(n, ""), nil
}

func init() {
	define("concat", "concat(x, ...)", "Its strings, binaries or arrays one after the other; null if one is.", "concat('a', 'b', 1)", "ab1", 0, -1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) { return b.concat(c, args) })
	define("concat_ws", "concat_ws(separator, x, ...)", "Its strings and arrays of strings with the separator between; nulls are left out.",
		"concat_ws('-', 'a', null, array('b', 'c'))", "a-b-c", 1, -1, concatWS)
	define("from_json", "from_json(json, schema[, options])", "The struct, list, map or variant that a JSON text holds, by a schema string; options are Spark's.",
		"from_json('{\"a\":1}', 'a INT').a", "1", 2, 3, func(b *binder, c *parse.Call, args []*node) (*node, error) { return b.fromJSON(c, args) })
	define("coalesce", "coalesce(x, ...)", "The first argument that is not null.", "coalesce(null, 2, 3)", "2", 1, -1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) { return b.coalesce(c, args) })
	define("nvl", "nvl(x, y)", "x, or y where x is null.", "nvl(null, 'y')", "y", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) { return b.coalesce(c, args) })
	also("nvl", "ifnull")
	define("nvl2", "nvl2(x, y, z)", "y, or z where x is null.", "nvl2(null, 1, 2)", "2", 3, 3, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		return b.branches(c, []*node{b.isNull(args[0], true)}, args[1:])
	})
	define("nullif", "nullif(x, y)", "x, or null where it equals y.", "nullif(1, 1)", "NULL", 2, 2, nullIf)
	define("if", "if(condition, x, y)", "x where the condition is true, else y.", "if(1 < 2, 'a', 'b')", "a", 3, 3,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			is, err := b.branchCondition(args[0], c.Args[0], "IF")
			if err != nil {
				return nil, err
			}
			return b.branches(c, []*node{is}, args[1:])
		})
	also("if", "iff")
	for name, not := range map[string]bool{"isnull": false, "isnotnull": true} {
		define(name, name+"(x)", "Whether x is "+strings.TrimPrefix(strings.Replace(name, "isnot", "not ", 1), "is")+".",
			name+"(1)", map[bool]string{true: "true", false: "false"}[not], 1, 1,
			func(b *binder, c *parse.Call, args []*node) (*node, error) { return b.isNull(args[0], not), nil })
	}
}

func nullIf(b *binder, c *parse.Call, args []*node) (*node, error) {
	null := batch.NewBuilder(args[0].t, nil)
	null.Null()
	same, err := b.compare("=", args[0], args[1], c)
	if err != nil {
		return nil, err
	}
	return b.branches(c, []*node{same}, []*node{b.constant(null.Finish(), "null"), args[0]})
}
