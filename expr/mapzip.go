package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	defineHigher("map_zip_with", "map_zip_with(m, n, (k, v, w) -> value)", "The map of what the lambda makes of the values that two maps have for a key; null where one has none.",
		"map_zip_with(map('a', 1, 'b', 2), map('b', 3, 'c', 4), (k, v, w) -> coalesce(v, 0) + coalesce(w, 0))", "{a -> 1, b -> 5, c -> 4}", 3, 3, mapZipWith)
}

func mapZipWith(b *binder, c *parse.Call) (*node, error) {
	var maps []*node
	for _, at := range c.Args[:2] {
		x, err := b.arrayArgument(at, batch.Map)
		if err != nil {
			return nil, err
		}
		maps = append(maps, x)
	}
	key, ok := b.common(maps[0].t.Fields[0].Type, maps[1].t.Fields[0].Type)
	if !ok {
		return nil, b.mismatch(c, "the keys of the maps have nothing in common: %s and %s", clip(maps[0].t.Fields[0].Type.String()), clip(maps[1].t.Fields[0].Type.String()))
	}
	var err error
	for i, x := range maps {
		v := x.t.Fields[1]
		if maps[i], err = b.implicit(x, batch.MapType(key, v.Type, v.Nullable), c.Args[i]); err != nil {
			return nil, err
		}
	}
	l, err := b.lambda(c.Args[2], 3, batch.Field{Type: key}, batch.Field{Type: maps[0].t.Fields[1].Type, Nullable: true}, batch.Field{Type: maps[1].t.Fields[1].Type, Nullable: true})
	if err != nil {
		return nil, err
	}
	t := batch.MapType(key, l.body.t, l.body.nullable)
	return b.wrap("map_zip_with", t, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		z := newMapZip(r, a[0], a[1])
		r.each(sel, z.row)
		params := z.finish()
		kept := params[0].Retain()
		defer release(params)
		out, err := l.apply(r, z.rows, a[2:], params...)
		if err != nil {
			kept.Release()
			return nil, err
		}
		m := r.lists(t, sel, a[0], z.rows, kept, out)
		r.each(sel, func(i int) {
			if a[1].null(i) {
				m.NewValid().Clear(i)
			}
		})
		return m, nil
	}, maps, l), nil
}

// mapZip lines up the entries of two maps by their keys, row by row.
type mapZip struct {
	maps  [2]val
	keys  *batch.Builder
	sides [2]*batch.Builder
	rows  []int32 // of each key, the row it is of
}

func newMapZip(r *run, x, y val) *mapZip {
	z := &mapZip{maps: [2]val{x, y}, keys: batch.NewBuilder(x.c.Type.Fields[0].Type, r.pool())}
	for k, m := range z.maps {
		z.sides[k] = batch.NewBuilder(m.c.Type.Fields[1].Type, r.pool())
	}
	return z
}

// row appends the keys of both maps of a row, those of the first one before those that only the second has.
func (z *mapZip) row(i int) {
	if z.maps[0].null(i) || z.maps[1].null(i) {
		return
	}
	x, y := z.maps[0].c, z.maps[1].c
	p, q := i&z.maps[0].mask(), i&z.maps[1].mask()
	put := func(from *batch.Column, key, left, right int32) {
		z.keys.AppendRows(from.Kids[0], []int32{key})
		for k, at := range [2]int32{left, right} {
			if at < 0 {
				z.sides[k].Null()
			} else {
				z.sides[k].AppendRows(z.maps[k].c.Kids[1], []int32{at})
			}
		}
		z.rows = append(z.rows, int32(i))
	}
	first, second := keysOf(x, p), keysOf(y, q)
	for j := x.Off[p]; j < x.Off[p+1]; j++ {
		put(x, j, j, second.find(x.Kids[0], int(j)))
	}
	for j := y.Off[q]; j < y.Off[q+1]; j++ {
		if first.find(y.Kids[0], int(j)) < 0 {
			put(y, j, -1, j)
		}
	}
}

// mapKeys finds keys of the map of a row: by comparing while there are few, by their bytes beyond.
type mapKeys struct {
	keys     *batch.Column
	from, to int32
	places   map[string]int32
	buf      []byte
}

func keysOf(m *batch.Column, row int) *mapKeys {
	k := &mapKeys{keys: m.Kids[0], from: m.Off[row], to: m.Off[row+1]}
	if k.to-k.from > seenByComparing {
		k.places = map[string]int32{}
		for j := k.from; j < k.to; j++ {
			k.buf = batch.AppendSortKey(k.buf[:0], k.keys, int(j), batch.Ascending)
			k.places[string(k.buf)] = j
		}
	}
	return k
}

// find returns the place of a key, -1 if it is not there.
func (k *mapKeys) find(keys *batch.Column, key int) int32 {
	if k.places != nil {
		k.buf = batch.AppendSortKey(k.buf[:0], keys, key, batch.Ascending)
		if j, ok := k.places[string(k.buf)]; ok {
			return j
		}
		return -1
	}
	for j := k.from; j < k.to; j++ {
		if same(k.keys, int(j), keys, key) {
			return j
		}
	}
	return -1
}

func (z *mapZip) finish() []*batch.Column {
	return []*batch.Column{z.keys.Finish(), z.sides[0].Finish(), z.sides[1].Finish()}
}
