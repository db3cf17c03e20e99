package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// upperOf and titleOf are the characters of which several become one in upper case, or at the beginning of a word: Unicode's
// SpecialCasing, as Java has it. A character stands before what becomes of it.
var (
	upperOf = casesOf(upperSpecial)
	titleOf = casesOf(titleSpecial)
)

func casesOf(table string) map[rune]string {
	m := map[rune]string{}
	for _, entry := range strings.Split(table, "|") {
		r, n := utf8.DecodeRuneInString(entry)
		m[r] = entry[n:]
	}
	return m
}

const upperSpecial = "" +
	"\u00dfSS|\u0149\u02bcN|\u01f0J\u030c|\u0390\u0399\u0308\u0301|\u03b0\u03a5\u0308\u0301|\u0587\u0535\u0552|\u1e96H\u0331|\u1e97T\u0308|" +
	"\u1e98W\u030a|\u1e99Y\u030a|\u1e9aA\u02be|\u1f50\u03a5\u0313|\u1f52\u03a5\u0313\u0300|\u1f54\u03a5\u0313\u0301|\u1f56\u03a5\u0313\u0342|\u1f80\u1f08\u0399|" +
	"\u1f81\u1f09\u0399|\u1f82\u1f0a\u0399|\u1f83\u1f0b\u0399|\u1f84\u1f0c\u0399|\u1f85\u1f0d\u0399|\u1f86\u1f0e\u0399|\u1f87\u1f0f\u0399|\u1f88\u1f08\u0399|" +
	"\u1f89\u1f09\u0399|\u1f8a\u1f0a\u0399|\u1f8b\u1f0b\u0399|\u1f8c\u1f0c\u0399|\u1f8d\u1f0d\u0399|\u1f8e\u1f0e\u0399|\u1f8f\u1f0f\u0399|\u1f90\u1f28\u0399|" +
	"\u1f91\u1f29\u0399|\u1f92\u1f2a\u0399|\u1f93\u1f2b\u0399|\u1f94\u1f2c\u0399|\u1f95\u1f2d\u0399|\u1f96\u1f2e\u0399|\u1f97\u1f2f\u0399|\u1f98\u1f28\u0399|" +
	"\u1f99\u1f29\u0399|\u1f9a\u1f2a\u0399|\u1f9b\u1f2b\u0399|\u1f9c\u1f2c\u0399|\u1f9d\u1f2d\u0399|\u1f9e\u1f2e\u0399|\u1f9f\u1f2f\u0399|\u1fa0\u1f68\u0399|" +
	"\u1fa1\u1f69\u0399|\u1fa2\u1f6a\u0399|\u1fa3\u1f6b\u0399|\u1fa4\u1f6c\u0399|\u1fa5\u1f6d\u0399|\u1fa6\u1f6e\u0399|\u1fa7\u1f6f\u0399|\u1fa8\u1f68\u0399|" +
	"\u1fa9\u1f69\u0399|\u1faa\u1f6a\u0399|\u1fab\u1f6b\u0399|\u1fac\u1f6c\u0399|\u1fad\u1f6d\u0399|\u1fae\u1f6e\u0399|\u1faf\u1f6f\u0399|\u1fb2\u1fba\u0399|" +
	"\u1fb3\u0391\u0399|\u1fb4\u0386\u0399|\u1fb6\u0391\u0342|\u1fb7\u0391\u0342\u0399|\u1fbc\u0391\u0399|\u1fc2\u1fca\u0399|\u1fc3\u0397\u0399|\u1fc4\u0389\u0399|" +
	"\u1fc6\u0397\u0342|\u1fc7\u0397\u0342\u0399|\u1fcc\u0397\u0399|\u1fd2\u0399\u0308\u0300|\u1fd3\u0399\u0308\u0301|\u1fd6\u0399\u0342|\u1fd7\u0399\u0308\u0342|\u1fe2\u03a5\u0308\u0300|" +
	"\u1fe3\u03a5\u0308\u0301|\u1fe4\u03a1\u0313|\u1fe6\u03a5\u0342|\u1fe7\u03a5\u0308\u0342|\u1ff2\u1ffa\u0399|\u1ff3\u03a9\u0399|\u1ff4\u038f\u0399|\u1ff6\u03a9\u0342|" +
	"\u1ff7\u03a9\u0342\u0399|\u1ffc\u03a9\u0399|\ufb00FF|\ufb01FI|\ufb02FL|\ufb03FFI|\ufb04FFL|\ufb05ST|" +
	"\ufb06ST|\ufb13\u0544\u0546|\ufb14\u0544\u0535|\ufb15\u0544\u053b|\ufb16\u054e\u0546|\ufb17\u0544\u053d"

const titleSpecial = "" +
	"\u00dfSs|\u0587\u0535\u0582|\u1fb2\u1fba\u0345|\u1fb4\u0386\u0345|\u1fb7\u0391\u0342\u0345|\u1fc2\u1fca\u0345|\u1fc4\u0389\u0345|\u1fc7\u0397\u0342\u0345|" +
	"\u1ff2\u1ffa\u0345|\u1ff4\u038f\u0345|\u1ff7\u03a9\u0342\u0345|\ufb00Ff|\ufb01Fi|\ufb02Fl|\ufb03Ffi|\ufb04Ffl|" +
	"\ufb05St|\ufb06St|\ufb13\u0544\u0576|\ufb14\u0544\u0565|\ufb15\u0544\u056b|\ufb16\u054e\u0576|\ufb17\u0544\u056d"

func appendUpper(dst []byte, r rune) []byte {
	if s, ok := upperOf[r]; ok {
		return append(dst, s...)
	}
	return utf8.AppendRune(dst, unicode.ToUpper(r))
}

func appendTitle(dst []byte, r rune) []byte {
	if s, ok := titleOf[r]; ok {
		return append(dst, s...)
	}
	if s, ok := upperOf[r]; ok && unicode.ToTitle(r) == r {
		return append(dst, s...)
	}
	return utf8.AppendRune(dst, unicode.ToTitle(r))
}

// appendLower appends the lower case of a character that stands between before and behind.
func appendLower(dst []byte, r rune, before, behind []byte) []byte {
	switch {
	case r == '\u0130': // a capital i with its dot
		return append(dst, "i\u0307"...)
	case r == '\u03a3' && casedLast(before) && !casedFirst(behind): // a sigma that ends its word
		return append(dst, "\u03c2"...)
	}
	return utf8.AppendRune(dst, unicode.ToLower(r))
}

func cased(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) }

// passedOver are characters within a word that have no case.
func passedOver(r rune) bool {
	return unicode.Is(unicode.Mn, r) || r == '\'' || r == '.' || r == ':' || r == '\u2019' || r == '\u00b7'
}

func casedLast(s []byte) bool {
	for {
		r, n := utf8.DecodeLastRune(s)
		if n == 0 || !passedOver(r) {
			return n > 0 && cased(r)
		}
		s = s[:len(s)-n]
	}
}

func casedFirst(s []byte) bool {
	for {
		r, n := utf8.DecodeRune(s)
		if n == 0 || !passedOver(r) {
			return n > 0 && cased(r)
		}
		s = s[n:]
	}
}
