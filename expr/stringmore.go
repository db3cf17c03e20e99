package expr

import (
	"bytes"
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	ints := []batch.Type{batch.IntType}
	define("ascii", "ascii(s)", "The code of the first character, 0 for an empty text.", "ascii('234')", "50", 1, 1,
		eager(batch.IntType, stringArgs, false, strict(batch.IntType, func(x *rows, i int) {
			if s := x.str(0, i); len(s) == 0 {
				x.b.Int32(0)
			} else {
				r, _ := utf8.DecodeRune(s)
				x.b.Int32(r)
			}
		})))
	define("chr", "chr(n)", "The character of a code modulo 256; empty below 0.", "chr(65)", "A", 1, 1,
		eager(batch.StringType, []batch.Type{batch.BigIntType}, false, strict(batch.StringType, func(x *rows, i int) {
			if n := x.i64(0, i); n < 0 {
				x.bytes(x.buf[:0])
			} else {
				x.bytes(utf8.AppendRune(x.buf[:0], rune(n&0xff)))
			}
		})))
	also("chr", "char")
	define("bit_length", "bit_length(s)", "The number of bits.", "bit_length('Spark')", "40", 1, 1, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if args[0].t.Kind != batch.Binary {
			if err := b.to(batch.StringType, c, args, 0); err != nil {
				return nil, err
			}
		}
		return eager(batch.IntType, []batch.Type{anyArg}, false, strict(batch.IntType, func(x *rows, i int) { x.b.Int32(int32(8 * len(x.str(0, i)))) }))(b, c, args)
	})
	define("space", "space(n)", "n blanks.", "concat(space(2), '1')", "  1", 1, 1, eager(batch.StringType, ints, true, strict(batch.StringType, func(x *rows, i int) {
		n := max(0, int(x.i32(0, i)))
		if x.bounded(i, 1, n) {
			x.bytes(append(x.buf[:0], bytes.Repeat([]byte{' '}, n)...))
		}
	})))
	define("find_in_set", "find_in_set(s, list)", "The place of a text in a list with commas, from 1; 0 if it is not there.", "find_in_set('ab', 'abc,b,ab,c,def')", "3", 2, 2,
		eager(batch.IntType, stringArgs, false, strict(batch.IntType, findInSet)))
	define("levenshtein", "levenshtein(s, t[, limit])", "How many characters to insert, delete or replace to make t of s; -1 above the limit.", "levenshtein('kitten', 'sitting')", "3", 2, 3,
		eager(batch.IntType, []batch.Type{batch.StringType, batch.StringType, batch.IntType}, true, strict(batch.IntType, levenshtein)))
	define("luhn_check", "luhn_check(s)", "Whether a text of digits ends with the check digit of Luhn's formula.", "luhn_check('8112189876')", "true", 1, 1,
		eager(batch.BooleanType, stringArgs, false, strict(batch.BooleanType, func(x *rows, i int) { x.b.Bool(luhn(x.str(0, i))) })))
	defineText("soundex", "The Soundex code of a word.", "'Miller'", "M460", soundex)
	defineText("quote", "The text in single quotes, with backslashes before quotes.", "'Don\\'t'", `'Don\'t'`, func(dst, s []byte) []byte {
		dst = append(dst, '\'')
		for _, c := range s {
			if c == '\'' {
				dst = append(dst, '\\')
			}
			dst = append(dst, c)
		}
		return append(dst, '\'')
	})
	define("mask", "mask(s[, upper[, lower[, digit[, other]]]])", "The text with its letters, digits and, if asked for, other characters replaced; null keeps them.", "mask('abcd-EFGH-8765')", "xxxx-XXXX-nnnn", 1, 5, mask)
	define("overlay", "overlay(s, by, from[, n])", "The text with n characters from a place on replaced; n is the length of by if left out.", "overlay('Spark SQL', '_', 6)", "Spark_SQL", 3, 4, overlay)
	define("elt", "elt(n, x, ...)", "The n-th of the arguments that follow.", "elt(1, 'scala', 'java')", "scala", 2, -1, elt)
	defineURLs()
	defineUTF8()
	define("sentences", "sentences(s[, language, country])", "The sentences of a text as arrays of words.", "sentences('Hi there! Good morning.')", "[[Hi, there], [Good, morning]]", 1, 3,
		eager(batch.ArrayType(batch.ArrayType(batch.StringType, false), false), stringArgs, false, strict(batch.ArrayType(batch.ArrayType(batch.StringType, false), false), sentences)))
}

