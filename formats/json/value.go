package json

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

func (d *Decoder) bigint(f *node, s []byte, p, end int) int {
	v, q, why := d.whole(s, p, end)
	if why != reasonNone {
		return d.misfit(f, why, p)
	}
	c := f.b.Column()
	c.I64 = append(c.I64, v)
	closeRow(f.b)
	return q
}

func (d *Decoder) integer(f *node, s []byte, p, end int) int {
	v, q, why := d.whole(s, p, end)
	if why != reasonNone {
		return d.misfit(f, why, p)
	}
	if v > f.limit || v < -f.limit-1 {
		return d.misfit(f, reasonRange, p)
	}
	c := f.b.Column()
	c.I32 = append(c.I32, int32(v))
	closeRow(f.b)
	return q
}

func (d *Decoder) double(f *node, s []byte, p, end int) int {
	v, q, ok := d.real(s, p, end)
	if !ok {
		if v, q, ok = d.notNumeric(s, p, end); !ok {
			return d.misfit(f, reasonType, p)
		}
	}
	c := f.b.Column()
	c.F64 = append(c.F64, v)
	closeRow(f.b)
	return q
}

func (d *Decoder) float(f *node, s []byte, p, end int) int {
	v, q, ok := 0.0, 0, false
	var v32 float32
	if q, ok = number(s, p, end); ok && q-p <= d.o.MaxNumber {
		v, _ = strconv.ParseFloat(text(s[p:q]), 32)
		v32 = float32(v)
	} else if v, q, ok = d.notNumeric(s, p, end); ok {
		v32 = float32(v)
	} else {
		return d.misfit(f, reasonType, p)
	}
	c := f.b.Column()
	c.F32 = append(c.F32, v32)
	closeRow(f.b)
	return q
}

// notNumeric reads NaN and the infinities, with or without quotes.
func (d *Decoder) notNumeric(s []byte, p, end int) (float64, int, bool) {
	if d.o.RefuseNonNumeric {
		return 0, p, false
	}
	if s[p] == '"' {
		q, _ := scan(s, p+1, end)
		if q < end && s[q] == '"' {
			v, ok := nonNumeric(s[p+1 : q])
			return v, q + 1, ok
		}
		return 0, p, false
	}
	q := d.bareNonNumeric(s, p, end)
	if q == 0 {
		return 0, p, false
	}
	v, ok := nonNumeric(s[p:q])
	return v, q, ok
}

func (d *Decoder) boolean(f *node, s []byte, p, end int) int {
	var v bool
	switch {
	case p+4 <= end && string(s[p:p+4]) == "true":
		p, v = p+4, true
	case p+5 <= end && string(s[p:p+5]) == "false":
		p += 5
	default:
		return d.misfit(f, reasonType, p)
	}
	c := f.b.Column()
	if c.N>>6 >= len(c.Bits) {
		c.Bits = append(c.Bits, 0)
	}
	c.Bits.Put(c.N, v)
	closeRow(f.b)
	return p
}

// stringValue copies the string at p a word at a time while it looks for the
// closing quote.
func (d *Decoder) stringValue(f *node, s []byte, p, end, depth int) int {
	if s[p] != '"' {
		return d.rawValue(f, s, p, end, depth)
	}
	c := f.b.Column()
	p++
	at := len(c.Data)
	if cap(c.Data)-at < end-p+8 {
		if at+end-p > maxData {
			return d.fail(reasonFull, p)
		}
		c.Data = slices.Grow(c.Data, end-p+8)
	}
	dst := c.Data[at:cap(c.Data)]
	var high, m uint64
	q, n := p, 0
	for q+8 <= len(s) && q < end && n+8 <= len(dst) {
		w := load(s, q)
		binary.LittleEndian.PutUint64(dst[n:], w)
		if m = special(w); m != 0 {
			k := bits.TrailingZeros64(m) >> 3
			high |= w & (m&-m - 1)
			q, n = q+k, n+k
			break
		}
		high |= w
		q, n = q+8, n+8
	}
	if m == 0 {
		q, n = min(q, end), min(n, end-p)
		for ; q < end && s[q] >= ' ' && s[q] != '"' && s[q] != '\\'; q, n = q+1, n+1 {
			dst[n] = s[q]
			high |= uint64(s[q])
		}
	}
	if q >= end {
		return d.fail(reasonString, end)
	}
	if s[q] != '"' || high&highs != 0 && !utf8.Valid(dst[:n]) {
		return d.stringSlow(f, s, p, end)
	}
	c.Data = c.Data[:at+n]
	c.Off = append(c.Off, int32(at+n))
	closeRow(f.b)
	return q + 1
}

