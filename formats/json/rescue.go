package json

import (
	"slices"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
)

// drift is what the record at hand has beside the schema: members that it does not name, and values that do not fit.
type drift struct {
	unknown bool
	misfits []int // where the values that do not fit begin
}

func (d *drift) reset() { d.unknown, d.misfits = false, d.misfits[:0] }

// rescue puts what the record has beside the schema into the rescued data column, as one object, nested as it was.
func (d *Decoder) rescue(s []byte, at, end, row int) {
	c := d.root.rescued
	p := space(s, at, end)
	if p >= end || s[p] != '{' {
		return
	}
	text, _ := d.leftovers(nil, d.root, s, p+1, end)
	if len(text) == 0 {
		return
	}
	if !utf8.Valid(text) {
		text = appendValid(nil, text)
	}
	appendNulls(c, row-c.b.Len())
	if len(c.b.Column().Data)+len(text) <= maxData {
		c.b.Bytes(text)
	}
}

// leftovers appends an object of the members of the object at p, which was read before, that n's fields do not hold; nothing if they
// hold all. It returns the position behind the object.
func (d *Decoder) leftovers(dst []byte, n *node, s []byte, p, end int) ([]byte, int) {
	before := len(dst)
	open := byte('{')
	for p = space(s, p, end); s[p] != '}'; p = space(s, p, end) {
		if s[p] == ',' {
			p = space(s, p+1, end)
		}
		name := p
		key, q := d.unescape(nil, s, p+1, end)
		quoted := s[name:q]
		p = space(s, space(s, q, end)+1, end) // behind the colon
		value := p
		p = d.skip(s, p, end, 1)
		f := d.find(n, key)
		var kept []byte
		switch {
		case f == nil || f.kind == kindSkip || slices.Contains(d.drift.misfits, value):
			kept = s[value:p]
		case f.kind == batch.Struct && s[value] == '{':
			kept, _ = d.leftovers(nil, f, s, value+1, end)
		case f.kind == batch.Array && s[value] == '[' && d.drifts(value, p):
			kept = s[value:p]
		}
		if len(kept) > 0 {
			dst = append(append(append(append(dst, open), quoted...), ':'), kept...)
			open = ','
		}
	}
	if len(dst) > before {
		dst = append(dst, '}')
	}
	return dst, p + 1
}

// drifts reports whether a value within the bounds did not fit: an array is rescued whole.
func (d *Decoder) drifts(from, to int) bool {
	return slices.ContainsFunc(d.drift.misfits, func(p int) bool { return p >= from && p < to })
}
