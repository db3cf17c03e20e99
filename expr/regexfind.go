package expr

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// finder finds the first match of a regular expression. If every match contains
// a literal, texts without it are told at once, and if the match begins close before the literal, the search
// begins there: Go's engine takes some 30 ns for each byte that it passes over.
type finder struct {
	re      *regexp.Regexp
	literal []byte
	before  int            // bytes of a match before its literal, at most; -1: any number
	inner   *regexp.Regexp // re that does not begin with the text
}

const leastLiteral = 2

func newFinder(re *regexp.Regexp) *finder {
	f := &finder{re: re}
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil || looksAround(tree) {
		return f
	}
	literal, before := required(tree)
	if len(literal) < leastLiteral {
		return f
	}
	f.literal, f.before = []byte(literal), before
	neverAtBegin(tree)
	if f.inner, err = regexp.Compile(tree.String()); err != nil {
		f.before = -1
	}
	return f
}

// find is FindSubmatchIndex of the expression.
func (f *finder) find(s []byte) []int {
	if f.literal == nil {
		return f.re.FindSubmatchIndex(s)
	}
	at := bytes.Index(s, f.literal)
	if at < 0 {
		return nil
	}
	from := at - f.before
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	if f.before < 0 || from <= 0 {
		return f.re.FindSubmatchIndex(s)
	}
	m := f.inner.FindSubmatchIndex(s[from:])
	for i := range m {
		if m[i] >= 0 {
			m[i] += from
		}
	}
	return m
}

// looksAround says that a match depends on more of the text than itself and its very begin and end.
func looksAround(t *syntax.Regexp) bool {
	switch t.Op {
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary, syntax.OpBeginLine:
		return true
	}
	for _, s := range t.Sub {
		if looksAround(s) {
			return true
		}
	}
	return false
}

// neverAtBegin makes what matches the begin of the text match nothing.
func neverAtBegin(t *syntax.Regexp) {
	if t.Op == syntax.OpBeginText {
		t.Op = syntax.OpNoMatch
	}
	for _, s := range t.Sub {
		neverAtBegin(s)
	}
}

// required returns a literal that every match contains, "" if none is known, and how many bytes of
// the match can come before its first one.
func required(t *syntax.Regexp) (string, int) {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase == 0 {
			return string(t.Rune), 0
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0])
	case syntax.OpConcat:
		before := 0
		for _, s := range t.Sub {
			if literal, more := required(s); len(literal) >= leastLiteral {
				return literal, plus(before, more)
			}
			before = plus(before, longest(s))
		}
	}
	return "", 0
}

// plus adds lengths of which -1 stands for any.
func plus(a, b int) int {
	if a < 0 || b < 0 || a+b > 1<<20 {
		return -1
	}
	return a + b
}

// longest returns the most bytes that a match can have, -1 for any number.
func longest(t *syntax.Regexp) int {
	n := 0
	switch t.Op {
	case syntax.OpLiteral:
		return 4 * len(t.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpStar, syntax.OpPlus:
		return -1
	case syntax.OpRepeat:
		if t.Max < 0 || t.Max > 1000 {
			return -1
		}
		for range t.Max {
			n = plus(n, longest(t.Sub[0]))
		}
		return n
	case syntax.OpAlternate:
		for _, s := range t.Sub {
			m := longest(s)
			if m < 0 {
				return -1
			}
			n = max(n, m)
		}
		return n
	}
	for _, s := range t.Sub {
		n = plus(n, longest(s))
	}
	return n
}
