package expr

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/expr/regex"
)

// uniqueKeys fails rows of a map column whose keys are null or come twice.
func uniqueKeys(r *run, sel []int32, m *batch.Column) {
	r.each(sel, func(i int) {
		var s seen
		for j := int(m.Off[i]); j < int(m.Off[i+1]); j++ {
			class := ""
			if m.Kids[0].IsNull(j) {
				class = "NULL_MAP_KEY"
			} else if !s.add(m.Kids[0], j) {
				class = "DUPLICATED_MAP_KEY"
			}
			if class != "" {
				r.fail(i, class, "the keys of a map are not null and differ", nil)
				m.NewValid().Clear(i)
				return
			}
		}
	})
}

// checked makes a kernel check the keys of what another one makes.
func checked(k kernel) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		m, err := k(r, sel, a)
		if err == nil {
			uniqueKeys(r, sel, m)
		}
		return m, err
	}
}

func init() {
	define("map_keys", "map_keys(m)", "The keys of a map.", "map_keys(map(1, 'a', 2, 'b'))", "[1, 2]", 1, 1, mapSide(0))
	define("map_values", "map_values(m)", "The values of a map.", "map_values(map(1, 'a', 2, 'b'))", "[a, b]", 1, 1, mapSide(1))
	define("map_entries", "map_entries(m)", "The entries of a map as structs of key and value.", "map_entries(map(1, 'a'))", "[{1, a}]", 1, 1, mapEntries)
	define("map_contains_key", "map_contains_key(m, k)", "Whether a map has the key.", "map_contains_key(map(1, 'a'), 1)", "true", 2, 2, mapContains)
	define("map_from_arrays", "map_from_arrays(keys, values)", "The map of an array of keys and one of values.", "map_from_arrays(array(1, 2), array('a', 'b'))", "{1 -> a, 2 -> b}", 2, 2, mapFromArrays)
	define("map_from_entries", "map_from_entries(x)", "The map of an array of structs of key and value.", "map_from_entries(array(struct(1, 'a'), struct(2, 'b')))", "{1 -> a, 2 -> b}", 1, 1, mapFromEntries)
	define("map_concat", "map_concat(m, ...)", "The entries of all the maps, whose keys differ.", "map_concat(map(1, 'a'), map(2, 'b'))", "{1 -> a, 2 -> b}", 0, -1, mapConcat)
	define("str_to_map", "str_to_map(s[, pairs[, keys]])", "The map of a text of pairs, which regexes part: ',' between pairs and ':' behind keys by default.", "str_to_map('a:1,b:2', ',', ':')", "{a -> 1, b -> 2}", 1, 3, strToMap)
}

func (b *binder) mapOnly(c *parse.Call, args []*node) error {
	if args[0].t.Kind == batch.Void {
		var err error
		args[0], err = b.implicit(args[0], batch.MapType(batch.VoidType, batch.VoidType, true), c)
		return err
	}
	if args[0].t.Kind != batch.Map {
		return b.mismatch(c, "%s needs a map, this is of type %s", strings.ToLower(c.Name), clip(args[0].t.String()))
	}
	return nil
}

func mapSide(side int) bindFunction {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if err := b.mapOnly(c, args); err != nil {
			return nil, err
		}
		f := args[0].t.Fields[side]
		t := batch.ArrayType(f.Type, f.Nullable)
		return b.intern(b.call(strings.ToLower(c.Name), t, func(r *run, _ []int32, a []val) (*batch.Column, error) {
			m := batch.Slice(r.pool(), a[0].c, 0, a[0].c.N)
			m.Type = t
			m.Kids[1-side].Release()
			m.Kids = []*batch.Column{m.Kids[side]}
			return m, nil
		}, args...), ""), nil
	}
}

func mapEntries(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.mapOnly(c, args); err != nil {
		return nil, err
	}
	k, v := args[0].t.Fields[0], args[0].t.Fields[1]
	k.Name, v.Name = "key", "value"
	t := batch.ArrayType(batch.StructType(k, v), false)
	return b.intern(b.call("map_entries", t, func(r *run, _ []int32, a []val) (*batch.Column, error) {
		m := batch.Slice(r.pool(), a[0].c, 0, a[0].c.N)
		m.Type = t
		s := batch.NewBuilder(batch.StructType(), r.pool())
		defer s.Release()
		entries := s.Finish()
		entries.Type, entries.N, entries.Kids = t.Fields[0].Type, m.Kids[0].N, m.Kids
		m.Kids = []*batch.Column{entries}
		return m, nil
	}, args...), ""), nil
}

func mapContains(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Map || args[1].t.Kind == batch.Void {
		return nil, b.mismatch(c, "map_contains_key needs a map and a key, not %s and %s", clip(args[0].t.String()), clip(args[1].t.String()))
	}
	key, ok := b.common(args[0].t.Fields[0].Type, args[1].t)
	if !ok {
		return nil, b.mismatch(c, "the keys are of type %s, not %s", clip(args[0].t.Fields[0].Type.String()), clip(args[1].t.String()))
	}
	if err := b.to(batch.MapType(key, args[0].t.Fields[1].Type, args[0].t.Fields[1].Nullable), c, args, 0); err != nil {
		return nil, err
	}
	if err := b.to(key, c, args, 1); err != nil {
		return nil, err
	}
	return b.intern(b.callStrict("map_contains_key", batch.BooleanType, strict(batch.BooleanType, func(x *rows, i int) {
		m, at := x.a[0].c, i&x.a[0].mask()
		for j := m.Off[at]; j < m.Off[at+1]; j++ {
			if same(m.Kids[0], int(j), x.a[1].c, i&x.a[1].mask()) {
				x.b.Bool(true)
				return
			}
		}
		x.b.Bool(false)
	}), args...), ""), nil
}

