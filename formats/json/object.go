package json

import (
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
)

// hits reports whether the first 16 bytes of n's key, or all if there are
// fewer, stand at p, where there are as many to read.
func (n *node) hits(s []byte, p int) bool {
	return load(s, p)&n.mask0^n.word0|load(s, p+8)&n.mask1^n.word1 == 0
}

// match returns the position behind the key at p if it is n's, written
// without spaces, else 0.
func (n *node) match(s []byte, p int) int {
	if p+16 > len(s) {
		return n.matchShort(s, p)
	}
	if !n.hits(s, p) {
		return 0
	}
	return n.matchShort(s, p)
}

func (n *node) matchShort(s []byte, p int) int {
	q := p + len(n.text)
	if n.text == "" || q > len(s) || string(s[p:q]) != n.text {
		return 0
	}
	return q
}

// object decodes the members of an object into the row that n's column has
// next, and closes that row. p is behind the brace.
func (d *Decoder) object(n *node, s []byte, p, end, depth int) int {
	if depth > d.o.MaxDepth {
		return d.fail(reasonDepth, p)
	}
	row := n.b.Len()
	if p < end && s[p] != '"' {
		if p = space(s, p, end); p < end && s[p] == '}' {
			closeRow(n.b)
			return p + 1
		}
	}
	f := n.head
	for {
		q, next := 0, f.next
		if p+16 <= len(s) && next.short && next.hits(s, p) {
			f, q = next, p+len(next.text)
		} else if q = next.match(s, p); q != 0 {
			f = next
		} else if q = f.alt.match(s, p); q != 0 {
			f.next, f.alt, f = f.alt, f.next, f.alt // one record without a key is not to be what all others are held against
		} else if f, q = d.member(n, f, s, p, end); q < 0 {
			return q
		}
		if q >= end {
			return d.fail(reasonEnd, end)
		}
		if s[q] <= ' ' {
			if q = space(s, q, end); q >= end {
				return d.fail(reasonEnd, end)
			}
		}
		// The commonest kinds at once, where the column is at this row; value
		// does all the rest.
		switch c := s[q]; {
		case f.kind == kindSkip:
			d.drift.unknown = true
			p = d.skip(s, q, end, depth)
		case c == '"' && f.kind == batch.String && f.b.Len() == row:
			p = d.stringValue(f, s, q, end, depth)
		case c == '{' && f.kind == batch.Struct && f.b.Len() == row:
			p = d.object(f, s, q+1, end, depth+1)
		case c-'0' <= 9 && f.kind == batch.BigInt && f.b.Len() == row:
			p = d.bigint(f, s, q, end)
		default:
			p = d.value(f, s, q, end, row, depth)
		}
		if p < 0 {
			if p = d.recover(f, s, q, end, row, depth, p); p < 0 {
				return p
			}
		}
		if p < end && s[p] <= ' ' {
			p = space(s, p, end)
		}
		if p >= end {
			return d.fail(reasonEnd, end)
		}
		if s[p] != ',' {
			if s[p] != '}' {
				return d.fail(reasonComma, p)
			}
			closeRow(n.b)
			return p + 1
		}
		p++
		if p < end && s[p] != '"' {
			p = space(s, p, end)
		}
	}
}

// recover deals with a value that did not fit its field f: the field is null,
// the rest of the record goes on behind the value at p.
func (d *Decoder) recover(f *node, s []byte, p, end, row, depth, why int) int {
	if why != unfit || d.strict {
		return why
	}
	if d.partial.code == reasonNone {
		d.partial = d.failed
	}
	if d.root.rescued != nil {
		d.drift.misfits = append(d.drift.misfits, p)
	}
	if f.b != nil {
		truncate(f, row)
	}
	return d.skip(s, p, end, depth)
}

// member reads a key that was not guessed, with its colon, and remembers that
// it followed last. It returns the key's node and the position behind the colon.
func (d *Decoder) member(n, last *node, s []byte, p, end int) (*node, int) {
	if p >= end {
		return nil, d.fail(reasonEnd, end)
	}
	if s[p] != '"' {
		return nil, d.fail(reasonKey, p)
	}
	q, high := scan(s, p+1, end)
	key := s[p+1 : q]
	if q >= end || s[q] != '"' || high && !utf8.Valid(key) {
		d.scratch, q = d.unescape(d.scratch[:0], s, p+1, end)
		if q < 0 {
			return nil, q
		}
		key = d.scratch
		q--
	}
	q = space(s, q+1, end)
	if q >= end {
		return nil, d.fail(reasonEnd, end)
	}
	if s[q] != ':' {
		return nil, d.fail(reasonColon, q)
	}
	f := d.find(n, key)
	if f == nil {
		// Nothing follows a key that nobody remembers.
		d.foreign.next, d.foreign.alt = nowhere, nowhere
		return d.foreign, q + 1
	}
	if f != last.next {
		last.next, last.alt = f, last.next
	}
	return f, q + 1
}

// value decodes the value at p into row row of f's column. On failure the
// column is for the caller to truncate.
func (d *Decoder) value(f *node, s []byte, p, end, row, depth int) int {
	if f.kind == kindSkip {
		return d.skip(s, p, end, depth)
	}
	if s[p] == 'n' && p+4 <= end && string(s[p:p+4]) == "null" {
		if f.b.Len() > row {
			truncate(f, row)
		}
		return p + 4 // the column lags; settle fills it
	}
	if f.b.Len() != row {
		align(f, row)
	}
	switch f.kind {
	case batch.String:
		return d.stringValue(f, s, p, end, depth)
	case batch.BigInt:
		return d.bigint(f, s, p, end)
	case batch.Double:
		return d.double(f, s, p, end)
	case batch.Boolean:
		return d.boolean(f, s, p, end)
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return d.integer(f, s, p, end)
	case batch.Float:
		return d.float(f, s, p, end)
	case batch.Timestamp, batch.TimestampNTZ:
		return d.timestamp(f, s, p, end)
	case batch.Date:
		return d.date(f, s, p, end)
	case batch.Decimal:
		return d.decimal(f, s, p, end)
	case batch.Binary:
		return d.binary(f, s, p, end)
	case batch.Struct:
		if s[p] != '{' {
			return d.misfit(f, reasonType, p)
		}
		return d.object(f, s, p+1, end, depth+1)
	case batch.Array:
		return d.array(f, s, p, end, depth+1)
	case batch.Map:
		return d.mapping(f, s, p, end, depth+1)
	}
	return d.misfit(f, reasonType, p)
}
