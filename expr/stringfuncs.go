package expr

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strconv"
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
	defineText("reverse", "The characters from last to first.", "'abc'", "cba", reversed)
	defineText("initcap", "Each word with its first letter in upper case.", "'hello world'", "Hello World", initcap)
	defineTrims()
	defineLengths()
	defineParts()
	defineSearch()
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
			eager(batch.StringType, []batch.Type{batch.StringType, batch.IntType, batch.StringType}, true, padder(left)))
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

func ascii(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lower(dst, s []byte) []byte {
	if !ascii(s) {
		return append(dst, bytes.ToLower(s)...)
	}
	at := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[at:] {
		if c >= 'A' && c <= 'Z' {
			dst[at+i] = c + 32
		}
	}
	return dst
}

func upper(dst, s []byte) []byte {
	if !ascii(s) {
		return append(dst, strings.ToUpper(string(s))...)
	}
	at := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[at:] {
		if c >= 'a' && c <= 'z' {
			dst[at+i] = c - 32
		}
	}
	return dst
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
	for _, r := range string(s) {
		if first {
			dst = append(dst, strings.ToUpper(string(r))...)
		} else {
			dst = append(dst, strings.ToLower(string(r))...)
		}
		first = r == ' '
	}
	return dst
}

func defineTrims() {
	for name, sides := range map[string][2]bool{"trim": {true, true}, "ltrim": {true, false}, "rtrim": {false, true}, "btrim": {true, true}} {
		want := map[string]string{"trim": "ab", "ltrim": "ab", "rtrim": "ab", "btrim": "ab"}[name]
		arg := map[string]string{"trim": "' ab '", "ltrim": "' ab'", "rtrim": "'ab '", "btrim": "' ab '"}[name]
		// The parser turns trim(characters FROM s) into trim(s, characters).
		define(name, name+"(s[, characters])", "The text without blanks, or those characters, at its ends.", name+"("+arg+")", want, 1, 2,
			eager(batch.StringType, stringArgs, false, strict(batch.StringType, func(x *rows, i int) {
				s, set := x.str(0, i), " "
				if len(x.a) > 1 {
					set = text(x.str(1, i))
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

// substring is Spark's: positions from 1, negative ones from the end.
func substring(s []byte, pos, n int64) []byte {
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
		eager(batch.StringType, []batch.Type{batch.StringType, batch.IntType}, false, strict(batch.StringType, func(x *rows, i int) {
			x.b.Bytes(cutRunes(x.str(0, i), 0, int(x.i32(1, i))))
		})))
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
		eager(batch.IntType, []batch.Type{batch.StringType, batch.StringType, batch.IntType}, false, strict(batch.IntType, func(x *rows, i int) {
			from := int32(1)
			if len(x.a) > 2 {
				from = x.i32(2, i)
			}
			x.b.Int32(find(x.str(1, i), x.str(0, i), from))
		})))
	also("locate", "position")
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
			if !x.bounded(i, len(by), bytes.Count(s, t)) {
				return
			}
			buf := x.buf[:0]
			for {
				at := bytes.Index(s, t)
				if at < 0 {
					break
				}
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

func defineHashes() {
	binaryArg := []batch.Type{batch.BinaryType}
	define("md5", "md5(x)", "The MD5 digest in hexadecimal digits.", "md5('Spark')", "8cde774d6f7333752ed72cacddb05126", 1, 1,
		eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
			d := md5.Sum(x.str(0, i))
			x.bytes(hex.AppendEncode(x.buf[:0], d[:]))
		})))
	define("sha1", "sha1(x)", "The SHA-1 digest in hexadecimal digits.", "sha1('')", "da39a3ee5e6b4b0d3255bfef95601890afd80709", 1, 1,
		eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
			d := sha1.Sum(x.str(0, i))
			x.bytes(hex.AppendEncode(x.buf[:0], d[:]))
		})))
	also("sha1", "sha")
	define("sha2", "sha2(x, bits)", "The SHA-2 digest of 224, 256, 384 or 512 bits in hexadecimal digits; 0 is 256, others give null.",
		"left(sha2('', 256), 8)", "e3b0c442", 2, 2, eager(batch.StringType, []batch.Type{batch.BinaryType, batch.IntType}, false, strict(batch.StringType, sha2)))
	define("crc32", "crc32(x)", "The CRC-32 checksum.", "crc32('Spark')", "1557323817", 1, 1,
		eager(batch.BigIntType, binaryArg, false, strict(batch.BigIntType, func(x *rows, i int) { x.b.Int64(int64(crc32.ChecksumIEEE(x.str(0, i)))) })))
	define("base64", "base64(x)", "The bytes in base 64.", "base64('Spark')", "U3Bhcms=", 1, 1,
		eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
			x.bytes(base64.StdEncoding.AppendEncode(x.buf[:0], x.str(0, i)))
		})))
	define("unbase64", "unbase64(s)", "The bytes of a text in base 64.", "string(unbase64('U3Bhcms='))", "Spark", 1, 1,
		eager(batch.BinaryType, stringArgs, true, strict(batch.BinaryType, func(x *rows, i int) {
			v, err := base64.StdEncoding.AppendDecode(x.buf[:0], x.str(0, i))
			if err != nil {
				x.fail(i, "CONVERSION_INVALID_INPUT", "the text is not base 64", x.str(0, i))
				return
			}
			x.bytes(v)
		})))
	define("hex", "hex(x)", "An integer, or bytes, in hexadecimal digits.", "hex(255)", "FF", 1, 1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if numeric(args[0].t.Kind) {
				return eager(batch.StringType, []batch.Type{batch.BigIntType}, false, strict(batch.StringType, func(x *rows, i int) {
					x.bytes(upper(nil, strconv.AppendUint(nil, uint64(x.i64(0, i)), 16)))
				}))(b, c, args)
			}
			return eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
				x.bytes(bytes.ToUpper(hex.AppendEncode(x.buf[:0], x.str(0, i))))
			}))(b, c, args)
		})
	define("unhex", "unhex(s)", "The bytes of hexadecimal digits; null for others.", "string(unhex('4142'))", "AB", 1, 1,
		eager(batch.BinaryType, stringArgs, false, strict(batch.BinaryType, func(x *rows, i int) {
			s := x.str(0, i)
			if len(s)%2 == 1 {
				s = append([]byte("0"), s...)
			}
			v, err := hex.AppendDecode(x.buf[:0], s)
			if err != nil {
				x.b.Null()
				return
			}
			x.bytes(v)
		})))
	charset := func(name string, from, to batch.Type) {
		define(name, name+"(x, 'utf-8')", "Between text and bytes, in UTF-8.", "string("+name+"('ab', 'utf-8'))", "ab", 2, 2,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				set, _ := stringConstant(args[1])
				if s := strings.ToLower(set); s != "utf-8" && s != "utf8" {
					return nil, b.fail(c.Args[1], "INVALID_PARAMETER_VALUE.CHARSET", "the character set %q is not supported; use 'utf-8'", clip(set))
				}
				if err := b.to(from, c, args, 0); err != nil {
					return nil, err
				}
				return b.implicit(args[0], to, c)
			})
	}
	charset("encode", batch.StringType, batch.BinaryType)
	charset("decode", batch.BinaryType, batch.StringType)
}

func sha2(x *rows, i int) {
	s := x.str(0, i)
	buf := x.buf[:0]
	switch x.i32(1, i) {
	case 0, 256:
		d := sha256.Sum256(s)
		buf = hex.AppendEncode(buf, d[:])
	case 224:
		d := sha256.Sum224(s)
		buf = hex.AppendEncode(buf, d[:])
	case 384:
		d := sha512.Sum384(s)
		buf = hex.AppendEncode(buf, d[:])
	case 512:
		d := sha512.Sum512(s)
		buf = hex.AppendEncode(buf, d[:])
	default:
		x.b.Null()
		return
	}
	x.bytes(buf)
}