func mapFromArrays(b *binder, c *parse.Call, args []*node) (*node, error) {
	for i, a := range args {
		if a.t.Kind != batch.Array || i == 0 && hasMap(a.t.Fields[0].Type) {
			return nil, b.mismatch(c.Args[i], "map_from_arrays needs arrays, this is of type %s", clip(a.t.String()))
		}
	}
	t := batch.MapType(args[0].t.Fields[0].Type, args[1].t.Fields[0].Type, args[1].t.Fields[0].Nullable)
	n := b.call("map_from_arrays", t, checked(listKernel(t, [][]sourceOf{{givesKid, gives0}, {gives0, givesKid}}, true, func(x *lister, i int) bool {
		keys, n := x.span(0, i)
		values, m := x.span(1, i)
		if n != m {
			x.r.fail(i, "_LEGACY_ERROR_TEMP_2003", "the arrays of keys and values have different lengths", nil)
			return false
		}
		for j := range n {
			x.take(0, 0, keys+j)
			x.take(1, 1, values+j)
		}
		return true
	})), args...)
	n.fails, n.nullable = true, true
	return b.intern(n, ""), nil
}

func mapFromEntries(b *binder, c *parse.Call, args []*node) (*node, error) {
	x := args[0]
	if x.t.Kind != batch.Array || x.t.Fields[0].Type.Kind != batch.Struct || len(x.t.Fields[0].Type.Fields) != 2 || hasMap(x.t.Fields[0].Type.Fields[0].Type) {
		return nil, b.mismatch(c, "map_from_entries needs an array of structs of key and value, this is of type %s", clip(x.t.String()))
	}
	entry := x.t.Fields[0].Type
	t := batch.MapType(entry.Fields[0].Type, entry.Fields[1].Type, entry.Fields[1].Nullable)
	k := func(r *run, sel []int32, a []val) (*batch.Column, error) {
		entries := a[0].c.Kids[0]
		return checked(listKernel(t, [][]sourceOf{{givesRow, gives0}, {gives0, givesRow, gives0}}, false, func(x *lister, i int) bool {
			from, n := x.outer(2, i)
			if n < 0 {
				return false
			}
			for j := from; j < from+n; j++ {
				if entries.IsNull(j) {
					return false
				}
			}
			for j := from; j < from+n; j++ {
				x.take(0, 0, j)
				x.take(1, 1, j)
			}
			return true
		}))(r, sel, []val{{c: entries.Kids[0]}, {c: entries.Kids[1]}, a[0]})
	}
	n := b.call("map_from_entries", t, k, args...)
	n.fails, n.nullable = true, true
	return b.intern(n, ""), nil
}

func mapConcat(b *binder, c *parse.Call, args []*node) (*node, error) {
	for i, a := range args {
		if a.t.Kind != batch.Map {
			return nil, b.mismatch(c.Args[i], "map_concat needs maps, this is of type %s", clip(a.t.String()))
		}
	}
	t, err := b.commonOf(c, args)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		t = batch.MapType(batch.StringType, batch.StringType, false)
	}
	n := b.call("map_concat", t, checked(listKernel(t, [][]sourceOf{{givesKid}, {givesValue}}, true, func(x *lister, i int) bool {
		for k := range x.a {
			from, n := x.span(k, i)
			for j := from; j < from+n; j++ {
				x.take(0, k, j)
				x.take(1, k, j)
			}
		}
		return true
	})), args...)
	n.fails = true
	return b.intern(n, ""), nil
}

func strToMap(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.StringType, c, args, 0, 1, 2); err != nil {
		return nil, err
	}
	for i := len(args); i < 3; i++ {
		args = append(args, b.stringLiteral([]string{"", ",", ":"}[i]))
	}
	t := batch.MapType(batch.StringType, batch.StringType, true)
	var patterns patternCache
	n := b.callStrict("str_to_map", t, strict(t, func(x *rows, i int) {
		pairs, err := patterns.of(x.str(1, i))
		keys, err2 := patterns.of(x.str(2, i))
		if err != nil || err2 != nil {
			x.fail(i, "INVALID_PARAMETER_VALUE.PATTERN", "str_to_map: what parts pairs and keys must be regexes", nil)
			return
		}
		strToMapRow(x, i, pairs, keys)
	}), args...)
	n.fails = true
	return b.intern(n, ""), nil
}

func strToMapRow(x *rows, i int, pairs, keys *regex.Regex) {
	m, n := pairs.Machine(), keys.Machine()
	defer m.Release()
	defer n.Release()
	s := x.str(0, i)
	x.at = parts(x.at[:0], m, s, -1)
	ks, vs := x.b.Kids[0], x.b.Kids[1]
	begin := ks.Len()
	var taken seen
	for k := 0; k < len(x.at); k += 2 {
		pair := s[x.at[k]:x.at[k+1]]
		x.groups = parts(x.groups[:0], n, pair, 2)
		key := pair[x.groups[0]:x.groups[1]]
		ks.Bytes(key)
		if !taken.add(ks.Column(), ks.Len()-1) {
			ks.Truncate(begin)
			vs.Truncate(begin)
			x.fail(i, "DUPLICATED_MAP_KEY", "the key "+clip(string(key))+" comes twice", nil)
			return
		}
		if len(x.groups) == 4 {
			vs.Bytes(pair[x.groups[2]:x.groups[3]])
		} else {
			vs.Null()
		}
	}
	x.b.List()
}
