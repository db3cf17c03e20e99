package json

import (
	"encoding/base64"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
)

func (d *Decoder) bigint(f *node, s []byte, p, end int) int {
	if p+16 <= len(s) {
		// Up to 15 digits and what ends a value: nearly always.
		n, v := digits8(load(s, p))
		if n == 8 {
			k, low := digits8(load(s, p+8))
			n, v = n+k, v*pow10[k]+low
		}
		q := p + n
		if q < end && n-1 < 15 && n > 0 && (s[q] == ',' || s[q] == '}') && (s[p] != '0' || n == 1) {
			c := f.b.Column()
			if len(c.I64) < cap(c.I64) {
				c.I64 = append(c.I64, int64(v))
				closeRow(f.b)
				return q
			}
		}
	}
	v, q, why := d.whole(s, p, end)
	if why != reasonNone {
		return d.misfit(f, why, p)
	}
	pushInt64(f.b, v)
	return q
}

func pushInt64(b *batch.Builder, v int64) {
	if c := b.Column(); len(c.I64) < cap(c.I64) {
		c.I64 = append(c.I64, v)
		closeRow(b)
		return
	}
	b.Int64(v)
}

func pushInt32(b *batch.Builder, v int32) {
	if c := b.Column(); len(c.I32) < cap(c.I32) {
		c.I32 = append(c.I32, v)
		closeRow(b)
		return
	}
	b.Int32(v)
}

func (d *Decoder) integer(f *node, s []byte, p, end int) int {
	v, q, why := d.whole(s, p, end)
	if why != reasonNone {
		return d.misfit(f, why, p)
	}
	if v > f.limit || v < -f.limit-1 {
		return d.misfit(f, reasonRange, p)
	}
	pushInt32(f.b, int32(v))
	return q
}

func (d *Decoder) double(f *node, s []byte, p, end int) int {
	v, q, ok := d.real(s, p, end)
	if !ok {
		if v, q, ok = d.notNumeric(s, p, end); !ok {
			return d.misfit(f, reasonType, p)
		}
	}
	if c := f.b.Column(); len(c.F64) < cap(c.F64) {
		c.F64 = append(c.F64, v)
		closeRow(f.b)
	} else {
		f.b.Float64(v)
	}
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
	f.b.Float32(v32)
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
	f.b.Bool(v)
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
	if cap(c.Data)-at < end-p+16 {
		if at+end-p > maxData {
			return d.fail(reasonFull, p)
		}
		c.ReserveData(end - p + 16)
	}
	dst := c.Data[at:cap(c.Data)]
	// high gathers bits above ASCII, of what follows the string too: at worst
	// a check too many.
	var high, m uint64
	q, n := p, 0
	for last := min(len(s)-16, end-1); q <= last; q, n = q+16, n+16 {
		w, w2 := load(s, q), load(s, q+8)
		store(dst, n, w)
		store(dst, n+8, w2)
		high |= w | w2
		m = special(w)
		m2 := special(w2)
		if m|m2 != 0 {
			k := bits.TrailingZeros64(m) >> 3
			if m == 0 {
				k = 8 + bits.TrailingZeros64(m2)>>3
			}
			m = 1
			q, n = q+k, n+k
			break
		}
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
	if len(c.Off) == cap(c.Off) {
		f.b.Bytes(s[p:q])
		return q + 1
	}
	c.Data = c.Data[:at+n]
	c.Off = append(c.Off, int32(at+n))
	closeRow(f.b)
	return q + 1
}

// stringSlow appends a string with escapes or broken UTF-8; p is its first byte.
func (d *Decoder) stringSlow(f *node, s []byte, p, end int) int {
	q := 0
	if d.scratch, q = d.unescape(d.scratch[:0], s, p, end); q < 0 {
		return q
	}
	return d.bytes(f, d.scratch, p, q)
}

// rawValue appends the JSON text of a value that is no string.
func (d *Decoder) rawValue(f *node, s []byte, p, end, depth int) int {
	q := d.skip(s, p, end, depth)
	if q < 0 {
		return q
	}
	if !utf8.Valid(s[p:q]) {
		d.scratch = appendValid(d.scratch[:0], s[p:q])
		return d.bytes(f, d.scratch, p, q)
	}
	return d.bytes(f, s[p:q], p, q)
}

// bytes appends a row of text that was read from p to q.
func (d *Decoder) bytes(f *node, text []byte, p, q int) int {
	if len(f.b.Column().Data)+len(text) > maxData {
		return d.fail(reasonFull, p)
	}
	f.b.Bytes(text)
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
	n, err := base64.StdEncoding.Decode(d.scratch, d.scratch)
	if err != nil {
		return d.misfit(f, reasonType, p)
	}
	return d.bytes(f, d.scratch[:n], p, q)
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
		if p = d.element(f.elem, s, p, end, f.elem.b.Len(), depth); p < 0 {
			return p
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
	f.b.List()
	return p
}
