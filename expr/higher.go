package expr

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// defineHigher adds a function that takes lambdas: its arguments are bound by bind itself.
func defineHigher(name, signature, doc, example, result string, least, max int, bind func(b *binder, c *parse.Call) (*node, error)) {
	define(name, signature, doc, example, result, least, max, nil)
	functions[name].higher = bind
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

func init() {
	defineHigher("transform", "transform(x, e -> v)", "The array of what the lambda makes of each element, and of its place from 0 if it has a second parameter.",
		"transform(array(1, 2, 3), x -> x + 1)", "[2, 3, 4]", 2, 2, transform)
	defineHigher("filter", "filter(x, e -> condition)", "The elements for which the lambda is true.", "filter(array(1, 2, 3), x -> x % 2 == 1)", "[1, 3]", 2, 2, filterArray)
	defineHigher("exists", "exists(x, e -> condition)", "Whether the lambda is true for an element; null if that hangs on nulls.", "exists(array(1, 2, 3), x -> x % 2 == 0)", "true", 2, 2, quantifier(true))
	defineHigher("forall", "forall(x, e -> condition)", "Whether the lambda is true for all elements.", "forall(array(1, 2, 3), x -> x % 2 == 0)", "false", 2, 2, quantifier(false))
	defineHigher("aggregate", "aggregate(x, start, (state, e) -> state[, state -> v])", "The state after all elements, from start on.",
		"aggregate(array(1, 2, 3), 0, (acc, x) -> acc + x)", "6", 3, 4, aggregate)
	also("aggregate", "reduce")
	defineHigher("zip_with", "zip_with(x, y, (a, b) -> v)", "What the lambda makes of the elements at each place; null where an array is shorter.",
		"zip_with(array(1, 2), array(3, 4), (x, y) -> x + y)", "[4, 6]", 3, 3, zipWith)
	defineHigher("map_filter", "map_filter(m, (k, v) -> condition)", "The entries for which the lambda is true.", "map_filter(map(1, 0, 2, 2), (k, v) -> k > v)", "{1 -> 0}", 2, 2, filterMap)
	defineHigher("transform_keys", "transform_keys(m, (k, v) -> key)", "The map with other keys.", "transform_keys(map(1, 'a'), (k, v) -> k + 1)", "{2 -> a}", 2, 2, transformMap(true))
	defineHigher("transform_values", "transform_values(m, (k, v) -> value)", "The map with other values.", "transform_values(map(1, 2), (k, v) -> k + v)", "{1 -> 3}", 2, 2, transformMap(false))
	defineHigher("array_sort", "array_sort(x[, (a, b) -> order])", "The elements in order, nulls last, or as the lambda says: below 0 where a comes before b.",
		"array_sort(array(5, 6, 1), (l, r) -> CASE WHEN l < r THEN -1 WHEN l > r THEN 1 ELSE 0 END)", "[1, 5, 6]", 1, 2, arraySort)
}

// arrayArgument binds an argument that is an array; untyped null is an array of nothing.
func (b *binder) arrayArgument(at parse.Node, kind batch.Kind) (*node, error) {
	x, err := b.bind(at)
	if err != nil {
		return nil, err
	}
	if x.t.Kind == batch.Void && kind != batch.Invalid {
		return nil, b.mismatch(at, "this argument is an untyped null; %s is needed", strings.ToLower(kind.String()))
	}
	if x.t.Kind == batch.Void {
		t := batch.ArrayType(batch.VoidType, true)
		if kind == batch.Map {
			t = batch.MapType(batch.VoidType, batch.VoidType, true)
		}
		return b.implicit(x, t, at)
	}
	if x.t.Kind != kind {
		return nil, b.mismatch(at, "this argument is of type %s; %s is needed", clip(x.t.String()), strings.ToLower(kind.String()))
	}
	return x, nil
}

func elementParams(t batch.Type) []batch.Field {
	if t.Kind == batch.Map {
		return []batch.Field{{Type: t.Fields[0].Type}, {Type: t.Fields[1].Type, Nullable: true}}
	}
	return []batch.Field{{Type: t.Fields[0].Type, Nullable: true}, {Type: batch.IntType}}
}

func transform(b *binder, c *parse.Call) (*node, error) {
	x, err := b.arrayArgument(c.Args[0], batch.Array)
	if err != nil {
		return nil, err
	}
	l, err := b.lambda(c.Args[1], 1, elementParams(x.t)...)
	if err != nil {
		return nil, err
	}
	t := batch.ArrayType(l.body.t, l.body.nullable)
	return b.wrap("transform", t, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		s := r.spread(sel, a[0])
		defer s.close()
		out, err := l.over(s, a[1:])
		if err != nil {
			return nil, err
		}
		return s.list(t, s.off, out), nil
	}, []*node{x}, l), nil
}

// condition binds a lambda whose body is a condition.
func (b *binder) condition(at parse.Node, least int, params ...batch.Field) (*lambda, error) {
	l, err := b.lambda(at, least, params...)
	if err != nil {
		return nil, err
	}
	if l.body.t.Kind != batch.Boolean && l.body.t.Kind != batch.Void {
		return nil, b.mismatch(at, "the lambda gives %s; a condition is needed", clip(l.body.t.String()))
	}
	return l, nil
}

// truth2 is truth, of a column that may be void.
func truth2(c *batch.Column, i int) (is, null bool) {
	if c.Type.Kind == batch.Void {
		return false, true
	}
	return truth(c, i)
}

func filterList(t batch.Type, l *lambda) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		s := r.spread(sel, a[0])
		defer s.close()
		is, err := l.over(s, a[1:])
		if err != nil {
			return nil, err
		}
		defer is.Release()
		return s.keep(t, is), nil
	}
}

