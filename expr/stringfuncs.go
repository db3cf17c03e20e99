package expr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

var (
	stringArgs = []batch.Type{batch.StringType}
	anyArg     = batch.Type{}
)

// defineText defines a function of one string to a string.
func defineText(name, doc, arg, result string, f func(dst, s []byte) []byte) {
	define(name, name+"(s)", doc, name+"("+arg+")", result, 1, 1, eager(batch.StringType, stringArgs, false,
		strict(batch.StringType, func(x *rows, i int) { x.bytes(f(x.buf[:0], x.str(0, i))) })))
}

func init() {
	defineText("lower", "The text in lower case.", "'ABC'", "abc", lower)
	defineText("upper", "The text in upper case.", "'abc'", "ABC", upper)
	also("lower", "lcase")
	also("upper", "ucase")
	define("reverse", "reverse(x)", "The characters, or an array's elements, from last to first.", "reverse('abc')", "cba", 1, 1, reverse)
	defineText("initcap", "Each word with its first letter in upper case.", "'hello world'", "Hello World", initcap)
	defineTrims()
	defineLengths()
	defineParts()
	defineSearch()
	defineReplace()
	defineRegex()
	defineHashes()
	define("repeat", "repeat(s, n)", "The text n times.", "repeat('ab', 2)", "abab", 2, 2,
		eager(batch.StringType, []batch.Type{batch.StringType, batch.IntType}, true, strict(batch.StringType, func(x *rows, i int) {
			s, n := x.str(0, i), max(0, int(x.i32(1, i)))
			if !x.bounded(i, len(s), n) {
				return
			}
			buf := x.buf[:0]
			for range n {
				if len(s) == 0 {
					break
				}
				buf = append(buf, s...)
			}
			x.bytes(buf)
		})))
	for name, left := range map[string]bool{"lpad": true, "rpad": false} {
		want := map[bool]string{true: "xxab", false: "abxx"}[left]
		define(name, name+"(s, n[, pad])", "The text brought to n characters.", name+"('ab', 4, 'x')", want, 2, 3,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				if args[0].t.Kind == batch.Binary {
					return eager(batch.BinaryType, []batch.Type{batch.BinaryType, batch.IntType, batch.BinaryType}, true, bytePadder(left))(b, c, args)
				}
				return eager(batch.StringType, []batch.Type{batch.StringType, batch.IntType, batch.StringType}, true, padder(left))(b, c, args)
			})
	}
}

// maxText bounds the bytes that a function may make out of one row.
const maxText = 4 << 20

