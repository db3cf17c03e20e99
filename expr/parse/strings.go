package parse

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// lexString reads a string literal whose quote stands at quote. A doubled
// quote is one quote; escapes are Spark's, and none in a raw string.
func lexString(s string, at, quote int, raw bool) (Token, error) {
	q := s[quote]
	var b strings.Builder
	for i := quote + 1; i < len(s); {
		c := s[i]
		switch {
		case c == q && !raw && i+1 < len(s) && s[i+1] == q:
			b.WriteByte(q)
			i += 2
		case c == q:
			return Token{Kind: Text, Text: b.String(), At: at, Stop: i + 1}, nil
		case c == '\\' && !raw && i+1 < len(s):
			i = unescape(&b, s, i+1)
		default:
			b.WriteByte(c)
			i++
		}
	}
	return Token{}, syntax(s, at, "a string without its closing quote")
}

// unescape writes what the escape at s[i], behind its backslash, stands for and
// returns the offset behind it.
func unescape(b *strings.Builder, s string, i int) int {
	c := s[i]
	switch c {
	case 'u':
		if n, ok := hexRune(s, i+1, 4); ok {
			b.WriteRune(n)
			return i + 5
		}
	case 'U':
		if n, ok := hexRune(s, i+1, 8); ok {
			b.WriteRune(n)
			return i + 9
		}
	case '0', '1', '2', '3':
		if i+2 < len(s) && octal(s[i+1]) && octal(s[i+2]) {
			b.WriteRune(rune(c-'0')<<6 | rune(s[i+1]-'0')<<3 | rune(s[i+2]-'0'))
			return i + 3
		}
		if c == '0' {
			b.WriteByte(0)
			return i + 1
		}
	case 'b':
		b.WriteByte('\b')
		return i + 1
	case 'n':
		b.WriteByte('\n')
		return i + 1
	case 'r':
		b.WriteByte('\r')
		return i + 1
	case 't':
		b.WriteByte('\t')
		return i + 1
	case 'Z':
		b.WriteByte(0x1a)
		return i + 1
	case '%', '_':
		b.WriteByte('\\')
		b.WriteByte(c)
		return i + 1
	}
	_, w := utf8.DecodeRuneInString(s[i:])
	b.WriteString(s[i : i+w])
	return i + w
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

func hexRune(s string, i, n int) (rune, bool) {
	if i+n > len(s) {
		return 0, false
	}
	v, err := strconv.ParseUint(s[i:i+n], 16, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, false
	}
	return rune(v), true
}

// QuoteString returns s as a string literal in single quotes.
func QuoteString(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'':
			b.WriteString(`\'`)
		case '\\':
			// \% and \_ keep their backslash when read, so they are written as they are.
			if i+1 < len(s) && (s[i+1] == '%' || s[i+1] == '_') {
				b.WriteByte('\\')
				b.WriteByte(s[i+1])
				i++
				continue
			}
			b.WriteString(`\\`)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case 0:
			b.WriteString(`\000`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// QuoteName returns a name as it may stand in SQL: in backticks unless it is a
// plain word that is no keyword.
func QuoteName(s string) string {
	if plainName(s) {
		return s
	}
	return "`" + strings.ReplaceAll(s, "`", "``") + "`"
}

func plainName(s string) bool {
	if s == "" || digit(s[0]) || reserved[strings.ToUpper(s)] || strings.EqualFold(s, "interval") { // interval + 1 begins a literal
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && !digit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
