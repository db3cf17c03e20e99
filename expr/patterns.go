package expr

import (
	"regexp"
	"sync/atomic"
)

// patternCache keeps the last regex that was compiled, for patterns that are mostly the same from row to row.
type patternCache struct{ last atomic.Pointer[cachedPattern] }

type cachedPattern struct {
	text string
	re   *regexp.Regexp
	err  error
}

// of compiles a pattern, unless it is the last one.
func (p *patternCache) of(text []byte) (*regexp.Regexp, error) {
	if c := p.last.Load(); c != nil && c.text == string(text) {
		return c.re, c.err
	}
	c := &cachedPattern{text: string(text)}
	c.re, c.err = compileRegex(c.text)
	p.last.Store(c)
	return c.re, c.err
}

// javaSplit parts a text at matches as Java does: an empty match at the begin parts nothing; limit bounds the parts if positive.
func javaSplit(re *regexp.Regexp, s string, limit int) []string {
	var out []string
	from := 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		if limit > 0 && len(out) == limit-1 {
			break
		}
		if m[1] == 0 || m[0] == m[1] && m[0] == len(s) {
			continue
		}
		out = append(out, s[from:m[0]])
		from = m[1]
	}
	return append(out, s[from:])
}
