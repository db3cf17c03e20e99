package json

import (
	"math/bits"
	"unicode/utf8"
)

// Masks for eight bytes at once.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks with its high bit each byte of w that a string cannot hold as
// it is: a quote, a backslash, a control character. Only the lowest mark is
// sure to be right.
func special(w uint64) uint64 {
	quote := w ^ 0x02*ones // '"' becomes 0x20 and control characters stay below
	slash := w ^ '\\'*ones
	return ((quote-0x21*ones)&^quote | (slash-ones)&^slash) & highs
}

// scan returns the position of the first special byte from p on, or end, and
// whether bytes above ASCII come before it.
func scan(s []byte, p, end int) (int, bool) {
	var high uint64
	for p+8 <= len(s) {
		w := load(s, p)
		if m := special(w); m != 0 {
			high |= w & (m - 1) &^ m
			p += bits.TrailingZeros64(m) >> 3
			return min(p, end), high&highs != 0
		}
		high |= w
		p += 8
		if p >= end {
			return end, high&highs != 0
		}
	}
	for ; p < end; p++ {
		c := s[p]
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
		high |= uint64(c)
	}
	return min(p, end), high&highs != 0
}

// space returns the position of the first byte from p on that is not white
// space, or end.
func space(s []byte, p, end int) int {
	for p < end {
		switch s[p] {
		case ' ', '\n', '\t', '\r':
			p++
		default:
			return p
		}
	}
	return end
}

// skip checks the value at p and returns the position behind it. depth is how
// many objects and arrays are open around it.
func (d *Decoder) skip(s []byte, p, end, depth int) int {
	base := depth
	for {
		// A value is expected at p.
		if p = space(s, p, end); p >= end {
			return d.fail(reasonEnd, end)
		}
		switch c := s[p]; c {
		case '{', '[':
			if depth++; depth > d.o.MaxDepth {
				return d.fail(reasonDepth, p)
			}
			object := c == '{'
			d.push(depth, object)
			p = space(s, p+1, end)
			if p < end && s[p] == c+2 {
				p, depth = p+1, depth-1
				break
			}
			if object {
				if p = d.skipKey(s, p, end); p < 0 {
					return p
				}
			}
			continue
		default:
			if p = d.skipScalar(s, p, end); p < 0 {
				return p
			}
		}
		// A value ended at p.
		for {
			if depth == base {
				return p
			}
			if p = space(s, p, end); p >= end {
				return d.fail(reasonEnd, end)
			}
			object := d.isObject(depth)
			if s[p] == ',' {
				p++
				if object {
					if p = d.skipKey(s, space(s, p, end), end); p < 0 {
						return p
					}
				}
				break
			}
			if object && s[p] != '}' || !object && s[p] != ']' {
				return d.fail(reasonComma, p)
			}
			p, depth = p+1, depth-1
		}
	}
}

func (d *Decoder) push(depth int, object bool) {
	w, b := &d.stack[depth>>6], uint64(1)<<(uint(depth)&63)
	if object {
		*w |= b
	} else {
		*w &^= b
	}
}

func (d *Decoder) isObject(depth int) bool {
	return d.stack[depth>>6]>>(uint(depth)&63)&1 != 0
}

func (d *Decoder) skipKey(s []byte, p, end int) int {
	if p >= end {
		return d.fail(reasonEnd, end)
	}
	if s[p] != '"' {
		return d.fail(reasonKey, p)
	}
	if p = d.skipString(s, p+1, end); p < 0 {
		return p
	}
	if p = space(s, p, end); p >= end {
		return d.fail(reasonEnd, end)
	}
	if s[p] != ':' {
		return d.fail(reasonColon, p)
	}
	return p + 1
}

func (d *Decoder) skipScalar(s []byte, p, end int) int {
	switch s[p] {
	case '"':
		return d.skipString(s, p+1, end)
	case 't':
		return d.literal(s, p, end, "true")
	case 'f':
		return d.literal(s, p, end, "false")
	case 'n':
		return d.literal(s, p, end, "null")
	}
	n, ok := number(s, p, end)
	if !ok {
		if q := d.bareNonNumeric(s, p, end); q > 0 {
			return q
		}
		return d.fail(numberProblem(s, p), p)
	}
	if n-p > d.o.MaxNumber {
		return d.fail(reasonNumberLength, p)
	}
	return n
}

// numberProblem tells a broken number from something else.
func numberProblem(s []byte, p int) reason {
	if s[p] == '-' || s[p]-'0' <= 9 {
		return reasonNumber
	}
	return reasonValue
}

func (d *Decoder) literal(s []byte, p, end int, text string) int {
	if p+len(text) > end || string(s[p:p+len(text)]) != text {
		return d.fail(reasonValue, p)
	}
	return p + len(text)
}

// skipString checks the string whose text begins at p and returns the position
// behind its closing quote.
func (d *Decoder) skipString(s []byte, p, end int) int {
	for {
		p, _ = scan(s, p, end)
		if p >= end {
			return d.fail(reasonString, p)
		}
		switch {
		case s[p] == '"':
			return p + 1
		case s[p] != '\\':
			return d.fail(reasonControl, p)
		}
		_, q := escape(s, p, end)
		if q < 0 {
			return d.fail(reasonEscape, p)
		}
		p = q
	}
}

// unescape appends the text of the string that begins at p to dst and returns
// it with the position behind the closing quote.
func (d *Decoder) unescape(dst, s []byte, p, end int) ([]byte, int) {
	for {
		q, high := scan(s, p, end)
		if high {
			dst = appendValid(dst, s[p:q])
		} else {
			dst = append(dst, s[p:q]...)
		}
		if q >= end {
			return dst, d.fail(reasonString, q)
		}
		switch {
		case s[q] == '"':
			return dst, q + 1
		case s[q] != '\\':
			return dst, d.fail(reasonControl, q)
		}
		r, next := escape(s, q, end)
		if next < 0 {
			return dst, d.fail(reasonEscape, q)
		}
		dst = utf8.AppendRune(dst, r)
		p = next
	}
}

// appendValid appends text with U+FFFD for each byte that is not UTF-8.
func appendValid(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[n:]
	}
	return dst
}

// escape reads the escape at the backslash at p. A lone surrogate is U+FFFD. The
// position behind it is -1 if it is none.
func escape(s []byte, p, end int) (rune, int) {
	if p+1 >= end {
		return 0, -1
	}
	switch c := s[p+1]; c {
	case '"', '\\', '/':
		return rune(c), p + 2
	case 'b':
		return '\b', p + 2
	case 'f':
		return '\f', p + 2
	case 'n':
		return '\n', p + 2
	case 'r':
		return '\r', p + 2
	case 't':
		return '\t', p + 2
	case 'u':
		r := hex4(s, p+2, end)
		if r < 0 {
			return 0, -1
		}
		p += 6
		if r&0xF800 != 0xD800 {
			return r, p
		}
		if r < 0xDC00 && p+1 < end && s[p] == '\\' && s[p+1] == 'u' {
			if low := hex4(s, p+2, end); low&0xFC00 == 0xDC00 && low >= 0 {
				return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, p + 6
			}
		}
		return utf8.RuneError, p
	}
	return 0, -1
}

func hex4(s []byte, p, end int) rune {
	if p+4 > end {
		return -1
	}
	var r rune
	for _, c := range s[p : p+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
