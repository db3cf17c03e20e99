package expr

import (
	"bytes"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// cutRunes returns characters from (0-based) to (exclusive) of s.
func cutRunes(s []byte, from, to int) []byte {
	if ascii(s) {
		from, to = min(max(from, 0), len(s)), min(max(to, 0), len(s))
		return s[from:max(from, to)]
	}
	n, start := 0, len(s)
	for i := 0; i < len(s); n++ {
		if n == from || n == 0 && from < 0 {
			start = i
		}
		if n >= to {
			return s[min(start, i):i]
		}
		_, w := utf8.DecodeRune(s[i:])
		i += w
	}
	return s[start:]
}

// skipRunes returns the bytes of the first n characters.
func skipRunes(s []byte, n int64) int {
	if n >= int64(len(s)) {
		return len(s)
	}
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, width := utf8.DecodeRune(s[i:])
		i += width
	}
	return i
}

// substring is Spark's: positions from 1, negative ones from the end.
func substring(s []byte, pos, n int64) []byte {
	if pos > 0 && n > 0 {
		s = s[skipRunes(s, pos-1):]
		return s[:skipRunes(s, n)]
	}
	length := int64(utf8.RuneCount(s))
	start := int64(0)
	if pos > 0 {
		start = pos - 1
	} else if pos < 0 {
		start = length + pos
	}
	end := start + n
	return cutRunes(s, int(max(start, 0)), int(max(0, min(end, length))))
}

func defineParts() {
	substr := func(b *binder, c *parse.Call, args []*node) (*node, error) {
		t := batch.StringType
		if args[0].t.Kind == batch.Binary {
			t = batch.BinaryType
		}
		return eager(t, []batch.Type{t, batch.IntType, batch.IntType}, false, strict(t, func(x *rows, i int) {
			n := int64(1) << 40
			if len(x.a) > 2 {
				n = int64(x.i32(2, i))
			}
			s := x.str(0, i)
			if t.Kind == batch.Binary {
				s = sliceBytes(s, int64(x.i32(1, i)), n)
			} else {
				s = substring(s, int64(x.i32(1, i)), n)
			}
			x.b.Bytes(s)
		}))(b, c, args)
	}
	define("substring", "substring(s, from[, n])", "n characters of the text; from counts from 1, negative from the end.", "substring('Spark SQL', 5, 3)", "k S", 2, 3, substr)
	also("substring", "substr")
	define("left", "left(s, n)", "The first n characters.", "left('Spark', 2)", "Sp", 2, 2,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if args[0].t.Kind == batch.Binary {
				return eager(batch.BinaryType, []batch.Type{batch.BinaryType, batch.IntType}, false, strict(batch.BinaryType, func(x *rows, i int) {
					s := x.str(0, i)
					x.b.Bytes(s[:min(max(int(x.i32(1, i)), 0), len(s))])
				}))(b, c, args)
			}
			return eager(batch.StringType, []batch.Type{batch.StringType, batch.IntType}, false, strict(batch.StringType, func(x *rows, i int) {
				x.b.Bytes(cutRunes(x.str(0, i), 0, int(x.i32(1, i))))
			}))(b, c, args)
		})
	define("right", "right(s, n)", "The last n characters.", "right('Spark', 2)", "rk", 2, 2,
		eager(batch.StringType, []batch.Type{batch.StringType, batch.IntType}, false, strict(batch.StringType, func(x *rows, i int) {
			s, n := x.str(0, i), int(x.i32(1, i))
			length := utf8.RuneCount(s)
			x.b.Bytes(cutRunes(s, max(0, length-max(n, 0)), length))
		})))
	define("split_part", "split_part(s, separator, n)", "Part n of the text, from 1 or, if negative, from the end; empty beyond them.", "split_part('a.b.c', '.', 2)", "b", 3, 3,
		eager(batch.StringType, []batch.Type{batch.StringType, batch.StringType, batch.IntType}, true, strict(batch.StringType, splitPart)))
	define("substring_index", "substring_index(s, separator, n)", "The text before the n-th separator, from the end if negative.", "substring_index('a.b.c', '.', 2)", "a.b", 3, 3,
		eager(batch.StringType, []batch.Type{batch.StringType, batch.StringType, batch.IntType}, false, strict(batch.StringType, substringIndex)))
}

func sliceBytes(s []byte, pos, n int64) []byte {
	length := int64(len(s))
	start := int64(0)
	if pos > 0 {
		start = pos - 1
	} else if pos < 0 {
		start = length + pos
	}
	end := min(max(start+n, 0), length)
	start = min(max(start, 0), length)
	return s[start:max(start, end)]
}

func splitPart(x *rows, i int) {
	s, sep, n := x.str(0, i), x.str(1, i), int(x.i32(2, i))
	if n == 0 {
		x.fail(i, "INVALID_INDEX_OF_ZERO", "the parts of split_part count from 1", nil)
		return
	}
	if len(sep) == 0 {
		if n != 1 && n != -1 {
			s = nil
		}
		x.b.Bytes(s)
		return
	}
	if n < 0 {
		n += bytes.Count(s, sep) + 2
	}
	for k := 1; ; k++ {
		at := bytes.Index(s, sep)
		switch {
		case n < 1 || at < 0 && k < n:
			x.b.Bytes(nil)
			return
		case k == n:
			if at >= 0 {
				s = s[:at]
			}
			x.b.Bytes(s)
			return
		}
		s = s[at+len(sep):]
	}
}

func substringIndex(x *rows, i int) {
	s, sep, n := x.str(0, i), x.str(1, i), int(x.i32(2, i))
	if len(sep) == 0 || n == 0 {
		x.b.Bytes(nil)
		return
	}
	end, start := 0, len(s)
	if n > 0 {
		for k := 0; k < n; k++ {
			at := bytes.Index(s[end:], sep)
			if at < 0 {
				x.b.Bytes(s)
				return
			}
			end += at + len(sep)
		}
		x.b.Bytes(s[:end-len(sep)])
		return
	}
	for k := 0; k < -n; k++ {
		at := bytes.LastIndex(s[:start], sep)
		if at < 0 {
			x.b.Bytes(s)
			return
		}
		start = at
	}
	x.b.Bytes(s[start+len(sep):])
}
