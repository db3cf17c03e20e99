package json

import (
	"bytes"
	"hash/maphash"
)

// fewKeys is the number of keys up to which a map is searched for a double by
// comparing them all.
const fewKeys = 16

// keyTable finds double keys in a map with more than fewKeys: open addressing
// over rows of the key column, seeded so that no record can make it slow.
type keyTable struct {
	seed  maphash.Seed
	slots []int32 // row + 1; 0: free
	used  int     // rows in it
}

// mapping decodes an object into keys and values and closes the row.
func (d *Decoder) mapping(f *node, s []byte, p, end, depth int) int {
	if s[p] != '{' {
		return d.misfit(f, reasonType, p)
	}
	if depth > d.o.MaxDepth {
		return d.fail(reasonDepth, p)
	}
	first := p + 1
	from := f.key.b.Len()
	f.keys.used = 0
	if p = space(s, first, end); p < end && s[p] == '}' {
		return d.closeList(f, p+1)
	}
	for {
		row := f.key.b.Len()
		if p = d.mapKey(f, s, p, end, depth); p < 0 {
			return p
		}
		if f.doubled(from) {
			truncate(f.key, from)
			truncate(f.elem, from)
			return d.mappingTwice(f, s, first, end, depth)
		}
		if p = d.element(f.elem, s, p, end, row, depth); p < 0 {
			return p
		}
		if s[p] == '}' {
			return d.closeList(f, p+1)
		}
		if s[p] != ',' {
			return d.fail(reasonComma, p)
		}
		p = space(s, p+1, end)
	}
}

// mapKey appends the key at p and returns the position of its value.
func (d *Decoder) mapKey(f *node, s []byte, p, end, depth int) int {
	if p >= end {
		return d.fail(reasonEnd, end)
	}
	if s[p] != '"' {
		return d.fail(reasonKey, p)
	}
	if p = d.stringValue(f.key, s, p, end, depth); p < 0 {
		return p
	}
	return d.colon(s, p, end)
}

// colon returns the position of what follows the colon that is due at p.
func (d *Decoder) colon(s []byte, p, end int) int {
	if p = space(s, p, end); p < end {
		if s[p] != ':' {
			return d.fail(reasonColon, p)
		}
		p = space(s, p+1, end)
	}
	if p >= end {
		return d.fail(reasonEnd, end)
	}
	return p
}

// element appends the value at p to the rows of a list and returns the
// position of what follows, which is there.
func (d *Decoder) element(f *node, s []byte, p, end, row, depth int) int {
	if p = d.value(f, s, p, end, row, depth); p < 0 {
		return p
	}
	if f.b.Len() == row {
		appendNulls(f, 1)
	}
	if p = space(s, p, end); p >= end {
		return d.fail(reasonEnd, end)
	}
	return p
}

// doubled reports whether the last key stands in the map, whose rows begin at
// from, a second time.
func (n *node) doubled(from int) bool {
	c := n.key.b.Column()
	last := c.N - 1
	key := c.Bytes(last)
	if last-from < fewKeys {
		for i := from; i < last; i++ {
			if bytes.Equal(c.Bytes(i), key) {
				return true
			}
		}
		return false
	}
	t := &n.keys
	if t.used == 0 {
		clear(t.slots)
	}
	if (last-from+1)*2 > len(t.slots) {
		if t.slots == nil {
			t.seed = maphash.MakeSeed()
		}
		t.slots, t.used = make([]int32, max(64, 4*len(t.slots))), 0
	}
	for ; t.used <= last-from; t.used++ {
		if t.insert(c.Bytes, from+t.used) {
			return true
		}
	}
	return false
}

// insert adds the row and reports whether its key was there already.
func (t *keyTable) insert(key func(row int) []byte, row int) bool {
	k := key(row)
	mask := uint64(len(t.slots) - 1)
	for i := maphash.Bytes(t.seed, k) & mask; ; i = (i + 1) & mask {
		if t.slots[i] == 0 {
			t.slots[i] = int32(row + 1)
			return false
		}
		if bytes.Equal(key(int(t.slots[i])-1), k) {
			return true
		}
	}
}

// mappingTwice decodes an object in which a key comes twice: it looks first
// where the last value of each key stands. p is behind the brace.
func (d *Decoder) mappingTwice(f *node, s []byte, p, end, depth int) int {
	last := map[string]int{}
	var order []string
	for {
		if p = space(s, p, end); p >= end {
			return d.fail(reasonEnd, end)
		}
		if s[p] != '"' {
			return d.fail(reasonKey, p)
		}
		if d.scratch, p = d.unescape(d.scratch[:0], s, p+1, end); p < 0 {
			return p
		}
		key := string(d.scratch)
		if p = d.colon(s, p, end); p < 0 {
			return p
		}
		if _, ok := last[key]; !ok {
			order = append(order, key)
		}
		last[key] = p
		if p = d.skip(s, p, end, depth); p < 0 {
			return p
		}
		if p = space(s, p, end); p >= end {
			return d.fail(reasonEnd, end)
		}
		if s[p] == '}' {
			break
		}
		if s[p] != ',' {
			return d.fail(reasonComma, p)
		}
		p++
	}
	for _, key := range order {
		row := f.key.b.Len()
		if q := d.bytes(f.key, []byte(key), p, p); q < 0 {
			return q
		}
		if q := d.element(f.elem, s, last[key], end, row, depth); q < 0 {
			return q
		}
	}
	return d.closeList(f, p+1)
}