// stringSlow appends a string with escapes or broken UTF-8; p is its first byte.
func (d *Decoder) stringSlow(f *node, s []byte, p, end int) int {
	c := f.b.Column()
	data, q := d.unescape(c.Data, s, p, end)
	if q < 0 {
		return q
	}
	if len(data) > maxData {
		return d.fail(reasonFull, p)
	}
	c.Data = data
	c.Off = append(c.Off, int32(len(data)))
	closeRow(f.b)
	return q
}

// rawValue appends the JSON text of a value that is no string.
func (d *Decoder) rawValue(f *node, s []byte, p, end, depth int) int {
	q := d.skip(s, p, end, depth)
	if q < 0 {
		return q
	}
	c := f.b.Column()
	if len(c.Data)+3*(q-p) > maxData {
		return d.fail(reasonFull, p)
	}
	c.Data = appendValid(c.Data, s[p:q])
	c.Off = append(c.Off, int32(len(c.Data)))
	closeRow(f.b)
	return q
}

func (d *Decoder) binary(f *node, s []byte, p, end int) int {
	if s[p] != '"' {
		return d.misfit(f, reasonType, p)
	}
	var q int
	if d.scratch, q = d.unescape(d.scratch[:0], s, p+1, end); q < 0 {
		return q
	}
	c := f.b.Column()
	if len(c.Data)+len(d.scratch) > maxData {
		return d.fail(reasonFull, p)
	}
	data, err := base64.StdEncoding.AppendDecode(c.Data, d.scratch)
	if err != nil {
		return d.misfit(f, reasonType, p)
	}
	c.Data = data
	c.Off = append(c.Off, int32(len(data)))
	closeRow(f.b)
	return q
}

// array decodes the elements into the kids and closes the row.
func (d *Decoder) array(f *node, s []byte, p, end, depth int) int {
	if s[p] != '[' {
		return d.misfit(f, reasonType, p)
	}
	if depth > d.o.MaxDepth {
		return d.fail(reasonDepth, p)
	}
	if p = space(s, p+1, end); p < end && s[p] == ']' {
		return d.closeList(f, p+1)
	}
	for {
		if p >= end {
			return d.fail(reasonEnd, end)
		}
		row := f.elem.b.Len()
		if p = d.value(f.elem, s, p, end, row, depth); p < 0 {
			return p
		}
		if f.elem.b.Len() == row {
			appendNulls(f.elem, 1)
		}
		if p = space(s, p, end); p >= end {
			return d.fail(reasonEnd, end)
		}
		if s[p] != ',' {
			if s[p] != ']' {
				return d.fail(reasonComma, p)
			}
			return d.closeList(f, p+1)
		}
		p = space(s, p+1, end)
	}
}

func (d *Decoder) closeList(f *node, p int) int {
	n := f.elem.b.Len()
	if n > maxData {
		return d.fail(reasonFull, p)
	}
	c := f.b.Column()
	c.Off = append(c.Off, int32(n))
	closeRow(f.b)
	return p
}

// mapping decodes an object into keys and values and closes the row.
func (d *Decoder) mapping(f *node, s []byte, p, end, depth int) int {
	if s[p] != '{' {
		return d.misfit(f, reasonType, p)
	}
	if depth > d.o.MaxDepth {
		return d.fail(reasonDepth, p)
	}
	if p = space(s, p+1, end); p < end && s[p] == '}' {
		return d.closeList(f, p+1)
	}
	for {
		if p >= end {
			return d.fail(reasonEnd, end)
		}
		if s[p] != '"' {
			return d.fail(reasonKey, p)
		}
		row := f.key.b.Len()
		if p = d.stringValue(f.key, s, p, end, depth); p < 0 {
			return p
		}
		if p = space(s, p, end); p >= end {
			return d.fail(reasonEnd, end)
		}
		if s[p] != ':' {
			return d.fail(reasonColon, p)
		}
		if p = space(s, p+1, end); p >= end {
			return d.fail(reasonEnd, end)
		}
		if p = d.value(f.elem, s, p, end, row, depth); p < 0 {
			return p
		}
		if f.elem.b.Len() == row {
			appendNulls(f.elem, 1)
		}
		if p = space(s, p, end); p >= end {
			return d.fail(reasonEnd, end)
		}
		if s[p] != ',' {
			if s[p] != '}' {
				return d.fail(reasonComma, p)
			}
			return d.closeList(f, p+1)
		}
		p = space(s, p+1, end)
	}
}
