package regex

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"sync"
	"unicode/utf8"
)

// Regex is a compiled expression.
type Regex struct {
	re       *regexp.Regexp
	forward  *program // nil: left to regexp
	backward *program // of the expression from behind
	prefix   []byte   // every match begins with it
	whole    bool     // and is no more than that
	literal  []byte   // every match contains it
	contexts contexts
	machines sync.Pool
}

// Compile reads an expression in the syntax of RE2.
func Compile(text string) (*Regex, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	r := &Regex{re: re}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if r.contexts, err = newContexts(tree); err != nil {
		return nil, err
	}
	if literal := required(tree); len(literal) >= leastLiteral {
		r.literal = []byte(literal)
	}
	if r.forward = newProgram(tree, false); r.forward == nil {
		return r, nil
	}
	prefix, whole := r.forward.Prefix()
	r.prefix, r.whole = []byte(prefix), whole && prefix != ""
	if tree, err = syntax.Parse(text, syntax.Perl); err == nil {
		reverse(tree)
		r.backward = newProgram(tree, true)
	}
	return r, nil
}

// String returns the expression's text.
func (r *Regex) String() string { return r.re.String() }

// Empty reports whether the machine's expression has no text.
func (m *Machine) Empty() bool { return m.r.String() == "" }

// Machine lends a machine.
func (r *Regex) Machine() *Machine {
	if m, ok := r.machines.Get().(*Machine); ok {
		return m
	}
	m := &Machine{r: r}
	if r.forward != nil {
		m.forward = newAutomaton(r.forward)
	}
	if r.backward != nil {
		m.backward = newAutomaton(r.backward)
	}
	return m
}

// Machine finds matches. It belongs to one goroutine.
type Machine struct {
	r                 *Regex
	forward, backward *automaton
	groups            tracker
}

// Release gives the machine back.
func (m *Machine) Release() { m.r.machines.Put(m) }

// Match reports whether the text has a match.
func (m *Machine) Match(s []byte) bool {
	from, possible := m.skip(s, 0)
	if !possible || m.r.whole {
		return possible
	}
	if m.forward != nil {
		if end, ok := m.forward.scan(s, from, true); ok {
			return end >= 0
		}
	}
	return m.r.re.Match(s)
}

// skip returns where the first match at or behind from can begin at the earliest, and whether there can be one.
func (m *Machine) skip(s []byte, from int) (int, bool) {
	switch {
	case len(m.r.prefix) > 0:
		at := bytes.Index(s[from:], m.r.prefix)
		return from + at, at >= 0
	case m.r.literal != nil:
		return from, bytes.Contains(s[from:], m.r.literal)
	}
	return from, true
}

// Find returns the first match as regexp has it, the leftmost one; start is -1 if there is none.
func (m *Machine) Find(s []byte) (start, end int) { return m.next(s, 0) }

// All appends where the matches of the text begin and end, at most so many of them (negative: all). As in Java each search goes on
// where the match before ended, and one character behind an empty one: regexp would leave out an empty match right behind another.
func (m *Machine) All(dst []int, s []byte, most int) []int {
	before, pos := len(dst), 0
	for pos <= len(s) && len(dst)-before != 2*most {
		start, end := m.next(s, pos)
		if start < 0 {
			break
		}
		dst = append(dst, start, end)
		if pos = end; start == end {
			_, width := utf8.DecodeRune(s[pos:])
			pos += max(width, 1)
		}
	}
	return dst
}

// next returns the first match that begins at from or behind, -1 if there is none; what lies before counts as context.
func (m *Machine) next(s []byte, from int) (start, end int) {
	first, possible := m.skip(s, from)
	switch {
	case !possible:
		return -1, -1
	case m.r.whole:
		return first, first + len(m.r.prefix)
	}
	if m.forward != nil && m.backward != nil {
		end, ok := m.forward.scan(s, first, false)
		if ok && end < 0 {
			return -1, -1
		}
		if ok {
			if start, ok = m.backward.scanBack(s, end, first); ok {
				return start, end
			}
		}
	}
	return m.r.contexts.next(m.r.re, s, first)
}
