package parse

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/deltaic/deltaic/supervision"
)

// Limits of what is read.
const (
	MaxLength = 1 << 20 // bytes of one text
	MaxDepth  = 100     // levels of one tree or type
	MaxList   = 50_000  // arguments, values of IN, branches of CASE
)

// syntax returns a PARSE_SYNTAX_ERROR at the offset.
func syntax(text string, at int, format string, args ...any) error {
	return At(text, at, "PARSE_SYNTAX_ERROR", "Syntax error: "+fmt.Sprintf(format, args...), "")
}

// At returns a failure that points into text at the byte offset: line and
// column, and in the message the line with a caret below the place.
func At(text string, at int, class, message, hint string) *supervision.Failure {
	at, text, message, hint = max(0, min(at, len(text))), hide(text), Mask(message), Mask(hint)
	start := strings.LastIndexByte(text[:at], '\n') + 1
	line := strings.Count(text[:at], "\n") + 1
	column := utf8.RuneCountInString(text[start:at]) + 1
	return &supervision.Failure{
		Kind: supervision.Fatal, Class: class, Hint: hint, Line: line, Column: column,
		Message: fmt.Sprintf("%s (line %d, column %d)\n%s", message, line, column, caret(text, start, at)),
	}
}

// caret returns at most 100 characters of the line around the place, and below
// them a caret.
func caret(text string, start, at int) string {
	stop := len(text)
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		stop = at + i
	}
	before, after := []rune(text[start:at]), []rune(text[at:min(stop, at+400)])
	head, tail := "", ""
	if len(before) > 60 {
		before, head = before[len(before)-60:], "..."
	}
	if len(after) > 40 {
		after, tail = after[:40], "..."
	}
	shown := head + string(before)
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, shown)
	return shown + string(after) + tail + "\n" + pad + "^"
}