func findInSet(x *rows, i int) {
	s, list := x.str(0, i), x.str(1, i)
	if bytes.IndexByte(s, ',') >= 0 {
		x.b.Int32(0)
		return
	}
	for n := int32(1); ; n++ {
		word, rest, more := bytes.Cut(list, []byte{','})
		if bytes.Equal(word, s) {
			x.b.Int32(n)
			return
		}
		if !more {
			x.b.Int32(0)
			return
		}
		list = rest
	}
}

func levenshtein(x *rows, i int) {
	s, t := []rune(string(x.str(0, i))), []rune(string(x.str(1, i)))
	if int64(len(s))*int64(len(t)) > 1<<28 {
		x.fail(i, "COLLECTION_SIZE_LIMIT_EXCEEDED", "the texts are too long to be compared", nil)
		return
	}
	last := make([]int32, len(t)+1)
	for j := range last {
		last[j] = int32(j)
	}
	for p := range s {
		before := last[0]
		last[0] = int32(p + 1)
		for q := range t {
			cost := before
			if s[p] != t[q] {
				cost++
			}
			before = last[q+1]
			last[q+1] = min(last[q+1]+1, last[q]+1, cost)
		}
	}
	d := last[len(t)]
	if len(x.a) == 3 && d > x.i32(2, i) {
		d = -1
	}
	x.b.Int32(d)
}