func filterArray(b *binder, c *parse.Call) (*node, error) {
	x, err := b.arrayArgument(c.Args[0], batch.Array)
	if err != nil {
		return nil, err
	}
	l, err := b.condition(c.Args[1], 1, elementParams(x.t)...)
	if err != nil {
		return nil, err
	}
	return b.wrap("filter", x.t, filterList(x.t, l), []*node{x}, l), nil
}

func filterMap(b *binder, c *parse.Call) (*node, error) {
	x, err := b.arrayArgument(c.Args[0], batch.Map)
	if err != nil {
		return nil, err
	}
	l, err := b.condition(c.Args[1], 2, elementParams(x.t)...)
	if err != nil {
		return nil, err
	}
	return b.wrap("map_filter", x.t, filterList(x.t, l), []*node{x}, l), nil
}

// quantifier binds exists (any) and forall.
func quantifier(any bool) func(b *binder, c *parse.Call) (*node, error) {
	return func(b *binder, c *parse.Call) (*node, error) {
		x, err := b.arrayArgument(c.Args[0], batch.Array)
		if err != nil {
			return nil, err
		}
		l, err := b.condition(c.Args[1], 1, elementParams(x.t)[:1]...)
		if err != nil {
			return nil, err
		}
		return b.wrap(strings.ToLower(c.Name), batch.BooleanType, func(r *run, sel []int32, a []val) (*batch.Column, error) {
			s := r.spread(sel, a[0])
			defer s.close()
			each, err := l.over(s, a[1:])
			if err != nil {
				return nil, err
			}
			defer each.Release()
			out := r.new(batch.BooleanType)
			r.each(sel, func(i int) {
				decided, nulls := false, false
				for j := s.off[i]; j < s.off[i+1]; j++ {
					is, null := truth2(each, int(j))
					nulls = nulls || null
					decided = decided || !null && is == any
				}
				switch {
				case a[0].null(i) || nulls && !decided:
					out.NewValid().Clear(i)
				default:
					out.Bits.Put(i, decided == any)
				}
			})
			return out, nil
		}, []*node{x}, l), nil
	}
}

// transformMap binds transform_keys and transform_values.
func transformMap(keys bool) func(b *binder, c *parse.Call) (*node, error) {
	return func(b *binder, c *parse.Call) (*node, error) {
		x, err := b.arrayArgument(c.Args[0], batch.Map)
		if err != nil {
			return nil, err
		}
		l, err := b.lambda(c.Args[1], 2, elementParams(x.t)...)
		if err != nil {
			return nil, err
		}
		t := batch.MapType(x.t.Fields[0].Type, l.body.t, l.body.nullable)
		if keys {
			t = batch.MapType(l.body.t, x.t.Fields[1].Type, x.t.Fields[1].Nullable)
			if hasMap(l.body.t) {
				return nil, b.fail(c, "DATATYPE_MISMATCH.INVALID_MAP_KEY_TYPE", "a key of a map is not of type %s", clip(l.body.t.String()))
			}
		}
		n := b.wrap(strings.ToLower(c.Name), t, func(r *run, sel []int32, a []val) (*batch.Column, error) {
			s := r.spread(sel, a[0])
			defer s.close()
			made, err := l.over(s, a[1:])
			if err != nil {
				return nil, err
			}
			if !keys {
				return s.list(t, s.off, s.kids[0].Retain(), made), nil
			}
			m := s.list(t, s.off, made, s.kids[1].Retain())
			uniqueKeys(r, sel, m)
			return m, nil
		}, []*node{x}, l)
		n.fails = n.fails || keys
		return n, nil
	}
}

func zipWith(b *binder, c *parse.Call) (*node, error) {
	x, err := b.arrayArgument(c.Args[0], batch.Array)
	if err != nil {
		return nil, err
	}
	y, err := b.arrayArgument(c.Args[1], batch.Array)
	if err != nil {
		return nil, err
	}
	l, err := b.lambda(c.Args[2], 2, batch.Field{Type: x.t.Fields[0].Type, Nullable: true}, batch.Field{Type: y.t.Fields[0].Type, Nullable: true})
	if err != nil {
		return nil, err
	}
	t := batch.ArrayType(l.body.t, true)
	return b.wrap("zip_with", t, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		var rows []int32
		left, right := batch.NewBuilder(x.t.Fields[0].Type, r.pool()), batch.NewBuilder(y.t.Fields[0].Type, r.pool())
		one := []int32{0}
		put := func(to *batch.Builder, v val, i, j int) {
			at := i & v.mask()
			if one[0] = v.c.Off[at] + int32(j); one[0] < v.c.Off[at+1] {
				to.AppendRows(v.c.Kids[0], one)
			} else {
				to.Null()
			}
		}
		r.each(sel, func(i int) {
			if a[0].null(i) || a[1].null(i) {
				return
			}
			p, q := i&a[0].mask(), i&a[1].mask()
			for j := range max(int(a[0].c.Off[p+1]-a[0].c.Off[p]), int(a[1].c.Off[q+1]-a[1].c.Off[q])) {
				put(left, a[0], i, j)
				put(right, a[1], i, j)
				rows = append(rows, int32(i))
			}
		})
		params := []*batch.Column{left.Finish(), right.Finish()}
		defer release(params)
		out, err := l.apply(r, rows, a[2:], params...)
		if err != nil {
			return nil, err
		}
		list := r.lists(t, sel, a[0], rows, out)
		r.each(sel, func(i int) {
			if a[1].null(i) {
				list.NewValid().Clear(i)
			}
		})
		return list, nil
	}, []*node{x, y}, l), nil
}
