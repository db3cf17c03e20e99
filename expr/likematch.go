package expr

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// likePattern is a LIKE pattern, parted at its %: the first segment stands at the begin of the text, the last one at its end,
// those between anywhere in order. A single one is all of the text.
type likePattern [][]likePiece

// likePiece is a literal, or one character of any kind if that is nil.
type likePiece []byte

func newLikePattern(pattern []byte, escape string) (likePattern, error) {
	esc, _ := utf8.DecodeRuneInString(escape)
	p := likePattern{nil}
	escaped := false
	for len(pattern) > 0 {
		c, width := utf8.DecodeRune(pattern)
		raw := pattern[:width]
		pattern = pattern[width:]
		last := &p[len(p)-1]
		switch {
		case escaped && c != '%' && c != '_' && c != esc:
			return nil, patternError("the escape character stands before %, _ or itself only")
		case !escaped && c == esc:
			escaped = true
			continue
		case !escaped && c == '%':
			p = append(p, nil)
		case !escaped && c == '_':
			*last = append(*last, nil)
		case len(*last) > 0 && (*last)[len(*last)-1] != nil:
			(*last)[len(*last)-1] = append((*last)[len(*last)-1], raw...)
		default:
			*last = append(*last, bytes.Clone(raw))
		}
		escaped = false
	}
	if escaped {
		return nil, patternError("the escape character ends the pattern")
	}
	if len(p) > 2 { // two % side by side are one
		middle := slices.DeleteFunc(slices.Clone(p[1:len(p)-1]), func(s []likePiece) bool { return len(s) == 0 })
		p = append(append(likePattern{p[0]}, middle...), p[len(p)-1])
	}
	return p, nil
}

// match reports whether the text is as the pattern says.
func (p likePattern) match(s []byte) bool {
	n := prefixed(s, p[0])
	if n < 0 || len(p) == 1 {
		return n == len(s)
	}
	s = s[n:]
	if n = suffixed(s, p[len(p)-1]); n < 0 {
		return false
	}
	s = s[:len(s)-n]
	for _, segment := range p[1 : len(p)-1] {
		if n = behind(s, segment); n < 0 {
			return false
		}
		s = s[n:]
	}
	return true
}

// prefixed returns the bytes of a segment at the begin of a text, -1 if it is not there.
func prefixed(s []byte, segment []likePiece) int {
	n := 0
	for _, piece := range segment {
		switch {
		case piece != nil:
			if !bytes.HasPrefix(s[n:], piece) {
				return -1
			}
			n += len(piece)
		case n == len(s):
			return -1
		default:
			_, width := utf8.DecodeRune(s[n:])
			n += width
		}
	}
	return n
}

// suffixed returns the bytes of a segment at the end of a text, -1 if it is not there.
func suffixed(s []byte, segment []likePiece) int {
	end := len(s)
	for _, piece := range slices.Backward(segment) {
		switch {
		case piece != nil:
			if !bytes.HasSuffix(s[:end], piece) {
				return -1
			}
			end -= len(piece)
		case end == 0:
			return -1
		default:
			_, width := utf8.DecodeLastRune(s[:end])
			end -= width
		}
	}
	return len(s) - end
}

// behind returns where the first place of a segment in a text ends, -1 if there is none.
func behind(s []byte, segment []likePiece) int {
	if len(segment) > leastSearched {
		return newLikeSearch(segment).end(s)
	}
	first := segment[0]
	for from := 0; from <= len(s); {
		if first != nil {
			at := bytes.Index(s[from:], first)
			if at < 0 {
				return -1
			}
			from += at
			if len(segment) == 1 {
				return from + len(first)
			}
		}
		if n := prefixed(s[from:], segment); n >= 0 {
			return from + n
		}
		_, width := utf8.DecodeRune(s[from:])
		from += max(width, 1)
	}
	return -1
}