func luhn(s []byte) bool {
	sum := 0
	for k := range s {
		c := s[len(s)-1-k]
		if c < '0' || c > '9' {
			return false
		}
		d := int(c - '0')
		if k%2 == 1 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return len(s) > 0 && sum%10 == 0
}

func soundex(dst, s []byte) []byte {
	const codes = "01230127022455012623017202"
	if len(s) == 0 {
		return append(dst, s...)
	}
	first := s[0] &^ 0x20
	if first < 'A' || first > 'Z' {
		return append(dst, s...)
	}
	at := len(dst)
	dst = append(dst, first)
	last := codes[first-'A']
	for _, c := range s[1:] {
		if c &^= 0x20; c < 'A' || c > 'Z' {
			last = '0'
			continue
		}
		code := codes[c-'A']
		if code == '7' {
			continue
		}
		if code != '0' && code != last {
			if dst = append(dst, code); len(dst)-at == 4 {
				return dst
			}
		}
		last = code
	}
	for len(dst)-at < 4 {
		dst = append(dst, '0')
	}
	return dst
}

func mask(b *binder, c *parse.Call, args []*node) (*node, error) {
	for i := len(args); i < 5; i++ {
		if i == 4 {
			n, err := b.implicit(b.constant(nullColumn(batch.VoidType), "null"), batch.StringType, c)
			if err != nil {
				return nil, err
			}
			args = append(args, n)
			continue
		}
		args = append(args, b.stringLiteral([]string{"", "X", "x", "n"}[i]))
	}
	if err := b.to(batch.StringType, c, args[:len(c.Args)], 0, 1, 2, 3, 4); err != nil {
		return nil, err
	}
	for i := 1; i < 5; i++ {
		if l := args[i].literal; l != nil && !l.IsNull(0) && utf8.RuneCount(l.Bytes(0)) != 1 {
			return nil, b.mismatch(c, "what replaces characters is one character, or null")
		}
	}
	n := b.call("mask", batch.StringType, rowsOf(batch.StringType, func(x *rows, i int) {
		if x.a[0].null(i) {
			x.b.Null()
			return
		}
		buf := x.buf[:0]
		for _, r := range string(x.str(0, i)) {
			k := 4
			switch {
			case r > 0xffff:
			case unicode.IsUpper(r):
				k = 1
			case unicode.IsLower(r):
				k = 2
			case unicode.IsDigit(r):
				k = 3
			}
			switch {
			case x.a[k].null(i):
				buf = utf8.AppendRune(buf, r)
			case r > 0xffff: // two characters to Java
				buf = append(append(buf, x.str(4, i)...), x.str(4, i)...)
			default:
				buf = append(buf, x.str(k, i)...)
			}
		}
		x.bytes(buf)
	}), args...)
	n.nullable = true
	return b.intern(n, ""), nil
}

func nullColumn(t batch.Type) *batch.Column {
	l := batch.NewBuilder(t, nil)
	l.Null()
	return l.Finish()
}

func overlay(b *binder, c *parse.Call, args []*node) (*node, error) {
	t := batch.StringType
	if args[0].t.Kind == batch.Binary && args[1].t.Kind == batch.Binary {
		t = batch.BinaryType
	}
	return eager(t, []batch.Type{t, t, batch.IntType}, false, strict(t, func(x *rows, i int) {
		s, by, from := x.str(0, i), x.str(1, i), x.i32(2, i)
		count := utf8.RuneCount
		part := substring
		if t.Kind == batch.Binary {
			count, part = func(b []byte) int { return len(b) }, sliceBytes
		}
		n := int32(count(by))
		if len(x.a) == 4 && x.i32(3, i) >= 0 {
			n = x.i32(3, i)
		}
		buf := append(x.buf[:0], part(s, 1, int64(from-1))...)
		buf = append(buf, by...)
		buf = append(buf, part(s, int64(from+n), math.MaxInt32)...)
		x.bytes(buf)
	}))(b, c, args)
}

func elt(b *binder, c *parse.Call, args []*node) (*node, error) {
	if err := b.to(batch.IntType, c, args, 0); err != nil {
		return nil, err
	}
	t := batch.StringType
	if args[1].t.Kind == batch.Binary {
		t = batch.BinaryType
	}
	for i := 1; i < len(args); i++ {
		if err := b.to(t, c, args, i); err != nil {
			return nil, err
		}
	}
	ansi := b.o.ANSI
	n := b.call("elt", t, rowsOf(t, func(x *rows, i int) {
		if x.a[0].null(i) {
			x.b.Null()
			return
		}
		k := int(x.i32(0, i))
		switch {
		case k < 1 || k >= len(x.a):
			if ansi {
				x.fail(i, "INVALID_ARRAY_INDEX", fmt.Sprintf("there is no argument %d of %d", k, len(x.a)-1), nil)
			} else {
				x.b.Null()
			}
		case x.a[k].null(i):
			x.b.Null()
		default:
			x.b.Bytes(x.str(k, i))
		}
	}), args...)
	n.nullable, n.fails = true, ansi
	return b.intern(n, ""), nil
}

func defineURLs() {
	defineText("url_encode", "The text as a part of a URL.", "'https://spark.apache.org'", "https%3A%2F%2Fspark.apache.org", func(dst, s []byte) []byte {
		return append(dst, strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(string(s)), "%2A", "*"), "~", "%7E")...)
	})
	for _, try := range []bool{false, true} {
		name, doc := "url_decode", "The text that a part of a URL stands for."
		if try {
			name, doc = "try_url_decode", "As url_decode, null where it cannot be decoded."
		}
		define(name, name+"(s)", doc, name+"('https%3A%2F%2Fspark.apache.org')", "https://spark.apache.org", 1, 1,
			eager(batch.StringType, stringArgs, !try, strict(batch.StringType, func(x *rows, i int) {
				v, err := url.QueryUnescape(string(x.str(0, i)))
				switch {
				case err == nil:
					x.b.String(v)
				case try:
					x.b.Null()
				default:
					x.fail(i, "CANNOT_DECODE_URL", "the text is no encoded part of a URL", x.str(0, i))
				}
			})))
	}
	for _, try := range []bool{false, true} {
		name, doc := "parse_url", "A part of a URL: HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY or USERINFO; with a key a value of the query."
		if try {
			name, doc = "try_parse_url", "As parse_url, null for what is no URL."
		}
		define(name, name+"(url, part[, key])", doc, name+"('http://spark.apache.org/path?query=1', 'QUERY', 'query')", "1", 2, 3,
			func(b *binder, c *parse.Call, args []*node) (*node, error) {
				report := b.o.ANSI && !try
				return eager(batch.StringType, stringArgs, report, strict(batch.StringType, func(x *rows, i int) { parseURL(x, i, report) }))(b, c, args)
			})
	}
}

