package expr

import (
	"sync/atomic"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/regex"
)

// patternCache keeps the last regex that was compiled, for patterns that are mostly the same from row to row.
type patternCache struct{ last atomic.Pointer[cachedPattern] }

type cachedPattern struct {
	text string
	re   *regex.Regex
	err  error
}

// of compiles a pattern, unless it is the last one.
func (p *patternCache) of(text []byte) (*regex.Regex, error) {
	if c := p.last.Load(); c != nil && c.text == string(text) {
		return c.re, c.err
	}
	c := &cachedPattern{text: string(text)}
	c.re, c.err = compileRegex(c.text)
	p.last.Store(c)
	return c.re, c.err
}

// maxRegex bounds the text of a regular expression; RE2 is linear in the input.
const maxRegex = 10_000

// compileRegex compiles a regular expression of Java, as far as RE2 has what it needs.
func compileRegex(text string) (*regex.Regex, error) {
	if len(text) > maxRegex {
		return nil, patternError("a regular expression of more than 10000 bytes")
	}
	re2, err := regex.Java(text)
	if err != nil {
		return nil, patternError(err.Error())
	}
	re, err := regex.Compile(re2)
	if err != nil {
		return nil, patternError(err.Error())
	}
	return re, nil
}

// matching makes a kernel of a function of texts that looks for a constant pattern: it is null where an argument is.
func matching(t batch.Type, re *regex.Regex, f func(x *rows, m *regex.Machine, i int)) kernel {
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		m := re.Machine()
		defer m.Release()
		return strict(t, func(x *rows, i int) { f(x, m, i) })(r, sel, a)
	}
}

// parts appends where the parts of a text between matches begin and end, as Java splits: an empty match at the begin parts nothing;
// limit bounds the parts if positive. The empty expression parts characters, and nothing behind the last one.
func parts(dst []int, m *regex.Machine, s []byte, limit int) []int {
	dst = m.All(dst, s, -1)
	from, n := 0, 0
	for k := 0; k < len(dst); k += 2 {
		start, end := dst[k], dst[k+1]
		if limit > 0 && n == limit-1 {
			break
		}
		if end == 0 || start == len(s) && m.Empty() {
			continue
		}
		dst[2*n], dst[2*n+1] = from, start // n is at most k/2
		from = end
		n++
	}
	return append(dst[:2*n], from, len(s))
}
