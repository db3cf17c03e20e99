package expr

import (
	"errors"
	"strings"
)

// javaClasses are names that Java has for classes of characters, as RE2 writes what stands within brackets.
var javaClasses = map[string]string{"Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9", "Upper": "A-Z", "Lower": "a-z", "Punct": "!-/:-@\\[-`{-~", "Space": "\\t-\\r ", "Blank": " \\t",
	"XDigit": "0-9a-fA-F", "Graph": "!-~", "Print": " -~", "Cntrl": "\\x00-\\x1F\\x7F", "ASCII": "\\x00-\\x7F", "IsAlphabetic": "\\p{L}\\p{Nl}", "IsDigit": "\\p{Nd}", "IsLetter": "\\p{L}", "javaLowerCase": "\\p{Ll}", "javaUpperCase": "\\p{Lu}"}

const horizontal = " \\t\\x{A0}\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}"

var errIntersection = errors.New("classes of characters are not intersected with && here: write the class that is meant")

// javaRegex writes a regular expression of Java so that RE2 reads the same in it, as far as only the spelling differs. Where RE2
// would read something else, it is an error.
func javaRegex(text string) (string, error) {
	if !strings.ContainsAny(text, `\&`) {
		return text, nil
	}
	var b strings.Builder
	class := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && strings.HasPrefix(text[i:], `\Q`):
			end := strings.Index(text[i:], `\E`)
			if end < 0 {
				end = len(text) - i
			}
			b.WriteString(text[i : i+end])
			i += end - 1
		case c == '\\' && i+1 < len(text):
			written, n := javaEscape(text[i:], class > 0)
			b.WriteString(written)
			i += n - 1
		case c == '[':
			class++
			b.WriteByte(c)
		case c == ']' && class > 0:
			class--
			b.WriteByte(c)
		case c == '&' && class > 0 && strings.HasPrefix(text[i:], "&&"):
			return "", errIntersection
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// javaEscape writes the escape at the front of s, of n bytes.
func javaEscape(s string, class bool) (written string, n int) {
	bracket := func(set string, not bool) string {
		switch {
		case not:
			return "[^" + set + "]"
		case class:
			return set
		}
		return "[" + set + "]"
	}
	switch {
	case s[1] == 'u' && len(s) >= 6 && strings.Trim(s[2:6], "0123456789abcdefABCDEF") == "":
		return `\x{` + s[2:6] + "}", 6
	case (s[1] == 'p' || s[1] == 'P') && len(s) > 2 && s[2] == '{':
		end := strings.IndexByte(s, '}')
		if end < 0 {
			break
		}
		if set, ok := javaClasses[s[3:end]]; ok && (s[1] == 'p' || !class) {
			return bracket(set, s[1] == 'P'), end + 1
		}
		if name, ok := strings.CutPrefix(s[3:end], "Is"); ok {
			return s[:3] + name + "}", end + 1
		}
	case s[1] == 'h':
		return bracket(horizontal, false), 2
	case s[1] == 'R' && !class:
		return `(?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}])`, 2
	}
	return s[:2], 2
}