func parseURL(x *rows, i int, report bool) {
	text := string(x.str(0, i))
	u, err := url.Parse(text)
	if err != nil || strings.ContainsAny(text, " <>\"{}|\\^`") {
		if report {
			x.fail(i, "INVALID_URL", "the text is no URL", x.str(0, i))
		} else {
			x.b.Null()
		}
		return
	}
	put := func(s string, there bool) {
		if there {
			x.b.String(s)
		} else {
			x.b.Null()
		}
	}
	part := string(x.str(1, i))
	if len(x.a) == 3 && part != "QUERY" {
		x.b.Null()
		return
	}
	opaque := u.Opaque != ""
	switch part {
	case "HOST":
		put(u.Hostname(), u.Hostname() != "")
	case "PATH":
		put(u.EscapedPath(), !opaque)
	case "QUERY":
		if len(x.a) == 3 {
			for _, pair := range strings.Split(u.RawQuery, "&") {
				if k, v, ok := strings.Cut(pair, "="); ok && k == string(x.str(2, i)) {
					put(v, true)
					return
				}
			}
			put("", false)
			return
		}
		put(u.RawQuery, u.RawQuery != "" || u.ForceQuery)
	case "REF":
		_, ref, ok := strings.Cut(text, "#")
		put(ref, ok)
	case "PROTOCOL":
		put(u.Scheme, u.Scheme != "")
	case "FILE":
		file := u.EscapedPath()
		if u.RawQuery != "" {
			file += "?" + u.RawQuery
		}
		put(file, !opaque)
	case "AUTHORITY":
		authority := u.Host
		if u.User != nil {
			authority = u.User.String() + "@" + authority
		}
		put(authority, authority != "")
	case "USERINFO":
		put(u.User.String(), u.User != nil)
	default:
		x.b.Null()
	}
}

func defineUTF8() {
	define("is_valid_utf8", "is_valid_utf8(s)", "Whether the bytes are UTF-8.", "is_valid_utf8('Spark')", "true", 1, 1,
		eager(batch.BooleanType, stringArgs, false, strict(batch.BooleanType, func(x *rows, i int) { x.b.Bool(utf8.Valid(x.str(0, i))) })))
	defineText("make_valid_utf8", "The text with U+FFFD in place of bytes that are not UTF-8.", "'Spark'", "Spark", func(dst, s []byte) []byte {
		return append(dst, bytes.ToValidUTF8(s, []byte("\ufffd"))...)
	})
	for _, try := range []bool{false, true} {
		name, doc := "validate_utf8", "The text, which must be UTF-8."
		if try {
			name, doc = "try_validate_utf8", "The text, null if it is not UTF-8."
		}
		define(name, name+"(s)", doc, name+"('Spark')", "Spark", 1, 1, eager(batch.StringType, stringArgs, !try, strict(batch.StringType, func(x *rows, i int) {
			switch s := x.str(0, i); {
			case utf8.Valid(s):
				x.b.Bytes(s)
			case try:
				x.b.Null()
			default:
				x.fail(i, "INVALID_UTF8_STRING", "the bytes are not UTF-8", s)
			}
		})))
	}
}

// sentences parts a text at the ends of sentences, and those into words.
func sentences(x *rows, i int) {
	s := string(x.str(0, i))
	words := x.b.Kids[0]
	word := strings.Builder{}
	n := 0
	endWord := func() {
		if word.Len() > 0 {
			words.Kids[0].String(word.String())
			word.Reset()
			n++
		}
	}
	for k, r := range s {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '\'' || r == '_':
			word.WriteRune(r)
		case r == '.' || r == '!' || r == '?':
			endWord()
			if rest := s[k+1:]; n > 0 && (rest == "" || rest[0] == ' ' || rest[0] == '\n') {
				words.List()
				n = 0
			}
		default:
			endWord()
		}
	}
	if endWord(); n > 0 {
		words.List()
	}
	x.b.List()
}
