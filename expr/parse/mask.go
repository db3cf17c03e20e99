package parse

import (
	"regexp"
	"strings"
)

// secret finds, in the text of an expression, an option of a schema registry whose value must never be printed, and the literal that is the value. The name
// may stand in either quotes; within the value a quote is doubled or escaped.
var secret = regexp.MustCompile(`(?i)(['"])(?:confluent\.)?schema\.registry\.[a-z.]*(?:user\.info|token|password|secret|keystore\.key)['"]\s*,\s*` +
	`('(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.|"")*"?)`)

// Mask returns the text of an expression with *** in place of secrets: the values of options such as
// confluent.schema.registry.basic.auth.user.info. What is printed, named or sent goes through it; what is bound does not.
func Mask(text string) string { return masked(text, func(int) string { return "***" }) }

// hide is Mask that keeps every place where it is.
func hide(text string) string {
	return masked(text, func(n int) string { return strings.Repeat("*", n) })
}

func masked(text string, stars func(n int) string) string {
	if !strings.Contains(strings.ToLower(text), "registry") {
		return text
	}
	var out strings.Builder
	last := 0
	for _, m := range secret.FindAllStringSubmatchIndex(text, -1) {
		from, to := m[4], m[5]
		out.WriteString(text[last : from+1])
		if n := to - from - 1; n > 0 && text[to-1] == text[from] {
			out.WriteString(stars(n-1) + text[to-1:to])
		} else {
			out.WriteString(stars(n))
		}
		last = to
	}
	out.WriteString(text[last:])
	return out.String()
}
