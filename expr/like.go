package expr

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// like binds LIKE, ILIKE and RLIKE.
func (b *binder) like(n *parse.Like) (*node, error) {
	nodes, err := b.bindAll([]parse.Node{n.X, n.Pattern})
	if err != nil {
		return nil, err
	}
	for i, at := range []parse.Node{n.X, n.Pattern} {
		if nodes[i], err = b.implicit(nodes[i], batch.StringType, at); err != nil {
			return nil, err
		}
	}
	escape := `\`
	if n.Escape != "" {
		escape = n.Escape
	}
	out, err := b.match(n.Op, n, nodes[0], nodes[1], escape)
	if err == nil && n.Not {
		out = b.intern(b.call("not", batch.BooleanType, notKernel, out), "")
	}
	return out, err
}

// match binds x LIKE pattern; a pattern that is no constant is compiled for
// each of its values.
func (b *binder) match(op string, at parse.Node, x, pattern *node, escape string) (*node, error) {
	compile := func(s []byte) (func([]byte) bool, error) { return compileLike(op, s, escape) }
	var fixed func([]byte) bool
	if text, ok := stringConstant(pattern); ok {
		var err error
		if fixed, err = compile([]byte(text)); err != nil {
			return nil, b.fail(at, "INVALID_PARAMETER_VALUE.PATTERN", "the pattern %q: %v", clip(text), err)
		}
	}
	k := strict(batch.BooleanType, func(x *rows, i int) {
		is := fixed
		if is == nil {
			var err error
			if is, err = compile(x.str(1, i)); err != nil {
				x.fail(i, "INVALID_PARAMETER_VALUE.PATTERN", err.Error(), x.str(1, i))
				return
			}
		}
		x.b.Bool(is(x.str(0, i)))
	})
	n := b.call(strings.ToLower(op), batch.BooleanType, k, x, pattern)
	n.perEntry = fixed != nil
	n.fails = fixed == nil
	return b.intern(n, escape), nil
}

// compileLike returns the test of a pattern. Patterns of one constant with %
// around it, the usual ones, need no regular expression.
func compileLike(op string, pattern []byte, escape string) (func([]byte) bool, error) {
	if op == "RLIKE" {
		re, err := compileRegex(string(pattern))
		if err != nil {
			return nil, err
		}
		return re.Match, nil
	}
	if f := plainLike(op, pattern, escape); f != nil {
		return f, nil
	}
	if len(pattern) > maxRegex {
		return nil, patternError("a pattern of more than 10000 bytes")
	}
	text, err := likeRegex(string(pattern), escape)
	if err != nil {
		return nil, err
	}
	if op == "ILIKE" {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	return re.Match, nil
}

func plainLike(op string, pattern []byte, escape string) func([]byte) bool {
	if op != "LIKE" || bytes.ContainsAny(pattern, "_"+escape) {
		return nil
	}
	body := bytes.Clone(bytes.Trim(pattern, "%"))
	if bytes.IndexByte(body, '%') >= 0 {
		return nil
	}
	before, after := bytes.HasPrefix(pattern, []byte("%")), bytes.HasSuffix(pattern, []byte("%"))
	switch {
	case before && after:
		return func(s []byte) bool { return bytes.Contains(s, body) }
	case before:
		return func(s []byte) bool { return bytes.HasSuffix(s, body) }
	case after:
		return func(s []byte) bool { return bytes.HasPrefix(s, body) }
	}
	return func(s []byte) bool { return bytes.Equal(s, body) }
}

type patternError string

func (e patternError) Error() string { return string(e) }

// likeRegex translates a LIKE pattern.
func likeRegex(pattern, escape string) (string, error) {
	esc, _ := utf8.DecodeRuneInString(escape)
	var s strings.Builder
	s.WriteString(`(?s)\A`)
	escaped := false
	for _, c := range pattern {
		switch {
		case escaped:
			if c != '%' && c != '_' && c != esc {
				return "", patternError("the escape character stands before %, _ or itself only")
			}
			s.WriteString(regexp.QuoteMeta(string(c)))
			escaped = false
		case c == esc:
			escaped = true
		case c == '%':
			s.WriteString(".*")
		case c == '_':
			s.WriteByte('.')
		default:
			s.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if escaped {
		return "", patternError("the escape character ends the pattern")
	}
	s.WriteString(`\z`)
	return s.String(), nil
}

// maxRegex bounds the text of a regular expression; RE2 is linear in the input.
const maxRegex = 10_000

func compileRegex(text string) (*regexp.Regexp, error) {
	if len(text) > maxRegex {
		return nil, patternError("a regular expression of more than 10000 bytes")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, patternError(err.Error() + " (regular expressions are RE2: no look-around, no back references)")
	}
	return re, nil
}