// bounded fails a row whose result would have more than n units of size bytes allow.
func (x *rows) bounded(i, size, n int) bool {
	if size > 0 && n > maxText/size {
		x.fail(i, "COLLECTION_SIZE_LIMIT_EXCEEDED", fmt.Sprintf("a text of %d times %d bytes; the limit is %d bytes", n, size, maxText), nil)
		return false
	}
	return true
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

func ascii(s []byte) bool {
	for ; len(s) >= 8; s = s[8:] {
		if binary.LittleEndian.Uint64(s)&highBits != 0 {
			return false
		}
	}
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// flip changes the case of the letters from a on, eight bytes at a time. It reports false, and what it appended counts for nothing,
// if there is more than ASCII.
func flip(dst, s []byte, a byte) ([]byte, bool) {
	at := len(dst)
	dst = append(dst, s...)
	out := dst[at:]
	for ; len(out) >= 8; out = out[8:] {
		w := binary.LittleEndian.Uint64(out)
		if w&highBits != 0 {
			return dst, false
		}
		from, behind := w+eachByte*uint64(0x80-a), w+eachByte*uint64(0x80-a-26)
		binary.LittleEndian.PutUint64(out, w^(from&^behind&highBits)>>2)
	}
	for i, c := range out {
		if c >= utf8.RuneSelf {
			return dst, false
		}
		if c-a < 26 {
			out[i] = c ^ 0x20
		}
	}
	return dst, true
}

func lower(dst, s []byte) []byte {
	at := len(dst)
	dst, ok := flip(dst, s, 'A')
	if ok {
		return dst
	}
	dst = dst[:at]
	for p := 0; p < len(s); {
		r, width := utf8.DecodeRune(s[p:])
		dst = appendLower(dst, r, s[:p], s[p+width:])
		p += width
	}
	return dst
}

func upper(dst, s []byte) []byte {
	at := len(dst)
	dst, ok := flip(dst, s, 'a')
	if ok {
		return dst
	}
	dst = dst[:at]
	for len(s) > 0 {
		r, width := utf8.DecodeRune(s)
		dst = appendUpper(dst, r)
		s = s[width:]
	}
	return dst
}

// reverse binds reverse of a text or an array.
func reverse(b *binder, c *parse.Call, args []*node) (*node, error) {
	t := args[0].t
	if t.Kind != batch.Array {
		return eager(batch.StringType, stringArgs, false,
			strict(batch.StringType, func(x *rows, i int) { x.bytes(reversed(x.buf[:0], x.str(0, i))) }))(b, c, args)
	}
	return b.intern(b.call("reverse", t, listKernel(t, [][]sourceOf{{givesKid}}, true, func(x *lister, i int) bool {
		from, n := x.span(0, i)
		for j := from + n - 1; j >= from; j-- {
			x.take(0, 0, j)
		}
		return true
	}), args...), ""), nil
}

func reversed(dst, s []byte) []byte {
	for len(s) > 0 {
		_, w := utf8.DecodeLastRune(s)
		dst = append(dst, s[len(s)-w:]...)
		s = s[:len(s)-w]
	}
	return dst
}

func initcap(dst, s []byte) []byte {
	first := true
	for p := 0; p < len(s); {
		r, width := utf8.DecodeRune(s[p:])
		if first {
			dst = appendTitle(dst, r)
		} else {
			dst = appendLower(dst, r, s[:p], s[p+width:])
		}
		first = r == ' '
		p += width
	}
	return dst
}

func defineTrims() {
	for name, sides := range map[string][2]bool{"trim": {true, true}, "ltrim": {true, false}, "rtrim": {false, true}, "btrim": {true, true}} {
		want := map[string]string{"trim": "ab", "ltrim": "ab", "rtrim": "ab", "btrim": "ab"}[name]
		arg := map[string]string{"trim": "' ab '", "ltrim": "' ab'", "rtrim": "'ab '", "btrim": "' ab '"}[name]
		// As in Spark the characters stand before the text, in btrim behind it. The parser turns trim(characters FROM s) into trim(characters, s).
		signature, of, by := name+"([characters, ]s)", 1, 0
		if name == "btrim" {
			signature, of, by = "btrim(s[, characters])", 0, 1
		}
		define(name, signature, "The text without blanks, or those characters, at its ends.", name+"("+arg+")", want, 1, 2,
			eager(batch.StringType, stringArgs, false, strict(batch.StringType, func(x *rows, i int) {
				s, set := x.str(0, i), " "
				if len(x.a) > 1 {
					s, set = x.str(of, i), text(x.str(by, i))
				}
				if sides[0] {
					s = bytes.TrimLeft(s, set)
				}
				if sides[1] {
					s = bytes.TrimRight(s, set)
				}
				x.b.Bytes(s)
			})))
	}
}

func defineLengths() {
	define("length", "length(s)", "The number of characters, of bytes for binary.", "length('añb')", "3", 1, 1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if args[0].t.Kind == batch.Binary {
				return byteLength(b, c, args)
			}
			return eager(batch.IntType, stringArgs, false, strict(batch.IntType, func(x *rows, i int) {
				x.b.Int32(int32(utf8.RuneCount(x.str(0, i))))
			}))(b, c, args)
		})
	also("length", "char_length", "character_length", "len")
	define("octet_length", "octet_length(s)", "The number of bytes.", "octet_length('añb')", "4", 1, 1, byteLength)
}

func byteLength(b *binder, c *parse.Call, args []*node) (*node, error) {
	if args[0].t.Kind != batch.Binary {
		if err := b.to(batch.StringType, c, args, 0); err != nil {
			return nil, err
		}
	}
	return eager(batch.IntType, []batch.Type{anyArg}, false, strict(batch.IntType, func(x *rows, i int) {
		x.b.Int32(int32(len(x.str(0, i))))
	}))(b, c, args)
}

func defineSearch() {
	for name, d := range map[string]struct {
		f              func(s, t []byte) bool
		doc, arg, want string
	}{
		"startswith": {bytes.HasPrefix, "Whether the text begins with another.", "'abc', 'ab'", "true"},
		"endswith":   {bytes.HasSuffix, "Whether the text ends with another.", "'abc', 'ab'", "false"},
		"contains":   {bytes.Contains, "Whether the text contains another.", "'abc', 'b'", "true"},
	} {
		define(name, name+"(s, t)", d.doc, name+"("+d.arg+")", d.want, 2, 2, eager(batch.BooleanType, stringArgs, false,
			strict(batch.BooleanType, func(x *rows, i int) { x.b.Bool(d.f(x.str(0, i), x.str(1, i))) })))
	}
	define("instr", "instr(s, t)", "The place of t in s, from 1; 0 if it is not there.", "instr('abc', 'c')", "3", 2, 2,
		eager(batch.IntType, stringArgs, false, strict(batch.IntType, func(x *rows, i int) { x.b.Int32(find(x.str(0, i), x.str(1, i), 1)) })))
	define("locate", "locate(t, s[, from])", "The place of t in s at or behind from, from 1; 0 if it is not there.", "locate('b', 'abcb', 3)", "4", 2, 3,
		eagerRows(batch.IntType, []batch.Type{batch.StringType, batch.StringType, batch.IntType}, rowsOf(batch.IntType, func(x *rows, i int) {
			from := int32(1)
			if len(x.a) > 2 && x.a[2].null(i) {
				x.b.Int32(0)
				return
			}
			if x.a[0].null(i) || x.a[1].null(i) {
				x.b.Null()
				return
			}
			if len(x.a) > 2 {
				from = x.i32(2, i)
			}
			x.b.Int32(find(x.str(1, i), x.str(0, i), from))
		})))
	also("locate", "position")
}

func defineReplace() {
	define("replace", "replace(s, t[, by])", "The text with every t replaced.", "replace('abcb', 'b', 'x')", "axcx", 2, 3,
		eager(batch.StringType, stringArgs, true, strict(batch.StringType, func(x *rows, i int) {
			s, t, by := x.str(0, i), x.str(1, i), []byte(nil)
			if len(x.a) > 2 {
				by = x.str(2, i)
			}
			if len(t) == 0 {
				x.b.Bytes(s)
				return
			}
			at := bytes.Index(s, t)
			if at < 0 {
				x.b.Bytes(s)
				return
			}
			if len(by) > len(t) && !x.bounded(i, len(by), bytes.Count(s, t)) {
				return
			}
			buf := x.buf[:0]
			for ; at >= 0; at = bytes.Index(s, t) {
				buf = append(append(buf, s[:at]...), by...)
				s = s[at+len(t):]
			}
			x.bytes(append(buf, s...))
		})))
	define("translate", "translate(s, from, to)", "The text with each character of from replaced by that of to at its place, or dropped.", "translate('abc', 'ab', 'x')", "xc", 3, 3,
		eager(batch.StringType, stringArgs, false, strict(batch.StringType, func(x *rows, i int) {
			from, to := []rune(string(x.str(1, i))), []rune(string(x.str(2, i)))
			x.bytes(append(x.buf[:0], strings.Map(func(r rune) rune {
				for k, f := range from {
					if f == r {
						if k < len(to) {
							return to[k]
						}
						return -1
					}
				}
				return r
			}, string(x.str(0, i)))...))
		})))
}

// find returns the place, in characters from 1, of t in s at or behind from.
func find(s, t []byte, from int32) int32 {
	if from < 1 {
		return 0
	}
	if len(t) == 0 {
		return 1
	}
	rest := cutRunes(s, int(from)-1, len(s)+1)
	if int(from)-1 > utf8.RuneCount(s) {
		return 0
	}
	at := bytes.Index(rest, t)
	if at < 0 {
		return 0
	}
	return from + int32(utf8.RuneCount(rest[:at]))
}

// bytePadder pads binaries, with zeros where nothing else is said.
func bytePadder(left bool) kernel {
	return strict(batch.BinaryType, func(x *rows, i int) {
		s, n, fill := x.str(0, i), max(int(x.i32(1, i)), 0), []byte{0}
		if len(x.a) > 2 {
			fill = x.str(2, i)
		}
		if n <= len(s) || len(fill) == 0 {
			x.b.Bytes(s[:min(n, len(s))])
			return
		}
		if !x.bounded(i, 1, n) {
			return
		}
		buf := x.buf[:0]
		if !left {
			buf = append(buf, s...)
		}
		for missing := n - len(s); missing > 0; {
			part := fill[:min(missing, len(fill))]
			buf = append(buf, part...)
			missing -= len(part)
		}
		if left {
			buf = append(buf, s...)
		}
		x.bytes(buf)
	})
}

func padder(left bool) kernel {
	return strict(batch.StringType, func(x *rows, i int) {
		s, n, fill := x.str(0, i), int(x.i32(1, i)), []byte(" ")
		if len(x.a) > 2 {
			fill = x.str(2, i)
		}
		length := utf8.RuneCount(s)
		if n <= length || len(fill) == 0 {
			x.b.Bytes(cutRunes(s, 0, max(n, 0)))
			return
		}
		if !x.bounded(i, utf8.UTFMax, n) {
			return
		}
		buf := x.buf[:0]
		if !left {
			buf = append(buf, s...)
		}
		for missing := n - length; missing > 0; {
			part := cutRunes(fill, 0, missing)
			buf = append(buf, part...)
			missing -= utf8.RuneCount(part)
		}
		if left {
			buf = append(buf, s...)
		}
		x.bytes(buf)
	})
}
