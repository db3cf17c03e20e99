package regex

import (
	"regexp"
	"regexp/syntax"
	"sync/atomic"
	"unicode/utf8"
)

// contexts leaves to regexp what an automaton cannot do, from a place in the middle of a text on. The character before that place
// is read along, so that what looks around sees it and nothing before has to be searched again.
type contexts struct {
	base  string                           // the expression, without open ends such as \Q
	exact [4]atomic.Pointer[regexp.Regexp] // a match of known bounds: with a character before it (1) and behind it (2)
	after atomic.Pointer[regexp.Regexp]    // the first match behind one character
}

const beforeAny = `\A(?s:.)(?s:.*?)(`

// newContexts reports an expression that could not be put into another one, because it nests too deeply.
func newContexts(tree *syntax.Regexp) (contexts, error) {
	base := tree.String()
	_, err := syntax.Parse(beforeAny+base+`)`, syntax.Perl)
	return contexts{base: base}, err
}

// compiled returns the expression that is kept in a place, made when it is first asked for; several goroutines may make it at once.
func compiled(at *atomic.Pointer[regexp.Regexp], text string) *regexp.Regexp {
	re := at.Load()
	if re == nil {
		re = regexp.MustCompile(text)
		at.Store(re)
	}
	return re
}

// groups appends where the groups of a match with these bounds are, in time that is linear in the match.
func (c *contexts) groups(dst []int, s []byte, start, end int) []int {
	which, left, right, from, to := 0, `\A(`, `)\z`, start, end
	if start > 0 {
		_, width := utf8.DecodeLastRune(s[:start])
		which, left, from = which|1, `\A(?s:.)(`, start-width
	}
	if end < len(s) {
		_, width := utf8.DecodeRune(s[end:])
		which, right, to = which|2, `)(?s:.)\z`, end+width
	}
	at := compiled(&c.exact[which], left+c.base+right).FindSubmatchIndex(s[from:to])
	for i := 2; i < len(at); i++ { // the match itself is group 1 here
		if at[i] >= 0 {
			at[i] += from
		}
	}
	return append(dst, at[min(2, len(at)):]...)
}

// next returns the first match that begins at from or behind, -1 if there is none.
func (c *contexts) next(re *regexp.Regexp, s []byte, from int) (start, end int) {
	if from == 0 {
		if at := re.FindIndex(s); at != nil {
			return at[0], at[1]
		}
		return -1, -1
	}
	_, width := utf8.DecodeLastRune(s[:from])
	if at := compiled(&c.after, beforeAny+c.base+`)`).FindSubmatchIndex(s[from-width:]); at != nil {
		return from - width + at[2], from - width + at[3]
	}
	return -1, -1
}
