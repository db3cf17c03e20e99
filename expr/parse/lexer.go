package parse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// TokenKind is the kind of a token.
type TokenKind uint8

// The kinds of tokens.
const (
	End    TokenKind = iota
	Word             // identifier or keyword
	Quoted           // identifier in backticks
	Number           // with its suffix
	Text             // string literal, unescaped
	Symbol           // operator or punctuation
)

// Token is one word of the text.
type Token struct {
	Kind TokenKind
	Text string // of Quoted and Text: the content
	At   int    // byte offset at which it begins
	Stop int    // byte offset behind it
}

// Is reports whether the token is the keyword or symbol, letter case ignored.
func (t Token) Is(word string) bool {
	return (t.Kind == Word || t.Kind == Symbol) && strings.EqualFold(t.Text, word)
}

var symbols = []string{"<=>", "||", "<=", ">=", "<>", "!=", "==", "::", "->", "=>", "<<", ">>>", ">>"}

// lex returns the next token at or behind from.
func lex(s string, from int) (Token, error) {
	i, err := skipBlank(s, from)
	if err != nil {
		return Token{}, err
	}
	if i >= len(s) {
		return Token{Kind: End, At: len(s), Stop: len(s)}, nil
	}
	c := s[i]
	switch {
	case c == '\'' || c == '"':
		return lexString(s, i, i, false)
	case (c == 'r' || c == 'R') && i+1 < len(s) && (s[i+1] == '\'' || s[i+1] == '"'):
		return lexString(s, i, i+1, true)
	case c == '`':
		return lexQuoted(s, i)
	case digit(c) || c == '.' && i+1 < len(s) && digit(s[i+1]):
		return lexNumber(s, i), nil
	}
	if r, _ := utf8.DecodeRuneInString(s[i:]); wordRune(r) {
		return lexWord(s, i), nil
	}
	for _, sym := range symbols {
		if strings.HasPrefix(s[i:], sym) {
			return Token{Kind: Symbol, Text: sym, At: i, Stop: i + len(sym)}, nil
		}
	}
	if strings.IndexByte("()[]{},.+-*/%=<>|&^~!:;?", c) >= 0 {
		return Token{Kind: Symbol, Text: s[i : i+1], At: i, Stop: i + 1}, nil
	}
	_, w := utf8.DecodeRuneInString(s[i:])
	return Token{}, syntax(s, i, "a character that begins no word of the language: %q", s[i:i+w])
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordRune(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func lexWord(s string, at int) Token {
	i := at
	for i < len(s) {
		r, w := utf8.DecodeRuneInString(s[i:])
		if !wordRune(r) {
			break
		}
		i += w
	}
	return Token{Kind: Word, Text: s[at:i], At: at, Stop: i}
}

// lexNumber reads digits, a fraction, an exponent and a suffix. Digits that
// letters follow directly are a word, as in 1st.
func lexNumber(s string, at int) Token {
	i := at
	for i < len(s) && digit(s[i]) {
		i++
	}
	if i < len(s) && s[i] == '.' && !(i+1 < len(s) && s[i+1] == '.') {
		i++
		for i < len(s) && digit(s[i]) {
			i++
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && digit(s[j]) {
			for j < len(s) && digit(s[j]) {
				j++
			}
			i = j
		}
	}
	end := i
	if i+1 < len(s) && strings.EqualFold(s[i:i+2], "BD") {
		end = i + 2
	} else if i < len(s) && strings.IndexByte("LSYDFlsydf", s[i]) >= 0 {
		end = i + 1
	}
	if end < len(s) {
		if r, _ := utf8.DecodeRuneInString(s[end:]); wordRune(r) {
			w := lexWord(s, end)
			if strings.IndexByte(s[at:i], '.') < 0 {
				return Token{Kind: Word, Text: s[at:w.Stop], At: at, Stop: w.Stop}
			}
		}
	}
	return Token{Kind: Number, Text: s[at:end], At: at, Stop: end}
}

func lexQuoted(s string, at int) (Token, error) {
	var b strings.Builder
	for i := at + 1; i < len(s); i++ {
		if s[i] != '`' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '`' {
			b.WriteByte('`')
			i++
			continue
		}
		if b.Len() == 0 {
			return Token{}, syntax(s, at, "a name in backticks that is empty")
		}
		return Token{Kind: Quoted, Text: b.String(), At: at, Stop: i + 1}, nil
	}
	return Token{}, syntax(s, at, "a backtick without its partner")
}

func skipBlank(s string, i int) (int, error) {
	for i < len(s) {
		r, w := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r):
			i += w
		case strings.HasPrefix(s[i:], "--"):
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case strings.HasPrefix(s[i:], "/*"):
			end, ok := skipComment(s, i)
			if !ok {
				return 0, syntax(s, i, "a comment that does not end")
			}
			i = end
		default:
			return i, nil
		}
	}
	return i, nil
}

func skipComment(s string, i int) (int, bool) {
	level := 0
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			level++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			level--
			i += 2
			if level == 0 {
				return i, true
			}
		default:
			i++
		}
	}
	return i, false
}
